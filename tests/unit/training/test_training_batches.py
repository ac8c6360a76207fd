"""Batches of transformed images, made on the device."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from equivariance.sampling import generator
from equivariance.training.data import DeviceImages, epoch_batches
from equivariance.transformations.sets import TransformationSet, build_set
from equivariance.transformations.warp import warp

Batches = list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]
NONE = build_set("none", {})
QUARTERS = build_set("quarters", {"rotations": {"count": 4}})


def numbered(count: int) -> DeviceImages:
    """Images whose first pixel and whose label are their number."""
    images = np.zeros((count, 1, 4, 4), dtype=np.uint8)
    images[:, 0, 0, 0] = np.arange(count)
    return DeviceImages(images, np.arange(count), torch.device("cpu"))


@pytest.fixture
def one_epoch() -> Callable[..., Batches]:
    def make(
        data: DeviceImages, size: int, transformations: TransformationSet = NONE, seed: int = 0
    ) -> Batches:
        order, draws = generator(seed, "order"), generator(seed, "draws")
        return list(epoch_batches(data, transformations, size, order, draws))

    return make


@settings(deadline=None)
@given(count=st.integers(1, 60), size=st.integers(1, 20))
def test_an_epoch_has_every_image_once_with_its_label_and_no_last_batch_of_one(count: int, size: int) -> None:
    order, draws = generator(0, "order"), generator(0, "draws")
    batches = list(epoch_batches(numbered(count), NONE, size, order, draws))
    labels = torch.cat([labels for _, labels, _ in batches])
    images = torch.cat([images for images, _, _ in batches])
    assert sorted(labels.tolist()) == list(range(count))
    torch.testing.assert_close(images[:, 0, 0, 0] * 255, labels.float())
    sizes = [len(labels) for _, labels, _ in batches]
    assert all(one == size for one in sizes[:-1])
    assert sizes[-1] <= size + 1
    assert sizes[-1] > 1 or count == 1


def test_a_last_batch_of_one_image_joins_the_batch_before(one_epoch: Callable[..., Batches]) -> None:
    assert [len(labels) for _, labels, _ in one_epoch(numbered(9), 4)] == [4, 5]
    assert [len(labels) for _, labels, _ in one_epoch(numbered(10), 4)] == [4, 4, 2]
    assert [len(labels) for _, labels, _ in one_epoch(numbered(1), 4)] == [1]


def test_epochs_differ_in_order_and_seeds_repeat_it() -> None:
    order, draws = generator(0, "order"), generator(0, "draws")
    first, second = (
        torch.cat([labels for _, labels, _ in epoch_batches(numbered(50), NONE, 8, order, draws)])
        for _ in range(2)
    )
    assert not torch.equal(first, second)
    again = epoch_batches(numbered(50), NONE, 8, generator(0, "order"), generator(0, "draws"))
    assert torch.equal(first, torch.cat([labels for _, labels, _ in again]))


def test_the_order_of_images_does_not_depend_on_the_set(one_epoch: Callable[..., Batches]) -> None:
    plain, rotated = (
        torch.cat([labels for _, labels, _ in one_epoch(numbered(50), 8, one)]) for one in (NONE, QUARTERS)
    )
    assert torch.equal(plain, rotated)


def test_pixels_are_scaled_to_the_unit_interval() -> None:
    images = np.array([0, 51, 255], dtype=np.uint8).reshape(3, 1, 1, 1)
    data = DeviceImages(images, np.zeros(3, dtype=np.int64), torch.device("cpu"))
    batch = data.batch(torch.arange(3))
    torch.testing.assert_close(batch.flatten(), torch.tensor([0, 0.2, 1]))
    assert data.images.dtype == torch.uint8  # what lies on the device is not changed
    assert data.images.flatten().tolist() == [0, 51, 255]


def test_each_image_is_under_one_member_of_the_set_and_all_members_are_drawn_alike(
    one_epoch: Callable[..., Batches],
) -> None:
    count = 4000
    corner = np.zeros((count, 1, 2, 2), dtype=np.uint8)
    corner[:, 0, 0, 0] = 255  # each quarter turn brings it to a corner of its own
    data = DeviceImages(corner, np.arange(count), torch.device("cpu"))
    images = torch.cat([images for images, _, _ in one_epoch(data, 500, QUARTERS)])
    flat = images.reshape(count, 4)
    torch.testing.assert_close(flat.amax(1), torch.ones(count))
    torch.testing.assert_close(flat.sum(1), torch.ones(count), atol=1e-5, rtol=0)
    shares = flat.argmax(1).bincount(minlength=4) / count
    assert (shares - 0.25).abs().max() < 0.03  # 4 standard deviations


def test_images_are_warped_as_warp_does_it_with_the_padding_asked_for() -> None:
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (5, 3, 6, 6)).astype(np.uint8)
    zeros, border = (
        DeviceImages(images, np.zeros(5, dtype=np.int64), torch.device("cpu"), padding)
        for padding in ("zeros", "border")
    )
    matrices = build_set("scales", {"scales": {"steps": 1, "smallest": 0.5, "largest": 1.25}}).matrices[1:6]
    rows = torch.tensor([4, 0, 2, 1, 3])
    expected = warp(torch.from_numpy(images[rows.numpy()]).float() / 255, matrices, padding="zeros")
    torch.testing.assert_close(zeros.batch(rows, matrices), expected)
    assert not torch.allclose(border.batch(rows, matrices), expected)


def test_members_say_under_which_transformation_each_image_is() -> None:
    data = numbered(60)
    order, draws = generator(3, "order"), generator(3, "draws")
    for images, labels, members in epoch_batches(data, QUARTERS, 16, order, draws):
        expected = warp(data.batch(labels), QUARTERS.matrices[members])
        torch.testing.assert_close(images, expected)


def test_flips_exchange_left_and_right_of_half_the_images_and_change_nothing_else() -> None:
    data = DeviceImages(
        np.arange(400 * 4, dtype=np.int64).reshape(400, 1, 2, 2).astype(np.uint8),
        np.arange(400),
        torch.device("cpu"),
    )
    order, draws = generator(0, "order"), generator(0, "draws")
    flipped = 0
    for images, labels, _ in epoch_batches(data, NONE, 50, order, draws, random_flips=True):
        plain = data.batch(labels)
        for image, same in zip(images, plain, strict=True):
            assert torch.equal(image, same) or torch.equal(image, same.flip(2))
            flipped += not torch.equal(image, same)
    assert 150 < flipped < 250
