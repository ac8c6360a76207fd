"""Learning curves: test accuracy after each epoch, one line per value of `figure.hue`.

A line is the mean over seeds. Where a panel has one line, the seeds are thin lines beside it; where it has
more, a band reaches from the smallest to the largest seed. A ring marks where a network first reaches 99 % of
its final accuracy. `figure.row` and `figure.column` cut the table into panels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from equivariance.analysis.columns import NETWORK
from equivariance.figures.kind import Entry, Labels, LineKind, Number, Numbers
from equivariance.figures.style import GREY

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
    subject = (
        "accuracy after each epoch of the training; a ring marks where a network first reaches 99 % of its "
        "final accuracy"
    )

    def draw(self, facets: Facets, name: str) -> None:
        """Draw the lines."""
        from matplotlib.lines import Line2D
        from matplotlib.ticker import MaxNLocator

        facets.label_y("test accuracy (%)")
        for panel in facets.panels:
            axes, rows = panel.axes, panel.data.assign(accuracy=100 * panel.data["accuracy"])
            every = max(1, rows["epoch"].nunique() // 8)
            for level, look in panel.looks.items():
                line = facets.of_level(rows, level)
                facets.draw_line(panel, line, "epoch", "accuracy", look, markevery=every, label="mean")
                reached = line[line["epoch"] == line["reached_epoch"]]
                if len(reached):  # an empty line would count in the layout
                    ring = {"markeredgecolor": look.color, "label": "_reached", **RING}
                    axes.plot(reached["epoch"], reached["accuracy"], **ring)
            axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
            of_row = [one.data["accuracy"].min() for one in facets.panels if one.place[0] == panel.place[0]]
            of_column = [one.data["epoch"].max() for one in facets.panels if one.place[1] == panel.place[1]]
            last = int(max(of_column))
            axes.set(xlim=(0, last + max(0.02 * last, 0.2)), ylim=(min(10 * int(10 * min(of_row)), 90), 100))
            axes.set(xlabel="epoch" if panel.is_lowest else "", ylabel="")
        facets.foot["99 % of the final accuracy"] = Line2D([], [], markeredgecolor=GREY, **RING)

    def numbers(self, data: Any, entry: Entry, labels: Labels) -> Numbers | None:
        """Epochs and seconds of trainings, whole and to 99 % of the final accuracy."""
        return data.drop_duplicates(list(NETWORK), keep="last"), {
            "reached_epoch": Number("epochs to 99 %", 1),
            "reached_seconds": Number("seconds to 99 %", 1),
            "epoch": Number("epochs", None),
            "seconds": Number("seconds", 1),
        }
