"""The axis of layers: their order over several networks, their kinds as tints, the names that fit."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import Patch, Rectangle
from matplotlib.transforms import ScaledTranslation, blended_transform_factory

from equivariance.figures.style import GREY, SMALL
from equivariance.language import N_, _

Layers = Sequence[tuple[str, str]]
"""Layers as (name, kind), in order."""

KINDS = {
    "input": (N_("input"), "#f4f4f4"),
    "conv": (N_("convolution"), "#bcd3e6"),
    "norm": (N_("normalization"), "#cfe3c4"),
    "activation": (N_("activation function"), "#f3e3b8"),
    "pool": (N_("pooling"), "#b9b9b9"),
    "reshape": (N_("reshape"), "#ececec"),
    "linear": (N_("linear"), "#dcc5dd"),
    "add": (N_("sum"), "#e9b8a4"),
    "concatenate": (N_("concatenation"), "#9fd2cd"),
    "other": (N_("other"), "#c8c88c"),
    "output": (N_("output"), "#8f8f8f"),
}
"""Kinds of layers: their name in the legend and their tint in the strip under the axis."""

STRIP = 0.015, 0.08
"""Where the strip of kinds begins and ends, in inches under the axes."""


def named_layers(layers: Layers, width: float) -> list[int]:
    """Indices of the layers to name on an axis of `width` inches.

    All layers where there is room to spare; else those with weights and the pools; else those with weights;
    else as many of these, or of all where none has weights, as keep clear of each other.
    """
    step = width / max(len(layers), 1) / (1.1 * SMALL / 72)  # a turned name is as wide as its type is high
    if step >= 1.15:
        return list(range(len(layers)))
    for kinds in (("conv", "linear", "pool"), ("conv", "linear")):
        chosen = [index for index, (_name, kind) in enumerate(layers) if kind in kinds]
        if chosen and all((b - a) * step >= 1 for a, b in pairwise(chosen)):
            return chosen
    kept: list[int] = []
    for index in chosen or range(len(layers)):
        if not kept or (index - kept[-1]) * step >= 1:
            kept.append(index)
    return kept


def layer_axis(axes: Axes, layers: Layers, width: float, named: bool, first: float = 0.0) -> None:
    """Draw the strip of kinds under axes of `width` inches, and if `named`, the names that fit.

    `first` is where the first layer stands; the next ones follow in steps of 1.
    """
    corner = ScaledTranslation(0, 0, axes.transAxes)  # type: ignore[arg-type]  # the stub asks for too much
    scale = axes.get_figure(root=True).dpi_scale_trans  # type: ignore[union-attr]  # axes have a figure
    look: Any = {"transform": blended_transform_factory(axes.transData, scale + corner), "clip_on": False}
    for index, (_name, kind) in enumerate(layers):
        tint = KINDS.get(kind, KINDS["other"])[1]
        place = (index + first - 0.5, -STRIP[1]), 1, STRIP[1] - STRIP[0]
        axes.add_patch(Rectangle(*place, linewidth=0, facecolor=tint, label="_kind", **look))
    axes.set_xlim(first - 0.5, first + len(layers) - 0.5)
    axes.spines["bottom"].set_visible(False)
    chosen = named_layers(layers, width) if named else []
    axes.set_xticks([index + first for index in chosen], [layers[index][0] for index in chosen], rotation=90)
    axes.set_xlabel("")
    axes.tick_params(axis="x", length=0, pad=6)


def kind_entries(layers: Layers) -> dict[str, Patch]:
    """Give the entries of a legend for the kinds of layers that there are."""
    present = {kind if kind in KINDS else "other" for _name, kind in layers}
    looks = [look for kind, look in KINDS.items() if kind in present]
    return {_(name): Patch(facecolor=tint, edgecolor=GREY, linewidth=0.3) for name, tint in looks}
