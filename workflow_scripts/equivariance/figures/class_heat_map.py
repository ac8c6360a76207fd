"""Heat maps of classes: rows are classes, columns are layers, a cell is the mean of the layer over seeds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from equivariance.analysis.columns import levels
from equivariance.figures.cell_map import CellMap
from equivariance.language import N_

if TYPE_CHECKING:
    from pandas import DataFrame

    from equivariance.figures.layers import Layers


class ClassHeatMap(CellMap):
    """Classes by layers; the column `class` of the table is that whose images a row was measured on."""

    axes = ("class",)
    needs_classes = True
    label = N_("class")
    images = N_("measured on {images} images of a class{conditions}")
    subject = N_(
        "{measures} measured on the images of one class: in each panel a row for each class and a column for "
        "each layer, whose feature maps or units a cell is the mean of"
    )

    def cells(self, rows: DataFrame, layers: Layers) -> DataFrame:
        """Means over seeds (classes, layers), NaN for layers that the network lacks."""
        means = rows.pivot_table(index="class", columns="layer", values="mean", aggfunc="mean")
        return means.reindex(index=levels(rows["class"]), columns=[layer for layer, _ in layers])
