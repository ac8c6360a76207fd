"""What a measure sees of a layer: its activations, their spatial pool, or maps with the transformation
undone.

A view takes a block (n, T, ...) of activations and gives a block (n, T, ...), or None where the layer has no
such view.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from equivariance.measures.accumulator import Setting
from equivariance.transformations.warp import inside


def is_spatial(shape: tuple[int, ...]) -> bool:
    """Whether a layer of this shape has feature maps: (C, H, W) with more than one pixel."""
    return len(shape) == 3 and shape[1] * shape[2] > 1


def view(name: str, block: Tensor, setting: Setting) -> Tensor | None:
    """Look at a block of activations (n, T, ...) by one of `VIEWS`."""
    return VIEWS[name](block, setting)


def valid_pixels(matrices: Tensor, height: int, width: int) -> Tensor:
    """Mark the pixels that no member takes out of the image, bool (H, W)."""
    return inside(torch.linalg.inv(matrices), height, width).all(0)


def _pooled(how: Callable[[Tensor], Tensor]) -> Callable[[Tensor, Setting], Tensor]:
    return lambda block, _: how(block) if is_spatial(tuple(block.shape[2:])) else block


def _returned(block: Tensor, setting: Setting) -> Tensor | None:
    """Undo each transformation on the feature maps it led to: B[i, j] = t_j^-1(a(t_j(x_i)))."""
    if not is_spatial(tuple(block.shape[2:])):
        return None
    height, width = block.shape[3:]
    maps = setting.resampler(height, width, inverse=True)(block)  # (n, T, C, H, W)
    if not setting.mask:
        return maps
    assert setting.matrices is not None
    valid = valid_pixels(setting.matrices, height, width)
    return maps[..., valid].unsqueeze(-1) if valid.any() else None  # (n, T, C, pixels, 1)


VIEWS: dict[str, Callable[[Tensor, Setting], Tensor | None]] = {
    "activations": lambda block, _: block,
    "feature_maps": lambda block, _: block if is_spatial(tuple(block.shape[2:])) else None,
    "first_mean": _pooled(lambda block: block.mean((-2, -1))),
    "first_max": _pooled(lambda block: block.amax((-2, -1))),
    "returned": _returned,
}
