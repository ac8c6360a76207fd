"""Arrays of numbers, whatever holds them, as blocks of samples in float64.

One rule says what is one array and what are several blocks. An array is what numpy or torch can make one of:
their own arrays, a table of pandas, nested lists or tuples, whose items are the samples. Blocks come from
iterators and other things to go through, such as generators. So a list is never cut into blocks by itself.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from numbers import Number
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from equivariance.errors import UserError

PIECE = 1 << 23  # numbers converted at a time: 64 MiB of float64

NEEDED = "(samples, transformations, units) or (samples, transformations, C, H, W)"

_REFUSED = {
    "c": "complex numbers; give their absolute values, or .real, or .imag",
    "O": "objects of Python; give numbers, as .astype(float) makes them",
    "V": "records; give one of their fields",
    **dict.fromkeys("SUT", "text; needed: numbers"),
    **dict.fromkeys("mM", "times; needed: numbers"),
}  # by the kind of numpy's dtype


def is_several(given: Any) -> bool:
    """Whether what is given is gone through block by block, rather than one array."""
    one = isinstance(given, list | tuple | str | bytes | Mapping | Set | Tensor)
    return isinstance(given, Iterable) and not one and not _holds_array(given)


def read_array(given: Any, what: str = "the array") -> NDArray[Any] | Tensor:
    """Return real numbers as an array of numpy or torch, of any dimensions, without a copy where possible.

    Raises UserError, which begins with `what`, for everything that is no array of real numbers: nested lists
    that are ragged, complex numbers, text, times, objects, masked and sparse arrays.
    """
    if isinstance(given, list | tuple):
        return _stacked(given, what)
    if isinstance(given, Tensor):
        return _read_tensor(given, what)
    if not isinstance(given, Number | np.generic) and not _holds_array(given):
        kind = "None" if given is None else f"of type {type(given).__name__}"
        raise UserError(f"{what} is {kind}; needed: an array of numbers")
    if hasattr(given, "toarray"):
        raise UserError(f"{what} is sparse; give its .toarray()")
    if np.ma.is_masked(given):
        raise UserError(f"{what} has masked values; fill them, such as with .filled(numpy.nan)")
    try:
        array = np.asarray(given)
    except (TypeError, ValueError, RuntimeError) as error:
        raise UserError(
            f"{what} is of type {type(given).__name__}, which numpy cannot read: {error}"
        ) from error
    if array.dtype.kind in _REFUSED:
        raise UserError(f"{what} has {_REFUSED[array.dtype.kind]}")
    return array


def read_samples(given: Any) -> NDArray[Any] | Tensor:
    """Read one array (samples, transformations), of a single unit, or of one of the shapes `NEEDED`."""
    array = read_array(given)
    if array.ndim not in (2, 3, 5):
        hint = "; flatten the units with a.reshape(*a.shape[:2], -1)"
        if isinstance(given, list | tuple):
            hint = "; the items of a list are samples, or blocks with blocks=True"
        hint = hint if array.ndim > 3 else ""
        raise UserError(f"the array has the shape {tuple(array.shape)}; needed: {NEEDED}{hint}")
    full = _full(array, "the array")
    return full[..., None] if full.ndim == 2 else full


def read_block(given: Any, index: int) -> NDArray[Any] | Tensor:
    """Read one of several blocks, of one of the shapes `NEEDED`."""
    what = f"block {index}"
    array = read_array(given, what)
    if array.ndim not in (3, 5):
        hint = "; single samples are not blocks: stack them into one array, as numpy.stack does"
        raise UserError(f"{what} has the shape {tuple(array.shape)}; needed: {NEEDED}{hint}")
    return _full(array, what)


def pieces(array: NDArray[Any] | Tensor, rows: Sequence[int] | None = None) -> Iterator[Tensor]:
    """Return samples, of some rows or all, a few at a time as float64 on the CPU.

    So a large array, or one in a file (numpy.memmap), is never copied whole.
    """
    chosen = range(len(array)) if rows is None else rows
    step = max(PIECE // math.prod(array.shape[1:]), 1)
    for start in range(0, len(chosen), step):
        part = chosen[start : start + step]
        yield to_float64(array[part.start : part.stop] if isinstance(part, range) else array[list(part)])


def to_float64(array: NDArray[Any] | Tensor) -> Tensor:
    """Return an array as a contiguous tensor of float64 on the CPU, which is not to be written to."""
    if isinstance(array, Tensor):
        return array.detach().to("cpu", torch.float64).resolve_neg().contiguous()
    # Writable, because torch knows no other tensors.
    return torch.from_numpy(np.require(array, np.float64, ["C", "W"]))


def _holds_array(given: Any) -> bool:
    known = isinstance(given, memoryview)
    return known or any(hasattr(given, name) for name in ("__array__", "__array_interface__", "toarray"))


def _stacked(given: Sequence[Any], what: str) -> NDArray[Any]:
    """Make one array of a list of numbers or of arrays, which may be lists themselves."""
    if all(isinstance(item, Number | np.generic) for item in given):
        array = read_array(np.asarray(given), what)
        assert isinstance(array, np.ndarray)
        return array
    inner = what if what.startswith("an item") else f"an item of {what}"
    arrays = [_of_numpy(read_array(item, inner)) for item in given]
    shapes = list(dict.fromkeys(array.shape for array in arrays))
    if len(shapes) > 1:
        hint = "; a list of blocks needs blocks=True" if len(shapes[0]) > 2 else ""
        raise UserError(
            f"{what} has items of the shapes {shapes[0]} and {shapes[1]}; they do not form an array{hint}"
        )
    return np.stack(arrays)


def _read_tensor(given: Tensor, what: str) -> Tensor:
    if given.layout != torch.strided or given.is_nested:
        raise UserError(f"{what} is a sparse or nested tensor; give its .to_dense()")
    if given.device.type == "meta":
        raise UserError(f"{what} is a tensor without data, on the device meta")
    if hasattr(given, "get_mask"):
        raise UserError(f"{what} is a masked tensor; fill it, such as with .to_tensor(torch.nan)")
    if given.is_complex():
        raise UserError(f"{what} has {_REFUSED['c']}")
    return given.detach().dequantize() if given.is_quantized else given.detach()


def _of_numpy(array: NDArray[Any] | Tensor) -> NDArray[Any]:
    return to_float64(array).numpy() if isinstance(array, Tensor) else array


def _full(array: NDArray[Any] | Tensor, what: str) -> NDArray[Any] | Tensor:
    if 0 in array.shape[1:]:
        raise UserError(f"{what} has the shape {tuple(array.shape)}; needed: transformations and units")
    return array
