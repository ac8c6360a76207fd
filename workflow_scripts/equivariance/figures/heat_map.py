"""Heat maps of single units: a column for each layer, a cell for each feature map or unit, sorted by value.

`figure.row` and `figure.column` cut the table into panels. One network is drawn for each condition, that of
the first seed: units of different networks have nothing to do with each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from equivariance.figures.cell_map import CellMap
from equivariance.figures.kind import Entry

if TYPE_CHECKING:
    from pandas import DataFrame

    from equivariance.figures.facets import Facets, Panel
    from equivariance.figures.layers import Layers

CELLS = 1024
"""Each column is stretched or thinned to so many cells, several for each of its pixels in print."""

NARROW = 0.03
"""Layers narrower than so many inches have no lines between them."""


class HeatMap(CellMap):
    """Columns of units."""

    draws = ("units",)
    one_network = True
    height = 1.3
    label = "units, sorted by value"
    clip = 2
    subject = (
        "{measures} of each feature map or unit: a column for each layer, a cell for each unit of it, sorted "
        "by value from bottom to top and stretched to one height"
    )

    def draw(self, facets: Facets, name: str) -> None:
        """Draw the columns, with lines between them."""
        super().draw(facets, name)
        for axes in (panel.axes for panel in facets.panels):
            count = int(axes.get_xlim()[1])
            axes.set_yticks([])
            if facets.width / count > NARROW:
                axes.vlines(range(1, count), 0, CELLS, color="white", linewidth=0.6)

    def values(self, panel: Panel, cells: DataFrame) -> Any:
        """Each unit counts once."""
        return panel.data["value"].to_numpy()

    def cells(self, rows: DataFrame, layers: Layers, name: str) -> DataFrame:
        """Sorted values of units (CELLS, layers), the largest at the top; infinite and missing ones above."""
        import numpy as np
        import pandas as pd

        columns = {}
        of_layer = {layer: units.to_numpy() for layer, units in rows.groupby("layer", observed=True)["value"]}
        for layer, _ in layers:
            values = np.sort(of_layer.get(layer, np.array([np.nan])))
            at = np.linspace(0, len(values) * (1 - 1e-9), CELLS).astype(np.intp)  # the first and the last too
            columns[layer] = values[at]
        return pd.DataFrame(columns).iloc[::-1]

    def remarks(self, rows: DataFrame, data: DataFrame, mapping: Entry) -> list[str]:
        """Which networks are shown, and what colours mean."""
        count, infinite = data["seed"].nunique(), rows["value"].isin([float("inf")]).any()
        return [
            f"of {count} seeds the network of the first is shown" if count > 1 else "",
            "colours reach from the 2nd to the 98th percentile of the finite values of a measure",
            "vermilion cells are infinite: the transformations move the unit, other images do not"
            * bool(infinite),
            "grey cells have no value" * bool(rows["value"].isna().any()),
        ]
