"""Warping: exact where it can be, about the exact centre, undone by the matrix inverse."""

import warnings

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import avg_pool2d

from equivariance.transformations.affine import compose, rotation, scaling, translation
from equivariance.transformations.warp import inside, warp


@pytest.fixture
def noise() -> torch.Tensor:
    return torch.rand(2, 3, 28, 28, generator=torch.Generator().manual_seed(0))


def pixel_grid(height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """x and y of the pixel centres, in pixels from the centre of the image."""
    y = torch.arange(height, dtype=torch.float64) - (height - 1) / 2
    x = torch.arange(width, dtype=torch.float64) - (width - 1) / 2
    return x[None, :].expand(height, width), y[:, None].expand(height, width)


def blob(height: int, width: int, x0: float = 0.0, y0: float = 0.0, spread: float = 3.0) -> torch.Tensor:
    """A smooth spot with its centre (x0, y0) pixels off the image's: (1, 1, H, W)."""
    x, y = pixel_grid(height, width)
    return torch.exp(-((x - x0) ** 2 + (y - y0) ** 2) / (2 * spread**2))[None, None]


def centre_of_mass(image: torch.Tensor) -> tuple[float, float]:
    x, y = pixel_grid(*image.shape[-2:])
    return ((image * x).sum() / image.sum()).item(), ((image * y).sum() / image.sum()).item()


def test_the_identity_returns_the_image(noise: torch.Tensor) -> None:
    torch.testing.assert_close(warp(noise, rotation(0.0)[None]), noise, rtol=0, atol=3e-6)


@pytest.mark.parametrize("side", [8, 15, 16, 28, 32, 33])
@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_quarter_turns_are_exact_and_counter_clockwise(side: int, quarters: int) -> None:
    images = torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(side))
    expected = torch.rot90(images, quarters, dims=(2, 3))
    matrix = rotation(quarters / 4)[None]
    torch.testing.assert_close(warp(images.double(), matrix), expected.double(), rtol=0, atol=1e-12)
    # In float32 the coordinates of grid_sample carry a rounding of side * 6e-8 pixels.
    torch.testing.assert_close(warp(images, matrix), expected, rtol=0, atol=side * 1.2e-7)


def test_content_moves_right_and_down_by_the_fraction_of_the_side() -> None:
    image = torch.zeros(1, 1, 20, 20)
    image[0, 0, 5, 7] = 1
    moved = warp(image, translation(0.1, 0.25)[None])
    assert moved[0, 0, 10, 9].item() == pytest.approx(1, abs=1e-5)


def test_factors_above_one_enlarge() -> None:
    image = blob(32, 32, spread=2.0)
    assert warp(image, scaling(2.0, 2.0)[None]).sum() == pytest.approx(4 * image.sum().item(), rel=0.01)


def test_b3_inverse_of_a_composed_transformation_is_the_matrix_inverse() -> None:
    image = blob(64, 64, x0=6.0, y0=-4.0, spread=5.0)
    s, r, t = scaling(0.5, 1.25), rotation(0.125), translation(0.15, -0.15)
    matrix = compose(s, r, t)
    there = warp(image, matrix[None])
    back = warp(there, torch.linalg.inv(matrix)[None])
    by_parts = warp(there, compose(*(torch.linalg.inv(m) for m in (s, r, t)))[None])
    assert (back - image).square().mean().sqrt() < 0.02
    assert (by_parts - image).square().mean().sqrt() > 0.1


def test_b6_the_same_fraction_moves_a_pooled_feature_map_by_half_the_pixels(noise: torch.Tensor) -> None:
    matrix = translation(4 / 28, -2 / 28)[None]  # 4 and 2 pixels of 28, 2 and 1 of the pooled 14
    pooled_after = avg_pool2d(warp(noise, matrix, padding="zeros"), 2)
    pooled_before = warp(avg_pool2d(noise, 2), matrix, padding="zeros")
    torch.testing.assert_close(pooled_before, pooled_after, rtol=0, atol=1e-5)


@pytest.mark.parametrize("size", [(7, 7), (8, 8), (28, 28), (32, 32), (20, 31), (31, 20)])
@pytest.mark.parametrize("turns", [0.1, 0.25, 0.4, 0.5])
def test_b52_rotation_is_about_the_exact_centre_for_every_size(size: tuple[int, int], turns: float) -> None:
    image = blob(*size, spread=min(size) / 10)
    assert centre_of_mass(warp(image, rotation(turns)[None])) == pytest.approx((0, 0), abs=1e-4)


def test_b52_nothing_hangs_on_the_default_of_align_corners(noise: torch.Tensor) -> None:
    with warnings.catch_warnings():  # torch warns where the argument is left to its default
        warnings.simplefilter("error")
        warp(noise, rotation(0.1)[None])


@pytest.mark.parametrize("size", [(20, 30), (30, 20)])
def test_a_quarter_turn_of_an_oblong_image_is_rigid_in_pixels(size: tuple[int, int]) -> None:
    image = torch.rand(1, 1, *size, generator=torch.Generator().manual_seed(1)).double()
    turned = warp(image, rotation(0.25)[None])
    top, left = (size[0] - 20) // 2, (size[1] - 20) // 2
    square = (..., slice(top, top + 20), slice(left, left + 20))
    torch.testing.assert_close(turned[square], torch.rot90(image[square], 1, (2, 3)), rtol=0, atol=1e-12)


@pytest.mark.parametrize("size", [(24, 40), (40, 24)])
def test_a_spot_in_an_oblong_image_goes_where_the_matrix_says(size: tuple[int, int]) -> None:
    longer = max(size)
    image = blob(*size, x0=3.0, y0=2.0, spread=1.5)
    matrix = compose(scaling(1.2, 0.9), rotation(0.15), translation(2 / longer, -1 / longer))
    expected = matrix @ torch.tensor([3.0 / (longer / 2), 2.0 / (longer / 2), 1.0], dtype=torch.float64)
    found = centre_of_mass(warp(image, matrix[None]))
    assert found == pytest.approx((expected[:2] * longer / 2).tolist(), abs=0.02)


def test_each_image_has_its_own_matrix(noise: torch.Tensor) -> None:
    matrices = torch.stack([rotation(0.1), translation(0.2, 0.0)])
    one_by_one = torch.cat([warp(noise[i : i + 1], matrices[i : i + 1]) for i in range(2)])
    assert torch.equal(warp(noise, matrices), one_by_one)


def test_a_single_matrix_serves_all_images(noise: torch.Tensor) -> None:
    matrix = rotation(0.1)[None]
    assert torch.equal(warp(noise, matrix), warp(noise, matrix.expand(2, 3, 3)))


def test_beyond_the_image_is_the_repeated_border_or_zero() -> None:
    image = torch.ones(1, 1, 8, 8)
    matrix = translation(0.5, 0.0)[None]
    assert torch.equal(warp(image, matrix), image)
    assert warp(image, matrix, padding="zeros")[0, 0, 0].tolist() == [0, 0, 0, 0, 1, 1, 1, 1]


def test_nearest_interpolation_makes_no_new_values() -> None:
    image = (torch.rand(1, 1, 16, 16, generator=torch.Generator().manual_seed(2)) > 0.5).float()
    turned = warp(image, rotation(0.1)[None], interpolation="nearest")
    assert set(turned.unique().tolist()) == {0.0, 1.0}


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_the_dtype_of_the_images_is_kept(noise: torch.Tensor, dtype: torch.dtype) -> None:
    matrix = rotation(0.1)[None]
    warped = warp(noise.to(dtype), matrix)
    assert warped.dtype == dtype
    torch.testing.assert_close(warped, warp(noise, matrix).to(dtype), rtol=0, atol=0.01)


@given(st.floats(-0.5, 0.5), st.floats(0.5, 1.25), st.floats(-0.1, 0.1))
@settings(deadline=None, max_examples=25)
def test_values_stay_within_the_range_of_the_image(turns: float, factor: float, shift: float) -> None:
    image = torch.rand(1, 1, 9, 12, generator=torch.Generator().manual_seed(3))
    warped = warp(image, compose(scaling(factor, 1.0), rotation(turns), translation(shift, 0.0))[None])
    assert image.min() - 1e-6 <= warped.min()
    assert warped.max() <= image.max() + 1e-6


@pytest.mark.parametrize("turns", [0.0, 0.25, 0.5])
def test_quarter_turns_of_a_square_need_no_padding(turns: float) -> None:
    assert inside(rotation(turns)[None], 28, 28).all()


@given(st.floats(-0.5, 0.5), st.floats(0.5, 1.5), st.floats(-0.3, 0.3))
@settings(deadline=None, max_examples=25)
def test_pixels_inside_have_the_same_value_for_any_padding(turns: float, factor: float, dx: float) -> None:
    image = torch.rand(1, 1, 12, 9, generator=torch.Generator().manual_seed(4)).double()
    matrix = compose(scaling(factor, 1.0), rotation(turns), translation(dx, 0.0))[None]
    difference = (warp(image, matrix) - warp(image, matrix, padding="zeros")).abs()[:, 0]
    mask = inside(matrix, 12, 9)
    assert mask.shape == (1, 12, 9)
    assert (difference[mask] < 1e-4).all()


def test_a_translation_leaves_the_uncovered_columns_outside() -> None:
    assert inside(translation(0.25, 0.0)[None], 8, 8)[0].sum(dim=0).tolist() == [0, 0, 8, 8, 8, 8, 8, 8]


def test_shapes_that_do_not_pair_are_refused(noise: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="3 matrices for 2 images"):
        warp(noise, rotation(0.1).expand(3, 3, 3))
    with pytest.raises(ValueError, match="needed: floats"):
        warp((noise * 255).to(torch.uint8), rotation(0.1)[None])
    with pytest.raises(ValueError, match="needed: floats"):
        warp(noise[0], rotation(0.1)[None])
