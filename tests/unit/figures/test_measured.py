"""The figures of one measured network."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from looks import clipped, legend_texts, overlapping, smallest_type
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from equivariance.figures import heat_map, measured
from equivariance.figures.measured import write_figures
from equivariance.figures.shades import color_bars, painted
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
    assert {len(column.get_array()) for column in columns(drawn["heat_map_nvse"])} == {8}


def columns(figure: Figure) -> list[AxesImage]:
    """The layers of a heat map."""
    return [*figure.axes[0].get_images()]


@pytest.mark.parametrize(("layers", "gap"), [(1, 0.08), (20, 0.08), (300, 0.0)])
def test_networks_of_one_layer_and_of_hundreds_can_be_read(
    layers: int, gap: float, tmp_path: Path, drawn: dict[str, Figure]
) -> None:
    write_figures(table(layers), tmp_path)
    for figure in drawn.values():
        assert smallest_type(figure) >= 7
        assert clipped(figure) == overlapping(figure) == []
        names = [text.get_text() for text in figure.axes[0].get_xticklabels()]
        assert names[0] == "stage.0"
        assert min(layers, 40) <= len(names) <= 80
    for index, column in enumerate(columns(drawn["heat_map_nv"])):
        left, right, *_ = column.get_extent()
        assert (left, right) == pytest.approx((index - (1 - gap) / 2, index + (1 - gap) / 2))


def test_of_millions_of_units_as_many_are_drawn_as_can_be_seen_in_the_colours_of_all(
    tmp_path: Path, drawn: dict[str, Figure]
) -> None:
    units, few = 1_500_000, 100
    values = np.random.default_rng(0).permutation(np.linspace(0, 1, units))
    first = pd.DataFrame({"layer": "conv1", "layer_index": 0, "unit": np.arange(units), "value": values})
    second = pd.DataFrame({"layer": "conv2", "layer_index": 1, "unit": np.arange(few), "value": 1.0})
    both = pd.concat([first, second]).assign(kind="conv", measure="nv", aggregation="none")
    write_figures(both.assign(depth=both["layer_index"]), tmp_path)
    long, short = columns(drawn["heat_map_nv"])
    bar = color_bars({"nv": both["value"]}, {"nv": "NV"}, heat_map.CLIP)["nv"]
    seen = np.linspace(0, 1, heat_map.CELLS)
    np.testing.assert_allclose(long.get_array()[:, 0], painted(seen, bar), atol=0.02)
    assert len(short.get_array()) == few


def test_values_that_are_all_0_are_drawn_without_a_warning(
    tmp_path: Path, drawn: dict[str, Figure], recwarn: pytest.WarningsRecorder
) -> None:
    write_figures(table(measures=("anova",)).assign(value=0.0), tmp_path)
    assert drawn["profile_anova"].axes[0].get_ylim() == (0, 1)
    assert [str(warning.message) for warning in recwarn] == []
