"""Heat maps of accuracies: rows are classes, columns are members of a set, for rotations their angles.

`figure.row` and `figure.column` cut the table into panels. A cell is the mean accuracy over seeds in per
cent; colours mean the same in all figures, from 0 to 100. A cell without images is grey.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any

from equivariance.analysis.columns import CONDITIONS, levels
from equivariance.figures.cell_map import CellMap
from equivariance.figures.kind import Entry, Labels, Number, Numbers

if TYPE_CHECKING:
    from pandas import DataFrame

    from equivariance.figures.facets import Facets, Panel
    from equivariance.figures.layers import Layers


class AccuracyHeatMap(CellMap):
    """Classes by transformations."""

    draws = ("class_accuracies",)
    axes = ("class",)
    by_layers = False
    label = "class"
    missing = "no image"
    subject = (
        "test accuracy by class and transformation: in each panel a row for each class and a column for each "
        "member of the set, named by its angle if it is a rotation"
    )

    def cells(self, rows: DataFrame, layers: Layers, name: str) -> DataFrame:
        """Mean accuracies over seeds in per cent (classes, members); NaN where there was no image."""
        column = "angle" if "angle" in rows.columns else "member"
        means = 100 * rows.pivot_table(index="class", columns=column, values="accuracy", aggfunc="mean")
        return means.reindex(index=levels(rows["class"]), columns=sorted(rows[column].unique()))

    def measure(self, panel: Panel) -> str:
        """Accuracies have one scale."""
        return "test accuracy (%)"

    def values(self, panel: Panel, cells: DataFrame) -> Any:
        """All that there may be."""
        return [0.0, 100.0]

    def name_columns(self, panel: Panel, cells: DataFrame, facets: Facets) -> None:
        """Name the angles that there is room for, 0 among them."""
        members, count = [float(member) for member in cells.columns], len(cells.columns)
        step = ceil(0.6 * count / facets.width)
        shown = range(members.index(0) % step if 0 in members else 0, count, step)
        if panel.is_lowest:
            names = [f"{members[at]:.4g}".replace("-", "−") for at in shown]
            panel.axes.set_xticks([at + 0.5 for at in shown], names)
            angle = "angle (°, counter-clockwise)"
            panel.axes.set_xlabel(angle if "angle" in panel.data else "member of the set")

    def numbers(self, data: Any, entry: Entry, labels: Labels) -> Numbers | None:
        """Means over classes at 0 degrees and at the worst angle, in per cent; none without angles."""
        if "angle" not in data:
            return None
        by = [name for name in ("seed", *CONDITIONS) if name in data and name != "class"]
        angles = data.groupby([*by, "angle"], sort=False)["accuracy"].mean().mul(100).reset_index()
        upright = angles[angles["angle"] == 0].rename(columns={"accuracy": "upright"})[[*by, "upright"]]
        lowest = angles.groupby(by, sort=False)["accuracy"].min().rename("lowest").reset_index()
        return lowest.merge(upright, on=by, how="left"), {
            "upright": Number("accuracy at 0° (%)", 1),
            "lowest": Number("lowest accuracy of an angle (%)", 1),
        }
