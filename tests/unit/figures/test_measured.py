"""The figures of one measured network."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from looks import clipped, legend_texts, overlapping, smallest_type
from matplotlib.collections import LineCollection, QuadMesh
from matplotlib.figure import Figure

from equivariance.figures import heat_map, measured
from equivariance.figures.colors import color_scale
from equivariance.figures.measured import write_figures
from equivariance.measures.stratified import with_means


def table(layers: int = 3, units: int = 8, measures: tuple[str, ...] = ("nv",)) -> pd.DataFrame:
    """What is measured of one network."""
    draw = np.random.default_rng(0)
    kinds = ("conv", "norm", "activation")
    return pd.DataFrame(
        [
            (f"stage.{index}", index, kinds[index % 3], index / max(layers - 1, 1), unit, measure,
             "before_mean", draw.random() + index / layers)
            for index in range(layers)
            for measure in measures
            for unit in range(units)
        ],
        columns=["layer", "layer_index", "kind", "depth", "unit", "measure", "aggregation", "value"],
    )  # fmt: skip


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> dict[str, Figure]:
    """The figures that are written, by the name of their file."""
    figures: dict[str, Figure] = {}
    save = measured.save

    def kept(figure: Figure, stem: Path) -> None:
        figures[stem.name] = figure
        save(figure, stem)

    monkeypatch.setattr(measured, "save", kept)
    return figures


def test_each_measure_has_a_profile_and_a_heat_map(tmp_path: Path) -> None:
    written = write_figures(table(measures=("nv", "tv")), tmp_path)
    assert [file.name for file in written] == [
        *("profile_nv.pdf", "heat_map_nv.pdf", "profile_tv.pdf", "heat_map_tv.pdf")
    ]
    assert {*tmp_path.iterdir()} == {*written, *(file.with_suffix(".png") for file in written)}


def test_of_classes_the_mean_is_drawn_also_where_one_is_called_mean(
    tmp_path: Path, drawn: dict[str, Figure]
) -> None:
    whole = table()
    classes = [whole.assign(value=by, **{"class": name}) for name, by in (("mean", 1.0), ("other", 5.0))]
    write_figures(with_means(pd.concat(classes)), tmp_path)
    (line,) = [line for line in drawn["profile_nv"].axes[0].get_lines() if line.get_label() == "mean"]
    np.testing.assert_allclose(line.get_ydata(), 3.0)


def test_a_floor_is_in_the_profile_of_its_measure(tmp_path: Path, drawn: dict[str, Figure]) -> None:
    write_figures(table(measures=("nvse", "nvse_floor")), tmp_path)
    assert {*drawn} == {"profile_nvse", "heat_map_nvse"}
    assert "resampling floor" in legend_texts(drawn["profile_nvse"])
    assert {len(set(column)) for column in cells(drawn["heat_map_nvse"]).T} <= {6, 7, 8}


def cells(figure: Figure) -> np.ndarray:
    """The values of a heat map (cells, layers)."""
    (mesh,) = (item for item in figure.axes[0].collections if isinstance(item, QuadMesh))
    return np.ma.getdata(mesh.get_array())


@pytest.mark.parametrize(("layers", "lines"), [(1, True), (20, True), (300, False)])
def test_networks_of_one_layer_and_of_hundreds_can_be_read(
    layers: int, lines: bool, tmp_path: Path, drawn: dict[str, Figure]
) -> None:
    write_figures(table(layers), tmp_path)
    for figure in drawn.values():
        assert smallest_type(figure) >= 7
        assert clipped(figure) == overlapping(figure) == []
        names = [text.get_text() for text in figure.axes[0].get_xticklabels()]
        assert names[0] == "stage.0"
        assert min(layers, 40) <= len(names) <= 80
    between = [item for item in drawn["heat_map_nv"].axes[0].collections if isinstance(item, LineCollection)]
    assert bool(between) == lines


def test_of_millions_of_units_as_many_are_drawn_as_can_be_seen_in_the_colours_of_all(
    tmp_path: Path, drawn: dict[str, Figure]
) -> None:
    units, few = 1_500_000, 100
    values = np.random.default_rng(0).permutation(np.linspace(0, 1, units))
    first = pd.DataFrame({"layer": "conv1", "layer_index": 0, "unit": np.arange(units), "value": values})
    second = pd.DataFrame({"layer": "conv2", "layer_index": 1, "unit": np.arange(few), "value": 1.0})
    both = pd.concat([first, second]).assign(kind="conv", measure="nv", aggregation="none")
    write_figures(both.assign(depth=both["layer_index"]), tmp_path)
    shown = cells(drawn["heat_map_nv"])
    assert shown.shape == (heat_map.CELLS, 2)
    low, high, _ = color_scale(both["value"], 2)
    np.testing.assert_allclose(shown[::-1, 0], np.linspace(0, 1, heat_map.CELLS).clip(low, high), atol=0.01)
    assert set(shown[:, 1]) == {high}


def test_values_that_are_all_0_are_drawn_without_a_warning(
    tmp_path: Path, drawn: dict[str, Figure], recwarn: pytest.WarningsRecorder
) -> None:
    write_figures(table(measures=("anova",)).assign(value=0.0), tmp_path)
    assert drawn["profile_anova"].axes[0].get_ylim() == (0, 1)
    assert [str(warning.message) for warning in recwarn] == []
