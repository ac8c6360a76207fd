"""Learning curves: test accuracy after each epoch, one line per value of `figure.hue`.

A line is the mean over seeds. Where a panel has one line, the seeds are thin lines beside it; where it has
more, a band reaches from the smallest to the largest seed. A ring marks where a network first reaches 99 % of
its final accuracy. `figure.row` and `figure.column` cut the table into panels.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from equivariance.figures.kind import Entry, Kind, Number

if TYPE_CHECKING:
    import pandas as pd

    from equivariance.figures.facets import Facets


class LearningCurves(Kind):
    """Lines over the epochs of trainings."""

    draws = ("histories",)
    keys = ("row", "column", "hue")
    mapped = {"row": "rows", "column": "columns", "hue": "colours"}  # noqa: RUF012

    def draw(self, facets: "Facets", data: "pd.DataFrame", entry: Entry) -> float:
        """Draw the lines."""
        from matplotlib.lines import Line2D
        from matplotlib.ticker import MaxNLocator

        from equivariance.figures import tables
        from equivariance.figures.lines import seed_entries, seed_lines
        from equivariance.figures.style import GREY

        alone = tables.has_one_line_per_panel(data, facets.mapping)
        for panel in facets.panels:
            axes, rows = panel.axes, panel.data.assign(accuracy=100 * panel.data["accuracy"])
            for level, look in panel.looks.items():
                line = rows if facets.hue is None else rows[rows[facets.hue] == level]
                every = max(1, rows["epoch"].nunique() // 8)
                seed_lines(
                    axes, line, ("epoch", "accuracy"), look.color, alone, marker=look.marker, markevery=every
                )
                reached = line[line["epoch"] == line["reached_epoch"]]
                axes.plot(reached["epoch"], reached["accuracy"], markeredgecolor=look.color, label="_reached", **_RING)
            axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
            of_row = [one.data["accuracy"].min() for one in facets.panels if one.place[0] == panel.place[0]]
            of_column = [one.data["epoch"].max() for one in facets.panels if one.place[1] == panel.place[1]]
            last = int(max(of_column))
            axes.set(xlim=(0, last + max(0.02 * last, 0.2)), ylim=(min(10 * int(10 * min(of_row)), 90), 100))
            axes.set(xlabel="epoch" if panel.is_lowest else "", ylabel="")
            axes.tick_params(axis="y", labelleft=panel.is_first)
        facets.handle = lambda look: Line2D([], [], color=look.color, marker=look.marker)
        facets.foot["99 % of the final accuracy"] = Line2D([], [], markeredgecolor=GREY, **_RING)
        if alone and data["seed"].nunique() > 1:
            facets.foot |= seed_entries()
        facets.label_y("test accuracy (%)", 1.6)
        return 1.6

    def subject(self, rows: "pd.DataFrame") -> str:
        """Accuracies of epochs."""
        return "accuracy after each epoch of the training"

    def replicates_text(self, rows: "pd.DataFrame", mapping: Mapping[str, Any]) -> str:
        """Seeds are thin lines or bands."""
        from equivariance.figures.lines import seeds_text

        return seeds_text(rows, mapping)

    def remarks(self, rows: "pd.DataFrame", data: "pd.DataFrame", mapping: Mapping[str, Any]) -> list[str]:
        """The rings."""
        return ["A ring marks where a network first reaches 99 % of its final accuracy"]

    def numbers(
        self, data: Any, entry: Entry, labels: Mapping[str, str]
    ) -> "tuple[pd.DataFrame, dict[str, Number]] | None":
        """Epochs and seconds of trainings, whole and to 99 % of the final accuracy."""
        from equivariance.figures.tables import NETWORK

        return data.drop_duplicates(list(NETWORK), keep="last"), {
            "reached_epoch": Number("epochs to 99 %", 1),
            "reached_seconds": Number("seconds to 99 %", 1),
            "epoch": Number("epochs", None),
            "seconds": Number("seconds", 1),
        }


_RING: dict[str, Any] = {
    "linestyle": "none", "marker": "o", "markersize": 4.2, "markerfacecolor": "white", "markeredgewidth": 1.0,
    "clip_on": False, "zorder": 4,
}  # fmt: skip
