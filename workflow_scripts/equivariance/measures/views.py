"""What a measure sees of a layer: its activations, their spatial pool, or maps with the transformation
undone.

A view takes a block (n, T, ...) of activations and gives a block (n, T, ...), or None where the layer has no
such view. `members` are the transformations of a block that has only some, consecutive ones.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from equivariance.measures.accumulator import Setting
from equivariance.transformations.warp import inside


def is_spatial(shape: tuple[int, ...]) -> bool:
    """Whether a layer of this shape has feature maps: (C, H, W) with more than one pixel."""
    return len(shape) == 3 and shape[1] * shape[2] > 1


Maps = Callable[[Tensor], Tensor | None]


def spatial(block: Tensor) -> Tensor | None:
    """Take a block (n, T, C, H, W) as feature maps; None for any other."""
    return block if is_spatial(tuple(block.shape[2:])) else None


def view(
    name: str, block: Tensor, setting: Setting, members: range | None = None, maps: Maps = spatial
) -> Tensor | None:
    """Look at a block of activations (n, T, ...) by one of `VIEWS`; `maps` takes its feature maps."""
    of_maps = name in ("feature_maps", "returned")
    seen = maps(block) if of_maps else block
    return None if seen is None else VIEWS[name](seen, setting, members)


def seen_shape(name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape that a view gives to a layer (at most: a mask leaves out pixels)."""
    if is_spatial(shape):
        return shape[:1] if name in ("first_mean", "first_max") else shape
    return (0,) if name in ("feature_maps", "returned") else shape


def valid_pixels(matrices: Tensor, height: int, width: int) -> Tensor:
    """Mark the pixels that no member takes out of the image, bool (H, W)."""
    return inside(torch.linalg.inv(matrices), height, width).all(0)


def _whole(block: Tensor, *_: Any) -> Tensor:
    return block


def _mean(block: Tensor, setting: Setting, _: Any) -> Tensor:
    spatial = is_spatial(tuple(block.shape[2:]))
    return block.mean((-2, -1), dtype=setting.dtype) if spatial else block


def _max(block: Tensor, *_: Any) -> Tensor:
    return block.amax((-2, -1)) if is_spatial(tuple(block.shape[2:])) else block


def _returned(block: Tensor, setting: Setting, members: range | None) -> Tensor | None:
    """Undo each transformation on the feature maps it led to: B[i, j] = t_j^-1(a(t_j(x_i)))."""
    height, width = block.shape[3:]
    maps = setting.resampler(height, width, inverse=True, members=members)(block)  # (n, T, C, H, W)
    if not setting.mask:
        return maps
    assert setting.matrices is not None
    valid = valid_pixels(setting.matrices, height, width)
    return maps[..., valid].unsqueeze(-1) if valid.any() else None  # (n, T, C, pixels, 1)


VIEWS: dict[str, Callable[[Tensor, Setting, range | None], Tensor | None]] = {
    "activations": _whole,
    "feature_maps": _whole,
    "first_mean": _mean,
    "first_max": _max,
    "returned": _returned,
}
