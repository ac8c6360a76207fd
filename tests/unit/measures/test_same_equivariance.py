"""Same-equivariance of networks that have it, of those that do not, and of what is left out of it."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from equivariance.errors import UserError
from equivariance.measures.accumulator import Setting
from equivariance.measures.arrays import measure_arrays
from equivariance.measures.measuring import measure
from equivariance.measures.registry import resolve
from equivariance.measures.views import valid_pixels, view
from equivariance.transformations.affine import rotation, translation
from equivariance.transformations.sets import TransformationSet, build_set
from equivariance.transformations.warp import warp

VARIANCE = ("tvse", "svse", "nvse")
SIMPLE = ("dses", "dses_normalize")
QUARTER_TURNS = build_set("quarter turns", {"rotations": {"count": 4}})
SEVENTHS = build_set("sevenths", {"rotations": {"count": 7}})
TRANSLATIONS = build_set("translations", {"translations": {"steps": 2, "largest": 0.25}})


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def blocks(network, x: Tensor, transformations: TransformationSet) -> Tensor:
    """Feature maps (n, T, C, H, W) of the transformed images, one transformation at a time."""
    return torch.stack([network(warp(x, matrix[None])) for matrix in transformations.matrices], 1)


def conv(seed: int = 0, **settings) -> nn.Conv2d:
    torch.manual_seed(seed)
    return nn.Conv2d(1, 3, 3, padding=1, **settings).double().requires_grad_(False)


def arrays(block: Tensor, names, transformations, **options) -> dict[str, np.ndarray]:
    """Values by measure, pixel by pixel or, where there are none, by feature map."""
    table = measure_arrays(block.numpy(), names, matrices=transformations.matrices, **options)
    return {name: part["value"].to_numpy() for name, part in table.groupby("measure")}


# Equivariant networks


@pytest.mark.parametrize("mode, equivariant", [("circular", True), ("zeros", False)])
def test_a_circular_convolution_is_equivariant_to_circular_shifts(mode, equivariant):
    shifts = [(0, 0), (1, 0), (0, 3), (2, 5), (-1, 4)]
    network, x = conv(padding_mode=mode), draw(6, 1, 8, 6)
    there = [network(x.roll(shift, (2, 3))) for shift in shifts]
    back = [maps.roll((-down, -right), (2, 3)) for maps, (down, right) in zip(there, shifts, strict=True)]
    returned = torch.stack(back, 1).numpy()
    nvse = measure_arrays(returned, ["nv"], aggregations=["before_mean"])["value"]
    ndse = measure_arrays(returned, ["nd_keep"])["value"]
    for values in (nvse, ndse):
        assert (values < 1e-12).all() == equivariant
        assert equivariant or (values > 0.05).all()


class PointWise(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x.sin(), 3 * x.exp() - 1], 1)


def p4_symmetric() -> nn.Conv2d:
    """A convolution whose kernels are the mean over their four quarter turns."""
    network = conv()
    network.weight.copy_(torch.stack([network.weight.rot90(k, (2, 3)) for k in range(4)]).mean(0))
    return network


@pytest.mark.parametrize("network", [PointWise(), p4_symmetric()], ids=["pointwise", "p4"])
@pytest.mark.parametrize("padding", ["border", "zeros"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_networks_that_commute_with_quarter_turns_are_equivariant_to_them(network, padding, dtype):
    table = measure(
        network.float(),
        torch.rand(8, 1, 9, 9, generator=torch.Generator().manual_seed(0)),
        QUARTER_TURNS,
        ["nvse", "ndse_keep@8", "dses", "dses_normalize"],
        aggregations=["none", "before_mean"],
        padding=padding,
        dtype=dtype,
    )
    assert len(table)
    assert (table["value"] < 1e-5).all()


def test_a_convolution_without_that_symmetry_is_not_equivariant_to_quarter_turns():
    table = measure(conv(), draw(8, 1, 9, 9), QUARTER_TURNS, ["nvse", *SIMPLE], dtype=torch.float64)
    assert (table["value"] > 0.1).all()


def test_a_convolution_is_equivariant_to_shifts_by_whole_pixels_of_what_stays_inside():
    x = functional.pad(draw(6, 1, 4, 4), (6, 6, 6, 6))  # the content, far from the border
    network = nn.Sequential(conv(bias=False), nn.ReLU(), nn.AvgPool2d(2))
    two_pixels = build_set("shifts", {"translations": {"steps": 1, "largest": 2 / 16}})
    table = measure(network, x, two_pixels, ["nvse", *SIMPLE], aggregations=["before_mean"])
    assert set(table["layer"]) == {"0", "1", "2"}
    assert (table["value"] < 1e-5).all()


def test_maps_of_any_resolution_are_transformed_by_the_same_fraction():
    """A shift by two pixels of the image is one pixel of a map of half its size."""
    x = functional.pad(draw(6, 1, 4, 4), (4, 4, 4, 4))
    block = functional.avg_pool2d(x, 2)
    matrix = translation(2 / 12, 0)[None]
    moved = view(
        "returned",
        torch.stack([block, block.roll(1, 3)], 1),
        Setting(torch.float64, 0, torch.cat([torch.eye(3, dtype=torch.float64)[None], matrix])),
    )
    torch.testing.assert_close(moved[:, 1], block)


def test_a_network_that_turns_its_input_is_invariant_only_in_a_sense_of_its_own():
    """A map that stays as it is while the image turns is invariant, not same-equivariant."""
    x = draw(8, 1, 9, 9)
    still = x[:, None].expand(-1, 4, -1, -1, -1)
    values = arrays(still, ["nv", "nvse", "dses_normalize"], QUARTER_TURNS, aggregations=["before_mean"])
    assert (values["nv"] == 0).all()
    assert (values["nvse"] > 0.5).all()
    assert (values["dses_normalize"] > 0.5).all()


# Values


@pytest.mark.parametrize("shape", [(9, 9), (12, 7), (5, 10)])
@pytest.mark.parametrize("padding", ["border", "zeros"])
def test_variances_are_those_of_maps_that_were_warped_back(shape, padding):
    block = blocks(conv(), draw(5, 1, *shape), SEVENTHS)
    inverses = torch.linalg.inv(SEVENTHS.matrices)
    back = torch.stack([warp(block[:, j], inverses[j][None], padding=padding) for j in range(7)], 1)
    values = arrays(block, VARIANCE, SEVENTHS, padding=padding)
    tv, sv = back.std(1).mean(0).flatten(), back.std(0).mean(0).flatten()
    np.testing.assert_allclose(values["tvse"], tv, rtol=1e-6)
    np.testing.assert_allclose(values["svse"], sv, rtol=1e-6)
    np.testing.assert_allclose(values["nvse"], tv / sv, rtol=1e-6)


@pytest.mark.parametrize("variant", ["", "_keep", "_normalize", "_normalize_keep"])
def test_distances_are_those_of_maps_that_were_warped_back(variant):
    block = blocks(conv(), draw(6, 1, 7, 8), SEVENTHS)
    inverses = torch.linalg.inv(SEVENTHS.matrices)
    back = torch.stack([warp(block[:, j], inverses[j][None]) for j in range(7)], 1)
    values = arrays(block, [f"{kind}se{variant}@8" for kind in ("td", "sd", "nd")], SEVENTHS)
    for kind in ("td", "sd", "nd"):
        expected = measure_arrays(back.numpy(), [f"{kind}{variant}@8"])["value"]
        np.testing.assert_allclose(values[f"{kind}se{variant}@8"], expected, rtol=1e-6)


@pytest.mark.parametrize("shape", [(9, 9), (12, 7)])
@pytest.mark.parametrize("padding", ["border", "zeros"])
def test_the_simple_distance_is_that_of_its_formula(shape, padding):
    block = blocks(conv(), draw(5, 1, *shape), SEVENTHS)
    values = arrays(block, SIMPLE, SEVENTHS, padding=padding)
    for normalize, name in enumerate(SIMPLE):
        distances = []
        for j, matrix in enumerate(SEVENTHS.matrices):
            pair = block[:, j], warp(block[:, SEVENTHS.identity_index], matrix[None], padding=padding)
            if normalize:
                there, expected = (maps / maps.norm(dim=(2, 3), keepdim=True) for maps in pair)
                distances.append((there - expected).norm(dim=(2, 3)))
            else:
                distances.append((pair[0] - pair[1]).square().mean((2, 3)).sqrt())
        np.testing.assert_allclose(values[name], torch.stack(distances).mean((0, 1)), rtol=1e-6)


def test_the_raw_simple_distance_has_the_unit_of_the_activation():
    block = blocks(conv(), draw(5, 1, 9, 9), SEVENTHS)
    ours, scaled = (arrays(activations, SIMPLE, SEVENTHS) for activations in (block, 1000 * block))
    np.testing.assert_allclose(scaled["dses"], 1000 * ours["dses"], rtol=1e-10)
    np.testing.assert_allclose(scaled["dses_normalize"], ours["dses_normalize"], rtol=1e-10)


def test_the_normalised_simple_distance_is_at_most_2_and_0_for_maps_of_zeros():
    x = draw(5, 1, 9, 9).abs()
    opposite = blocks(lambda maps: maps, x, QUARTER_TURNS)
    opposite *= -1
    opposite[:, QUARTER_TURNS.identity_index] *= -1
    assert arrays(opposite, SIMPLE, QUARTER_TURNS)["dses_normalize"] == pytest.approx(2 * 3 / 4)
    zeros = torch.zeros(5, 4, 2, 9, 9, dtype=torch.float64)
    for values in arrays(zeros, SIMPLE, QUARTER_TURNS).values():
        assert values.tolist() == [0, 0]
    zeros[:, QUARTER_TURNS.identity_index - 1, 0] = 1
    assert arrays(zeros, SIMPLE, QUARTER_TURNS)["dses_normalize"] == pytest.approx([0.25, 0])


def test_the_identity_set_has_no_distance_at_all():
    block = draw(6, 1, 2, 9, 9).expand(-1, 4, -1, -1, -1)
    identities = torch.eye(3, dtype=torch.float64).expand(4, 3, 3)
    table = measure_arrays(block.numpy(), ["nvse", "ndse_keep", *SIMPLE], matrices=identities)
    simple = table["measure"].isin(SIMPLE)
    assert (table[~simple]["value"] == 0).all()
    assert (table[simple]["value"] < 1e-14).all()  # interpolation at the pixels themselves


# Pixels that are left out


def test_the_mask_leaves_out_the_pixels_that_are_moved_out_of_the_map():
    one_right, two_down = (
        translation(1 / 6, 0),
        translation(0, 2 / 6),
    )  # of (4, 6)
    matrices = torch.stack([torch.eye(3, dtype=torch.float64), one_right, two_down])
    expected = torch.zeros(4, 6, dtype=torch.bool)
    expected[:2, :5] = True
    assert torch.equal(valid_pixels(matrices, 4, 6), expected)
    maps = torch.arange(24.0, dtype=torch.float64).reshape(1, 1, 4, 6)
    block = torch.stack([warp(maps, matrix[None]) for matrix in matrices], 1)
    seen = view("returned", block, Setting(torch.float64, 0, matrices, mask=True))
    assert seen.shape == (1, 3, 1, 10, 1)
    for column in range(3):
        torch.testing.assert_close(seen[0, column, 0, :, 0], maps[0, 0][expected])


def test_the_mask_of_the_simple_distance_is_of_each_transformation_alone():
    matrices = torch.stack([torch.eye(3, dtype=torch.float64), translation(1 / 6, 0)])
    block = torch.zeros(1, 2, 1, 4, 6, dtype=torch.float64)
    block[0, 1, 0, :, 0] = 100  # what came in from beyond the border
    block[0, 1, 0, 2, 3] = 10
    table = measure_arrays(block.numpy(), ["dses"], matrices=matrices, mask=True)
    assert table["value"].tolist() == pytest.approx([math.sqrt(100 / 20) / 2])


@pytest.mark.parametrize("broken", [math.nan, math.inf])
def test_what_is_not_finite_in_a_pixel_that_is_left_out_does_not_count(broken):
    matrices = torch.stack([torch.eye(3, dtype=torch.float64), translation(1 / 6, 0)])
    block = torch.ones(1, 2, 1, 4, 6, dtype=torch.float64)
    block[0, 1, 0, :, 0] = broken  # what came in from beyond the border
    table = measure_arrays(block.numpy(), SIMPLE, matrices=matrices, mask=True)
    assert table["value"].tolist() == pytest.approx([0, 0], abs=1e-12)


@pytest.mark.parametrize("padding", ["border", "zeros"])
def test_the_identity_network_is_equivariant_where_the_border_does_not_matter(padding):
    network, x = nn.Sequential(nn.Identity()), draw(20, 1, 12, 12)
    whole_pixels = build_set("shifts", {"translations": {"steps": 2, "largest": 0.25}})  # 1.5 and 3 pixels
    exact = TransformationSet("exact", whole_pixels.matrices[[0, *range(9, 17)]])  # 3 pixels
    names = ["nvse", *SIMPLE]
    plain, masked = (
        measure(network, x, exact, names, padding=padding, mask=mask).set_index("measure")["value"]
        for mask in (False, True)
    )
    assert plain["nvse"] > 0.1
    assert (plain[[*SIMPLE]] < 1e-5).all()  # it is the same map on both sides
    assert (masked < 1e-5).all()
    half_pixels = measure(network, x, whole_pixels, names, padding=padding, mask=True)
    assert half_pixels["value"][0] > 0.1  # interpolation remains


def test_a_layer_of_which_no_pixel_remains_is_left_out():
    network = nn.Sequential(nn.Identity(), nn.AvgPool2d(6))
    far = TransformationSet("far", torch.stack([torch.eye(3, dtype=torch.float64), translation(0.75, 0)]))
    table = measure(network, draw(4, 1, 12, 12), far, ["nvse"], mask=True)
    assert set(table["layer"]) == {"0"}
    assert [*table.attrs["left_out"]] == ["1"]


# What has no same-equivariance


def test_layers_without_maps_are_left_out_and_named():
    network = nn.Sequential(conv(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2).double())
    table = measure(network, draw(4, 1, 9, 9), QUARTER_TURNS, "same_equivariance")
    assert set(table["layer"]) == {"0"}
    assert [*table.attrs["left_out"]] == ["1", "2", "3"]  # a single pixel is no map
    for name in ("nvse", "dses"):
        with pytest.raises(UserError, match="no layer has feature maps"):
            measure(nn.Sequential(nn.Flatten()), draw(4, 1, 9, 9), QUARTER_TURNS, [name])


def test_without_matrices_or_identity_the_error_says_what_is_needed():
    turned = torch.stack([rotation(0.25), rotation(0.5)])
    block = draw(4, 2, 1, 5, 5).numpy()
    for options in ({}, {"matrices": turned}):
        with pytest.raises(UserError, match="dses needs the matrices of the transformations, the identity"):
            measure_arrays(block, ["dses"], **options)
    measure_arrays(block, ["nvse"], matrices=turned)  # which needs no identity
    with pytest.raises(UserError, match="matrices"):
        measure_arrays(block, ["nvse"])


def test_merging_simple_distances_with_what_has_seen_nothing_changes_nothing():
    (measured,) = resolve("dses")
    block = draw(4, 4, 2, 5, 5)
    setting = Setting(torch.float64, QUARTER_TURNS.identity_index, QUARTER_TURNS.matrices)
    full, empty = measured.source.make(setting), measured.source.make(setting)
    full.update(block)
    expected = full.compute()["dses"]
    full.merge(empty)
    empty.merge(full)
    assert full.compute()["dses"].equal(expected)
    assert empty.compute()["dses"].equal(expected)
    empty.update(block)
    assert full.compute()["dses"].equal(expected)
    with pytest.raises(ValueError, match="no samples"):
        measured.source.make(setting).compute()
