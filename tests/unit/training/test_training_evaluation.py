"""Accuracy over (image, transformation) pairs."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from equivariance.training import evaluation
from equivariance.training.data import DeviceImages
from equivariance.training.evaluation import accuracy, member_draws
from equivariance.transformations.sets import build_set

QUARTERS = build_set("quarters", {"rotations": {"count": 4}})
NONE = build_set("none", {})


class Corner(nn.Module):
    """Says in which of the four pixels of an image the light is, and notes what it was shown."""

    def __init__(self) -> None:
        super().__init__()
        self.dropout = nn.Dropout(0.9)
        self.seen: list[torch.Tensor] = []
        self.modes: list[bool] = []

    def forward(self, images: torch.Tensor) -> torch.Tensor:  # (N, 1, 2, 2)
        self.seen.append(images)
        self.modes.append(self.training)
        return self.dropout(images.flatten(1))


def corners(count: int) -> DeviceImages:
    """Images with a light in one corner, image by image another one; all are labelled with corner 0."""
    images = np.zeros((count, 4), dtype=np.uint8)
    images[np.arange(count), np.arange(count) % 4] = 255
    return DeviceImages(images.reshape(count, 1, 2, 2), np.zeros(count, dtype=np.int64), torch.device("cpu"))


@settings(deadline=None)
@given(
    images=st.integers(1, 30), members=st.integers(1, 12), per_image=st.one_of(st.none(), st.integers(1, 20))
)
def test_every_image_has_as_many_different_members_as_asked_for_or_all(
    images: int, members: int, per_image: int | None
) -> None:
    draws = member_draws(images, members, per_image)
    count = members if per_image is None else min(per_image, members)
    assert draws.shape == (images, count)
    assert set(draws.flatten().tolist()) <= set(range(members))
    assert all(len(set(row)) == count for row in draws.tolist())


def test_the_draw_is_fixed_and_uniform() -> None:
    draws = member_draws(5000, 8, 3)
    torch.manual_seed(1)
    assert torch.equal(member_draws(5000, 8, 3), draws)
    shares = draws.flatten().bincount(minlength=8) / draws.numel()
    assert (shares - 1 / 8).abs().max() < 0.015


@pytest.mark.parametrize("batch", [1, 3, 4, 7, 100])
def test_it_covers_every_pair_once_whatever_the_size_of_batches(
    batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluation, "BATCH", batch)
    model = Corner().eval()
    # Each of the 7 lights is in corner 0 under exactly one of the four quarter turns.
    assert accuracy(model, corners(7), QUARTERS, None) == 0.25
    assert sum(len(images) for images in model.seen) == 7 * 4


def test_the_last_and_smaller_batch_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "BATCH", 4)
    assert accuracy(Corner().eval(), corners(5), NONE, None) == 2 / 5  # images 0 and 4, the last of its batch


def test_a_draw_of_some_members_sees_each_image_so_many_times() -> None:
    model = Corner().eval()
    first = accuracy(model, corners(40), QUARTERS, 2)
    assert sum(len(images) for images in model.seen) == 40 * 2
    assert accuracy(model, corners(40), QUARTERS, 2) == first
    assert 0.05 < first < 0.5


@pytest.mark.parametrize("training", [True, False])
def test_it_evaluates_in_evaluation_mode_and_restores_the_mode(training: bool) -> None:
    model = Corner().train(training)
    accuracy(model, corners(8), NONE, None)
    assert not any(model.modes)
    assert model.training is model.dropout.training is training


def test_the_mode_is_restored_after_an_error() -> None:
    model = Corner().train()
    model.forward = lambda images: 1 / 0  # type: ignore[assignment,method-assign,return-value]
    with pytest.raises(ZeroDivisionError):
        accuracy(model, corners(8), NONE, None)
    assert model.training
