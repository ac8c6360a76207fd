"""How far a measure of few images and transformations is from that of many, as a heat map of both numbers.

Rows are numbers of images, columns are numbers of transformations (the column `transformations` of the
table). A cell is the relative difference between the profile of a network measured so and the one of the
largest corner, with the most images and the most transformations, of the same network; then the mean over
seeds. `figure.row` and `figure.column` cut the table into panels.
"""

from __future__ import annotations

from math import floor, isnan, log10
from typing import TYPE_CHECKING, Any

from equivariance.errors import UserError
from equivariance.figures.cell_map import CellMap
from equivariance.figures.kind import Entry, Labels

if TYPE_CHECKING:
    from pandas import DataFrame

    from equivariance.figures.facets import Facets, Panel
    from equivariance.figures.layers import Layers


class RelativeErrorMap(CellMap):
    """Images by transformations."""

    axes = ("samples", "transformations")
    by_layers = False
    label = "samples"
    height = 1.0
    subject = (
        "relative difference in per cent between the {measures} of a network measured on some images "
        "(rows, more of them upwards) with some transformations (columns, more of them to the right), and "
        "on the most images with the most transformations, the largest corner: |p − q| / (|p| + |q|) of "
        "the means p and q of a layer, then the mean over layers"
    )

    def cells(self, rows: DataFrame, layers: Layers, name: str) -> DataFrame:
        """Differences in per cent, more images upwards."""
        return 100 * relative_errors(rows, name).iloc[::-1]

    def measure(self, panel: Panel) -> str:
        """Differences have one scale."""
        return "mean relative difference to the largest corner (%)"

    def name_columns(self, panel: Panel, cells: DataFrame, facets: Facets) -> None:
        """Write the values into the cells, and name the numbers of transformations; turned where they would
        touch."""
        import numpy as np

        from equivariance.figures.facets import text_width

        axes, room = panel.axes, facets.width / cells.shape[1] - 0.05
        mesh = axes.collections[0]
        mesh.update_scalarmappable()
        light = np.asarray(mesh.get_facecolor())[:, :3] @ (0.2126, 0.7152, 0.0722) > 0.45
        look: dict[str, Any] = {"ha": "center", "va": "center", "rotation": 90 * (room < text_width("9999"))}
        for ((row, column), value), black in zip(np.ndenumerate(cells), light, strict=True):
            axes.text(column + 0.5, row + 0.5, text_of(value), color="black" if black else "white", **look)
        names = [f"{number:,}" for number in cells.columns]
        turned = room < max(map(text_width, names))
        axes.set_xticks(np.arange(len(names)) + 0.5, names, rotation=90 * turned)
        axes.set_xlabel("transformations" if panel.is_lowest else "")

    def numbers(self, data: Any, entry: Entry, labels: Labels) -> None:
        """None: its cells have theirs."""


def relative_errors(profiles: DataFrame, name: str) -> DataFrame:
    """Mean over seeds of the relative differences (numbers of images, numbers of transformations).

    Both numbers ascend; NaN where nothing was measured. Raises UserError where a network lacks the largest
    corner.
    """
    import pandas as pd

    from equivariance.analysis.distances import relative_difference

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
    if isnan(value):
        return ""
    if 0 < value < 0.01:
        return "<.01"
    if value == 0 or value >= 9.95:
        return f"{value:.0f}"
    digits = 1 - floor(log10(value))
    return f"{value:.{digits}f}".removeprefix("0") if value < 0.995 else f"{value:.1f}"
