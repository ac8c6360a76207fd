"""Read images a few at a time, whatever holds them."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from equivariance.errors import UserError


def tiles(images: Any, size: int, rows: Sequence[int] | None = None) -> Iterator[Tensor]:
    """Give `size` images at a time (the last may be fewer), (n, C, H, W), as they are stored.

    `images` is a tensor or an array (N, C, H, W), or anything with a length and items (C, H, W), such as a
    torch Dataset; an item may be a tuple that begins with the image. `rows` says which, in which order; by
    default all, in theirs. Raises UserError for other shapes, and where there is no image.
    """
    whole = torch.as_tensor(images) if isinstance(images, Tensor | np.ndarray) else None
    chosen = range(len(images)) if rows is None else rows
    if not len(chosen):
        raise UserError("no images to measure with")
    for start in range(0, len(chosen), size):
        part = chosen[start : start + size]
        yield _checked(whole[list(part)] if whole is not None else _stack([images[row] for row in part]))


def to_float(images: Tensor, dtype: torch.dtype) -> Tensor:
    """Scale whole numbers 0..255 to 0..1; floats only change their precision."""
    return images.to(dtype) if images.is_floating_point() else images.to(dtype).div_(255)


def _stack(items: Sequence[Any]) -> Tensor:
    tensors = [torch.as_tensor(item[0] if isinstance(item, tuple | list) else item) for item in items]
    shapes = {tuple(tensor.shape) for tensor in tensors}
    if len(shapes) > 1:
        raise UserError(f"images differ in shape: {', '.join(map(str, sorted(shapes)))}; bring them to one")
    return torch.stack(tensors)


def _checked(images: Tensor) -> Tensor:
    if images.dim() != 4:
        raise UserError(f"an image has shape {tuple(images.shape[1:])}; needed: (C, H, W)")
    return images
