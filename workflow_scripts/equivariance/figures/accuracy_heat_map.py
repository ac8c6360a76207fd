"""Heat maps of accuracies: rows are classes, columns are members of a set, for rotations their angles.

`figure.row` and `figure.column` cut the table into panels. A cell is the mean accuracy over seeds in per
cent; colours mean the same in all figures, from 0 to 100. A cell without images is grey.
"""

from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from equivariance.figures import tables
from equivariance.figures.layout import (
    LETTER,
    LINE,
    ColorBar,
    Layout,
    Legend,
    panel_height,
    panels,
    stand_in_note,
)
from equivariance.figures.shades import MISSING, color_map, painted
from equivariance.figures.style import SETTINGS, SMALL

INPUT = ("class_accuracies",)

PANEL_WIDTH = 5.2  # of all panels of a row together, about
LOWEST = 0.9
"""Least height of a panel of few classes, in inches."""


def plot(
    data: pd.DataFrame, experiment: dict[str, Any], labels: dict[str, str], stand_ins: dict[str, str]
) -> Figure:
    """Draw the classes of an experiment. Raises UserError when its mapping mixes conditions."""
    mapping = experiment["figure"]
    tables.one(data, [*tables.told(mapping, "row", "column"), "class"], experiment["name"])
    cells = panels(data, mapping, labels)
    matrices = {(cell.row, cell.column): matrix(cell.data) for cell in cells}
    bar = ColorBar(ScalarMappable(Normalize(0, 100), color_map()), "test accuracy (%)")
    missing = any(one.isna().any(axis=None) for one in matrices.values())
    with mpl.rc_context(SETTINGS):
        layout = Layout(list(matrices))
        heights = {
            row: panel_height(
                max(LOWEST, *(LINE * len(one) for (at, _), one in matrices.items() if at == row)),
                len(layout.rows),
            )
            for row in layout.rows
        }
        for key, one in matrices.items():
            axes = layout.axes[key]
            _draw(axes, one, bar, heights[key[0]], PANEL_WIDTH / len(layout.columns))
            axes.tick_params(axis="x", labelbottom=layout.is_lowest(*key))
            if layout.is_lowest(*key):
                axes.set_xlabel(axis_of(data), labelpad=2)
        layout.titles(cells, min(heights.values()))
        layout.label_y("class")
        foot = Legend("", {"no image": Patch(facecolor=MISSING)} if missing else {})
        note = stand_in_note(list(data["dataset"]), stand_ins, labels)
        return layout.arrange(lambda row, width: heights[row], foot=foot, note=note, bars=[bar])


def axis_of(data: pd.DataFrame) -> str:
    """What the columns of a map are."""
    return "angle (°, counter-clockwise)" if "angle" in data.columns else "member of the set"


def matrix(data: pd.DataFrame) -> pd.DataFrame:
    """Mean accuracies over seeds in per cent (classes, members), members by their angle where they have one;
    NaN where there was no image."""
    column = "angle" if "angle" in data.columns else "member"
    means = 100 * data.pivot_table(index="class", columns=column, values="accuracy", aggfunc="mean")
    return means.reindex(index=tables.levels(data["class"]), columns=sorted(data[column].unique()))


def _draw(axes: Axes, means: pd.DataFrame, bar: ColorBar, height: float, width: float) -> None:
    axes.imshow(painted(means.to_numpy(), bar), aspect="auto", interpolation="nearest")
    axes.grid(False)
    step = int(np.ceil(LINE * len(means) / height - 1e-6))  # as many names as there is room for
    axes.set_yticks(range(0, len(means), step), [str(name) for name in means.index[::step]])
    members = [float(member) for member in means.columns]
    names = [f"{member:.4g}".replace("-", "−") for member in members]
    room = (max(map(len, names)) + 1) * LETTER * SMALL / 72
    step = int(np.ceil(room * len(names) / width))
    first = members.index(0) % step if 0 in members else 0  # so that 0 degrees are named
    shown = range(first, len(names), step)
    axes.set_xticks(shown, [names[at] for at in shown])
    axes.tick_params(length=0)
    for spine in ("left", "bottom"):
        axes.spines[spine].set_visible(False)
