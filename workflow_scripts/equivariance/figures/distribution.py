"""Distributions of single units: a box for each layer and value of `figure.hue`, of all seeds together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from equivariance.figures.kind import Kind
from equivariance.language import N_, _

if TYPE_CHECKING:
    from equivariance.figures.facets import Facets


class Distribution(Kind):
    """Boxes of units."""

    draws = ("units",)
    keys = ("row", "column", "hue")
    height = 1.6
    subject = N_(
        "{measures} of single feature maps or units: for each layer a box from the lower to the upper "
        "quartile of the finite values, with the median as a line, and whiskers from the 5th to the 95th "
        "percentile"
    )
    replicates = N_("boxes hold the units of {seeds}")
    marks_one = True

    def draw(self, facets: Facets, name: str) -> None:
        """Draw the boxes."""
        import warnings

        import numpy as np
        import seaborn as sns
        from matplotlib.patches import Patch

        from equivariance.analysis.columns import measures_name
        from equivariance.analysis.profiles import merged_layers
        from equivariance.figures.layers import kind_entries, layer_axis
        from equivariance.measures.names import is_normalized

        rows, layers = facets.data, merged_layers(facets.data)
        measure = measures_name(rows["measure"], {}, full=True)
        facets.label_y(_("{measure} of single units").format(measure=measure))
        for panel in facets.panels:
            finite = panel.data[np.isfinite(panel.data["value"])]
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "vert", PendingDeprecationWarning)  # seaborn's to mend
                sns.boxplot(
                    finite.assign(level=facets.level_of(finite)), x="layer", y="value", hue="level",
                    order=[layer for layer, _kind in layers], hue_order=list(panel.looks), ax=panel.axes,
                    palette=[look.color for look in panel.looks.values()], fill=False, legend=False,
                    linewidth=1.0, width=0.84 if len(panel.looks) > 1 else 0.42, gap=0.25, whis=(5, 95),
                    showcaps=False, showfliers=False,
                )  # fmt: skip
            layer_axis(panel.axes, layers, facets.width, panel.is_lowest)
            panel.axes.set_ylabel("")
        for panel in facets.panels:
            row = None if is_normalized(rows["measure"]) else panel.place[0]
            alike = [one.axes.dataLim for one in facets.panels if row in (None, one.place[0])]
            low = 1.05 * min(0.0, *(limits.y0 for limits in alike))
            high = max(facets.mapping.get("y_limit") or 0.0, *(1.05 * limits.y1 for limits in alike))
            panel.axes.set_ylim(low, high)
            facets.mark_one(panel)
        facets.handle = lambda look: Patch(facecolor=look.color)
        facets.foot |= kind_entries(layers)
