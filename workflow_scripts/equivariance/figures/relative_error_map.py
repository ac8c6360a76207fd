"""How far a measure of few images and transformations is from that of many, as a heat map of both numbers.

Rows are numbers of images, columns are numbers of transformations (the column `transformations` of the
table). A cell is the relative difference between the profile of a network measured so and the one of the
largest corner, with the most images and the most transformations, of the same network; then the mean over
seeds. `figure.row` and `figure.column` cut the table into panels.
"""

from collections.abc import Mapping
from math import floor, isnan, log10
from typing import TYPE_CHECKING, Any

from equivariance.errors import UserError
from equivariance.figures.kind import Entry, Kind, Number

if TYPE_CHECKING:
    import pandas as pd

    from equivariance.figures.facets import Facets


class RelativeErrorMap(Kind):
    """Images by transformations."""

    axes = ("samples", "transformations")

    def draw(self, facets: "Facets", data: "pd.DataFrame", entry: Entry) -> float:
        """Draw the cells with their values. Raises UserError where a network lacks the largest corner."""
        import numpy as np

        from equivariance.figures.colors import color_scale, draw_cells
        from equivariance.figures.style import LETTER, SMALL

        errors = {panel.place: 100 * relative_errors(panel.data, entry["name"]) for panel in facets.panels}
        scale = color_scale(np.concatenate([error.to_numpy().ravel() for error in errors.values()]))
        cell = facets.width / max(error.shape[1] for error in errors.values())
        longest = 5 * LETTER * SMALL
        turned = longest > cell
        for panel in facets.panels:
            error = errors[panel.place].iloc[::-1]
            draw_cells(
                panel.axes, error, scale, annot=error.map(text_of), fmt="",
                annot_kws={"fontsize": SMALL, "rotation": 90 if turned else 0},
                xticklabels=[f"{number:,}" for number in error.columns],
                yticklabels=[f"{number:,}" for number in error.index],
            )  # fmt: skip
            panel.axes.tick_params(axis="x", labelrotation=90 if longest + 0.05 > cell else 0)
            panel.axes.tick_params(axis="y", labelleft=facets.shows_names(panel, "samples"))
            if panel.is_lowest:
                panel.axes.set_xlabel("transformations", fontsize=SMALL)
        facets.color_bar(scale, "mean relative difference to the largest corner (%)")
        height = min((longest if turned else 0.2) * max(map(len, errors.values())), facets.room)
        facets.label_y("samples", height)
        return height

    def subject(self, rows: "pd.DataFrame") -> str:
        """Differences of measures."""
        from equivariance.figures.captions import measures_text

        return (
            f"relative difference in per cent between the {measures_text(rows)} of a network "
            "measured on some images (rows, more of them upwards) with some transformations (columns, more of "
            "them to the right), and on the most images with the most transformations, the largest corner: "
            "|p − q| / (|p| + |q|) of the means p and q of a layer, then the mean over layers"
        )

    def numbers(
        self, data: Any, entry: Entry, labels: Mapping[str, str]
    ) -> "tuple[pd.DataFrame, dict[str, Number]] | None":
        """None: its cells have theirs."""
        return None


def relative_errors(profiles: "pd.DataFrame", name: str) -> "pd.DataFrame":
    """Mean over seeds of the relative differences (numbers of images, numbers of transformations).

    Both numbers ascend; NaN where nothing was measured. Raises UserError where a network lacks the largest
    corner.
    """
    import pandas as pd

    from equivariance.analysis.distances import relative_difference

    by = ["samples", "transformations"]
    largest = int(profiles["samples"].max()), int(profiles["transformations"].max())
    found = []
    for seed, network in profiles.groupby("seed"):
        wide = network.pivot_table(index=by, columns="layer", values="mean")
        if largest not in wide.index:
            raise UserError(
                f"figure of {name}: the network of seed {seed} was not measured with {largest[0]} images and "
                f"{largest[1]} transformations, the largest corner of its panel"
            )
        corner = wide[wide.index == largest].to_numpy()[0]
        errors = [relative_difference(profile, corner) for profile in wide.to_numpy()]
        found.append(wide.index.to_frame(index=False).assign(error=errors))
    return pd.concat(found).pivot_table(index=by[0], columns=by[1], values="error", aggfunc="mean")


def text_of(value: float) -> str:
    """A percentage with two significant digits, "" for none.

    >>> [text_of(value) for value in (0, 0.001, 0.0123, 0.98, 9.96, 100, float("nan"))]
    ['0', '<.01', '.012', '.98', '10', '100', '']
    """
    if isnan(value):
        return ""
    if 0 < value < 0.01:
        return "<.01"
    if value == 0 or value >= 9.95:
        return f"{value:.0f}"
    digits = 1 - floor(log10(value))
    return f"{value:.{digits}f}".removeprefix("0") if value < 0.995 else f"{value:.1f}"
