"""Distributions of single units: a box for each layer and each value of `figure.hue`.

A box reaches from the lower to the upper quartile of the finite values, with the median as a line; whiskers
reach from the 5th to the 95th percentile. Units of all seeds are one distribution. `figure.row` and
`figure.column` cut the table into panels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from equivariance.analysis.columns import measures_name
from equivariance.figures.kind import Kind
from equivariance.measures.names import is_normalized

if TYPE_CHECKING:
    from equivariance.figures.facets import Facets


class Distribution(Kind):
    """Boxes of units."""

    draws = ("units",)
    keys = ("row", "column", "hue")
    height = 1.6
    subject = (
        "{measures} of single feature maps or units: for each layer a box from the lower to the upper "
        "quartile of the finite values, with the median as a line, and whiskers from the 5th to the 95th "
        "percentile"
    )
    replicates = "boxes hold the units of {}"
    marks_one = True

    def draw(self, facets: Facets, name: str) -> None:
        """Draw the boxes."""
        import warnings

        import numpy as np
        import seaborn as sns
        from matplotlib.patches import Patch

        from equivariance.figures.layers import kind_entries, layer_axis, merged_layers

        rows, hue = facets.data, facets.hue
        layers, shared = merged_layers(rows), is_normalized(rows["measure"])
        facets.label_y(f"{measures_name(rows['measure'], {}, full=True)} of single units")
        for panel in facets.panels:
            finite = panel.data[np.isfinite(panel.data["value"])]
            boxes = finite.assign(level=finite[hue] if hue else "")
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "vert", PendingDeprecationWarning)  # seaborn's to mend
                sns.boxplot(
                    boxes, x="layer", y="value", hue="level", order=[layer for layer, _ in layers],
                    hue_order=list(panel.looks) if hue else [""], ax=panel.axes, whis=(5, 95),
                    palette=[look.color for look in panel.looks.values()], fill=False, legend=False,
                    linewidth=1.0, width=0.84 if len(panel.looks) > 1 else 0.42, gap=0.25, showcaps=False,
                    showfliers=False,
                )  # fmt: skip
            layer_axis(panel.axes, layers, facets.width, panel.is_lowest)
            panel.axes.set_ylabel("")
        for panel in facets.panels:
            alike = [one.axes.dataLim for one in facets.panels if shared or one.place[0] == panel.place[0]]
            low = 1.05 * min(0.0, *(limits.y0 for limits in alike))
            high = max(facets.mapping.get("y_limit") or 0.0, *(1.05 * limits.y1 for limits in alike))
            panel.axes.set_ylim(low, high)
            facets.mark_one(panel)
        facets.handle = lambda look: Patch(facecolor=look.color)
        facets.foot |= kind_entries(layers)
