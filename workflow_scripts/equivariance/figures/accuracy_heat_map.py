"""Heat maps of accuracies: rows are classes, columns are members of a set, for rotations their angles."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any

from equivariance.analysis.columns import levels
from equivariance.figures.cell_map import CellMap
from equivariance.language import N_, _

if TYPE_CHECKING:
    from pandas import DataFrame

    from equivariance.figures.facets import Facets, Panel
    from equivariance.figures.layers import Layers


class AccuracyHeatMap(CellMap):
    """Classes by transformations. Colours mean the same in all figures, from 0 to 100 %."""

    draws = ("class_accuracies",)
    axes = ("class",)
    by_layers = False
    label = N_("class")
    missing = N_("no image")
    subject = N_(
        "test accuracy by class and transformation: in each panel a row for each class and a column for each "
        "member of the set, named by its angle if it is a rotation"
    )

    def cells(self, rows: DataFrame, layers: Layers) -> DataFrame:
        """Mean accuracies over seeds in per cent (classes, members); NaN where there was no image."""
        column = "angle" if "angle" in rows else "member"
        means = 100 * rows.pivot_table(index="class", columns=column, values="accuracy", aggfunc="mean")
        return means.reindex(index=levels(rows["class"]), columns=sorted(rows[column].unique()))

    def measure(self, panel: Panel) -> str:
        """Accuracies have one scale."""
        return _("test accuracy (%)")

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
            is_angle = "angle" in panel.data
            panel.axes.set_xlabel(_("angle (°, counter-clockwise)") if is_angle else _("member of the set"))
