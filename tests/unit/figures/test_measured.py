"""The figures of one measured network."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from equivariance.figures import measured
from equivariance.figures.measured import write_figures
from equivariance.measures.strata import with_means


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
