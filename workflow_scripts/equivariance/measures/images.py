"""Read images a few at a time, whatever holds them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from equivariance.errors import UserError

NEEDED = "needed: a tensor or an array (N, C, H, W), or a sequence or a torch Dataset of images (C, H, W)"


def check_holder(images: Any) -> None:
    """Raise UserError for what holds no images that can be asked for one by one."""
    if isinstance(images, Tensor) and (images.layout != torch.strided or images.is_nested):
        raise UserError("images are a tensor that is not dense; give its to_dense()")
    if isinstance(images, torch.utils.data.DataLoader):
        raise UserError("images are a DataLoader, which cuts them into batches; give its dataset instead")
    if isinstance(images, str | bytes | Mapping) or not (
        hasattr(images, "__len__") and hasattr(images, "__getitem__")
    ):
        raise UserError(f"images are a {type(images).__name__}; {NEEDED}")
    if _is_whole(images) and images.ndim != 4:
        raise UserError(f"an image has shape {tuple(images.shape[1:])}; needed: (C, H, W)")
    if not len(images):
        raise UserError("no images to measure with")


def _is_whole(images: Any) -> bool:
    """Whether images are one tensor or array, and not one by one."""
    return isinstance(images, Tensor) or (isinstance(images, np.ndarray) and images.dtype != object)


def tiles(images: Any, size: int, rows: Sequence[int] | None = None) -> Iterator[Tensor]:
    """Return `size` images at a time (the last may be fewer), (n, C, H, W), as they are stored.

    `images` is a tensor or an array (N, C, H, W), or anything with a length and items: images (C, H, W),
    Pillow's pictures, or tuples that begin with one, as those of a torch Dataset. `rows` says which, in which
    order; by default all, in theirs. Raises UserError for other shapes, for values that are no pixels, and
    where there is no image.
    """
    check_holder(images)
    chosen = range(len(images)) if rows is None else rows
    if not len(chosen):
        raise UserError("no images to measure with")
    for start in range(0, len(chosen), size):
        part = chosen[start : start + size]
        tile = _tensor(images[list(part)]) if _is_whole(images) else _stack([images[row] for row in part])
        _check(tile, part)
        yield tile


def to_float(images: Tensor, dtype: torch.dtype) -> Tensor:
    """Scale whole numbers 0..255 to 0..1; floats and bools only change their type."""
    scaled = images.to(dtype)
    return scaled if images.is_floating_point() or images.dtype == torch.bool else scaled.div_(255)


def _stack(items: Sequence[Any]) -> Tensor:
    tensors = [_tensor(item[0] if isinstance(item, tuple | list) and len(item) else item) for item in items]
    shapes = {tuple(tensor.shape) for tensor in tensors}
    if len(shapes) > 1:
        raise UserError(f"images differ in shape: {', '.join(map(str, sorted(shapes)))}; resize them")
    return torch.stack(tensors)


def _tensor(image: Any) -> Tensor:
    if isinstance(image, Tensor):
        return image
    if hasattr(image, "getbands"):  # a picture of Pillow, which need not be installed
        from equivariance.datasets.pictures import picture_to_array

        return torch.from_numpy(picture_to_array(image))
    try:
        array = np.asarray(image)
        # Torch has neither the byte order of other machines nor arrays that are read backwards.
        return torch.as_tensor(np.ascontiguousarray(array, array.dtype.newbyteorder("=")))
    except (TypeError, ValueError, RuntimeError) as error:
        held = f" of {image.dtype}" if isinstance(image, np.ndarray) else ""
        raise UserError(f"an image is a {type(image).__name__}{held}; {NEEDED}") from error


def _check(images: Tensor, rows: Sequence[int]) -> None:
    """Raise UserError for images (n, C, H, W) of another shape, or with values that are no pixels."""
    if images.dim() != 4:
        raise UserError(f"an image has shape {tuple(images.shape[1:])}; needed: (C, H, W)")
    if not images.numel():
        raise UserError(f"an image has shape {tuple(images.shape[1:])}, which is empty")
    if images.is_complex():
        raise UserError("images are complex numbers; needed: real ones")
    if (images.dtype.itemsize == 1 and images.is_floating_point()) or images.is_quantized:
        raise UserError(f"images are {images.dtype}; needed: float16, float32, float64 or whole numbers")
    if images.is_floating_point():
        finite = images.isfinite().flatten(1).all(1)
        if not finite.all():
            raise UserError(f"image {rows[int((~finite).nonzero()[0])]} has pixels that are NaN or infinite")
    elif images.dtype not in (torch.uint8, torch.bool):
        numbers = images.long()  # which of the unsigned types only uint8 can be compared
        low, high = int(numbers.min()), int(numbers.max())
        if low < 0 or high > 255:
            raise UserError(
                f"images are whole numbers from {low} to {high}; valid: 0 to 255, or floats of any range"
            )
