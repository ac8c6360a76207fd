"""Layer profiles: the value of a measure in each layer, in the order of the layers, one line per condition.

The column `figure.hue` gives a line its colour, `figure.style` its dash; `figure.row` and `figure.column`
cut the table into panels. Seeds are the replicates: a line is the mean over seeds. Where a panel has one
line, the seeds are thin lines beside it; where it has more, a band reaches from the smallest to the largest
seed.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from equivariance.figures import tables
from equivariance.figures.layout import Layout, Legend, Panel, panels, scope, stand_in_note
from equivariance.figures.style import GREY, SETTINGS, SMALL, colors, markers

INPUT = "profiles"

LIMIT = 1.4
"""Upper limit of y for a normalized measure; more where a value exceeds it."""

PANEL_HEIGHT = 1.45
PANEL_WIDTH = 5.4  # of all panels of a row together, about
DASHES = ("-", (0, (4, 1.5)), (0, (1, 1)), (0, (5, 1, 1, 1)))

KINDS = {
    "input": ("input", "#f4f4f4"),
    "conv": ("convolution", "#bcd3e6"),
    "norm": ("normalization", "#cfe3c4"),
    "activation": ("activation function", "#f3e3b8"),
    "pool": ("pooling", "#b9b9b9"),
    "reshape": ("reshape", "#ececec"),
    "linear": ("linear", "#dcc5dd"),
    "output": ("output", "#8f8f8f"),
}
"""Kinds of layers: their name in the legend and their tint in the strip under the axis."""


def plot(
    data: pd.DataFrame, experiment: dict[str, Any], labels: dict[str, str], stand_ins: dict[str, str]
) -> Figure:
    """Draw the layer profiles of an experiment. Raises UserError when its mapping mixes conditions."""
    mapping = experiment["figure"]
    data = tables.shown(data, experiment)
    layers = merged_layers(data)
    cells = panels(data, mapping, labels)
    texts = {(cell.row, cell.column): _entries(cell, mapping, labels) for cell in cells}
    where, ordered = scope(texts), tables.ordered(mapping, texts.values())
    hues = tables.levels(data[mapping["hue"]]) if mapping.get("hue") else [None]
    with mpl.rc_context(SETTINGS):
        looks = {}
        for key, entries in texts.items():
            levels = hues if where == "figure" else [level for level in hues if level in entries]
            looks[key] = dict(
                zip(
                    levels,
                    zip(colors(len(levels), ordered), markers(len(levels), ordered), strict=True),
                    strict=True,
                )
            )
        legends = {
            key: Legend(
                _legend_title(mapping),
                {text: _handle(*looks[key][level]) for level, text in entries.items() if text},
            )
            for key, entries in texts.items()
        }
        dashes = _dashes(data, mapping)
        alone = tables.lonely(data, mapping)
        foot = _foot(layers, dashes, mapping, labels)
        if alone and data["seed"].nunique() > 1:
            foot.entries = {
                "one seed": Line2D([], [], color=colors(1, ordered)[0], linewidth=0.5),
                **foot.entries,
            }
        layout = Layout(list(texts))
        for cell in cells:
            axes = layout.axes[cell.row, cell.column]
            _draw(axes, cell, mapping, layers, looks[cell.row, cell.column], dashes, alone)
            _layer_axis(
                axes, layers, PANEL_WIDTH / len(layout.columns), layout.is_lowest(cell.row, cell.column)
            )
        _limits(layout, data, mapping)
        layout.titles(cells)
        layout.label_y(mapping.get("y_label") or _y_label(tables.levels(data["measure"]), labels))
        note = stand_in_note(list(data["dataset"]), stand_ins, labels)
        return layout.arrange(lambda row, width: PANEL_HEIGHT, legends, where, foot, note)


def _y_label(measures: Sequence[str], labels: dict[str, str]) -> str:
    """The full name of a measure, or the short ones of several."""
    if len(measures) == 1:
        return tables.measure_name(measures[0], labels)
    return ", ".join(tables.display("measure", measure, labels) for measure in measures)


def merged_layers(data: pd.DataFrame) -> list[tuple[str, str]]:
    """Layers of all networks of a table, (name, kind) in order.

    A layer that only some networks have (batch normalization) stands behind the layer it follows there.
    """
    merged: list[str] = []
    kinds: dict[str, str] = {}
    networks = data.drop_duplicates([*tables.NETWORK[:3], "layer"]).groupby(
        list(tables.NETWORK[:3]), sort=False
    )
    for _, network in networks:
        previous = -1
        ordered = network.sort_values("layer_index", kind="stable")
        for layer, kind in zip(ordered["layer"], ordered["kind"], strict=True):
            if layer not in kinds:
                merged.insert(previous + 1, layer)
                kinds[layer] = kind
            previous = merged.index(layer)
    return [(layer, kinds[layer]) for layer in merged]


def _entries(cell: Panel, mapping: dict[str, Any], labels: dict[str, str]) -> dict[Any, str]:
    """The legend's text for each level of the hue in a panel."""
    hue = mapping.get("hue")
    if not hue:
        return {None: "mean over seeds" if cell.data["seed"].nunique() > 1 else ""}
    entries = {}
    for level in tables.levels(cell.data[hue]):
        entries[level] = tables.display(hue, level, labels)
        rows = cell.data[cell.data[hue] == level]
        if hue == "savepoint" and rows["accuracy"].notna().any():
            entries[level] = f"{rows['epoch'].mean():.0f} ({rows['accuracy'].mean():.0%})"
    return entries


def _legend_title(mapping: dict[str, Any]) -> str:
    hue = mapping.get("hue")
    return "epoch (accuracy)" if hue == "savepoint" else tables.COLUMN_NAMES.get(hue or "", "")


def _handle(color: str, marker: str) -> Line2D:
    return Line2D([], [], color=color, marker=marker)


def _dashes(data: pd.DataFrame, mapping: dict[str, Any]) -> dict[Any, Any]:
    style = mapping.get("style")
    values = tables.levels(data[style]) if style else [None]
    return {value: DASHES[index % len(DASHES)] for index, value in enumerate(values)}


def _foot(
    layers: Sequence[tuple[str, str]], dashes: dict[Any, Any], mapping: dict[str, Any], labels: dict[str, str]
) -> Legend:
    """The legend at the foot: dashes, then the tints of the kinds of layers."""
    entries: dict[str, Any] = {}
    if mapping.get("style"):
        for value, dash in dashes.items():
            entries[tables.display(mapping["style"], value, labels)] = Line2D(
                [], [], color=GREY, linestyle=dash
            )
    present = {kind for _, kind in layers}
    for kind, (name, tint) in KINDS.items():
        if kind in present:
            entries[name] = Patch(facecolor=tint, edgecolor=GREY, linewidth=0.3)
    return Legend("", entries)


def _draw(
    axes: Axes,
    cell: Panel,
    mapping: dict[str, Any],
    layers: Sequence[tuple[str, str]],
    looks: dict[Any, tuple[str, str]],
    dashes: dict[Any, Any],
    alone: bool,
) -> None:
    """Draw the lines of a panel, with what the seeds do."""
    position = {layer: index for index, (layer, _) in enumerate(layers)}
    hue, style = mapping.get("hue"), mapping.get("style")
    by = list(dict.fromkeys(column for column in (hue, style) if column))
    for key, rows in cell.data.groupby(by, sort=False) if by else [((), cell.data)]:
        values = dict(zip(by, key, strict=True))
        color, marker = looks[values.get(hue)]
        dash = dashes[values.get(style)]
        profiles = rows.pivot_table(index="layer", columns="seed", values="mean", aggfunc="mean")
        profiles = profiles.loc[sorted(profiles.index, key=position.__getitem__)]
        x = [position[layer] for layer in profiles.index]
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


def _layer_axis(axes: Axes, layers: Sequence[tuple[str, str]], width: float, named: bool) -> None:
    """Draw the strip of kinds under the axis, and name as many layers as can be read in `width` inches."""
    for index, (_, kind) in enumerate(layers):
        axes.axvspan(
            index - 0.5, index + 0.5, ymin=-0.055, ymax=-0.01, clip_on=False, linewidth=0,
            facecolor=KINDS.get(kind, KINDS["reshape"])[1], label="_kind",
        )  # fmt: skip
    axes.set_xlim(-0.5, len(layers) - 0.5)
    axes.spines["bottom"].set_visible(False)
    chosen = named_layers(layers, width) if named else []
    axes.set_xticks(chosen, [layers[index][0] for index in chosen], rotation=90)
    axes.tick_params(axis="x", length=0, pad=6)


def named_layers(layers: Sequence[tuple[str, str]], width: float) -> list[int]:
    """Indices of the layers to name on an axis of `width` inches.

    All layers where there is room to spare; else those with weights and the pools; else those with weights;
    else as many of these as keep clear of each other.
    """
    spacing = width / max(len(layers), 1)
    clear = SMALL / 72  # a turned name is as wide as its type is high
    if spacing >= 1.4 * clear:
        return list(range(len(layers)))
    for kinds in (("conv", "linear", "pool"), ("conv", "linear")):
        chosen = [index for index, (_, kind) in enumerate(layers) if kind in kinds]
        if all((b - a) * spacing >= clear for a, b in pairwise(chosen)):
            return chosen
    kept: list[int] = []
    for index in chosen:
        if not kept or (index - kept[-1]) * spacing >= clear:
            kept.append(index)
    return kept


def _limits(layout: Layout, data: pd.DataFrame, mapping: dict[str, Any]) -> None:
    """One y range for a figure of normalized measures, else one for each row; the value 1 is marked."""
    normalized = all(str(measure).startswith(("nv", "nd")) for measure in data["measure"])
    for row in sorted({row for row, _ in layout.axes}):
        chosen = [axes for (at, _), axes in layout.axes.items() if normalized or at == row]
        highest = max(axes.dataLim.y1 for axes in chosen)
        limit = max(float(mapping.get("y_limit") or (LIMIT if normalized else 0)), 1.05 * highest)
        for (at, column), axes in layout.axes.items():
            if at != row:
                continue
            axes.set_ylim(0, limit)
            if not layout.is_first(at, column):
                axes.tick_params(axis="y", labelleft=False)
            if normalized:
                axes.axhline(1, color=GREY, linewidth=0.6, zorder=1.5, label="_one")
