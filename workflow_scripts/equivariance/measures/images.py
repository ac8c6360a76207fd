"""Read images a few at a time, whatever holds them."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from equivariance.errors import UserError


def tiles(images: Any, size: int) -> Iterator[Tensor]:
    """Give `size` images at a time (the last may be fewer), (n, C, H, W), as they are stored.

    `images` is a tensor or an array (N, C, H, W), or anything with a length and items (C, H, W), such as a
    torch Dataset; an item may be a tuple that begins with the image. Raises UserError for other shapes.
    """
    whole = torch.as_tensor(images) if isinstance(images, Tensor | np.ndarray) else None
    for start in range(0, len(images), size):
        stop = min(start + size, len(images))
        yield _checked(whole[start:stop] if whole is not None else _stack(images, start, stop))


def to_float(images: Tensor, dtype: torch.dtype) -> Tensor:
    """Scale whole numbers 0..255 to 0..1; floats only change their precision."""
    return images.to(dtype) if images.is_floating_point() else images.to(dtype).div_(255)


def _stack(images: Any, start: int, stop: int) -> Tensor:
    items = [images[index] for index in range(start, stop)]
    tensors = [torch.as_tensor(item[0] if isinstance(item, tuple | list) else item) for item in items]
    shapes = {tuple(tensor.shape) for tensor in tensors}
    if len(shapes) > 1:
        raise UserError(f"images differ in shape: {', '.join(map(str, sorted(shapes)))}; bring them to one")
    return torch.stack(tensors)


def _checked(images: Tensor) -> Tensor:
    if images.dim() != 4:
        raise UserError(f"an image has shape {tuple(images.shape[1:])}; needed: (C, H, W)")
    return images
