"""Learning curves: test accuracy after each epoch, one line per value of `figure.hue`.

A line is the mean over seeds. Where a panel has one line, the seeds are thin lines beside it; where it has
more, a band reaches from the smallest to the largest seed. A ring marks where a network first reaches 99 % of
its final accuracy. `figure.row` and `figure.column` cut the table into panels.
"""

from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from equivariance.figures import tables
from equivariance.figures.layout import Layout, Legend, Panel, panel_height, panels, scope, stand_in_note
from equivariance.figures.style import GREY, SETTINGS, colors

INPUT = ("histories",)

PANEL_HEIGHT = 1.6
_RING: dict[str, Any] = {
    "marker": "o",
    "markersize": 4.2,
    "markerfacecolor": "white",
    "markeredgewidth": 1.0,
    "clip_on": False,
    "zorder": 4,
}


def plot(
    data: pd.DataFrame, experiment: dict[str, Any], labels: dict[str, str], stand_ins: dict[str, str]
) -> Figure:
    """Draw the trainings of an experiment. Raises UserError when its mapping mixes conditions."""
    mapping = experiment["figure"]
    hue = mapping.get("hue")
    tables.one(data, tables.told(mapping, "row", "column", "hue"), experiment["name"])
    cells = panels(data, mapping, labels)
    texts = {
        (cell.row, cell.column): {
            level: tables.display(hue, level, labels) for level in tables.levels(cell.data[hue])
        } if hue else {None: ""}
        for cell in cells
    }  # fmt: skip
    where, ordered = scope(texts), tables.ordered(mapping, texts.values())
    hues = tables.levels(data[hue]) if hue else [None]
    alone = tables.lonely(data, mapping)
    with mpl.rc_context(SETTINGS):
        look = dict(zip(hues, colors(len(hues), ordered), strict=True))
        legends = {
            key: Legend(
                tables.COLUMN_NAMES.get(hue or "", ""),
                {text: Line2D([], [], color=look[level]) for level, text in entries.items() if text},
            )
            for key, entries in texts.items()
        }
        layout = Layout(list(texts))
        height = panel_height(PANEL_HEIGHT, len(layout.rows), 0.2)
        for cell in cells:
            axes = layout.axes[cell.row, cell.column]
            for level in (level for level in look if level in texts[cell.row, cell.column]):
                rows = cell.data if hue is None else cell.data[cell.data[hue] == level]
                _draw(axes, rows, look[level], alone)
            axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
            if layout.is_lowest(cell.row, cell.column):
                axes.set_xlabel("epoch", labelpad=2)
        _limits(layout, cells)
        layout.titles(cells, height)
        layout.label_y("test accuracy (%)")
        note = stand_in_note(list(data["dataset"]), stand_ins, labels)
        foot = _foot(data, alone, colors(1, ordered)[0])
        return layout.arrange(lambda row, width: height, legends, where, foot, note)


def _foot(data: pd.DataFrame, alone: bool, color: str) -> Legend:
    ring = Line2D([], [], linestyle="none", markeredgecolor=GREY, **_RING)
    entries = {"99 % of the final accuracy": ring}
    if alone and data["seed"].nunique() > 1:
        entries["one seed"] = Line2D([], [], color=color, linewidth=0.5)
    return Legend("", dict(entries))


def _draw(axes: Axes, rows: pd.DataFrame, color: str, alone: bool) -> None:
    """Draw the networks of a condition."""
    curves = 100 * rows.pivot_table(index="epoch", columns="seed", values="accuracy", aggfunc="mean")
    if curves.shape[1] > 1 and alone:
        axes.plot(curves.index, curves, color=color, linewidth=0.5, alpha=0.55, label="_seed")
    elif curves.shape[1] > 1:
        axes.fill_between(
            curves.index, curves.min(axis=1), curves.max(axis=1), color=color, alpha=0.18, linewidth=0,
            label="_band",
        )  # fmt: skip
    axes.plot(curves.index, curves.mean(axis=1), color=color, label="mean")
    reached = rows[rows["epoch"] == rows["reached_epoch"]]
    axes.plot(
        reached["epoch"], 100 * reached["accuracy"], linestyle="none", markeredgecolor=color,
        label="_reached", **_RING,
    )  # fmt: skip


def _limits(layout: Layout, cells: list[Panel]) -> None:
    """Set the range of y, from tens of per cent to 100 and the same for the panels of a row, and that of
    epochs, the same for the panels of a column."""
    for cell in cells:
        axes = layout.axes[cell.row, cell.column]
        of_row = min(float(other.data["accuracy"].min()) for other in cells if other.row == cell.row)
        of_column = max(int(other.data["epoch"].max()) for other in cells if other.column == cell.column)
        axes.set_ylim(min(10 * int(10 * of_row), 90), 100)
        axes.set_xlim(0, of_column + max(0.02 * of_column, 0.2))
        axes.tick_params(axis="y", labelleft=layout.is_first(cell.row, cell.column))
