"""Seven tests that every correct implementation of the measures passes, through the public functions."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.stats import norm
from torch import Tensor, nn

from equivariance.measures.arrays import measure_arrays
from equivariance.measures.measuring import measure


def draw(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


def value(block: np.ndarray, name: str, **options) -> np.ndarray:
    return measure_arrays(block, [name], **options)["value"].to_numpy()


def test_1_the_identity_set_moves_no_live_unit():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 3, 3), nn.Tanh(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(27, 4))
    identities = SimpleNamespace(matrices=torch.eye(3, dtype=torch.float64).repeat(6, 1, 1))
    x = torch.rand(10, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    names = ["tv", "nv", "td", "nd", "anova", "eta_squared", "nvse", "ndse_keep", "dses", "dses_normalize"]
    table = measure(network, x, identities, [*names, "sv"], aggregations=["none"])
    values = table.groupby("measure")["value"]
    assert (values.get_group("sv") > 0).all()
    for name in names:
        # Matrix products round by the place in the batch; warping by the identity interpolates.
        assert (values.get_group(name) < 1e-6).all()
    exact = table[(table["layer_index"] < 3) & ~table["measure"].str.startswith("dses")]
    assert (exact.groupby("measure")["value"].get_group("nvse") == 0).all()
    assert (exact.groupby("measure")["value"].get_group("nv") == 0).all()


@pytest.mark.parametrize("name", ["nv", "nd@1000", "nd", "nvse"])
def test_2a_independent_noise_moves_units_as_much_as_the_samples_do(name):
    transformations = 60
    block = draw(1000, transformations, 1, 2, 2) if name == "nvse" else draw(1000, transformations, 4)
    matrices = np.eye(3)[None].repeat(transformations, 0)
    np.testing.assert_allclose(value(block, name, matrices=matrices), 1, atol=0.03)


@pytest.mark.parametrize("threshold", ["normal", "percentile"])
@pytest.mark.parametrize("original", ["", "_original"])
def test_2b_independent_noise_fires_as_often_transformed(threshold, original):
    name = f"goodfellow_{threshold}{original}@0.9"
    found = value(draw(4000, 60, 4), name, identity=0)
    certain = (1 / 0.1 - 1) / 60 if original else 0  # a firing sample fires under the identity
    np.testing.assert_allclose(found, 1 + certain, atol=0.1)


def test_2c_independent_noise_is_rejected_family_wise_by_the_confidence():
    layers, units = 150, 5
    uncorrected = [value(draw(8, 4, units, seed=seed), "anova_uncorrected@0.8") for seed in range(layers)]
    assert np.mean(uncorrected) == pytest.approx(0.2, abs=4 * (0.2 * 0.8 / layers / units) ** 0.5)
    corrected = [value(draw(8, 4, units, seed=seed), "anova@0.8") for seed in range(layers)]
    family_wise = 1 - (1 - 0.2 / units) ** units
    assert np.mean([layer.any() for layer in corrected]) == pytest.approx(family_wise, abs=0.1)
    assert np.mean(corrected) == pytest.approx(0.2 / units, abs=0.02)


def circular_shifts(x: np.ndarray) -> np.ndarray:
    """Images (n, H, W) shifted by whole pixels: (n, T, H, W)."""
    shifts = [(0, 0), (1, 0), (0, 3), (5, 2), (7, 7), (-2, 4)]
    return np.stack([np.roll(x, shift, (1, 2)) for shift in shifts], 1)


def test_3a_the_mean_of_an_image_is_invariant_to_circular_shifts():
    means = circular_shifts(draw(12, 8, 8)).mean((2, 3))
    assert (value(means, "nv") < 1e-14).all()
    assert (value(means, "nd@12") < 1e-14).all()


def test_3b_pixels_are_equivariant_to_circular_shifts():
    shifted = circular_shifts(draw(12, 8, 8))
    back = np.stack([
        np.roll(shifted[:, j], (-down, -right), (1, 2))
        for j, (down, right) in enumerate([(0, 0), (1, 0), (0, 3), (5, 2), (7, 7), (-2, 4)])
    ], 1)  # fmt: skip
    for name in ("nv", "nd_keep@12", "nd_normalize_keep@12"):
        assert (value(back[:, :, None], name) == 0).all()
        assert (value(shifted[:, :, None], name) > 0.5).all()


@pytest.mark.parametrize("name", ["nv", "nd", "nd@30"])
def test_4_pure_effects_are_0_infinite_or_1(name):
    rows, columns = draw(30, 1, 4), draw(1, 9, 4)
    assert (value(np.repeat(rows, 9, 1), name) == 0).all()
    assert (value(np.repeat(columns, 30, 0), name) == np.inf).all()
    assert (value(np.full((30, 9, 4), 0.1), name) == 1).all()


@pytest.mark.parametrize("samples, transformations", [(2, 2), (30, 9), (5, 100)])
def test_5_additive_effects_have_the_ratio_of_their_deviations(samples, transformations):
    rows, columns = draw(samples, 1, 4), 3 * draw(1, transformations, 4, seed=1)
    expected = columns.std(1, ddof=1)[0] / rows.std(0, ddof=1)[0]
    np.testing.assert_allclose(value(rows + columns, "nv"), expected, rtol=1e-10)


@pytest.mark.parametrize("batch", ["", "@300"])
def test_6_distances_and_deviations_agree_for_gaussian_effects(batch):
    random = np.random.default_rng(0)
    gaussian = norm.ppf((np.arange(300) + 0.5) / 300)
    rows, columns = random.permutation(gaussian)[:, None, None], random.permutation(gaussian)[:, None]
    block = rows + 0.5 * columns
    nd, nv = value(block, f"nd{batch}"), value(block, "nv")
    np.testing.assert_allclose(nd / nv, 1, atol=0.01 if batch else 0.05)


@pytest.mark.parametrize("cuts", [[1], [7, 8, 40], range(1, 60)])
def test_7_streaming_gives_the_same_values_in_any_batch_size(cuts):
    block = draw(60, 7, 3, 4, 5) + 10
    names = ["tv", "sv", "td@60", "sd@60", "eta_squared"]
    whole = measure_arrays(block, names)["value"]
    streamed = measure_arrays((part for part in np.split(block, list(cuts))), names)["value"]
    np.testing.assert_allclose(streamed, whole, rtol=1e-10)


def test_the_values_do_not_depend_on_the_recorder():
    """The seven tests hold for given numbers; those of a network are the same numbers."""
    x = torch.rand(10, 1, 6, 5, generator=torch.Generator().manual_seed(0))
    shifts: Tensor = torch.eye(3, dtype=torch.float64).repeat(3, 1, 1)
    shifts[1, 0, 2] = shifts[2, 1, 2] = 2 / 6
    network = nn.Sequential(nn.Identity())
    table = measure(network, x, SimpleNamespace(matrices=shifts), ["nv"], aggregations=["none"])
    moved = torch.stack(
        [x, torch.cat([x[..., :1], x[..., :-1]], 3), torch.cat([x[:, :, :1], x[:, :, :-1]], 2)], 1
    )
    np.testing.assert_allclose(table["value"], value(moved.numpy(), "nv"), rtol=1e-5, atol=1e-6)
