"""What every family of measures is made of: accumulators, and the measures read from them."""

import math
from dataclasses import dataclass
from typing import Protocol, Self

import torch
from torch import Tensor


class Scratch:
    """One piece of memory that all layers use in turn for what lives within one call.

    It stays in the cache, and the allocator, whose fresh pages cost as much as the arithmetic, is left alone.
    """

    def __init__(self) -> None:
        self._memory = torch.empty(0)

    def like(self, tensor: Tensor, dtype: torch.dtype) -> Tensor:
        """Lend uninitialised memory of the tensor's shape and device; the next call takes it back."""
        size = math.prod(tensor.shape)
        memory = self._memory
        if memory.numel() < size or memory.dtype != dtype or memory.device != tensor.device:
            self._memory = torch.empty(size, dtype=dtype, device=tensor.device)
        return self._memory[:size].view(tensor.shape)


class Accumulator(Protocol):
    """The state of some measures of one layer: fed block by block, merged in any order, read at any time.

    `dtype` is the precision of sums within a block; what is kept for long is float64. `scratch` may be shared
    by accumulators that are not updated at the same time.
    """

    def __init__(self, dtype: torch.dtype = torch.float32, scratch: Scratch | None = None) -> None: ...

    def update(self, block: Tensor) -> None:
        """Take in a block (n, T, ...): n samples of a layer of any shape, under all T transformations."""

    def merge(self, other: Self) -> None:
        """Take in what another accumulator has seen; both then describe what they describe."""

    def compute(self) -> dict[str, Tensor]:
        """Give the maps of the layer's shape by name, float64 on the CPU; further updates are welcome."""


@dataclass(frozen=True)
class Measure:
    """A measure: a map of an accumulator, or the ratio of two.

    `numerator` and `denominator` name maps of the accumulator's `compute()`. A ratio is taken by
    `aggregation.divide`, after or before aggregating each.
    """

    name: str
    accumulator: type[Accumulator]
    numerator: str
    denominator: str | None = None
