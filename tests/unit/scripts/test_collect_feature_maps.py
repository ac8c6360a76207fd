"""The script that lays out feature maps."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from collect_feature_maps import collect_feature_maps, convolutions, extremes, inputs_under, scaled
from equivariance.analysis.image_grids import Grid, load_grids
from equivariance.datasets.image_set import ImageSet
from equivariance.models import build
from equivariance.models.saved import load_network, save_weights
from equivariance.network_folder import weights_file, write_description
from equivariance.training.settings import TrainingSettings
from equivariance.transformations.sets import build_set

QUARTERS = {"rotations": {"count": 4}}
VALUES = st.lists(
    st.one_of(st.floats(0, 9), st.sampled_from([float("inf"), float("nan")])), min_size=1, max_size=12
)


@pytest.fixture
def measurements(
    tmp_path: Path, make_settings: Callable[..., TrainingSettings], make_images: Callable[..., ImageSet]
) -> list[dict[str, Any]]:
    """A network of 4, 8 and 16 feature maps, with an invariance that falls with their number."""
    make_images().save(tmp_path / "rows.npz")
    settings = make_settings(settings={"filters": 4, "hidden": 4})
    folder = tmp_path / "network"
    save_weights(build("simple_conv", (1, 8, 8), 2, settings.settings), weights_file(folder))
    write_description(
        folder,
        {"settings": settings.as_mapping(), "image_shape": [1, 8, 8], "classes": ["a", "b"], "outputs": 2},
    )
    rows = [
        {"layer": f"conv{index}", "unit": unit, "measure": measure, "aggregation": "before_mean",
         "value": 1 / (1 + unit) if measure == "nv" else 1.0 + unit}
        for index, maps in ((1, 4), (2, 4), (3, 8), (4, 8), (5, 16))
        for measure in ("nv", "nvse")
        for unit in range(maps)
    ]  # fmt: skip
    pd.DataFrame(rows).to_parquet(tmp_path / "measures.parquet", index=False)
    return [
        {
            "folder": str(folder),
            "savepoint": "final",
            "measured_dataset": "rows",
            "part": "test",
            "measured_with": "rotation",
            "transformation_set": QUARTERS,
            "values": [(measure, "before_mean")],
            "file": str(tmp_path / "measures.parquet"),
        }
        for measure in ("nv", "nvse")
    ]


@pytest.fixture
def grids(measurements: list[dict[str, Any]], tmp_path: Path) -> list[Grid]:
    shown = {"samples": 2, "maps": 3, "members": 3, "layers": 3}
    collect_feature_maps(
        measurements, {"rows": tmp_path / "rows.npz"}, shown, "border", tmp_path / "maps.npz"
    )
    return load_grids(tmp_path / "maps.npz")


def test_there_is_a_panel_of_the_input_and_one_for_each_measure_and_layer(grids: list[Grid]) -> None:
    layers = ("conv1", "conv3", "conv5")
    assert [grid.title for grid in grids] == [
        "input",
        *(f"{layer}, NV" for layer in layers),
        "input",
        *(f"{layer}, NVSE" for layer in layers),
    ]
    assert {(grid.dataset, grid.measured_with) for grid in grids} == {("rows", "rotation")}
    assert grids[0].images.shape == (1, 6, 1, 8, 8)
    assert [grid.images.shape for grid in grids[1:4]] == [
        (4, 6, 1, 8, 8),  # no more maps than there are
        (6, 6, 1, 4, 4),
        (6, 6, 1, 2, 2),
    ]
    assert all(len(grid.columns) == 6 for grid in grids)
    assert grids[0].columns[:3] == grids[0].columns[3:]


def test_rows_are_the_maps_of_the_smallest_and_the_largest_values(
    grids: list[Grid], measurements: list[dict[str, Any]], tmp_path: Path
) -> None:
    assert grids[2].rows == ("7: 0.12", "6: 0.14", "5: 0.17", "2: 0.33", "1: 0.50", "0: 1.00")
    assert grids[6].rows == ("0: 1.00", "1: 2.00", "2: 3.00", "5: 6.00", "6: 7.00", "7: 8.00")
    # What is shown is the network's own activation, from the least to the greatest of each map.
    model, _ = load_network(measurements[0]["folder"])
    images = torch.from_numpy(grids[0].images[0])  # in 8 bits
    names = ("standardize", "conv1", "conv1_act", "conv2", "conv2_act", "pool1", "conv3")
    with torch.no_grad():
        maps = nn.Sequential(*(model.get_submodule(name) for name in names))(images)[:, 7].numpy()
    expected = (maps - maps.min()) / (maps.max() - maps.min())
    np.testing.assert_allclose(grids[2].images[0, :, 0], expected, atol=0.05)


def test_inputs_are_the_members_of_each_image_in_turn(make_images: Callable[..., ImageSet]) -> None:
    images = make_images().images[:2]
    members = build_set("rotation", QUARTERS)
    half_turn = int(members.parameters[:, 0].argmax())
    inputs = inputs_under(images, members, [members.identity_index, half_turn], "border")
    expected = [turned for image in images / 255 for turned in (image, np.rot90(image, 2, (1, 2)))]
    np.testing.assert_allclose(inputs.numpy(), expected, atol=1e-5)


@settings(deadline=None)
@given(VALUES, st.integers(1, 4))
def test_extremes_are_the_smallest_and_the_largest_finite_values(values: list[float], count: int) -> None:
    given = pd.Series(values)
    chosen = extremes(given, count)
    finite = sorted(value for value in values if np.isfinite(value))
    assert chosen.is_monotonic_increasing
    assert chosen.index.is_unique
    assert (given[chosen.index] == chosen).all()
    assert chosen.tolist() == (finite if len(finite) <= 2 * count else [*finite[:count], *finite[-count:]])


@pytest.mark.parametrize(
    ("count", "names"), [(1, ["0"]), (2, ["0", "4"]), (3, ["0", "2", "4"]), (9, ["0", "1", "2", "3", "4"])]
)
def test_convolutions_are_spread_over_the_network(count: int, names: list[str]) -> None:
    model = nn.Sequential(*(nn.Conv2d(1, 1, 1) for _ in range(5)), nn.ReLU(), nn.Linear(1, 1))
    assert convolutions(model, count) == names


def test_a_map_is_scaled_over_all_inputs_and_a_constant_one_is_gray() -> None:
    maps = torch.stack([torch.full((4, 3, 3), 7.0), torch.linspace(-2, 3, 36).reshape(4, 3, 3)], dim=1)
    pictures = scaled(maps)
    assert pictures.shape == (2, 4, 1, 3, 3)
    assert (pictures[0] == 0.5).all()
    np.testing.assert_allclose(pictures[1].ravel(), np.linspace(0, 1, 36), atol=1e-6)
