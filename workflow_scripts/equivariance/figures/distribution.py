"""Distributions of single units: a box for each layer and each value of `figure.hue`.

A box reaches from the lower to the upper quartile of the finite values, with the median as a line; whiskers
reach from the 5th to the 95th percentile. Units of all seeds are one distribution. `figure.row` and
`figure.column` cut the table into panels.
"""

from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from equivariance.figures import tables
from equivariance.figures.layers import Layers, kind_entries, layer_axis, merged_layers
from equivariance.figures.layout import (
    BETWEEN,
    GAP,
    LINE,
    TITLE,
    Layout,
    Legend,
    Panel,
    broken,
    panel_height,
    panels,
    scope,
    stand_in_note,
)
from equivariance.figures.measure_names import is_normalized, measure_name
from equivariance.figures.style import GREY, SETTINGS, colors

INPUT = ("units",)

PANEL_HEIGHT = 1.6
PANEL_WIDTH = 5.6  # of all panels of a row together, about
GROUP = 0.84
"""Share of a layer's width that its boxes fill."""

PERCENTILES = (5, 25, 50, 75, 95)
"""Lower whisker, box, median, box and upper whisker."""


def plot(
    data: pd.DataFrame, experiment: dict[str, Any], labels: dict[str, str], stand_ins: dict[str, str]
) -> Figure:
    """Draw the units of an experiment's networks. Raises UserError when its mapping mixes conditions."""
    mapping = tables.mapping_of(experiment)
    units = tables.by_panel(tables.shown(data, experiment), mapping)
    hue = mapping.get("hue")
    layers = merged_layers(units)
    cells = panels(units, mapping, labels)
    texts = {
        (cell.row, cell.column): {
            level: tables.display(hue, level, labels) for level in tables.levels(cell.data[hue])
        } if hue else {None: ""}
        for cell in cells
    }  # fmt: skip
    where, ordered = scope(texts), tables.ordered(mapping, texts.values())
    hues = tables.levels(units[hue]) if hue else [None]
    with mpl.rc_context(SETTINGS):
        look = dict(zip(hues, colors(len(hues), ordered), strict=True))
        legends = {
            key: Legend(
                tables.COLUMN_NAMES.get(hue or "", ""),
                {text: Patch(facecolor=look[level]) for level, text in entries.items() if text},
            )
            for key, entries in texts.items()
        }
        layout = Layout(list(texts))
        height = panel_height(PANEL_HEIGHT, len(layout.rows), LINE + GAP if where == "row" else 0)
        for cell in cells:
            key = cell.row, cell.column
            _draw(layout.axes[key], cell, hue, layers, [level for level in look if level in texts[key]], look)
            width = PANEL_WIDTH / len(layout.columns)
            layer_axis(layout.axes[key], layers, width, layout.is_lowest(*key))
        _limits(layout, cells, mapping)
        layout.titles(cells, height)
        measures = tables.levels(units["measure"])
        name = measure_name(measures[0]).full if len(measures) == 1 else "value"
        room = len(layout.rows) * (height + BETWEEN)
        layout.label_y(broken(mapping.get("y_label") or f"{name} of single units", room, TITLE))
        note = stand_in_note(list(units["dataset"]), stand_ins, labels)
        foot = Legend("", dict(kind_entries(layers)))
        return layout.arrange(lambda row, width: height, legends, where, foot, note)


def quantiles(values: "pd.Series[float]") -> "np.ndarray[Any, np.dtype[np.float64]] | None":
    """The `PERCENTILES` of the finite values, (5,); None where there is none."""
    finite = values.to_numpy(np.float64)
    finite = finite[np.isfinite(finite)]
    return np.percentile(finite, PERCENTILES) if finite.size else None


def _draw(
    axes: Axes, cell: Panel, hue: str | None, layers: Layers, shown: list[Any], look: dict[Any, str]
) -> None:
    """Draw the boxes of a panel, those of a layer side by side in the order of `shown`."""
    step = GROUP / max(len(shown), 2)  # a lone box is not wider than one of a pair
    for place, level in enumerate(shown):
        rows = cell.data if hue is None else cell.data[cell.data[hue] == level]
        values = dict(iter(rows.groupby("layer")["value"]))
        for index, (layer, _) in enumerate(layers):
            found = quantiles(values[layer]) if layer in values else None
            if found is not None:
                centre = index + (place - (len(shown) - 1) / 2) * step
                _box(axes, found, centre, 0.8 * step, look[level])


def _box(axes: Axes, found: Any, centre: float, width: float, color: str) -> None:
    low, lower, median, upper, high = found
    axes.vlines([centre, centre], [low, upper], [lower, high], color=color, linewidth=0.8, label="_whiskers")
    axes.bar(centre, upper - lower, width, bottom=lower, color=color, linewidth=0, label="_box")
    axes.hlines(median, centre - width / 2, centre + width / 2, color="white", linewidth=1.0, label="_median")


def _limits(layout: Layout, cells: list[Panel], mapping: dict[str, Any]) -> None:
    """Set the range of y, the same for the panels of a row; mark 1 where measures are normalized."""
    normalized = all(is_normalized(cell.data["measure"]) for cell in cells)
    for key, axes in layout.axes.items():
        of_row = [other for place, other in layout.axes.items() if normalized or place[0] == key[0]]
        low = min(0.0, *(1.05 * other.dataLim.y0 for other in of_row))
        high = max(1.05 * other.dataLim.y1 for other in of_row)
        axes.set_ylim(low, max(high, float(mapping.get("y_limit") or 0.0)))
        axes.tick_params(axis="y", labelleft=layout.is_first(*key))
        if normalized:
            axes.axhline(1, color=GREY, linewidth=0.6, zorder=0.9, label="_one")
