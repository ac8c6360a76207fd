"""What every family of measures is made of: accumulators, and the measures read from them."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self, get_args

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
        self._memory = torch.empty(0)

    def like(self, tensor: Tensor, dtype: torch.dtype) -> Tensor:
        """Lend uninitialised memory of the tensor's shape and device; the next call takes it back."""
        size = math.prod(tensor.shape)
        memory = self._memory
        if memory.numel() < size or memory.dtype != dtype or memory.device != tensor.device:
            self._memory = torch.empty(size, dtype=dtype, device=tensor.device)
        return self._memory[:size].view(tensor.shape)


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
    _resamplers: dict[tuple[bool, int, int], Resampler] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.padding not in get_args(Padding):
            raise UserError(unknown("padding", self.padding, get_args(Padding)))

    def resampler(self, height: int, width: int, *, inverse: bool) -> Resampler:
        """Give what transforms feature maps (H, W) by the members of the set, or by their inverses.

        Raises UserError where the data are no images.
        """
        if self.matrices is None:
            raise UserError("same-equivariance needs the matrices of the transformations")
        key = (inverse, height, width)
        if key not in self._resamplers:
            matrices = torch.linalg.inv(self.matrices) if inverse else self.matrices
            self._resamplers[key] = Resampler(matrices, height, width, self.padding, self.dtype)
        return self._resamplers[key]


class Stateful:
    """What can be put down and taken up again."""

    STATE: ClassVar[tuple[str, ...]]
    """Names of the attributes that are its whole state: tensors, numbers, tuples, or others of this class."""

    def state(self) -> dict[str, Any]:
        """Give all of the state, as tensors and plain values that torch.save and torch.load take."""
        values = {name: getattr(self, name) for name in self.STATE}
        return {name: x.state() if isinstance(x, Stateful) else x for name, x in values.items()}

    def restore(self, state: dict[str, Any]) -> None:
        """Take on a state that `state()` gave."""
        for name in self.STATE:
            mine = getattr(self, name)
            if isinstance(mine, Stateful):
                mine.restore(state[name])
            else:
                setattr(self, name, state[name])


class Accumulator(Stateful, ABC):
    """The state of some measures of one layer: fed block by block, merged in any order, read at any time."""

    CALIBRATED: ClassVar[bool] = False
    """Whether it has to see all untransformed activations, by `calibrate`, before the first update."""

    def __init__(self, setting: Setting, **options: Any) -> None:
        self.setting = setting

    @classmethod
    def cell_bytes(cls, dtype: torch.dtype, **options: Any) -> int:
        """Bytes that it keeps for each unit and transformation; what it keeps for units alone is left out."""
        return 0

    def calibrate(self, rows: Tensor, total: int) -> None:
        """Take in untransformed activations (n, ...), some of `total`; only where `CALIBRATED`."""
        raise NotImplementedError

    @abstractmethod
    def update(self, block: Tensor) -> None:
        """Take in a block (n, T, ...): n samples of a layer of any shape, under all T transformations."""

    @abstractmethod
    def merge(self, other: Self) -> None:
        """Take in what another accumulator has seen; both then describe what they describe."""

    @abstractmethod
    def compute(self) -> dict[str, Tensor]:
        """Give maps by name, float64 on the CPU, of the layer's shape or, for vectors of whole feature maps,
        (C,); further updates are welcome."""


@dataclass(frozen=True)
class Source:
    """Which accumulator a measure is read from: its class, its options, and which view of the activations it
    sees (see `views`)."""

    accumulator: type[Accumulator]
    options: tuple[tuple[str, Any], ...] = ()
    view: str = "activations"

    def make(self, setting: Setting) -> Accumulator:
        """Make the accumulator."""
        return self.accumulator(setting, **dict(self.options))


@dataclass(frozen=True)
class Measure:
    """A measure: a map of an accumulator, or the ratio of two.

    `numerator` and `denominator` name maps of the accumulator's `compute()`. A ratio is taken by
    `aggregation.divide`, after or before aggregating each.
    """

    name: str
    source: Source
    numerator: str
    denominator: str | None = None
