"""Heat maps of accuracies: rows are classes, columns are members of a set, for rotations their angles.

`figure.row` and `figure.column` cut the table into panels. A cell is the mean accuracy over seeds in per
cent; colours mean the same in all figures, from 0 to 100. A cell without images is grey.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from equivariance.figures.kind import Entry, Kind, Number

if TYPE_CHECKING:
    import pandas as pd

    from equivariance.figures.facets import Facets


class AccuracyHeatMap(Kind):
    """Classes by transformations."""

    draws = ("class_accuracies",)
    axes = ("class",)

    def draw(self, facets: "Facets", data: "pd.DataFrame", entry: Entry) -> float:
        """Draw the cells."""
        from matplotlib.patches import Patch

        from equivariance.figures.colors import MISSING, Scale, class_rows, draw_cells
        from equivariance.figures.facets import thinned_names

        cells = {panel.place: accuracies(panel.data) for panel in facets.panels}
        height, step = class_rows(max(map(len, cells.values())), facets.room)
        for panel in facets.panels:
            found = cells[panel.place]
            draw_cells(panel.axes, found, Scale(0, 100), yticklabels=step)
            panel.axes.tick_params(axis="y", labelleft=facets.shows_names(panel, "class"))
            members = [float(member) for member in found.columns]
            names = [f"{member:.4g}".replace("-", "−") for member in members]
            shown = thinned_names(names, facets.width, members.index(0) if 0 in members else 0)
            if panel.is_lowest:
                panel.axes.set_xticks([at + 0.5 for at in shown], [names[at] for at in shown])
                panel.axes.set_xlabel("angle (°, counter-clockwise)" if "angle" in data else "member of the set")
        facets.color_bar(Scale(0, 100), "test accuracy (%)")
        if any(found.isna().any(axis=None) for found in cells.values()):
            facets.foot["no image"] = Patch(facecolor=MISSING)
        facets.label_y("class", height)
        return height

    def subject(self, rows: "pd.DataFrame") -> str:
        """Accuracies of classes."""
        what = "angle that the images are rotated by" if "angle" in rows.columns else "member of the set"
        return (
            "test accuracy by class and transformation: in each panel a row for each class and a column for each "
            f"{what}"
        )

    def numbers(
        self, data: Any, entry: Entry, labels: Mapping[str, str]
    ) -> "tuple[pd.DataFrame, dict[str, Number]] | None":
        """Means over classes at 0 degrees and at the worst angle, in per cent; none without angles."""
        import pandas as pd

        from equivariance.figures.tables import CONDITIONS

        if "angle" not in data:
            return None
        by = [name for name in ("seed", *CONDITIONS) if name in data and name != "class"]
        angles = data.groupby([*by, "angle"], sort=False)["accuracy"].mean().mul(100).reset_index()
        upright = angles[angles["angle"] == 0].set_index(by)["accuracy"].rename("upright")
        lowest = angles.groupby(by, sort=False)["accuracy"].min().rename("lowest")
        return pd.concat([upright, lowest], axis="columns").reset_index(), {
            "upright": Number("accuracy at 0° (%)", 1),
            "lowest": Number("lowest accuracy of an angle (%)", 1),
        }


def accuracies(data: "pd.DataFrame") -> "pd.DataFrame":
    """Mean accuracies over seeds in per cent (classes, members), members by their angle where they have one;
    NaN where there was no image."""
    from equivariance.figures.tables import levels

    column = "angle" if "angle" in data.columns else "member"
    means = 100 * data.pivot_table(index="class", columns=column, values="accuracy", aggfunc="mean")
    return means.reindex(index=levels(data["class"]), columns=sorted(data[column].unique()))
