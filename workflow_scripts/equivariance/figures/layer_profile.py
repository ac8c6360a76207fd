"""Layer profiles: the value of a measure in each layer, in the order of the layers, one line per condition.

With `figure.x: depth` layers stand where they lie between the first (0 %) and the last (100 %) of their
network, so that networks of different layers can be compared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from equivariance.analysis.columns import CONDITIONS, display, levels, mapped_columns
from equivariance.analysis.reading import resampling_floors
from equivariance.figures.captions import measures_text
from equivariance.figures.kind import Entry, LineKind
from equivariance.figures.mapping import by_panel
from equivariance.figures.style import GREY, SMALL, text_width
from equivariance.language import N_, _
from equivariance.measures.names import is_normalized

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame

    from equivariance.figures.facets import Facets

LIMIT = 1.4
"""Upper limit of y for a normalized measure; more where a value exceeds it."""

FAR = 5
"""A line ends at the top of its panel where values are so many times as large as the largest usual one."""

DASHES: tuple[Any, ...] = ("-", (0, (4, 1.5)), (0, (1, 1)), (0, (5, 1, 1, 1)))
FLOOR: dict[str, Any] = {"color": GREY, "linestyle": (0, (1, 1.2)), "linewidth": 0.9, "zorder": 1.8}


class LayerProfile(LineKind):
    """Lines over the layers of networks."""

    keys = ("row", "column", "hue", "style")
    shows_floors = True
    height = 1.45
    subject = N_("{measures} of each layer, the mean over its feature maps or units")
    marks_one = True

    def draw(self, facets: Facets, name: str) -> None:
        """Draw the lines."""
        from matplotlib.lines import Line2D

        from equivariance.analysis.profiles import merged_layers
        from equivariance.figures.facets import part_of
        from equivariance.figures.layers import kind_entries, layer_axis

        rows, mapping, panels = facets.data, facets.mapping, facets.mapping.get("panels")
        layers = [] if mapping.get("x") == "depth" else merged_layers(rows)
        places = {layer: index for index, (layer, _kind) in enumerate(layers)}
        style = mapping.get("style")
        dashes = dict(zip(levels(rows[style]) if style else [""], DASHES, strict=False))
        floors, limits = shown_floors(rows, facets.table, mapping), y_limits(rows, facets.table, mapping)
        if not panels:
            several = rows["measure"].nunique() > 1
            facets.label_y(_short_names(facets, rows) if several else measures_text(rows["measure"]))
        for panel in facets.panels:
            axes, data = panel.axes, _placed(panel.data, places)
            data = data.assign(level=facets.level_of(data), dash=data[style] if style else "")
            for level, look in panel.looks.items():
                for dash, line in data[data["level"] == level].groupby("dash", sort=False):
                    label = str(level or "mean")
                    facets.draw_line(panel, line, "x", "mean", look, linestyle=dashes[dash], label=label)
            own = part_of(floors, panel.conditions)
            _draw_floors(axes, _placed(own[own["measure"].isin(data["measure"])], places))
            if layers:
                layer_axis(axes, layers, facets.width, panel.is_lowest)
            else:
                axes.set(xlim=(-2, 102), xticks=range(0, 101, 20))
                axes.set_xlabel(_("depth of the layer (%)") if panel.is_lowest else "")
                axes.tick_params(axis="x", labelbottom=panel.is_lowest)
            top, _largest = limits[tuple(panel.conditions[column] for column in _own_axis(rows, mapping))]
            axes.set(ylim=(0, top), ylabel="")
            _mark_cut_lines(axes, top)
            facets.mark_one(panel)
            if panels:
                axes.set_ylabel(_short_names(facets, panel.data), fontsize=SMALL)
        for level, dash in dashes.items() if style else ():
            facets.foot[display(str(style), level, facets.labels)] = Line2D(
                [], [], color=GREY, linestyle=dash
            )
        if not floors.empty:
            facets.foot[_("resampling floor")] = Line2D([], [], **FLOOR)
        facets.foot |= kind_entries(layers)

    def remarks(self, rows: DataFrame, data: DataFrame, mapping: Entry) -> list[str]:
        """The axis of depths, resampling floors, and lines that are cut off."""
        cut = any(largest > top for top, largest in y_limits(rows, data, mapping).values())
        depth = _("from left to right: depth of the layer in its network")
        arrow = _("lines with an arrow leave their panel: the number is their largest value")
        floors = _(
            "dotted grey lines are the resampling floor: what the measure gives for the images themselves, "
            "at the resolution of the layer"
        )
        has_floors = not shown_floors(rows, data, mapping).empty
        said = {depth: mapping.get("x") == "depth", floors: has_floors, arrow: cut}
        return [text for text, is_so in said.items() if is_so]


def _own_axis(rows: DataFrame, mapping: Entry) -> list[str]:
    """The columns of the table whose values tell apart panels with y axes of their own.

    Panels of measures have each their own; else all normalized ones share one, others one for each row.
    """
    if mapping.get("panels"):
        return mapped_columns(mapping, "row", "column")
    return [] if is_normalized(rows["measure"]) else mapped_columns(mapping, "row")


def y_limits(rows: DataFrame, data: DataFrame, mapping: Entry) -> dict[tuple[Any, ...], tuple[float, float]]:
    """The end of the y axis and the largest value, for each combination of values of `_own_axis`.

    A value is too large to show where it is `FAR` times Tukey's outer fence, three quartile distances above
    the upper quartile: one such line would flatten all others.
    """
    columns, limits, floors = _own_axis(rows, mapping), {}, shown_floors(rows, data, mapping)
    for key, shared in rows.groupby(columns, sort=False) if columns else [((), rows)]:
        means = shared["mean"][shared["mean"].abs() < float("inf")]
        lower, upper, largest = means.quantile(0.25), means.quantile(0.75), means.max()
        fence = upper + 3 * (upper - lower)
        usual = means[means <= fence].max() if largest > FAR * fence > 0 else largest
        floor = floors.loc[(floors[columns] == list(key)).all(axis="columns"), "mean"].max()
        normalized = is_normalized(shared["measure"])
        least = mapping.get("y_limit") or LIMIT * normalized
        ends = [least if normalized or not mapping.get("panels") else 0, 1.05 * usual, 1.05 * floor]
        top = max(float(end) for end in ends if end == end)  # some may be NaN
        limits[key] = top or 1.0, float(largest)
    return limits


def shown_floors(rows: DataFrame, data: DataFrame, mapping: Entry) -> DataFrame:
    """The resampling floors of the measures and layers that are shown."""
    floors = by_panel(resampling_floors(data), mapping)
    return floors[floors["measure"].isin(rows["measure"]) & floors["layer"].isin(set(rows["layer"]))]


def _short_names(facets: Facets, rows: DataFrame) -> str:
    """Measures by their abbreviations; "value" where a panel is too low for these."""
    names = [display("measure", measure, facets.labels) for measure in levels(rows["measure"])]
    text = ", ".join(dict.fromkeys(name.split(",")[0] for name in names))
    return text if text_width(text) < facets.height else _("value")


def _placed(rows: DataFrame, places: dict[str, int]) -> DataFrame:
    """Rows with a column `x`, where their layer stands: by its name, or without names by its depth."""
    return rows.assign(x=rows["layer"].map(places) if places else 100 * rows["depth"])


def _draw_floors(axes: Axes, floors: DataFrame) -> None:
    """Draw floors, means over seeds; conditions that differ by rounding share a line."""
    by = [column for column in CONDITIONS if column in floors]
    for _key, line in floors.pivot_table("mean", by, "x").round(6).drop_duplicates().iterrows():
        axes.plot(line.dropna(), label="_floor", **FLOOR)


def _mark_cut_lines(axes: Axes, top: float) -> None:
    """Where a line leaves its panel, mark the place of its largest value with an arrow and the number."""
    lines = [line for line in axes.get_lines() if not str(line.get_label()).startswith("_")]
    points: list[Any] = [line.get_xydata() for line in lines]
    ends = [max(one.tolist(), key=lambda point: point[1], default=(0, 0)) for one in points]
    cut = [(line, end) for line, end in zip(lines, ends, strict=True) if end[1] > top]
    for count, (line, (x, largest)) in enumerate(cut):
        axes.annotate(
            f"▲ {largest:,.0f}" if largest >= 100 else f"▲ {largest:.3g}", (x, 1), xytext=(0, -1 - 9 * count),
            xycoords=("data", "axes fraction"), textcoords="offset points", va="top", color=line.get_color(),
            ha="right" if x > sum(axes.get_xlim()) / 2 else "left",
            bbox={"facecolor": "white", "alpha": 0.7, "pad": 0.5, "linewidth": 0},
        )  # fmt: skip
