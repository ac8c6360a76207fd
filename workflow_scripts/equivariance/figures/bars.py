"""Grouped bars, of accuracies or of a measure of whole networks, the mean over their layers.

A group for each value of `figure.x`, a bar for each value of `figure.hue`. A bar is the mean over seeds, a
point on it is one seed. Where the table has a column `classes`, a dashed line marks what guessing would
reach; of a normalized measure, a thin line marks 1.
"""

from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from equivariance.errors import UserError
from equivariance.figures import tables
from equivariance.figures.layout import (
    BETWEEN,
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
from equivariance.figures.style import GREY, SETTINGS, SMALL, colors

INPUT = ("accuracies", "networks")

PANEL_HEIGHT = 1.5
PANEL_WIDTH = 5.4  # of all panels of a row together, about
GROUP = 0.8
"""Share of a group's width that its bars fill."""

NAMES = 0.4
"""Inches that the names of groups take under a panel, about."""

LETTER = 0.62
"""Width of a letter of a name, about, as a part of the type's size."""

BARE = 0.05
"""Least room between names, in inches."""

TURNED = 1.2
"""Turned names are broken into lines of so many inches."""


def plot(
    data: pd.DataFrame, experiment: dict[str, Any], labels: dict[str, str], stand_ins: dict[str, str]
) -> Figure:
    """Draw the bars of an experiment. Raises UserError when its mapping leaves conditions untold."""
    mapping = experiment["figure"]
    measured = "measure" in data.columns
    x, hue = mapping.get("x"), mapping.get("hue")
    if not x:
        raise UserError(
            f"figure of {experiment['name']}: bars need the column `x` in config/experiments.yaml"
        )
    if measured:
        data = tables.shown(data, experiment)
    tables.one(data, tables.told(mapping, "row", "column", "hue", "x"), experiment["name"])
    data = data.assign(value=data["global_layer_mean"] if measured else 100 * data["accuracy"])
    cells = panels(data, mapping, labels)
    texts = {
        (cell.row, cell.column): {
            level: tables.display(hue, level, labels) for level in tables.levels(cell.data[hue])
        } if hue else {None: ""}
        for cell in cells
    }  # fmt: skip
    where, ordered = scope(texts), tables.ordered(mapping, texts.values())
    hues = tables.levels(data[hue]) if hue else [None]
    with mpl.rc_context(SETTINGS):
        looks = {}
        for key, entries in texts.items():
            own = hues if where == "figure" else [level for level in hues if level in entries]
            looks[key] = dict(zip(own, colors(len(own), ordered), strict=True))
        legends = {
            key: Legend(
                tables.COLUMN_NAMES.get(hue or "", ""),
                {text: Patch(facecolor=looks[key][level]) for level, text in entries.items() if text},
            )
            for key, entries in texts.items()
        }
        layout = Layout(list(texts))
        names = {
            (cell.row, cell.column): [
                tables.display(x, value, labels) for value in tables.levels(cell.data[x])
            ]
            for cell in cells
        }
        shared = all(names[key] == names[other] for key in names for other in names if key[1] == other[1])
        height = panel_height(PANEL_HEIGHT, len(layout.rows), 0 if shared else NAMES)
        for cell in cells:
            key = cell.row, cell.column
            axes = layout.axes[key]
            _draw(axes, cell, x, hue, looks[key])
            _name_groups(axes, names[key], PANEL_WIDTH / len(layout.columns))
            _limit(axes, cell, data, mapping)
            axes.tick_params(axis="y", labelleft=layout.is_first(*key))
            axes.tick_params(axis="x", labelbottom=not shared or layout.is_lowest(*key))
        layout.titles(cells, height)
        room = len(layout.rows) * (height + BETWEEN)
        layout.label_y(broken(mapping.get("y_label") or _y_label(data), room, TITLE))
        note = stand_in_note(list(data["dataset"]), stand_ins, labels)
        return layout.arrange(lambda row, width: height, legends, where, _foot(data), note)


def _y_label(data: pd.DataFrame) -> str:
    if "measure" not in data.columns:
        return "test accuracy (%)"
    measures = data["measure"].unique()
    name = measure_name(str(measures[0])).full if len(measures) == 1 else "value"
    return f"{name}, mean over layers"


def _limit(axes: Axes, cell: Panel, data: pd.DataFrame, mapping: dict[str, Any]) -> None:
    """Set the range of y from 0: to 100 per cent, or the same for all panels of a measure; mark its 1."""
    if "measure" not in data.columns:
        axes.set_ylim(0, 100)
        return
    measures = cell.data["measure"]
    top = 1.05 * data.loc[data["measure"].isin(measures), "value"].max()
    normalized = is_normalized(measures)
    axes.set_ylim(0, max(top, mapping.get("y_limit") or 0.0, 1.05 if normalized else 0.0))
    if normalized:
        axes.axhline(1, color=GREY, linewidth=0.6, zorder=1.5, label="_one")


def _foot(data: pd.DataFrame) -> Legend:
    entries: dict[str, Any] = {}
    if data["seed"].nunique() > 1:
        entries["one seed"] = Line2D([], [], linestyle="none", **_POINT)
    if "classes" in data.columns:
        entries["chance"] = Line2D([], [], color=GREY, linestyle=(0, (3, 2)), linewidth=0.8)
    return Legend("", entries)


_POINT: dict[str, Any] = {
    "marker": "o",
    "markersize": 2.6,
    "markerfacecolor": "white",
    "markeredgecolor": "black",
    "markeredgewidth": 0.5,
    "clip_on": False,
    "zorder": 4,
}


def _draw(axes: Axes, cell: Panel, x: str, hue: str | None, look: dict[Any, str]) -> None:
    """Draw the groups of a panel; bars that a group lacks leave no gap."""
    for group, value in enumerate(tables.levels(cell.data[x])):
        rows = cell.data[cell.data[x] == value]
        present = [level for level in look if hue is None or (rows[hue] == level).any()]
        step = GROUP / max(len(present), 2)  # a lone bar is not wider than one of a pair
        for index, level in enumerate(present):
            chosen = rows if hue is None else rows[rows[hue] == level]
            seeds = chosen.groupby("seed")["value"].mean().to_numpy()
            centre = group + (index - (len(present) - 1) / 2) * step
            axes.bar(centre, seeds.mean(), 0.92 * step, color=look[level], linewidth=0, label="_bar")
            if len(seeds) > 1:
                spread = (np.arange(len(seeds)) - (len(seeds) - 1) / 2) * min(0.12, 0.5 / len(seeds)) * step
                axes.plot(centre + spread, seeds, linestyle="none", label="_seeds", **_POINT)
    if "classes" in cell.data.columns:
        for classes in cell.data["classes"].unique():
            axes.axhline(
                100 / classes, color=GREY, linestyle=(0, (3, 2)), linewidth=0.8, label="_chance", zorder=2.5
            )


def _name_groups(axes: Axes, names: list[str], width: float) -> None:
    """Name the groups; break the names, or turn them, where they would touch."""
    axes.set_xlim(-0.5, len(names) - 0.5)
    room = 0.9 * (width / len(names) - BARE)  # names have more capitals than running text
    lines = [broken(name, room) for name in names]
    if touching([line for name in lines for line in name.split("\n")], width / len(names)):
        lines = [broken(name, TURNED) for name in names]
        axes.set_xticks(range(len(names)), lines, rotation=35, ha="right", rotation_mode="anchor")
    else:
        axes.set_xticks(range(len(names)), lines)
    axes.tick_params(axis="x", length=0)


def touching(lines: list[str], width: float) -> bool:
    """Whether lines of names would touch those beside them, each in `width` inches."""
    return max(map(len, lines)) * LETTER * SMALL / 72 > width - BARE
