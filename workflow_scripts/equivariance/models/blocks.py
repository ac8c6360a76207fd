"""Parts of several families: named layers, and small modules that torch does not have."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from equivariance.errors import UserError
from equivariance.models.activations import ACTIVATIONS

Layers = list[tuple[str, nn.Module]]
"""Layers by name, in the order of execution."""


class Add(nn.Module):
    """Sum of two branches of one shape, so that the sum is a layer with a name."""

    layer_kind = "add"

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Add element by element."""
        return a + b


class Concatenate(nn.Module):
    """Feature maps of several branches (N, C_i, H, W) as one: (N, sum of C_i, H, W)."""

    layer_kind = "concatenate"

    def forward(self, branches: list[Tensor]) -> Tensor:
        """Join along the channels."""
        return torch.cat(branches, dim=1)


class StridedPointwise(nn.Conv2d):
    """1x1 convolution of every `step`-th pixel: (N, C, H, W) to (N, outputs, H / step, W / step), rounded up.

    The same as `nn.Conv2d(inputs, outputs, 1, stride=step)`. Those pixels are taken before the convolution,
    since with channels last, gradients of strided 1x1 filters are wrong, or crash, on processors with AVX2
    where there are fewer channels than oneDNN has in a block (https://github.com/uxlfoundation/oneDNN, issue
    6035; torch 2.14 has that code).
    """

    def __init__(self, inputs: int, outputs: int, step: int, bias: bool = True) -> None:
        super().__init__(inputs, outputs, 1, bias=bias)
        self.step = step

    def forward(self, maps: Tensor) -> Tensor:
        """Convolve."""
        return super().forward(maps[:, :, :: self.step, :: self.step])


class SpatialMean(nn.Module):
    """Mean of each feature map: (N, C, H, W) to (N, C)."""

    layer_kind = "pool"

    def forward(self, maps: Tensor) -> Tensor:
        """Average over both sides."""
        return maps.mean(dim=(2, 3))


def activated(
    name: str,
    layer: nn.Module,
    activation: str,
    norm: nn.Module | None = None,
    place: Literal["before", "after"] = "before",
) -> Layers:
    """Name a layer, its normalization `<name>_bn` before or after the activation, and `<name>_act`."""
    act: Layers = [(f"{name}_act", ACTIVATIONS[activation]())]
    norms: Layers = [] if norm is None else [(f"{name}_bn", norm)]
    return [(name, layer), *(norms + act if place == "before" else act + norms)]


def vgg_block(block: int, inputs: int, outputs: int, convolutions: int, batch_norm: bool) -> Layers:
    """Make 3x3 convolutions with ELU, each normalized after the activation if asked for, and a max pooling.

    Names are those of VGG: `conv2_1`, `conv2_2`, `pool2`.
    """
    layers: Layers = []
    for number in range(1, convolutions + 1):
        layer = nn.Conv2d(inputs, outputs, 3, padding=1)
        norm = nn.BatchNorm2d(outputs) if batch_norm else None
        layers += activated(f"conv{block}_{number}", layer, "elu", norm, "after")
        inputs = outputs
    return [*layers, (f"pool{block}", nn.MaxPool2d(2))]


def vgg_blocks(inputs: int, filters: int, convolutions: Sequence[int], batch_norm: bool) -> Layers:
    """Make a `vgg_block` per number of convolutions, each with twice the filters of the one before."""
    layers: Layers = []
    for block, count in enumerate(convolutions, start=1):
        layers += vgg_block(block, inputs, filters, count, batch_norm)
        inputs, filters = filters, 2 * filters
    return layers


def pooled_area(family: str, image_shape: tuple[int, int, int], poolings: int) -> int:
    """Count the positions of a feature map after poolings by 2 that round down.

    Raises UserError where none is left.
    """
    factor = 2**poolings
    height, width = (side // factor for side in image_shape[1:])
    if height < 1 or width < 1:
        raise too_small(family, image_shape, factor)
    return height * width


def too_small(family: str, image_shape: tuple[int, int, int], least: int) -> UserError:
    """Make the error for images that are too small for a family."""
    size = f"{image_shape[1]}x{image_shape[2]}"
    return UserError(f"images of {size} are too small for {family}; valid: at least {least}x{least}")
