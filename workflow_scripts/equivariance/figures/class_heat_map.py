"""Heat maps of classes: rows are classes, columns are layers, a cell is the mean of the layer.

The table has a column `class`, the class whose images a row was measured on. `figure.row` and
`figure.column` cut it into panels. Cells are means over seeds; panels of one measure share their colours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from equivariance.analysis.columns import levels
from equivariance.figures.cell_map import CellMap

if TYPE_CHECKING:
    from pandas import DataFrame

    from equivariance.figures.layers import Layers


class ClassHeatMap(CellMap):
    """Classes by layers."""

    axes = ("class",)
    needs_classes = True
    label = "class"
    images = "images of a class"
    subject = (
        "{measures} measured on the images of one class: in each panel a row for each class and a column for "
        "each layer, whose feature maps or units a cell is the mean of"
    )

    def cells(self, rows: DataFrame, layers: Layers, name: str) -> DataFrame:
        """Means over seeds (classes, layers), NaN for layers that the network lacks."""
        means = rows.pivot_table(index="class", columns="layer", values="mean", aggfunc="mean")
        return means.reindex(index=levels(rows["class"]), columns=[layer for layer, _ in layers])
