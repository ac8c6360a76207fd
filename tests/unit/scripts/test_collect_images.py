"""The script that lays out images to be looked at."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from collect_images import collect_images, describe, evenly_spaced, members_of
from equivariance.analysis.image_grids import Grid, load_grids
from equivariance.datasets.image_set import ImageSet
from equivariance.transformations.sets import build_set

SETS = {
    "rotation": {"rotations": {"count": 5}},
    "scale": {"scales": {"steps": 1, "smallest": 0.5, "largest": 1.25}},
    "translation": {"translations": {"steps": 1, "largest": 0.15}},
    "none": {},
}


@pytest.fixture
def collect(tmp_path: Path, make_images: Callable[..., ImageSet]) -> Callable[..., list[Grid]]:
    make_images(channels=3).save(tmp_path / "rows.npz")

    def make(layout: str, samples: int, members: int, **sets: Any) -> list[Grid]:
        output = tmp_path / "images.npz"
        datasets = {"rows": tmp_path / "rows.npz"}
        collect_images(datasets, sets or SETS, layout, samples, members, "border", output)
        return load_grids(output)

    return make


def test_members_of_one_image_make_a_square_with_white_where_none_is_left(
    collect: Callable[..., list[Grid]],
) -> None:
    [grid] = collect("members", 1, 9, rotation=SETS["rotation"])
    assert (grid.dataset, grid.measured_with) == ("rows", "rotation")
    assert grid.images.shape == (3, 3, 3, 8, 8)  # 5 rotations and 4 places
    flat = grid.images.reshape(9, 3, 8, 8)
    assert all((image == 1).all() for image in flat[5:])
    assert not any((image == 1).all() for image in flat[:5])


def test_a_matrix_has_a_row_for_each_sample_and_a_column_for_each_member(
    collect: Callable[..., list[Grid]], make_images: Callable[..., ImageSet]
) -> None:
    grids = collect("st_matrix", 2, 3)
    assert [(grid.dataset, grid.measured_with) for grid in grids] == [("rows", name) for name in SETS]
    assert [grid.images.shape for grid in grids] == [(2, 3, 3, 8, 8)] * 3 + [(2, 1, 3, 8, 8)]
    assert grids[0].rows == ("x1", "x2")
    assert grids[0].columns == ("-144°", "0°", "144°")
    # The identity shows the images as they are, and all sets show the same images.
    test = make_images(channels=3).part("test")[0] / 255
    shown = grids[3].images[:, 0]
    assert all(np.abs(test - image).max((1, 2, 3)).min() < 1 / 254 for image in shown)
    np.testing.assert_allclose(grids[0].images[:, 1], shown, atol=1 / 254)


@settings(deadline=None)
@given(name=st.sampled_from(sorted(SETS)), count=st.integers(1, 20), rotations=st.integers(2, 30))
def test_members_that_are_shown_are_different_in_order_and_the_identity_is_among_them(
    name: str, count: int, rotations: int
) -> None:
    definition = {"rotations": {"count": rotations}} if name == "rotation" else SETS[name]
    transformations = build_set(name, definition)
    shown = evenly_spaced(transformations, count)
    assert len(shown) == min(count, len(transformations))
    assert shown == sorted(set(shown))
    assert transformations.identity_index in shown
    assert shown[0] >= 0 and shown[-1] < len(transformations)


def test_an_image_is_warped_by_each_member(make_images: Callable[..., ImageSet]) -> None:
    image = torch.from_numpy(make_images().images[0]).float() / 255
    rotations = build_set("rotation", {"rotations": {"count": 4}})
    turned = members_of(image, rotations, [rotations.identity_index, 0, 2, 3], "border")
    plain = image.numpy()
    np.testing.assert_allclose(turned[0], plain, atol=1e-6)
    degrees = [rotations.parameters[index, 0].item() * 4 for index in (0, 2, 3)]
    for quarters, one in zip(degrees, turned[1:], strict=True):
        np.testing.assert_allclose(one, np.rot90(plain, round(quarters), (1, 2)), atol=1e-5)


@pytest.mark.parametrize(
    ("families", "expected"),
    [
        ({"rotations": {"count": 4}}, {"-90°", "0°", "90°", "180°"}),
        (
            {"scales": {"steps": 1, "smallest": 0.5, "largest": 1.25}},
            {"×1, 1", "×1, 0.5", "×0.5, 1", "×0.5, 0.5", "×1, 1.25", "×1.25, 1", "×1.25, 1.25"},
        ),
        (
            {"translations": {"steps": 1, "largest": 0.1}},
            {f"{x}, {y} %" for x in ("+10", "+0", "-10") for y in ("+10", "+0", "-10")},
        ),
        ({}, {""}),
    ],
)
def test_a_member_is_told_by_what_varies_over_its_set(families: dict[str, Any], expected: set[str]) -> None:
    transformations = build_set("a set", families)
    assert {describe(transformations, index) for index in range(len(transformations))} == expected


def test_all_that_varies_is_told() -> None:
    product = build_set("a set", {**SETS["rotation"], **SETS["scale"], **SETS["translation"]})
    assert describe(product, product.identity_index) == "0°\n×1, 1\n+0, +0 %"
