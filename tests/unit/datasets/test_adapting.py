"""Images of one data set for networks of another."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from equivariance.datasets.adapting import adapt
from equivariance.errors import UserError

SIDES = st.integers(2, 9)


def images(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)


def test_images_that_fit_are_left_as_they_are() -> None:
    given = images(3, 1, 5, 6)
    assert adapt(given, (1, 5, 6)) is given


def test_a_single_channel_is_repeated() -> None:
    given = images(3, 1, 5, 6)
    np.testing.assert_array_equal(adapt(given, (3, 5, 6)), given.repeat(3, axis=1))


def test_three_channels_are_averaged() -> None:
    given = images(3, 3, 5, 6)
    np.testing.assert_allclose(adapt(given, (1, 5, 6)), given.mean(1, keepdims=True), atol=0.5)


def test_channels_that_went_out_and_back_are_the_same() -> None:
    given = images(3, 1, 5, 6)
    np.testing.assert_array_equal(adapt(adapt(given, (3, 5, 6)), (1, 5, 6)), given)


@settings(deadline=None)
@given(value=st.integers(0, 255), old=st.tuples(SIDES, SIDES), new=st.tuples(SIDES, SIDES))
def test_a_constant_stays_constant_at_every_size(
    value: int, old: tuple[int, int], new: tuple[int, int]
) -> None:
    adapted = adapt(np.full((2, 1, *old), value, np.uint8), (3, *new))
    assert adapted.shape == (2, 3, *new)
    assert (adapted == value).all()


@settings(deadline=None)
@given(arrays(np.uint8, (1, 1, 8, 8)))
def test_shrinking_averages_and_does_not_pick(given: np.ndarray) -> None:
    # A triangle as wide as two new pixels, over old ones: weights 1, 3, 3, 1, cut and rescaled at the edges.
    old, new = np.arange(8) + 0.5, 2 * (np.arange(4) + 0.5)
    weights = np.maximum(0, 1 - np.abs(old - new[:, None]) / 2)
    weights /= weights.sum(1, keepdims=True)
    expected = weights @ given[0, 0].astype(float) @ weights.T
    np.testing.assert_allclose(adapt(given, (1, 4, 4))[0, 0], expected, atol=0.51)


def test_other_numbers_of_channels_are_refused() -> None:
    with pytest.raises(UserError, match="images with 4 channels, but the network takes 3"):
        adapt(images(2, 4, 5, 5), (3, 5, 5))
