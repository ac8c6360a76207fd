"""Distributions of single units: a box for each layer and each value of `figure.hue`.

A box reaches from the lower to the upper quartile of the finite values, with the median as a line; whiskers
reach from the 5th to the 95th percentile. Units of all seeds are one distribution. `figure.row` and
`figure.column` cut the table into panels.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from equivariance.figures.kind import Entry, Kind

if TYPE_CHECKING:
    import pandas as pd

    from equivariance.figures.facets import Facets


class Distribution(Kind):
    """Boxes of units."""

    draws = ("units",)
    keys = ("row", "column", "hue")
    mapped = {"row": "rows", "column": "columns", "hue": "colours"}  # noqa: RUF012
    replicates = "Boxes hold the units of {}"

    def draw(self, facets: "Facets", data: "pd.DataFrame", entry: Entry) -> float:
        """Draw the boxes."""
        import numpy as np
        import seaborn as sns
        from matplotlib.patches import Patch

        from equivariance.figures import tables
        from equivariance.figures.layers import kind_entries, layer_axis, merged_layers
        from equivariance.figures.style import GREY

        rows, hue, height = facets.data, facets.hue, 1.6
        layers = merged_layers(rows)
        for panel in facets.panels:
            finite = panel.data[np.isfinite(panel.data["value"])]
            boxes = finite.assign(level=finite[hue] if hue else "")
            sns.boxplot(
                boxes, x="layer", y="value", hue="level", order=[name for name, _ in layers],
                hue_order=list(panel.looks) if hue else [""], ax=panel.axes, whis=(5, 95), showfliers=False,
                palette=[look.color for look in panel.looks.values()], legend=False, fill=False,
                width=0.84 if len(panel.looks) > 1 else 0.42, gap=0.25, linewidth=1.0, showcaps=False,
            )  # fmt: skip
            layer_axis(panel.axes, layers, facets.width, panel.is_lowest)
        normalized = tables.is_normalized(rows["measure"])
        for panel in facets.panels:
            of_row = [other.axes for other in facets.panels if normalized or other.place[0] == panel.place[0]]
            low = min(0.0, *(1.05 * axes.dataLim.y0 for axes in of_row))
            high = max(1.05 * axes.dataLim.y1 for axes in of_row)
            panel.axes.set(ylim=(low, max(high, float(facets.mapping.get("y_limit") or 0.0))), ylabel="")
            panel.axes.tick_params(axis="y", labelleft=panel.is_first)
            if normalized:
                panel.axes.axhline(1, color=GREY, linewidth=0.6, zorder=0.9, label="_one")
        facets.handle = lambda look: Patch(facecolor=look.color)
        facets.foot |= kind_entries(layers)
        name = tables.measures_name(rows["measure"], {}, full=True)
        facets.label_y(facets.mapping.get("y_label") or f"{name} of single units", height)
        return height

    def subject(self, rows: "pd.DataFrame") -> str:
        """Measures of units."""
        from equivariance.figures.captions import measures_text

        return (
            f"{measures_text(rows)} of single feature maps or units: for each layer a box from the lower to the "
            "upper quartile of the finite values, with the median as a line, and whiskers from the 5th to the "
            "95th percentile"
        )

    def remarks(self, rows: "pd.DataFrame", data: "pd.DataFrame", mapping: Mapping[str, Any]) -> list[str]:
        """The mark of 1."""
        from equivariance.figures import captions, tables

        return [captions.ONE if tables.is_normalized(rows["measure"]) else ""]
