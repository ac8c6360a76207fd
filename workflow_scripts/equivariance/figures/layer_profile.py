"""Layer profiles: the value of a measure in each layer, in the order of the layers, one line per condition.

The column `figure.hue` gives a line its colour, `figure.style` its dash; `figure.row` and `figure.column`
cut the table into panels. Seeds are the replicates: a line is the mean over seeds. Where a panel has one
line, the seeds are thin lines beside it; where it has more, a band reaches from the smallest to the largest
seed. With `figure.x: depth` layers stand where they lie between the first (0 %) and the last (100 %) of their
network, so that networks of different layers can be compared.
"""

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from equivariance.figures import tables
from equivariance.figures.layers import Layers, kind_entries, layer_axis, merged_layers
from equivariance.figures.layout import (
    BETWEEN,
    GAP,
    LINE,
    TITLE,
    Layout,
    Legend,
    Panel,
    broken,
    panel_height,
    panels,
    scope,
    stand_in_note,
)
from equivariance.figures.measure_names import is_normalized, measure_name
from equivariance.figures.style import GREY, SETTINGS, colors, markers

INPUT = ("profiles",)

LIMIT = 1.4
"""Upper limit of y for a normalized measure; more where a value exceeds it."""

PANEL_HEIGHT = 1.45
PANEL_WIDTH = 5.4  # of all panels of a row together, about
OWN_AXIS = 0.4
"""Inches that the labels of its own y axis take from a panel of measures, about."""

DASHES = ("-", (0, (4, 1.5)), (0, (1, 1)), (0, (5, 1, 1, 1)))


def plot(
    data: pd.DataFrame, experiment: dict[str, Any], labels: dict[str, str], stand_ins: dict[str, str]
) -> Figure:
    """Draw the layer profiles of an experiment. Raises UserError when its mapping mixes conditions."""
    mapping = tables.mapping_of(experiment)
    values = tables.by_panel(tables.shown(data, experiment), mapping)
    floors = tables.by_panel(tables.floors(data), mapping)
    by_depth = mapping.get("x") == "depth"
    layers = [] if by_depth else merged_layers(values)
    cells = panels(values, mapping, labels)
    texts = {(cell.row, cell.column): _entries(cell, mapping, labels) for cell in cells}
    where, ordered = scope(texts), tables.ordered(mapping, texts.values())
    if mapping.get("panels") and mapping["hue"] == "measure":
        where = "column"
    with mpl.rc_context(SETTINGS):
        looks = _looks(values, mapping, texts, where, ordered)
        legends = {
            key: Legend(
                "" if where == "row" else _legend_title(mapping),
                {text: _handle(*looks[key][level]) for level, text in entries.items() if text},
            )
            for key, entries in texts.items()
        }
        dashes = _dashes(values, mapping)
        alone = tables.lonely(values, mapping)
        foot, floored = Legend("", {}), False
        if alone and values["seed"].nunique() > 1:
            foot.entries["one seed"] = Line2D([], [], color=colors(1, ordered)[0], linewidth=0.5)
        foot.entries |= _dash_entries(dashes, mapping, labels)
        layout = Layout(list(texts))
        height = panel_height(PANEL_HEIGHT, len(layout.rows), LINE + GAP if where == "row" else 0)
        for cell in cells:
            axes = layout.axes[cell.row, cell.column]
            _draw(axes, cell, mapping, layers, looks[cell.row, cell.column], dashes, alone)
            floored |= _draw_floors(axes, cell.part_of(floors), cell.data, layers)
            width = PANEL_WIDTH / len(layout.columns) - (OWN_AXIS if mapping.get("panels") else 0)
            lowest = layout.is_lowest(cell.row, cell.column)
            if by_depth:
                _depth_axis(axes, lowest)
            else:
                layer_axis(axes, layers, width, lowest)
        if floored:
            foot.entries["resampling floor"] = Line2D([], [], **_FLOOR)
        foot.entries |= {} if by_depth else kind_entries(layers)
        _limits(layout, cells, mapping)
        layout.titles(cells, height)
        _label_y(layout, values, mapping, labels, where, height)
        note = stand_in_note(list(data["dataset"]), stand_ins, labels)
        return layout.arrange(lambda row, width: height, legends, where, foot, note)


def _looks(
    values: pd.DataFrame,
    mapping: dict[str, Any],
    texts: dict[tuple[int, int], dict[Any, str]],
    where: str,
    ordered: bool,
) -> dict[tuple[int, int], dict[Any, tuple[str, str]]]:
    """Colour and marker of each level of the hue, by panel: the same wherever one legend serves."""
    levels = tables.levels(values[mapping["hue"]]) if mapping.get("hue") else [None]
    looks = {}
    for key in texts:
        served = [
            entries
            for other, entries in texts.items()
            if where == "figure"
            or other == key
            or (where == "column" and other[1] == key[1])
            or (where == "row" and other[0] == key[0])
        ]
        own = [level for level in levels if any(level in entries for entries in served)]
        shades = zip(colors(len(own), ordered), markers(len(own), ordered), strict=True)
        looks[key] = dict(zip(own, shades, strict=True))
    return looks


def _label_y(
    layout: Layout,
    data: pd.DataFrame,
    mapping: dict[str, Any],
    labels: dict[str, str],
    where: str,
    height: float,
) -> None:
    """Name the measures at the left of the figure, or of each column of panels.

    Legends between the rows leave no room for a name over several rows: then each panel has a short one.
    """
    of_columns = mapping.get("panels") or {"": tables.levels(data["measure"])}
    for column, measures in enumerate(of_columns.values()):
        if column not in layout.columns:
            continue
        if where == "row" and len(of_columns) > 1:
            text = ", ".join(tables.display("measure", measure, labels) for measure in measures)
            for (_, at), axes in layout.axes.items():
                if at == column:
                    axes.set_ylabel(broken(text, height, TITLE))
        else:
            text = mapping.get("y_label") or _y_label(measures, labels)
            layout.label_y(broken(text, len(layout.rows) * (height + BETWEEN), TITLE), column)


def _y_label(measures: Sequence[str], labels: dict[str, str]) -> str:
    """The full name of a measure, or the short ones of several, as far as they are a word each."""
    if len(measures) == 1:
        return measure_name(measures[0]).full
    names = [tables.display("measure", measure, labels) for measure in measures]
    return "value" if any(" " in name for name in names) else ", ".join(names)


def _entries(cell: Panel, mapping: dict[str, Any], labels: dict[str, str]) -> dict[Any, str]:
    """The legend's text for each level of the hue in a panel."""
    hue = mapping.get("hue")
    if not hue:
        return {None: "mean over seeds" if cell.data["seed"].nunique() > 1 else ""}
    entries = {}
    for level in tables.levels(cell.data[hue]):
        entries[level] = tables.display(hue, level, labels)
        rows = cell.data[cell.data[hue] == level]
        if _by_epoch(mapping) and rows["accuracy"].notna().any():
            entries[level] = f"{rows['epoch'].mean():.0f} ({rows['accuracy'].mean():.0%})"
    return entries


def _by_epoch(mapping: dict[str, Any]) -> bool:
    """Whether savepoints are named by epoch and accuracy: not beside panels of measures, whose many rows
    would each need a legend."""
    return mapping.get("hue") == "savepoint" and not mapping.get("panels")


def _legend_title(mapping: dict[str, Any]) -> str:
    hue = mapping.get("hue")
    if hue == "measure" and mapping.get("panels"):
        return ""
    return "epoch (accuracy)" if _by_epoch(mapping) else tables.COLUMN_NAMES.get(hue or "", "")


def _handle(color: str, marker: str) -> Line2D:
    return Line2D([], [], color=color, marker=marker)


def _dashes(data: pd.DataFrame, mapping: dict[str, Any]) -> dict[Any, Any]:
    style = mapping.get("style")
    values = tables.levels(data[style]) if style else [None]
    return {value: DASHES[index % len(DASHES)] for index, value in enumerate(values)}


def _dash_entries(
    dashes: dict[Any, Any], mapping: dict[str, Any], labels: dict[str, str]
) -> dict[str, Line2D]:
    style = mapping.get("style")
    if not style:
        return {}
    return {
        tables.display(style, value, labels): Line2D([], [], color=GREY, linestyle=dash)
        for value, dash in dashes.items()
    }


def _draw(
    axes: Axes,
    cell: Panel,
    mapping: dict[str, Any],
    layers: Layers,
    looks: dict[Any, tuple[str, str]],
    dashes: dict[Any, Any],
    alone: bool,
) -> None:
    """Draw the lines of a panel, with what the seeds do."""
    hue, style = mapping.get("hue"), mapping.get("style")
    by = list(dict.fromkeys(column for column in (hue, style) if column))
    for key, rows in cell.data.groupby(by, sort=False) if by else [((), cell.data)]:
        values = dict(zip(by, key, strict=True))
        color, marker = looks[values.get(hue)]
        dash = dashes[values.get(style)]
        profiles = rows.pivot_table(index="layer", columns="seed", values="mean", aggfunc="mean")
        x, profiles = _placed(profiles, rows, layers)
        if profiles.shape[1] > 1 and alone:
            axes.plot(x, profiles, color=color, linewidth=0.5, alpha=0.55, label="_seed")
        elif profiles.shape[1] > 1:
            axes.fill_between(
                x,
                profiles.min(axis=1),
                profiles.max(axis=1),
                color=color,
                alpha=0.18,
                linewidth=0,
                label="_band",
            )
        axes.plot(
            x, profiles.mean(axis=1), color=color, marker=marker, linestyle=dash, markeredgewidth=0,
            label=" ".join(str(values[column]) for column in by) or "mean",
        )  # fmt: skip


def _placed(values: Any, rows: pd.DataFrame, layers: Layers) -> tuple[list[float], Any]:
    """Where on the axis layers stand, and their values (indexed by layer) in this order.

    `rows` are those of one network; without `layers` its layers stand at their depth in per cent.
    """
    place = {layer: float(index) for index, (layer, _) in enumerate(layers)}
    if not layers:
        depths = rows.groupby("layer")["depth"].first()
        place = dict(zip(depths.index, 100 * depths.to_numpy(), strict=True))
    ordered = sorted(values.index, key=place.__getitem__)
    return [place[layer] for layer in ordered], values.loc[ordered]


def _depth_axis(axes: Axes, named: bool) -> None:
    axes.set_xlim(-2, 102)
    axes.set_xticks(range(0, 101, 20))
    axes.tick_params(axis="x", labelbottom=named)
    if named:
        axes.set_xlabel("depth of the layer (%)")


_FLOOR: dict[str, Any] = {"color": GREY, "linestyle": (0, (1, 1.2)), "linewidth": 0.9, "zorder": 1.8}


def _draw_floors(axes: Axes, floors: pd.DataFrame, data: pd.DataFrame, layers: Layers) -> bool:
    """Draw the floors of the measures of a panel, a line for each condition; say whether there are any.

    Networks of one condition share their floor as far as their images do: the mean over seeds.
    """
    floors = floors[floors["measure"].isin(data["measure"]) & floors["layer"].isin(set(data["layer"]))]
    by = [column for column in tables.CONDITIONS if column in floors.columns]
    drawn = set()
    for _, rows in floors.groupby(by, sort=False):
        means = rows.groupby("layer")["mean"].mean()
        x, means = _placed(means, rows, layers)
        line = tuple((layer, f"{mean:.3g}") for layer, mean in means.items())
        if line not in drawn:  # most networks of a panel have the same, but for rounding
            axes.plot(x, means, label="_floor", **_FLOOR)
            drawn.add(line)
    return bool(drawn)


def _limits(layout: Layout, cells: list[Panel], mapping: dict[str, Any]) -> None:
    """Set the range of y, from 0, and mark 1 where measures are normalized.

    It is one range for a figure of normalized measures, else one for each row; with panels of measures, whose
    values may be orders of magnitude apart, one for each panel.
    """
    apart = bool(mapping.get("panels"))
    marked = {(cell.row, cell.column): is_normalized(cell.data["measure"]) for cell in cells}
    if not apart:
        marked = dict.fromkeys(marked, all(marked.values()))
    for key, axes in layout.axes.items():
        least = 0.0 if apart and not marked[key] else float(mapping.get("y_limit") or LIMIT * marked[key])
        alike = [
            other
            for place, other in layout.axes.items()
            if place == key or (not apart and (marked[key] or place[0] == key[0]))
        ]
        axes.set_ylim(0, max(least, 1.05 * max(other.dataLim.y1 for other in alike)) or 1)  # all may be 0
        axes.tick_params(axis="y", labelleft=apart or layout.is_first(*key))
        if marked[key]:
            axes.axhline(1, color=GREY, linewidth=0.6, zorder=1.5, label="_one")
