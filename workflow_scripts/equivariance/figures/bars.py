"""Grouped bars of accuracies: a group for each value of `figure.x`, a bar for each value of `figure.hue`.

A bar is the mean over seeds, a point on it is one seed. Where the table has a column `classes`, a dashed line
marks what guessing would reach.
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
from equivariance.figures.layout import Layout, Legend, Panel, panels, scope, stand_in_note
from equivariance.figures.style import GREY, SETTINGS, SMALL, colors

INPUT = "accuracies"

PANEL_HEIGHT = 1.5
PANEL_WIDTH = 5.4  # of all panels of a row together, about
GROUP = 0.8
"""Share of a group's width that its bars fill."""


def plot(
    data: pd.DataFrame, experiment: dict[str, Any], labels: dict[str, str], stand_ins: dict[str, str]
) -> Figure:
    """Draw the accuracies of an experiment. Raises UserError when its mapping leaves conditions untold."""
    mapping = experiment["figure"]
    x, hue = mapping.get("x"), mapping.get("hue")
    if not x:
        raise UserError(
            f"figure of {experiment['name']}: bars need the column `x` in config/experiments.yaml"
        )
    tables.one(data, mapped(mapping), experiment["name"])
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
        for cell in cells:
            axes = layout.axes[cell.row, cell.column]
            _draw(axes, cell, x, hue, looks[cell.row, cell.column])
            names = [tables.display(x, value, labels) for value in tables.levels(cell.data[x])]
            _axes(axes, names, PANEL_WIDTH / len(layout.columns))
            axes.tick_params(axis="y", labelleft=layout.is_first(cell.row, cell.column))
        layout.titles(cells)
        layout.label_y(mapping.get("y_label") or "test accuracy (%)")
        note = stand_in_note(list(data["dataset"]), stand_ins, labels)
        return layout.arrange(lambda row, width: PANEL_HEIGHT, legends, where, _foot(data), note)


def mapped(mapping: dict[str, Any]) -> list[str]:
    """The columns that a figure of bars tells apart."""
    return list(dict.fromkeys(mapping[key] for key in ("row", "column", "hue", "x") if mapping.get(key)))


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
            seeds = 100 * chosen.groupby("seed")["accuracy"].mean().to_numpy()
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


def _axes(axes: Axes, names: list[str], width: float) -> None:
    """Name the groups; turn the names where they would touch."""
    axes.set_xlim(-0.5, len(names) - 0.5)
    axes.set_ylim(0, 100)
    lines = [name.replace(" ", "\n") if turned(names, width) else name for name in names]
    if turned([line for name in lines for line in name.split("\n")], width, len(names)):
        axes.set_xticks(range(len(names)), names, rotation=35, ha="right", rotation_mode="anchor")
    else:
        axes.set_xticks(range(len(names)), lines)
    axes.tick_params(axis="x", length=0)


def turned(names: list[str], width: float, groups: int = 0) -> bool:
    """Whether names of groups, side by side in `width` inches, would touch."""
    return max(len(name) for name in names) * SMALL * 0.62 / 72 > width / (groups or len(names)) - 0.05
