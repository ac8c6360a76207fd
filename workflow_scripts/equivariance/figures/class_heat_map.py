"""Heat maps of classes: rows are classes, columns are layers, a cell is the mean of the layer.

The table has a column `class`, the class whose images a row was measured on. `figure.row` and
`figure.column` cut it into panels. Cells are means over seeds; panels of one measure share their colours.
"""

from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from equivariance.figures import tables
from equivariance.figures.layers import Layers, kind_entries, layer_axis, merged_layers
from equivariance.figures.layout import (
    LINE,
    ColorBar,
    Layout,
    Legend,
    panel_height,
    panels,
    stand_in_note,
)
from equivariance.figures.measure_names import measure_name
from equivariance.figures.shades import color_bars, painted
from equivariance.figures.style import SETTINGS

INPUT = ("profiles",)

PANEL_WIDTH = 5.2  # of all panels of a row together, about
LOWEST = 0.9
"""Least height of a panel of few classes, in inches."""


def plot(
    data: pd.DataFrame, experiment: dict[str, Any], labels: dict[str, str], stand_ins: dict[str, str]
) -> Figure:
    """Draw the classes of an experiment. Raises UserError when its mapping mixes conditions."""
    mapping = tables.mapping_of(experiment)
    profiles = tables.by_panel(tables.shown(data, experiment), mapping)
    layers = merged_layers(profiles)
    cells = panels(profiles, mapping, labels)
    matrices = {(cell.row, cell.column): _matrix(cell.data, layers) for cell in cells}
    measures = {(cell.row, cell.column): str(cell.data["measure"].iloc[0]) for cell in cells}
    values: dict[str, list[float]] = {}
    for key, matrix in matrices.items():
        values.setdefault(measures[key], []).extend(matrix.to_numpy().ravel())
    bars = color_bars(values, {measure: measure_name(measure).full for measure in values})
    with mpl.rc_context(SETTINGS):
        layout = Layout(list(matrices))
        heights = {
            row: panel_height(
                max(LOWEST, *(LINE * len(matrix) for (at, _), matrix in matrices.items() if at == row)),
                len(layout.rows),
            )
            for row in layout.rows
        }
        for key, matrix in matrices.items():
            axes = layout.axes[key]
            _draw(axes, matrix, bars[measures[key]], heights[key[0]])
            width = PANEL_WIDTH / len(layout.columns)
            layer_axis(axes, layers, width, layout.is_lowest(*key))
        layout.titles(cells, min(heights.values()))
        layout.label_y("class")
        foot = Legend("", dict(kind_entries(layers)))
        note = stand_in_note(list(profiles["dataset"]), stand_ins, labels)
        return layout.arrange(
            lambda row, width: heights[row], foot=foot, note=note, bars=list(bars.values())
        )  # fmt: skip


def _matrix(profiles: pd.DataFrame, layers: Layers) -> pd.DataFrame:
    """Means over seeds (classes, layers), NaN for layers that the network lacks."""
    means = profiles.pivot_table(index="class", columns="layer", values="mean", aggfunc="mean")
    return means.reindex(index=tables.levels(profiles["class"]), columns=[layer for layer, _ in layers])


def _draw(axes: Axes, matrix: pd.DataFrame, bar: ColorBar, height: float) -> None:
    axes.imshow(painted(matrix.to_numpy(), bar), aspect="auto", interpolation="nearest")
    axes.grid(False)
    step = int(np.ceil(LINE * len(matrix) / height - 1e-6))  # as many names as there is room for
    axes.set_yticks(range(0, len(matrix), step), [str(name) for name in matrix.index[::step]])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
