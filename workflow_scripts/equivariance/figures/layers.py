"""The axis of layers: their order over several networks, their kinds as tints, the names that fit."""

from collections.abc import Sequence
from itertools import pairwise

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch, Rectangle
from matplotlib.transforms import ScaledTranslation, blended_transform_factory

from equivariance.analysis.columns import NETWORK
from equivariance.figures.style import GREY, SMALL

Layers = Sequence[tuple[str, str]]
"""Layers as (name, kind), in order."""

KINDS = {
    "input": ("input", "#f4f4f4"),
    "conv": ("convolution", "#bcd3e6"),
    "norm": ("normalization", "#cfe3c4"),
    "activation": ("activation function", "#f3e3b8"),
    "pool": ("pooling", "#b9b9b9"),
    "reshape": ("reshape", "#ececec"),
    "linear": ("linear", "#dcc5dd"),
    "add": ("sum", "#e9b8a4"),
    "concatenate": ("concatenation", "#9fd2cd"),
    "other": ("other", "#c8c88c"),
    "output": ("output", "#8f8f8f"),
}
"""Kinds of layers: their name in the legend and their tint in the strip under the axis."""

STRIP = 0.015, 0.08
"""Where the strip of kinds begins and ends, in inches under the axes."""


def merged_layers(data: pd.DataFrame) -> list[tuple[str, str]]:
    """Layers of all networks of a table, (name, kind) in order.

    A layer that only some networks have (batch normalization) stands behind the layer it follows there.
    """
    merged: list[str] = []
    kinds: dict[str, str] = {}
    networks = data.drop_duplicates([*NETWORK[:-1], "layer"]).groupby(list(NETWORK[:-1]), sort=False)
    for _, network in networks:
        previous = -1
        ordered = network.sort_values("layer_index", kind="stable")
        for layer, kind in zip(ordered["layer"], ordered["kind"], strict=True):
            if layer not in kinds:
                merged.insert(previous + 1, layer)
                kinds[layer] = kind
            previous = merged.index(layer)
    return [(layer, kinds[layer]) for layer in merged]


def named_layers(layers: Layers, width: float) -> list[int]:
    """Indices of the layers to name on an axis of `width` inches.

    All layers where there is room to spare; else those with weights and the pools; else those with weights;
    else as many of these, or of all where none has weights, as keep clear of each other.
    """
    spacing = width / max(len(layers), 1)
    clear = 1.1 * SMALL / 72  # a turned name is as wide as its type is high
    if spacing >= 1.15 * clear:
        return list(range(len(layers)))
    for kinds in (("conv", "linear", "pool"), ("conv", "linear")):
        chosen = [index for index, (_, kind) in enumerate(layers) if kind in kinds]
        if chosen and all((b - a) * spacing >= clear for a, b in pairwise(chosen)):
            return chosen
    kept: list[int] = []
    for index in chosen or range(len(layers)):
        if not kept or (index - kept[-1]) * spacing >= clear:
            kept.append(index)
    return kept


def layer_axis(axes: Axes, layers: Layers, width: float, named: bool, first: float = 0.0) -> None:
    """Draw the strip of kinds under axes of `width` inches, and if `named`, the names that fit.

    `first` is where the first layer stands; the next ones follow in steps of 1.
    """
    figure = axes.get_figure(root=True)
    assert figure is not None
    corner = ScaledTranslation(0, 0, axes.transAxes)  # type: ignore[arg-type]  # the stub asks for too much
    under = blended_transform_factory(axes.transData, figure.dpi_scale_trans + corner)
    for index, (_, kind) in enumerate(layers):
        axes.add_patch(
            Rectangle(
                (index + first - 0.5, -STRIP[1]), 1, STRIP[1] - STRIP[0], transform=under, clip_on=False,
                linewidth=0, facecolor=KINDS[_known(kind)][1], label="_kind",
            )
        )  # fmt: skip
    axes.set_xlim(first - 0.5, first + len(layers) - 0.5)
    axes.spines["bottom"].set_visible(False)
    chosen = named_layers(layers, width) if named else []
    axes.set_xticks([index + first for index in chosen], [layers[index][0] for index in chosen], rotation=90)
    axes.set_xlabel("")
    axes.tick_params(axis="x", length=0, pad=6)


def kind_entries(layers: Layers) -> dict[str, Patch]:
    """Give the entries of a legend for the kinds of layers that there are."""
    present = {_known(kind) for _, kind in layers}
    return {
        name: Patch(facecolor=tint, edgecolor=GREY, linewidth=0.3)
        for kind, (name, tint) in KINDS.items()
        if kind in present
    }


def _known(kind: str) -> str:
    """The kind itself, "other" for one that a network of somebody else has made up."""
    return kind if kind in KINDS else "other"
