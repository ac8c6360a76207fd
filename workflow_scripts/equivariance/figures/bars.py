"""Grouped bars, of accuracies or of a measure of whole networks, the mean over their layers.

A group for each value of `figure.x`, a bar for each value of `figure.hue`. A bar is the mean over seeds, a
point on it is one seed. Where the table has a column `classes`, a dashed line marks what guessing would
reach; of a normalized measure, a thin line marks 1.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from equivariance.analysis.columns import display, levels, measures_name
from equivariance.errors import UserError
from equivariance.figures.kind import Entry, Kind, Labels, Number, Numbers
from equivariance.figures.style import GREY

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame

    from equivariance.figures.facets import Facets, Panel

GROUP = 0.8
"""Share of a group's width that its bars fill."""

CHANCE: dict[str, Any] = {"color": GREY, "linestyle": (0, (3, 2)), "linewidth": 0.8}
SEED: dict[str, Any] = {"marker": "o", "markersize": 2.6, "linestyle": "none", "zorder": 4}
SEED |= {"markerfacecolor": "white", "markeredgecolor": "black", "markeredgewidth": 0.5, "clip_on": False}


class Bars(Kind):
    """Groups of bars."""

    draws = ("accuracies", "networks")
    keys = ("row", "column", "x", "hue")
    subject = "{measures} of whole networks: the mean over layers of the mean over feature maps or units"
    replicates = "bars are means over {}, points single seeds"
    marks_one = True

    def rows(self, data: DataFrame, entry: Entry) -> DataFrame:
        """The rows with their `value`: an accuracy in per cent, or a mean over layers."""
        if not entry["figure"].get("x"):
            raise UserError(f"figure of {entry['name']}: bars need the column `x` in config/experiments.yaml")
        rows = super().rows(data, entry)
        return rows.assign(value=rows["global_layer_mean"] if "measure" in rows else 100 * rows["accuracy"])

    def draw(self, facets: Facets, name: str) -> None:
        """Draw the bars."""
        from matplotlib.lines import Line2D
        from matplotlib.patches import Patch

        rows, x, mapping = facets.data, facets.mapping["x"], facets.mapping
        groups = {panel.place: levels(panel.data[x]) for panel in facets.panels}
        shared = all(groups[one] == groups[other] for one in groups for other in groups if one[1] == other[1])
        if "measure" in rows:
            facets.label_y(f"{measures_name(rows['measure'], {}, full=True)}, mean over layers")
        else:
            facets.label_y("test accuracy (%)")
        for panel in facets.panels:
            _draw_bars(panel, x, facets.hue, groups[panel.place])
            for classes in panel.data["classes"].unique() if "classes" in rows else ():
                panel.axes.axhline(100 / classes, label="_chance", zorder=2.5, **CHANCE)
            largest = rows["value"].max()
            top = 1.05 * max(largest, facets.mark_one(panel)) if "measure" in rows else 100.0
            panel.axes.set_ylim(0, max(top, mapping.get("y_limit") or 0))
            names = [display(x, group, facets.labels) for group in groups[panel.place]]
            _name_groups(panel.axes, names, facets.width)
            panel.axes.tick_params(axis="x", labelbottom=not shared or panel.is_lowest)
        facets.handle = lambda look: Patch(facecolor=look.color)
        if rows["seed"].nunique() > 1:
            facets.foot["one seed"] = Line2D([], [], **SEED)
        if "classes" in rows:
            facets.foot["chance"] = Line2D([], [], **CHANCE)

    def remarks(self, rows: DataFrame, data: DataFrame, mapping: Entry) -> list[str]:
        """The line of chance."""
        return ["the dashed line marks chance" if "classes" in rows else ""]

    def numbers(self, data: Any, entry: Entry, labels: Labels) -> Numbers | None:
        """Accuracies, or the means of whole networks."""
        rows = self.rows(data, entry)
        if "measure" not in rows:
            return rows, {"value": Number("accuracy (%)", 1)}
        return rows, {
            "global_layer_mean": Number(f"{measures_name(rows['measure'], labels)}, mean over layers"),
            "global_unit_mean": Number("over units"),
            "top_unit_mean": Number("over the largest fifth"),
        }


def _draw_bars(panel: Panel, x: str, hue: str | None, groups: list[Any]) -> None:
    """Draw the groups of a panel; bars that a group lacks leave no gap, so bars have numbers as places."""
    import numpy as np
    import seaborn as sns

    rows = panel.data.assign(level=panel.data[hue] if hue else "", at=0.0)
    levels = list(panel.looks) if hue else [""]
    found = [[level for level in levels if level in set(rows[rows[x] == group]["level"])] for group in groups]
    for at, present in enumerate(found):
        for index, level in enumerate(present):
            own = (rows[x] == groups[at]) & (rows["level"] == level)
            rows.loc[own, "at"] = at + (index - (len(present) - 1) / 2) * GROUP / max(len(present), 2)
    width = 0.92 * GROUP / max(2, *map(len, found))  # a lone bar is not wider than one of a pair
    between = min((after - before for before, after in pairwise(sorted(set(rows["at"])))), default=1.0)
    named = {"x": "at", "y": "value", "ax": panel.axes, "native_scale": True, "legend": False}
    sns.barplot(
        rows, hue="level", hue_order=levels, palette=[look.color for look in panel.looks.values()],
        saturation=1, width=width / between, dodge=False, errorbar=None, **named,
    )  # fmt: skip
    if rows["seed"].nunique() > 1:
        seeds = rows.groupby(["at", "seed"], as_index=False)["value"].mean()
        of_bar = seeds.groupby("at")["seed"]  # points side by side: seeds often have much the same value
        count = of_bar.transform("size")
        seeds["at"] += (of_bar.cumcount() - (count - 1) / 2) * np.minimum(0.12, 0.5 / count) * width
        edge = {"edgecolor": "black", "linewidth": 0.5, "clip_on": False}
        sns.stripplot(seeds, color="white", size=2.6, jitter=False, zorder=4, **edge, **named)
    panel.axes.set(xlabel="", ylabel="")


def _name_groups(axes: Axes, names: list[str], width: float) -> None:
    """Name groups of bars; break the names, or turn them, where they would touch."""
    from equivariance.figures.facets import text_width, wrapped

    room = width / len(names) - 0.05
    lines = [wrapped(name, 0.9 * room) for name in names]  # names have more capitals than running text
    look: dict[str, Any] = {}
    if max(map(text_width, lines)) * 1.1 > room:
        lines = [wrapped(name, 1.2) for name in names]
        look = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"}
    axes.set_xticks(range(len(names)), lines, **look)
    axes.set_xlim(-0.5, len(names) - 0.5)
    axes.tick_params(axis="x", length=0)
