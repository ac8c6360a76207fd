from pathlib import Path

import numpy as np

from equivariance.datasets.digits import load


def test_the_bundled_digits_are_gray_16x16_and_split_by_class() -> None:
    images = load({}, None, Path())
    assert images.images.shape == (1797, 1, 16, 16)
    assert images.classes == tuple("0123456789")
    assert 0.19 < images.test.mean() < 0.21
    for label in range(10):
        assert 0.18 < images.test[images.labels == label].mean() < 0.22
    assert images.images.max() == 255


def test_the_split_depends_on_the_seed_alone() -> None:
    first, same, other = (load({"seed": seed}, None, Path()).test for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, same)
    assert (first != other).any()


def test_enlarging_keeps_the_digit_within_a_black_margin() -> None:
    from sklearn.datasets import load_digits

    small = load_digits().images[:50] * (255 / 16)
    images = load({}, None, Path()).images[:50, 0]
    large = images[:, 2:-2, 2:-2]
    assert images.sum() == large.sum()
    centres = (np.arange(8) * 1.5 + 0.25).astype(
        int
    )  # pixel of the enlarged digit at the centre of each small one
    near = large[:, centres][:, :, centres]
    correlations = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(small, near, strict=True)]
    assert min(correlations) > 0.8
