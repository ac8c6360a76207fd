"""Layer profiles: the value of a measure in each layer, in the order of the layers, one line per condition.

The column `figure.hue` gives a line its colour, `figure.style` its dash; `figure.row` and `figure.column`
cut the table into panels. Seeds are the replicates: a line is the mean over seeds. Where a panel has one
line, the seeds are thin lines beside it; where it has more, a band reaches from the smallest to the largest
seed. With `figure.x: depth` layers stand where they lie between the first (0 %) and the last (100 %) of their
network, so that networks of different layers can be compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from equivariance.figures import tables
from equivariance.figures.captions import measures_text
from equivariance.figures.kind import Entry, LineKind
from equivariance.figures.style import GREY, SMALL
from equivariance.measures.names import is_normalized

if TYPE_CHECKING:
    from pandas import DataFrame, Series

    from equivariance.figures.facets import Facets, Panel

LIMIT = 1.4
"""Upper limit of y for a normalized measure; more where a value exceeds it."""

FAR = 5
"""A line ends at the top of its panel where values are so many times as large as the largest usual one."""

DASHES = ("", (4, 1.5), (1, 1), (5, 1, 1, 1))
FLOOR: dict[str, Any] = {"color": GREY, "linestyle": (0, (1, 1.2)), "linewidth": 0.9, "zorder": 1.8}


class LayerProfile(LineKind):
    """Lines over the layers of networks."""

    keys = ("row", "column", "hue", "style")
    shows_floors = True
    height = 1.45
    subject = "{measures} of each layer, the mean over its feature maps or units"
    marks_one = True

    def draw(self, facets: Facets, name: str) -> None:
        """Draw the lines."""
        from matplotlib.lines import Line2D

        from equivariance.figures.layers import kind_entries, layer_axis, merged_layers

        rows, mapping = facets.data, facets.mapping
        by_depth, style = mapping.get("x") == "depth", mapping.get("style")
        layers = [] if by_depth else merged_layers(rows)
        place = {layer: float(index) for index, (layer, _) in enumerate(layers)}
        dashes = dict(zip(tables.levels(rows[style]) if style else [], DASHES, strict=False))
        floors, limits = shown_floors(rows, facets.table, mapping), y_limits(rows, facets.table, mapping)
        for panel in facets.panels:
            axes = panel.axes
            lines = _draw_lines(facets, panel, _placed(panel.data, place), style, dashes)
            _draw_floors(panel, _placed(panel.part_of(floors), place))
            if by_depth:
                axes.set(xlim=(-2, 102), xticks=range(0, 101, 20))
                axes.set_xlabel("depth of the layer (%)" if panel.is_lowest else "")
                axes.tick_params(axis="x", labelbottom=panel.is_lowest)
            else:
                layer_axis(axes, layers, facets.width, panel.is_lowest)
            key = tuple(panel.conditions[column] for column in own_axis(rows, mapping))
            axes.set(ylim=(0, limits[key][0]), ylabel="")
            _mark_cut_lines(panel, lines, limits[key][0])
            facets.mark_one(panel)
            if mapping.get("panels"):
                axes.set_ylabel(facets.abbreviations(panel.data["measure"]), fontsize=SMALL)
            else:
                axes.tick_params(axis="y", labelleft=panel.is_first)
        facets.handle = lambda look: Line2D([], [], color=look.color, marker=look.marker)
        for level, dash in dashes.items():
            line = Line2D([], [], color=GREY, linestyle=(0, dash) if dash else "-")
            facets.foot[tables.display(str(style), level, facets.labels)] = line
        if not floors.empty:
            facets.foot["resampling floor"] = Line2D([], [], **FLOOR)
        facets.foot |= kind_entries(layers)
        if not mapping.get("panels"):
            one = rows["measure"].nunique() == 1
            facets.label_y(measures_text(rows["measure"]) if one else facets.abbreviations(rows["measure"]))

    def remarks(self, rows: DataFrame, data: DataFrame, mapping: Entry) -> list[str]:
        """The axis of depths, resampling floors, and lines that are cut off."""
        cut = any(largest > top for top, largest in y_limits(rows, data, mapping).values())
        floors = (
            "dotted grey lines are the resampling floor: what the measure gives for the images themselves, "
            "averaged to the resolution of the layer, where interpolation and borders are all that keeps "
            "it above 0"
        )
        return [
            "from left to right: depth of the layer in its network" if mapping.get("x") == "depth" else "",
            "" if shown_floors(rows, data, mapping).empty else floors,
            "lines with an arrow leave their panel: the number is their largest value" if cut else "",
        ]


def own_axis(rows: DataFrame, mapping: Mapping[str, Any]) -> list[str]:
    """The columns of the table whose values tell apart panels with y axes of their own.

    Panels of measures have each their own; else all normalized ones share one, others one for each row.
    """
    if mapping.get("panels"):
        return tables.mapped_columns(mapping, "row", "column")
    return [] if is_normalized(rows["measure"]) else tables.mapped_columns(mapping, "row")


def y_limits(
    rows: DataFrame, data: DataFrame, mapping: Mapping[str, Any]
) -> dict[tuple[Any, ...], tuple[float, float]]:
    """The end of the y axis and the largest value, for each combination of values of `own_axis`.

    A value is too large to show where it is `FAR` times Tukey's outer fence, three quartile distances above
    the upper quartile: one such line would flatten all others.
    """
    columns, limits, floors = own_axis(rows, mapping), {}, shown_floors(rows, data, mapping)
    for key, shared in rows.groupby(columns, sort=False) if columns else [((), rows)]:
        means = shared["mean"][shared["mean"].abs() < float("inf")]
        upper, largest = means.quantile(0.75), means.max()
        fence = upper + 3 * (upper - means.quantile(0.25))
        usual = means[means <= fence].max() if largest > FAR * fence > 0 else largest
        own = (floors[columns] == list(key)).all(axis="columns")
        normalized = is_normalized(shared["measure"])
        own_unit = bool(mapping.get("panels")) and not normalized
        least = 0.0 if own_unit else float(mapping.get("y_limit") or LIMIT * normalized)
        ends = [least, 1.05 * usual, 1.05 * floors.loc[own, "mean"].max()]
        limits[key] = (
            max(float(end) for end in ends if end == end) or 1.0,
            float(largest),
        )  # all may be 0 or NaN
    return limits


def shown_floors(rows: DataFrame, data: DataFrame, mapping: Mapping[str, Any]) -> DataFrame:
    """The resampling floors of the measures and layers that are shown."""
    floors = tables.by_panel(tables.floors(data), mapping)
    return floors[floors["measure"].isin(rows["measure"]) & floors["layer"].isin(set(rows["layer"]))]


def _placed(rows: DataFrame, place: Mapping[str, float]) -> DataFrame:
    """Rows with a column `x`, where their layer stands: by its name, or without names by its depth."""
    return rows.assign(x=rows["layer"].map(place) if place else 100 * rows["depth"])


def _draw_lines(
    facets: Facets, panel: Panel, rows: DataFrame, style: str | None, dashes: Mapping[Any, Any]
) -> list[tuple[Series[float], str]]:
    """Draw the lines of a panel with what the seeds do. Returns the means of each by x, and its colour."""
    drawn = []
    for level, look in panel.looks.items():
        of_level = rows if facets.hue is None else rows[rows[facets.hue] == level]
        for of_style, line in of_level.groupby(style, sort=False) if style else [(None, of_level)]:
            dash = (0, dashes[of_style]) if dashes.get(of_style) else "-"
            facets.draw_line(panel, line, "x", "mean", look, linestyle=dash, label=str(level or "mean"))
            drawn.append((line.groupby("x")["mean"].mean(), look.color))
    return drawn


def _draw_floors(panel: Panel, floors: DataFrame) -> None:
    """Draw the floors of the measures of a panel, a line for each condition.

    Networks of one condition share their floor as far as their images do: the mean over seeds.
    """
    floors = floors[floors["measure"].isin(panel.data["measure"])]
    drawn = set()
    for _, rows in floors.groupby([name for name in tables.CONDITIONS if name in floors], sort=False):
        means = rows.groupby("x")["mean"].mean()
        line = tuple((x, f"{mean:.3g}") for x, mean in means.items())
        if line not in drawn:  # most networks of a panel have the same, but for rounding
            panel.axes.plot(means.index, means, label="_floor", **FLOOR)
            drawn.add(line)


def _mark_cut_lines(panel: Panel, lines: list[tuple[Series[float], str]], top: float) -> None:
    """Where a line leaves its panel, mark the place of its largest value with an arrow and the number."""
    left, right = panel.axes.get_xlim()
    for count, (means, color) in enumerate(item for item in lines if item[0].max() > top):
        x, largest = float(means.idxmax()), means.max()  # type: ignore[arg-type]
        panel.axes.annotate(
            f"▲ {largest:,.0f}" if largest >= 100 else f"▲ {largest:.3g}", (x, 1), xytext=(0, -1 - 9 * count),
            xycoords=("data", "axes fraction"), textcoords="offset points", va="top", color=color,
            ha="right" if x > (left + right) / 2 else "left",
            bbox={"facecolor": "white", "alpha": 0.7, "pad": 0.5, "linewidth": 0},
        )  # fmt: skip
