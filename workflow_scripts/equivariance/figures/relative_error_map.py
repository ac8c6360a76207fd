"""How far a measure of few images and transformations is from that of many, as a heat map of both numbers.

Rows are numbers of images, columns are numbers of transformations (the column `transformations` of the
table). A cell is the relative difference between the profile of a network measured so and the one of the
largest corner, with the most images and the most transformations, of the same network; then the mean over
seeds. `figure.row` and `figure.column` cut the table into panels.
"""

from math import floor, log10
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from equivariance.analysis.distances import relative_difference
from equivariance.errors import UserError
from equivariance.figures import tables
from equivariance.figures.layout import ColorBar, Layout, panel_height, panels, stand_in_note
from equivariance.figures.shades import color_bars, painted
from equivariance.figures.style import SETTINGS, SMALL

INPUT = ("profiles",)

PANEL_WIDTH = 5.2  # of all panels of a row together, about
LETTER = 0.62 * SMALL / 72
CELL = 0.2
"""Height of a cell whose value is written across, in inches."""

BARE = 0.05
"""Room beside the text in a cell, in inches."""


def plot(
    data: pd.DataFrame, experiment: dict[str, Any], labels: dict[str, str], stand_ins: dict[str, str]
) -> Figure:
    """Draw the differences of an experiment.

    Raises UserError when its mapping mixes conditions, and where a network lacks the largest corner.
    """
    mapping, name = tables.mapping_of(experiment), experiment["name"]
    profiles = tables.by_panel(tables.shown(data, experiment), mapping)
    cells = panels(profiles, mapping, labels)
    errors = {(cell.row, cell.column): relative_errors(cell.data, name) for cell in cells}
    values = np.concatenate([100 * error.to_numpy().ravel() for error in errors.values()])
    label = "mean relative difference to the largest corner (%)"
    (bar,) = color_bars({"": values}, {"": label}).values()
    with mpl.rc_context(SETTINGS):
        layout = Layout(list(errors))
        narrowest = PANEL_WIDTH / len(layout.columns) / max(error.shape[1] for error in errors.values())
        longest = max(len(text_of(value)) for value in values) * LETTER + BARE
        across = longest <= narrowest
        most = max(len(error) for error in errors.values())
        height = panel_height((CELL if across else longest) * most, len(layout.rows))
        for key, error in errors.items():
            axes = layout.axes[key]
            _draw(axes, 100 * error, bar, across, narrowest)
            if layout.is_lowest(*key):
                axes.set_xlabel("transformations", labelpad=2, fontsize=SMALL)
        layout.titles(cells, height)
        layout.label_y("samples")
        note = stand_in_note(list(profiles["dataset"]), stand_ins, labels)
        return layout.arrange(lambda row, width: height, note=note, bars=[bar])


def relative_errors(profiles: pd.DataFrame, name: str) -> pd.DataFrame:
    """Mean over seeds of the relative differences (numbers of images, numbers of transformations).

    Both numbers ascend; NaN where nothing was measured. Raises UserError where a network lacks the largest
    corner.
    """
    by = ["samples", "transformations"]
    largest = int(profiles["samples"].max()), int(profiles["transformations"].max())
    found = []
    for seed, network in profiles.groupby("seed"):
        wide = network.pivot_table(index=by, columns="layer", values="mean")
        if largest not in wide.index:
            raise UserError(
                f"figure of {name}: the network of seed {seed} was not measured with {largest[0]} images and "
                f"{largest[1]} transformations, the largest corner of its panel"
            )
        corner = wide[wide.index == largest].to_numpy()[0]
        errors = [relative_difference(profile, corner) for profile in wide.to_numpy()]
        found.append(wide.index.to_frame(index=False).assign(error=errors))
    return pd.concat(found).pivot_table(index=by[0], columns=by[1], values="error", aggfunc="mean")


def text_of(value: float) -> str:
    """A percentage with two significant digits, "" for none.

    >>> [text_of(value) for value in (0, 0.001, 0.0123, 0.98, 9.96, 100, float("nan"))]
    ['0', '<.01', '.012', '.98', '10', '100', '']
    """
    if np.isnan(value):
        return ""
    if 0 < value < 0.01:
        return "<.01"
    if value == 0 or value >= 9.95:
        return f"{value:.0f}"
    digits = 1 - floor(log10(value))
    return f"{value:.{digits}f}".removeprefix("0") if value < 0.995 else f"{value:.1f}"


def _draw(axes: Axes, error: pd.DataFrame, bar: ColorBar, across: bool, cell: float) -> None:
    """Draw a panel of cells so many inches wide, the fewest images at the bottom, with a value in each."""
    colors = painted(error.to_numpy(), bar)
    axes.imshow(colors, origin="lower", aspect="auto", interpolation="nearest")
    axes.grid(False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    luminance = colors[..., :3] @ (0.2126, 0.7152, 0.0722)
    for (row, column), value in np.ndenumerate(error.to_numpy()):
        axes.text(
            column, row, text_of(value), ha="center", va="center", rotation=0 if across else 90,
            color="black" if luminance[row, column] > 0.45 else "white",
        )  # fmt: skip
    names = [f"{number:,}" for number in error.columns]
    turned = max(map(len, names)) * LETTER + BARE > cell
    axes.set_xticks(range(error.shape[1]), names, rotation=90 if turned else 0)
    axes.set_yticks(range(len(error)), [f"{number:,}" for number in error.index])
    axes.tick_params(length=0)
