"""Heat maps of single units: a column for each layer, a cell for each feature map or unit, sorted by value.

`figure.row` and `figure.column` cut the table into panels. One network is drawn for each condition, that of
the first seed: units of different networks have nothing to do with each other.
"""

from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from equivariance.figures import tables
from equivariance.figures.layers import Layers, kind_entries, layer_axis, merged_layers
from equivariance.figures.layout import ColorBar, Layout, Legend, panel_height, panels, stand_in_note
from equivariance.figures.measure_names import measure_name
from equivariance.figures.shades import INFINITE, MISSING, color_bars, painted
from equivariance.figures.style import SETTINGS

INPUT = ("units",)

PANEL_HEIGHT = 1.3
PANEL_WIDTH = 5.6  # of all panels of a row together, about
COLUMN = 0.92
"""Share of a layer's width that its cells fill."""

NARROW = 0.03
"""Layers narrower than so many inches have no gaps between them: these would come and go with the pixels."""

CELLS = 2048
"""A column of more units shows so many of them, several for each of its pixels in print."""

CLIP = 2
"""Colours end at this percentile of the finite values, and at 100 less it."""


def plot(
    data: pd.DataFrame, experiment: dict[str, Any], labels: dict[str, str], stand_ins: dict[str, str]
) -> Figure:
    """Draw the units of an experiment's networks. Raises UserError when its mapping mixes conditions."""
    mapping = tables.mapping_of(experiment)
    units = tables.by_panel(tables.first_seed(tables.shown(data, experiment)), mapping)
    layers = merged_layers(units)
    cells = panels(units, mapping, labels)
    bars = color_bars(
        {str(measure): rows["value"] for measure, rows in units.groupby("measure", sort=False)},
        {measure: measure_name(measure).full for measure in units["measure"].unique()},
        CLIP,
    )
    with mpl.rc_context(SETTINGS):
        layout = Layout([(cell.row, cell.column) for cell in cells])
        height = panel_height(PANEL_HEIGHT, len(layout.rows))
        for cell in cells:
            axes = layout.axes[cell.row, cell.column]
            width = PANEL_WIDTH / len(layout.columns)
            filled = COLUMN if width / len(layers) >= NARROW else 1.0
            _draw(axes, cell.data, layers, bars[cell.data["measure"].iloc[0]], filled)
            layer_axis(axes, layers, width, layout.is_lowest(cell.row, cell.column))
        layout.titles(cells, height)
        layout.label_y("units, sorted by value")
        foot = Legend("", {**_special(units["value"]), **kind_entries(layers)})
        note = stand_in_note(list(units["dataset"].unique()), stand_ins, labels)
        return layout.arrange(lambda row, width: height, foot=foot, note=note, bars=list(bars.values()))


def _draw(axes: Axes, units: pd.DataFrame, layers: Layers, bar: ColorBar, filled: float) -> None:
    values = {layer: rows.to_numpy() for layer, rows in units.groupby("layer")["value"]}
    for index, (layer, _) in enumerate(layers):
        if layer in values:
            column = thinned(np.sort(values[layer]))  # np.sort copies; infinite and missing ones last
            axes.imshow(
                painted(column, bar)[:, None], origin="lower", aspect="auto", interpolation="nearest",
                extent=(index - filled / 2, index + filled / 2, 0, 1),
            )  # fmt: skip
    axes.set_ylim(0, 1)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)


def thinned(values: "NDArray[Any]") -> "NDArray[Any]":
    """Values in their order, no more than can be seen: `CELLS`, evenly spaced, of the first to the last."""
    if len(values) <= CELLS:
        return values
    return values[np.linspace(0, len(values) - 1, CELLS).round().astype(np.intp)]


def _special(values: "pd.Series[float]") -> dict[str, Patch]:
    """Entries of the legend for values that no number describes, where there are any."""
    return {
        text: Patch(facecolor=color)
        for text, color, there in (
            ("infinite", INFINITE, np.isinf(values).any()),
            ("no value", MISSING, values.isna().any()),
        )
        if there
    }
