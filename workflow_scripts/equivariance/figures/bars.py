"""Grouped bars, of accuracies or of a measure of whole networks, the mean over their layers.

A group for each value of `figure.x`, a bar for each value of `figure.hue`. A bar is the mean over seeds, a
point on it is one seed. Where the table has a column `classes`, a dashed line marks what guessing would
reach; of a normalized measure, a thin line marks 1.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from equivariance.errors import UserError
from equivariance.figures.kind import Entry, Kind, Number

if TYPE_CHECKING:
    import pandas as pd

    from equivariance.figures.facets import Facets, Panel

GROUP = 0.8
"""Share of a group's width that its bars fill."""


class Bars(Kind):
    """Groups of bars."""

    draws = ("accuracies", "networks")
    keys = ("row", "column", "hue", "x")
    mapped = {"row": "rows", "column": "columns", "x": "groups", "hue": "colours"}  # noqa: RUF012
    replicates = "Bars are means over {}, points single seeds"

    def rows(self, data: "pd.DataFrame", entry: Entry) -> "pd.DataFrame":
        """The rows with their `value`: an accuracy in per cent, or a mean over layers."""
        if not entry["figure"].get("x"):
            raise UserError(
                f"figure of {entry['name']}: bars need the column `x` in config/experiments.yaml"
            )
        rows = super().rows(data, entry)
        return rows.assign(value=rows["global_layer_mean"] if "measure" in rows else 100 * rows["accuracy"])

    def draw(self, facets: "Facets", data: "pd.DataFrame", entry: Entry) -> float:
        """Draw the bars."""
        from matplotlib.lines import Line2D
        from matplotlib.patches import Patch

        from equivariance.figures import tables
        from equivariance.figures.style import GREY

        rows, x, height = facets.data, facets.mapping["x"], 1.5
        groups = {panel.place: tables.levels(panel.data[x]) for panel in facets.panels}
        shared = all(groups[one] == groups[other] for one in groups for other in groups if one[1] == other[1])
        dashed: dict[str, Any] = {"color": GREY, "linestyle": (0, (3, 2)), "linewidth": 0.8}
        for panel in facets.panels:
            axes = panel.axes
            _draw_bars(panel, x, facets.hue, groups[panel.place])
            for classes in panel.data["classes"].unique() if "classes" in rows else ():
                axes.axhline(100 / classes, label="_chance", zorder=2.5, **dashed)
            axes.set(xlabel="", ylabel="", ylim=(0, _limit(rows, panel, facets.mapping)))
            if "measure" in rows and tables.is_normalized(panel.data["measure"]):
                axes.axhline(1, color=GREY, linewidth=0.6, zorder=1.5, label="_one")
            names = [tables.display(x, group, facets.labels) for group in groups[panel.place]]
            _name_groups(axes, names, facets.width)
            axes.tick_params(axis="y", labelleft=panel.is_first)
            axes.tick_params(axis="x", labelbottom=not shared or panel.is_lowest)
        facets.handle = lambda look: Patch(facecolor=look.color)
        if rows["seed"].nunique() > 1:
            facets.foot["one seed"] = Line2D([], [], linestyle="none", marker="o", markersize=2.6, **_POINT)
        if "classes" in rows:
            facets.foot["chance"] = Line2D([], [], **dashed)
        label = "test accuracy (%)"
        if "measure" in rows:
            label = f"{tables.measures_name(rows['measure'], {}, full=True)}, mean over layers"
        facets.label_y(facets.mapping.get("y_label") or label, height)
        return height

    def subject(self, rows: "pd.DataFrame") -> str:
        """Accuracies, or measures of networks."""
        from equivariance.figures.captions import measures_text

        if "measure" not in rows:
            return "test accuracy"
        return (
            f"{measures_text(rows)} of whole networks: the mean over layers of the mean over the feature maps or "
            "units of a layer"
        )

    def remarks(self, rows: "pd.DataFrame", data: "pd.DataFrame", mapping: Mapping[str, Any]) -> list[str]:
        """The lines across the bars."""
        from equivariance.figures import captions, tables

        normalized = "measure" in rows and tables.is_normalized(rows["measure"])
        return [captions.ONE if normalized else "", "The dashed line marks chance" if "classes" in rows else ""]

    def numbers(
        self, data: Any, entry: Entry, labels: Mapping[str, str]
    ) -> "tuple[pd.DataFrame, dict[str, Number]] | None":
        """Accuracies, or the means of whole networks."""
        from equivariance.figures.tables import measures_name

        rows = self.rows(data, entry)
        if "measure" not in rows:
            return rows, {"value": Number("accuracy (%)", 1)}
        return rows, {
            "global_layer_mean": Number(f"{measures_name(rows['measure'], labels)}, mean over layers"),
            "global_unit_mean": Number("over units"),
            "top_unit_mean": Number("over the largest fifth"),
        }


_POINT: dict[str, Any] = {
    "markerfacecolor": "white", "markeredgecolor": "black", "markeredgewidth": 0.5, "clip_on": False, "zorder": 4,
}  # fmt: skip


def _draw_bars(panel: "Panel", x: str, hue: str | None, groups: list[Any]) -> None:
    """Draw the groups of a panel; bars that a group lacks leave no gap, so bars have numbers as places."""
    import seaborn as sns

    rows = panel.data.assign(level=panel.data[hue] if hue else "", at=0.0)
    most, places = 2, set()  # a lone bar is not wider than one of a pair
    for at, group in enumerate(groups):
        present = [level for level in panel.looks if hue is None or level in {*rows.loc[rows[x] == group, "level"]}]
        most = max(most, len(present))
        for index, level in enumerate(present):
            chosen = (rows[x] == group) & ((rows["level"] == level) if hue else True)
            place = at + (index - (len(present) - 1) / 2) * GROUP / max(len(present), 2)
            rows.loc[chosen, "at"] = place
            places.add(place)
    ordered = sorted(places)
    native = min((after - before for before, after in zip(ordered, ordered[1:], strict=False)), default=1.0)
    palette = [look.color for look in panel.looks.values()]
    named = {"x": "at", "y": "value", "ax": panel.axes, "native_scale": True}
    sns.barplot(
        rows, hue="level", hue_order=list(panel.looks) if hue else [""], palette=palette, saturation=1,
        width=0.92 * GROUP / most / native, dodge=False, errorbar=None, legend=False, **named,
    )  # fmt: skip
    if rows["seed"].nunique() > 1:
        seeds = rows.groupby(["at", "seed"], as_index=False)["value"].mean()
        sns.stripplot(
            seeds, size=2.6, color="white", edgecolor="black", linewidth=0.5, jitter=False, clip_on=False,
            zorder=4, **named,
        )  # fmt: skip


def _limit(rows: "pd.DataFrame", panel: "Panel", mapping: Mapping[str, Any]) -> float:
    """The end of the y axis: 100 per cent, or the same for all panels of a measure."""
    from equivariance.figures.tables import is_normalized

    if "measure" not in rows:
        return 100.0
    measures = panel.data["measure"]
    top = 1.05 * float(rows.loc[rows["measure"].isin(measures), "value"].max())
    return max(top, float(mapping.get("y_limit") or 0.0), 1.05 if is_normalized(measures) else 0.0)


def _name_groups(axes: Any, names: list[str], width: float) -> None:
    """Name the groups; break the names, or turn them, where they would touch."""
    from equivariance.figures.facets import wrapped
    from equivariance.figures.style import LETTER, SMALL

    room = width / len(names) - 0.05
    lines = [wrapped(name, 0.9 * room) for name in names]  # names have more capitals than running text
    turned = max(len(line) for name in lines for line in name.split("\n")) * 1.1 * LETTER * SMALL > room
    if turned:
        lines = [wrapped(name, 1.2) for name in names]
    look: dict[str, Any] = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"} if turned else {}
    axes.set_xticks(range(len(names)), lines, **look)
    axes.set_xlim(-0.5, len(names) - 0.5)
    axes.tick_params(axis="x", length=0)
