"""Heat maps of single units: a column for each layer, a cell for each of its units, sorted by value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from equivariance.figures.cell_map import CellMap
from equivariance.figures.kind import Entry
from equivariance.language import N_, _

if TYPE_CHECKING:
    from pandas import DataFrame

    from equivariance.figures.facets import Facets, Panel
    from equivariance.figures.layers import Layers

CELLS = 1024
"""Each column is stretched or thinned to so many cells, several for each of its pixels in print."""

NARROW = 0.03
"""Layers narrower than so many inches have no lines between them."""


class HeatMap(CellMap):
    """Columns of units, of one network: units of different networks have nothing to do with each other."""

    draws = ("units",)
    one_network = True
    height = 1.3
    label = N_("units, sorted by value")
    clip = 2
    subject = N_(
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

    def cells(self, rows: DataFrame, layers: Layers) -> DataFrame:
        """Sorted values of units (CELLS, layers), the largest at the top; infinite and missing ones above."""
        import numpy as np
        import pandas as pd

        of_layer = {layer: np.sort(units) for layer, units in rows.groupby("layer", observed=True)["value"]}
        columns = {layer: of_layer.get(layer, np.array([np.nan])) for layer, _kind in layers}
        places = np.linspace(0, 1 - 1e-9, CELLS)  # the first and the last too
        cells = {layer: units[(places * len(units)).astype(np.intp)] for layer, units in columns.items()}
        return pd.DataFrame(cells).iloc[::-1]

    def remarks(self, rows: DataFrame, data: DataFrame, mapping: Entry) -> list[str]:
        """Which networks are shown, and what colours mean."""
        count, infinite = data["seed"].nunique(), rows["value"].isin([float("inf")]).any()
        infinite_text = _(
            "vermilion cells are infinite: the transformations move the unit, other images do not"
        )
        return [
            _("of {count} seeds the network of the first is shown").format(count=count) if count > 1 else "",
            _("colours reach from the 2nd to the 98th percentile of the finite values of a measure"),
            infinite_text if infinite else "",
            _("grey cells have no value") if rows["value"].isna().any() else "",
        ]
