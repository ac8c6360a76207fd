"""Layer profiles: the value of a measure in each layer, in the order of the layers, one line per condition.

The column `figure.hue` gives a line its colour, `figure.style` its dash; `figure.row` and `figure.column`
cut the table into panels. Seeds are the replicates: a line is the mean over seeds. Where a panel has one
line, the seeds are thin lines beside it; where it has more, a band reaches from the smallest to the largest
seed. With `figure.x: depth` layers stand where they lie between the first (0 %) and the last (100 %) of their
network, so that networks of different layers can be compared.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from equivariance.figures.kind import Entry, Kind

if TYPE_CHECKING:
    import pandas as pd

    from equivariance.figures.facets import Facets, Panel

HEIGHT = 1.45
"""Of a panel, in inches."""

LIMIT = 1.4
"""Upper limit of y for a normalized measure; more where a value exceeds it."""

FAR = 5
"""A line ends at the top of its panel where values are so many times as large as the largest usual one."""

DASHES = ("", (4, 1.5), (1, 1), (5, 1, 1, 1))


class LayerProfile(Kind):
    """Lines over the layers of networks."""

    keys = ("row", "column", "hue", "style")
    shows_floors = True
    mapped = {"row": "rows", "column": "columns", "hue": "colours", "style": "dashes"}  # noqa: RUF012

    def draw(self, facets: "Facets", data: "pd.DataFrame", entry: Entry) -> float:
        """Draw the lines."""
        from matplotlib.lines import Line2D

        from equivariance.figures import tables
        from equivariance.figures.layers import kind_entries, layer_axis, merged_layers
        from equivariance.figures.lines import seed_entries
        from equivariance.figures.style import GREY, SMALL

        rows, mapping = facets.data, facets.mapping
        by_depth, style = mapping.get("x") == "depth", mapping.get("style")
        layers = [] if by_depth else merged_layers(rows)
        place = {layer: float(index) for index, (layer, _) in enumerate(layers)}
        dashes = dict(zip(tables.levels(rows[style]) if style else [], DASHES, strict=False))
        alone = tables.has_one_line_per_panel(rows, mapping)
        floors, limits = _placed(_floors(rows, data, mapping), place), y_limits(rows, data, mapping)
        several, floored = rows["seed"].nunique() > 1, False
        for panel in facets.panels:
            axes = panel.axes
            lines = _draw_lines(panel, _placed(panel.data, place), facets.hue, style, dashes, alone)
            floored |= _draw_floors(panel, panel.part_of(floors))
            if by_depth:
                axes.set(xlim=(-2, 102), xticks=range(0, 101, 20), xlabel="")
                axes.set_xlabel("depth of the layer (%)" if panel.is_lowest else "")
                axes.tick_params(axis="x", labelbottom=panel.is_lowest)
            else:
                layer_axis(axes, layers, facets.width, panel.is_lowest)
            usual, top, _ = limits[tuple(panel.conditions[column] for column in _sharing(rows, mapping))]
            axes.set(ylim=(0, top), ylabel="")
            _mark_cut_lines(axes, lines, usual)
            if tables.is_normalized(panel.data["measure"]):
                axes.axhline(1, color=GREY, linewidth=0.6, zorder=1.5, label="_one")
            if mapping.get("panels"):
                axes.set_ylabel(_short_names(panel.data, facets), fontsize=SMALL)
            else:
                axes.tick_params(axis="y", labelleft=panel.is_first)
        facets.handle = lambda look: Line2D([], [], color=look.color, marker=look.marker)
        if alone and several:
            facets.foot |= seed_entries()
        for level, dash in dashes.items():
            line = Line2D([], [], color=GREY, linestyle=(0, dash) if dash else "-")
            facets.foot[tables.display(str(style), level, facets.labels)] = line
        if floored:
            facets.foot["resampling floor"] = Line2D([], [], **_FLOOR)
        facets.foot |= kind_entries(layers)
        if not mapping.get("panels"):
            facets.label_y(mapping.get("y_label") or tables.measures_name(rows["measure"], {}, full=True), HEIGHT)
        return HEIGHT

    def subject(self, rows: "pd.DataFrame") -> str:
        """Measures of layers."""
        from equivariance.figures.captions import measures_text

        return f"{measures_text(rows)} of each layer, the mean over its feature maps or units"

    def replicates_text(self, rows: "pd.DataFrame", mapping: Mapping[str, Any]) -> str:
        """Seeds are thin lines or bands."""
        from equivariance.figures.lines import seeds_text

        return seeds_text(rows, mapping)

    def remarks(self, rows: "pd.DataFrame", data: "pd.DataFrame", mapping: Mapping[str, Any]) -> list[str]:
        """The axis of depths, the mark of 1, resampling floors, and lines that are cut off."""
        from equivariance.figures import captions, tables

        limits = y_limits(rows, data, mapping).values()
        floors = not _floors(rows, data, mapping).empty
        cut = any(usual < largest for usual, _, largest in limits)
        return [
            "From left to right: depth of the layer in its network" if mapping.get("x") == "depth" else "",
            captions.ONE if tables.is_normalized(rows["measure"]) else "",
            "Dotted grey lines are the resampling floor: what the measure gives for the images themselves, "
            "averaged to the resolution of the layer, where interpolation and borders are all that keeps it "
            "above 0" if floors else "",
            "Lines with an arrow leave their panel: the number is their largest value" if cut else "",
        ]  # fmt: skip


_FLOOR: dict[str, Any] = {"color": "#6b6b6b", "linestyle": (0, (1, 1.2)), "linewidth": 0.9, "zorder": 1.8}


def _sharing(rows: "pd.DataFrame", mapping: Mapping[str, Any]) -> list[str]:
    """The columns of the table whose values tell apart panels with y axes of their own.

    Panels of measures have each their own; else all normalized ones share one, others one for each row.
    """
    from equivariance.figures.tables import is_normalized, mapped_columns

    if mapping.get("panels"):
        return mapped_columns(mapping, "row", "column")
    return [] if is_normalized(rows["measure"]) else mapped_columns(mapping, "row")


def y_limits(
    rows: "pd.DataFrame", data: "pd.DataFrame", mapping: Mapping[str, Any]
) -> dict[tuple[Any, ...], tuple[float, float, float]]:
    """The largest value shown, the end of the y axis, and the largest value, for each combination of values
    of `_sharing`; resampling floors are shown whole.

    A value is too large to show where it is `FAR` times Tukey's outer fence, three quartile distances above
    the upper quartile: one such line would flatten all others.
    """
    import numpy as np

    from equivariance.figures.tables import is_normalized

    columns, limits, floors = _sharing(rows, mapping), {}, _floors(rows, data, mapping)
    for key, shared in rows.groupby(columns, sort=False) if columns else [((), rows)]:
        means = shared["mean"].to_numpy()
        means = means[np.isfinite(means)]
        lower, upper = np.percentile(means, [25, 75]) if means.size else (0.0, 0.0)
        fence, largest = upper + 3 * (upper - lower), means.max(initial=0.0)
        usual = means[means <= fence].max() if largest > FAR * fence > 0 else largest
        own = (floors[columns] == list(key)).all(axis="columns") if columns else slice(None)
        normalized = is_normalized(shared["measure"])
        own_unit = bool(mapping.get("panels")) and not normalized
        least = 0.0 if own_unit else float(mapping.get("y_limit") or LIMIT * normalized)
        top = max(least, 1.05 * usual, 1.05 * floors.loc[own, "mean"].max()) or 1.0  # all may be 0
        limits[key] = float(usual), float(top), float(largest)
    return limits


def _floors(rows: "pd.DataFrame", data: "pd.DataFrame", mapping: Mapping[str, Any]) -> "pd.DataFrame":
    """The resampling floors of the measures and layers that are shown."""
    from equivariance.figures import tables

    floors = tables.by_panel(tables.floors(data), mapping)
    return floors[floors["measure"].isin(rows["measure"]) & floors["layer"].isin(set(rows["layer"]))]


def _placed(rows: "pd.DataFrame", place: Mapping[str, float]) -> "pd.DataFrame":
    """Rows with a column `x`, where their layer stands: by its name, or without names by its depth."""
    return rows.assign(x=rows["layer"].map(place) if place else 100 * rows["depth"]).dropna(subset="x")


def _draw_lines(
    panel: "Panel", rows: "pd.DataFrame", hue: str | None, style: str | None, dashes: Mapping[Any, Any], alone: bool
) -> "list[tuple[pd.Series[float], str]]":
    """Draw the lines of a panel with what the seeds do. Returns the means of each by x, and its colour."""
    from equivariance.figures.lines import seed_lines

    drawn = []
    for level, look in panel.looks.items():
        of_level = rows if hue is None else rows[rows[hue] == level]
        for of_style, line in of_level.groupby(style, sort=False) if style else [(None, of_level)]:
            dash = (0, dashes[of_style]) if dashes.get(of_style) else "-"
            more = {"marker": look.marker, "linestyle": dash, "label": str(level or "mean")}
            seed_lines(panel.axes, line, ("x", "mean"), look.color, alone, **more)
            drawn.append((line.groupby("x")["mean"].mean(), look.color))
    return drawn


def _draw_floors(panel: "Panel", floors: "pd.DataFrame") -> bool:
    """Draw the floors of the measures of a panel, a line for each condition; say whether there are any.

    Networks of one condition share their floor as far as their images do: the mean over seeds.
    """
    from equivariance.figures.tables import CONDITIONS

    floors = floors[floors["measure"].isin(panel.data["measure"]) & floors["layer"].isin(set(panel.data["layer"]))]
    drawn = set()
    for _, rows in floors.groupby([column for column in CONDITIONS if column in floors.columns], sort=False):
        means = rows.groupby("x")["mean"].mean()
        line = tuple((x, f"{mean:.3g}") for x, mean in means.items())
        if line not in drawn:  # most networks of a panel have the same, but for rounding
            panel.axes.plot(means.index, means, label="_floor", **_FLOOR)
            drawn.add(line)
    return bool(drawn)


def _mark_cut_lines(axes: Any, lines: "list[tuple[pd.Series[float], str]]", usual: float) -> None:
    """Where a line leaves its panel, mark the place of its largest value with an arrow and the number."""
    left, right = axes.get_xlim()
    for count, (means, color) in enumerate(item for item in lines if item[0].max() > usual):
        x = means.idxmax()
        side = "right" if x > (left + right) / 2 else "left"
        axes.annotate(
            f"▲ {means.max():,.3g}", (x, 1), xycoords=("data", "axes fraction"), xytext=(0, -1 - 9 * count),
            textcoords="offset points", ha=side, va="top", color=color, fontsize=7,
            bbox={"facecolor": "white", "alpha": 0.7, "pad": 0.5, "linewidth": 0},
        )  # fmt: skip


def _short_names(rows: "pd.DataFrame", facets: "Facets") -> str:
    """The measures of a panel by their abbreviations, as far as there is room at its left."""
    from equivariance.figures import tables
    from equivariance.figures.facets import text_width

    measures = tables.levels(rows["measure"])
    names = [tables.display("measure", measure, facets.labels).split(",")[0] for measure in measures]
    text = ", ".join(dict.fromkeys(names))
    return text if text_width(text) < min(HEIGHT, facets.room) else "value"
