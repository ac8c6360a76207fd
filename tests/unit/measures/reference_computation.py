"""The measures of the layers of networks, computed a second time and as directly as their formulas read.

Nothing of the library is used here. What its parts find out is said by hand: `Network.axes` says which axis
of a layer's activations is which, `Network.wholes` which modules with children are layers. What it streams is
kept: plain hooks clone every output, one pass for each transformation, and NumPy takes it from there in
float64.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Array = NDArray[np.floating]
VARIANCE = ("tv", "sv", "nv")
SAME_EQUIVARIANCE = ("tvse", "svse", "nvse", "dses")


@dataclass(frozen=True)
class Network:
    """A network, and what a person who knows it says of its layers, by patterns of their names.

    `axes` are "NCHW", "NHWC", "NLD" (a class token, then those of a square grid) or "NC"; the first pattern
    that fits a layer counts. `wholes` are modules that count although they have children. `uncalled` are
    modules without children that do not run, `shared` are those that give the same for all images.
    """

    build: Callable[[], nn.Module]
    sides: tuple[int, int]  # height and width of the images
    layers: int
    axes: Mapping[str, str]
    wholes: tuple[str, ...] = ()
    uncalled: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()

    def axes_of(self, call: str) -> str:
        """The axes of a layer, by the name of its call."""
        return next(axes for pattern, axes in self.axes.items() if fnmatchcase(call, pattern))


@dataclass(frozen=True)
class Expected:
    """The measures of a layer, by name, (C,) each: one for each unit.

    `scale` is its largest absolute activation. Without feature maps it has no same-equivariance.
    """

    values: Mapping[str, Array]
    scale: float

    @property
    def units(self) -> int:
        return len(self.values["nv"])


def expected(
    network: Network, model: nn.Module, images: Array, turns: Sequence[float]
) -> dict[str, Expected]:
    """Measure all layers on images (N, C, H, W) under rotations by `turns`, counter-clockwise on the screen.

    Layers are in the order in which their calls end.
    """
    passes = [outputs(network, model, rotated(images, turn)) for turn in turns]
    assert all(list(one) == list(passes[0]) for one in passes)
    return {
        call: measured(np.stack([one[call] for one in passes], 1), network.axes_of(call), turns)
        for call in passes[0]
    }


def outputs(network: Network, model: nn.Module, images: Array) -> dict[str, Array]:
    """Run one pass: the outputs of all layers, (N, ...), by the names of their calls."""
    found: dict[str, Array] = {}

    def hook_of(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: object, output: Tensor | tuple[Tensor, ...]) -> None:
            call, number = name, 1
            while call in found:
                number += 1
                call = f"{name}:{number}"
            tensor = output[0] if isinstance(output, tuple) else output
            found[call] = tensor.detach().clone().numpy()

        return hook

    none = {*fitting(model, network.uncalled), *fitting(model, network.shared)}
    counted = [name for name in leaves(model) if name not in none] + fitting(model, network.wholes)
    hooks = [model.get_submodule(name).register_forward_hook(hook_of(name)) for name in counted]
    try:
        with torch.no_grad():
            model(torch.from_numpy(np.ascontiguousarray(images)))
    finally:
        for hook in hooks:
            hook.remove()
    assert {name.partition(":")[0] for name in found} == {*counted}, "what was said to run did not"
    return found


def leaves(model: nn.Module) -> list[str]:
    """The modules without children."""
    return [name for name, module in model.named_modules() if not list(module.children())]


def fitting(model: nn.Module, patterns: Sequence[str]) -> list[str]:
    """The modules whose names fit one of the patterns."""
    names = [name for name, _ in model.named_modules()]
    return [name for name in names if any(fnmatchcase(name, pattern) for pattern in patterns)]


def measured(block: Array, axes: str, turns: Sequence[float]) -> Expected:
    """Measure activations (N, T, ...), `axes` without the T."""
    block = block.astype(np.float64)
    assert block.ndim == len(axes) + 1
    if axes == "NHWC":
        block = np.moveaxis(block, -1, 2)
    elif axes == "NLD":
        block = np.swapaxes(block, 2, 3)
    places = block.reshape(*block.shape[:3], -1)  # (N, T, C, P)
    values = dict(zip(VARIANCE, variances(places), strict=True))
    if axes == "NLD":
        side = math.isqrt(block.shape[3] - 1)
        block = block[..., 1:].reshape(*block.shape[:3], side, side)
    if block.ndim == 5 and block.shape[3] * block.shape[4] > 1:
        same = same_equivariances(block, turns)
        values |= dict(zip(SAME_EQUIVARIANCE, same, strict=True))
    return Expected(values, float(np.abs(places).max()))


def variances(block: Array) -> tuple[Array, Array, Array]:
    """TV, SV and NV of feature maps (N, T, C, P) with P places, each (C,)."""
    tv = block.std(axis=1, ddof=1).mean(axis=0).mean(axis=-1)
    sv = block.std(axis=0, ddof=1).mean(axis=0).mean(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return tv, sv, np.where(sv > 0, tv / sv, np.where(tv > 0, np.inf, 1.0))


def same_equivariances(maps: Array, turns: Sequence[float]) -> tuple[Array, Array, Array, Array]:
    """TVSE, SVSE, NVSE and DSES of maps (N, T, C, H, W), each (C,)."""
    returned = np.stack([rotated(maps[:, j], -turn) for j, turn in enumerate(turns)], 1)
    untransformed = maps[:, list(turns).index(0)]
    differences = np.stack([maps[:, j] - rotated(untransformed, turn) for j, turn in enumerate(turns)])
    dses = np.sqrt((differences**2).mean((-2, -1))).mean((0, 1))
    return *variances(returned.reshape(*returned.shape[:3], -1)), dses


def rotated(maps: Array, turn: float) -> Array:
    """Rotate maps (..., H, W) about their centre, counter-clockwise on the screen, each to its own size.

    Quarter turns of squares are exact; all else is interpolated between the four nearest pixels, and what is
    seen beyond the map is the nearest pixel of its edge.
    """
    height, width = maps.shape[-2:]
    quarters = 4 * turn
    if height == width and quarters == round(quarters):
        return np.rot90(maps, round(quarters), axes=(-2, -1))
    cos, sin = math.cos(2 * math.pi * turn), math.sin(2 * math.pi * turn)
    down, right = np.mgrid[:height, :width] - np.array([height - 1, width - 1])[:, None, None] / 2
    # Where the content of each pixel was before: the point turned clockwise.
    rows = (cos * down + sin * right + (height - 1) / 2).clip(0, height - 1)
    columns = (cos * right - sin * down + (width - 1) / 2).clip(0, width - 1)
    top, left = np.floor(rows).astype(int), np.floor(columns).astype(int)
    bottom, right_of = np.minimum(top + 1, height - 1), np.minimum(left + 1, width - 1)
    below, beside = rows - top, columns - left
    upper = maps[..., top, left] * (1 - beside) + maps[..., top, right_of] * beside
    lower = maps[..., bottom, left] * (1 - beside) + maps[..., bottom, right_of] * beside
    return upper * (1 - below) + lower * below
