"""What all accumulators of a sweep share."""

from dataclasses import dataclass, field, replace
from math import prod
from typing import get_args

import torch
from torch import Tensor

from equivariance.errors import UserError, unknown
from equivariance.measures.resampling import Resampler
from equivariance.transformations.warp import Padding


class Scratch:
    """One piece of memory that all layers use in turn for what lives within one call.

    It stays in the cache, and the allocator, whose fresh pages cost as much as the arithmetic, is left alone.
    """

    def __init__(self) -> None:
        self._memory = torch.empty(0, dtype=torch.uint8)

    def like(self, tensor: Tensor, dtype: torch.dtype) -> Tensor:
        """Lend uninitialised memory of the tensor's shape and device; the next call takes it back."""
        size = prod(tensor.shape) * dtype.itemsize
        if len(self._memory) < size or self._memory.device != tensor.device:
            self._memory = torch.empty(size, dtype=torch.uint8, device=tensor.device)
        return self._memory[:size].view(dtype).view(tensor.shape)


@dataclass(frozen=True)
class Setting:
    """What all accumulators of a sweep share.

    `dtype` is the precision of what is summed within a block, float32 or float64; what is kept for long is
    float64. `identity` is the index of the identity among the transformations, None where there is none;
    `matrices` (T, 3, 3) are theirs, None for data that are no images; `padding` is what is seen beyond a
    feature map, and `mask` leaves out pixels that depend on it. `scratch` may be shared because accumulators
    are not updated at the same time.
    """

    dtype: torch.dtype = torch.float32
    identity: int | None = None
    matrices: Tensor | None = None
    padding: Padding = "border"
    mask: bool = False
    scratch: Scratch = field(default_factory=Scratch)
    # Not of the arguments, so that `dataclasses.replace` does not hand them on to where they are wrong.
    _resamplers: dict[tuple[bool, int, int], tuple[range, Resampler]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    _others: "dict[torch.dtype, Setting]" = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.padding not in get_args(Padding):
            raise UserError(unknown("padding", self.padding, get_args(Padding)))

    def with_dtype(self, dtype: torch.dtype) -> "Setting":
        """Return this setting in another precision, the same object each time, as it keeps what is costly."""
        if dtype == self.dtype:
            return self
        if dtype not in self._others:
            self._others[dtype] = replace(self, dtype=dtype)
            self._others[dtype]._others[self.dtype] = self
        return self._others[dtype]

    def resampler(self, height: int, width: int, *, inverse: bool, members: range | None = None) -> Resampler:
        """Return what transforms feature maps (H, W) by the members of the set, or by their inverses.

        `members` are the consecutive ones that are meant, by default all; those that came before them are
        forgotten. Raises UserError where the data are no images.
        """
        if self.matrices is None:
            raise UserError("same-equivariance needs the matrices of the transformations")
        members = range(len(self.matrices)) if members is None else members
        key = (inverse, height, width)
        if key not in self._resamplers or self._resamplers[key][0] != members:
            self._resamplers.pop(key, None)  # first, as two would not fit into memory
            chosen = self.matrices[members.start : members.stop]
            matrices = torch.linalg.inv(chosen) if inverse else chosen
            self._resamplers[key] = members, Resampler(matrices, height, width, self.padding, self.dtype)
        return self._resamplers[key][1]
