from pathlib import Path

import numpy as np
import pytest

from equivariance.datasets.image_set import ImageSet
from equivariance.datasets.natural_patches import FLAT, PHOTOGRAPHS, load


@pytest.fixture(scope="module")
def patches() -> ImageSet:
    return load({"train_per_class": 24, "test_per_class": 6}, None, Path())


def test_ten_photographs_give_ten_balanced_classes(patches: ImageSet) -> None:
    assert patches.images.shape == (300, 3, 32, 32)
    assert patches.classes == tuple(PHOTOGRAPHS) and len(PHOTOGRAPHS) == 10
    assert np.bincount(patches.labels[~patches.test]).tolist() == [24] * 10
    assert np.bincount(patches.labels[patches.test]).tolist() == [6] * 10


def test_no_tile_is_in_both_parts(patches: ImageSet) -> None:
    assert not set(patches.groups[patches.test]) & set(patches.groups[~patches.test])


def test_no_pixels_of_a_test_patch_are_in_a_training_patch(patches: ImageSet) -> None:
    """Rows of 8 pixels that occur in both parts would be shared content; dark or even ones may be chance."""

    def rows(images: np.ndarray) -> set[bytes]:
        pieces = [
            image[:, row, column : column + 8]
            for image in images
            for row in range(32)
            for column in range(25)
        ]
        return {piece.tobytes() for piece in pieces if np.ptp(piece) > 60}

    assert not rows(patches.part("test")[0]) & rows(patches.train[0])


def test_every_patch_shows_something(patches: ImageSet) -> None:
    assert patches.images.mean(axis=1).std(axis=(1, 2)).min() >= FLAT - 0.01


def test_cutting_depends_on_the_seed_alone(patches: ImageSet) -> None:
    sizes = {"train_per_class": 24, "test_per_class": 6}
    np.testing.assert_array_equal(load(sizes, None, Path()).images, patches.images)
    assert (load({**sizes, "seed": 1}, None, Path()).images != patches.images).any()


def test_patches_can_be_smaller_and_show_the_same(patches: ImageSet) -> None:
    small = load({"train_per_class": 24, "test_per_class": 6, "image_size": 16}, None, Path())
    assert small.images.shape == (300, 3, 16, 16)
    assert small.groups.tolist() == patches.groups.tolist()
    means = patches.images.reshape(300, 3, 16, 2, 16, 2).mean((3, 5))
    assert np.abs(small.images - means).mean() < 4  # of 255; resizing averages over a little more
