"""Learning curves: test accuracy after each epoch, one line per value of `figure.hue`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from equivariance.figures.kind import LineKind
from equivariance.figures.style import GREY
from equivariance.language import N_, _

if TYPE_CHECKING:
    from equivariance.figures.facets import Facets

RING: dict[str, Any] = {
    **{"linestyle": "none", "marker": "o", "markersize": 4.2, "markerfacecolor": "white"},
    **{"markeredgewidth": 1.0, "clip_on": False, "zorder": 4},
}


class LearningCurves(LineKind):
    """Lines over the epochs of trainings."""

    draws = ("histories",)
    keys = ("row", "column", "hue")
    height = 1.6
    subject = N_(
        "accuracy after each epoch of the training; a ring marks where a network first reaches 99 % of its "
        "final accuracy"
    )

    def draw(self, facets: Facets, name: str) -> None:
        """Draw the lines."""
        from matplotlib.lines import Line2D
        from matplotlib.ticker import MaxNLocator

        facets.label_y(_("test accuracy (%)"))
        for panel in facets.panels:
            axes, level_of = panel.axes, facets.level_of(panel.data)
            rows = panel.data.assign(accuracy=100 * panel.data["accuracy"], level=level_of)
            every = max(1, rows["epoch"].nunique() // 8)
            for level, look in panel.looks.items():
                line = rows[rows["level"] == level]
                facets.draw_line(panel, line, "epoch", "accuracy", look, markevery=every, label="mean")
                reached = line[line["epoch"] == line["reached_epoch"]]
                if len(reached):  # an empty line would count in the layout
                    ring = {"markeredgecolor": look.color, "label": "_reached", **RING}
                    axes.plot(reached["epoch"], reached["accuracy"], **ring)
            axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
            lowest = min(
                one.data["accuracy"].min() for one in facets.panels if one.place[0] == panel.place[0]
            )
            last = max(one.data["epoch"].max() for one in facets.panels if one.place[1] == panel.place[1])
            axes.set(xlim=(0, last + max(0.02 * last, 0.2)), ylim=(min(10 * int(10 * lowest), 90), 100))
            axes.set(xlabel=_("epoch") if panel.is_lowest else "", ylabel="")
        facets.foot[_("99 % of the final accuracy")] = Line2D([], [], markeredgecolor=GREY, **RING)
