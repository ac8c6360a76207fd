"""Grouped bars, of accuracies or of a measure of whole networks, the mean over their layers.

A group for each value of `figure.x`, a bar for each value of `figure.hue`. Where the table has a column
`classes`, a dashed line marks what guessing would reach.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from equivariance.analysis.columns import display, levels, measures_name
from equivariance.errors import UserError
from equivariance.figures.kind import Entry, Kind
from equivariance.figures.style import GREY, text_width, wrapped
from equivariance.language import N_, _

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame

    from equivariance.figures.facets import Facets, Panel

GROUP = 0.8
"""Share of a group's width that its bars fill."""

CHANCE: dict[str, Any] = {"color": GREY, "linestyle": (0, (3, 2)), "linewidth": 0.8}
EDGE: dict[str, Any] = {"edgecolor": "black", "linewidth": 0.5, "clip_on": False, "zorder": 4}


class Bars(Kind):
    """Groups of bars."""

    draws = ("accuracies", "networks")
    keys = ("row", "column", "x", "hue")
    subject = N_("{measures} of whole networks: the mean over layers of the mean over feature maps or units")
    replicates = N_("bars are means over {seeds}, points single seeds")
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

        rows, x, is_measure = facets.data, facets.mapping["x"], "measure" in facets.data
        groups = {panel.place: levels(panel.data[x]) for panel in facets.panels}
        shared = all(groups[one] == groups[other] for one in groups for other in groups if one[1] == other[1])
        measure = measures_name(rows["measure"], {}, full=True) if is_measure else ""
        label = _("{measure}, mean over layers") if is_measure else _("test accuracy (%)")
        facets.label_y(label.format(measure=measure))
        for panel in facets.panels:
            own = groups[panel.place]
            _draw_bars(panel, panel.data.assign(level=facets.level_of(panel.data)), x, own)
            for classes in panel.data["classes"].unique() if "classes" in rows else ():
                panel.axes.axhline(100 / classes, label="_chance", zorder=2.5, **CHANCE)
            top = 1.05 * max(rows["value"].max(), facets.mark_one(panel)) if is_measure else 100.0
            panel.axes.set_ylim(0, max(top, facets.mapping.get("y_limit") or 0))
            _name_groups(panel.axes, [display(x, group, facets.labels) for group in own], facets.width)
            panel.axes.tick_params(axis="x", labelbottom=not shared or panel.is_lowest)
        facets.handle = lambda look: Patch(facecolor=look.color)
        if rows["seed"].nunique() > 1:
            facets.foot[_("one seed")] = Line2D(
                [], [], linestyle="none", marker="o", color="white", markersize=2.6, markeredgecolor="black",
                markeredgewidth=0.5,
            )  # fmt: skip
        if "classes" in rows:
            facets.foot[_("chance")] = Line2D([], [], **CHANCE)

    def remarks(self, rows: DataFrame, data: DataFrame, mapping: Entry) -> list[str]:
        """The line of chance."""
        return [_("the dashed line marks chance") if "classes" in rows else ""]


def _draw_bars(panel: Panel, rows: DataFrame, x: str, groups: list[Any]) -> None:
    """Draw the groups of a panel; bars that a group lacks leave no gap, so bars have numbers as places."""
    import seaborn as sns

    found = [
        [level for level in panel.looks if (rows["level"][rows[x] == one] == level).any()] for one in groups
    ]
    places = {
        (group, level): at + (index - (len(present) - 1) / 2) * GROUP / max(len(present), 2)
        for at, (group, present) in enumerate(zip(groups, found, strict=True))
        for index, level in enumerate(present)
    }
    rows = rows.assign(at=[places[key] for key in zip(rows[x], rows["level"], strict=True)])
    width = 0.92 * GROUP / max(2, *map(len, found))  # a lone bar is not wider than one of a pair
    between = min((after - before for before, after in pairwise(sorted(places.values()))), default=1.0)
    named = {"x": "at", "y": "value", "ax": panel.axes, "native_scale": True, "legend": False}
    sns.barplot(
        rows, hue="level", hue_order=list(panel.looks), palette=[look.color for look in panel.looks.values()],
        saturation=1, width=width / between, dodge=False, errorbar=None, **named,
    )  # fmt: skip
    if rows["seed"].nunique() > 1:
        seeds = rows.groupby(["at", "seed"], as_index=False)["value"].mean()
        of_bar = seeds.groupby("at")["seed"]  # points side by side: seeds often have much the same value
        count = of_bar.transform("size")
        seeds["at"] += (of_bar.cumcount() - (count - 1) / 2) * (0.5 / count).clip(upper=0.12) * width
        sns.stripplot(seeds, color="white", size=2.6, jitter=False, **EDGE, **named)
    panel.axes.set(xlabel="", ylabel="")


def _name_groups(axes: Axes, names: list[str], width: float) -> None:
    """Name groups of bars; break the names, or turn them, where they would touch."""
    room = width / len(names) - 0.05
    lines = [wrapped(name, 0.9 * room) for name in names]  # names have more capitals than running text
    look: dict[str, Any] = {}
    if max(map(text_width, lines)) * 1.1 > room:
        lines = [wrapped(name, 1.2) for name in names]
        look = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"}
    axes.set_xticks(range(len(names)), lines, **look)
    axes.set_xlim(-0.5, len(names) - 0.5)
    axes.tick_params(axis="x", length=0)
