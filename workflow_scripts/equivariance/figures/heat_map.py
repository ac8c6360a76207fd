"""Heat maps of single units: a column for each layer, a cell for each feature map or unit, sorted by value.

`figure.row` and `figure.column` cut the table into panels. One network is drawn for each condition, that of
the first seed: units of different networks have nothing to do with each other.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from equivariance.figures.kind import Entry, Kind

if TYPE_CHECKING:
    import pandas as pd

    from equivariance.figures.facets import Facets
    from equivariance.figures.layers import Layers

CELLS = 1024
"""Each column is stretched to so many cells, several for each of its pixels in print."""

CLIP = 2
"""Colours end at this percentile of the finite values, and at 100 less it."""


class HeatMap(Kind):
    """Columns of units."""

    draws = ("units",)
    one_network = True

    def draw(self, facets: "Facets", data: "pd.DataFrame", entry: Entry) -> float:
        """Draw the columns."""
        import numpy as np
        from matplotlib.patches import Patch

        from equivariance.figures.colors import INFINITE, MISSING, color_scale, draw_cells
        from equivariance.figures.layers import kind_entries, layer_axis, merged_layers
        from equivariance.figures.measure_names import measure_name

        rows, height = facets.data, 1.3
        layers = merged_layers(rows)
        of_measure = rows.groupby("measure", sort=False, observed=True)["value"]
        scales = {str(measure): color_scale(values, CLIP) for measure, values in of_measure}
        for panel in facets.panels:
            scale = scales[str(panel.data["measure"].iloc[0])]
            draw_cells(panel.axes, sorted_columns(panel.data, layers), scale, yticklabels=False)
            layer_axis(panel.axes, layers, facets.width, panel.is_lowest, first=0.5)
        for measure, scale in scales.items():
            facets.color_bar(scale, measure_name(measure).full)
        if np.isinf(rows["value"]).any():
            facets.foot["infinite"] = Patch(facecolor=INFINITE)
        if rows["value"].isna().any():
            facets.foot["no value"] = Patch(facecolor=MISSING)
        facets.foot |= kind_entries(layers)
        facets.label_y("units, sorted by value", height)
        return height

    def subject(self, rows: "pd.DataFrame") -> str:
        """Measures of units."""
        from equivariance.figures.captions import measures_text

        return (
            f"{measures_text(rows)} of each feature map or unit: a column for each layer, a cell for each unit of "
            "it, sorted by value from bottom to top and stretched to one height"
        )

    def remarks(self, rows: "pd.DataFrame", data: "pd.DataFrame", mapping: Mapping[str, Any]) -> list[str]:
        """Which networks are shown, and what colours mean."""
        count = data["seed"].nunique()
        return [
            f"Of {count} seeds the network of the first is shown" if count > 1 else "",
            "Colours reach from the 2nd to the 98th percentile of the finite values of a measure",
            "Vermilion cells are infinite: the transformations move the unit, other images do not"
            if rows["value"].isin([float("inf")]).any()
            else "",
            "Grey cells have no value" if rows["value"].isna().any() else "",
        ]


def sorted_columns(units: "pd.DataFrame", layers: "Layers") -> "pd.DataFrame":
    """Values of units (CELLS, layers), the largest at the top, stretched or thinned evenly.

    Infinite and missing values are above all others; layers that the network lacks are empty.
    """
    import numpy as np
    import pandas as pd

    of_layer = dict(iter(units.groupby("layer", observed=True)["value"]))
    columns = {}
    for name, _ in layers:
        values = np.sort(of_layer.get(name, pd.Series([np.nan])).to_numpy())
        ends = [0, len(values) - 1] if len(values) > CELLS else [0, len(values) - 1e-9]
        round_to = np.round if len(values) > CELLS else np.floor
        at = round_to(np.linspace(*ends, CELLS, endpoint=len(values) > CELLS)).astype(np.intp)
        columns[name] = values[at][::-1]
    return pd.DataFrame(columns)
