"""What every family of measures is made of: accumulators, and the measures read from them."""

from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from equivariance.measures.passes import Passes
from equivariance.measures.setting import Setting
from equivariance.measures.stateful import Stateful


class Accumulator(Stateful, ABC):
    """The state of some measures of one layer: fed block by block, merged in any order, read at any time.

    It is fed in one pass, by `update`, or in two (see `passes`), by `update_rows` and by `update_columns` and
    `end_columns`, in any order. Either way an empty block is nothing, and a block of another shape than
    before raises ValueError, and so does an update before the calibration is complete.

    `wanted` names the maps that `compute` is to give, all by default; a pass that none of them needs may be
    left out.
    """

    BY_ROWS: ClassVar[tuple[str, ...]] = ()
    """The maps that compare within a sample, over the transformations."""
    BY_COLUMNS: ClassVar[tuple[str, ...]] = ()
    """The maps that compare over the samples, under one transformation."""
    CALIBRATED: ClassVar[bool] = False
    """Whether it has to see all untransformed activations, by `calibrate`, before the first update."""

    def __init__(self, setting: Setting, wanted: Collection[str] | None = None) -> None:
        self.setting = setting
        self.wanted = frozenset((*self.BY_ROWS, *self.BY_COLUMNS) if wanted is None else wanted)
        transformations = 0 if setting.matrices is None else len(setting.matrices)
        self._passes = Passes(transformations, least=1 if setting.identity is None else setting.identity + 1)

    @classmethod
    def takes_maps(cls, **options: Any) -> bool:
        """Whether feature maps are more to it than units, which may come in any order."""
        return False

    @classmethod
    def cell_bytes(cls, dtype: torch.dtype, **options: Any) -> int:
        """Bytes that it keeps for each unit and transformation, in two passes for each that is open."""
        return 0

    @classmethod
    def unit_bytes(
        cls, dtype: torch.dtype, *, wanted: Collection[str] | None = None, samples: int = 0, **options: Any
    ) -> int:
        """Bytes that it keeps for each unit, whatever the number of transformations, in two passes.

        `samples` is how many there are in all. What it keeps for whole feature maps is left out.
        """
        return 0

    @property
    def needs_rows(self) -> bool:
        """Whether a map that is wanted needs `update_rows`, in two passes."""
        return not self.wanted.isdisjoint(self.BY_ROWS)

    @property
    def needs_columns(self) -> bool:
        """Whether a map that is wanted needs `update_columns`, in two passes."""
        return not self.wanted.isdisjoint(self.BY_COLUMNS)

    def calibrate(self, rows: Tensor, total: int) -> None:
        """Take in untransformed activations (n, ...), some of `total`; only where `CALIBRATED`."""
        raise NotImplementedError

    @torch.no_grad()
    def update(self, block: Tensor) -> None:
        """Take in a block (n, T, ...): n samples of a layer of any shape, under all T transformations."""
        self._check_ready()
        if len(block):
            self._passes.take(tuple(block.shape))
            both = self.needs_rows and self.needs_columns
            take = self._update if both else self._update_rows if self.needs_rows else self._update_columns
            take(block.detach())

    @torch.no_grad()
    def update_rows(self, block: Tensor) -> None:
        """Take in a block (n, T, ...), complete in T, for what is compared within a sample."""
        self._check_ready()
        if len(block) and self.needs_rows:
            self._passes.take_rows(tuple(block.shape))
            self._update_rows(block.detach())

    @torch.no_grad()
    def update_columns(self, block: Tensor, members: range) -> None:
        """Take in a block (n, J, ...) of consecutive transformations, for what is compared over samples.

        The first members begin at 0. All samples come under the same members, until `end_columns`; then come
        the next.
        """
        if len(block) and self.needs_columns:
            self._passes.take_columns(tuple(block.shape), members)
            self._update_columns(block.detach())

    @torch.no_grad()
    def end_columns(self) -> None:
        """Fold the open columns, of which all samples were seen, into sums for each unit.

        Raises ValueError where none is open, or for another number of samples than the columns before had.
        """
        if self.needs_columns:
            self._passes.fold()
            self._fold()

    @torch.no_grad()
    def merge(self, other: Self) -> None:
        """Take in what another accumulator has seen, in the same pass; both then describe what they describe.

        Raises ValueError for other shapes, or another pass; one of the two may be untouched.
        """
        if other._passes.begun:
            if self._passes.begun:
                self._passes.check_mergeable(other._passes)
            self._merge(other)
            self._passes.merge(other._passes)

    @torch.no_grad()
    def compute(self) -> dict[str, Tensor]:
        """Return the wanted maps by name, float64 on the CPU, of the layer's shape or, for vectors of whole
        feature maps, (C,); further updates are welcome.

        Raises ValueError where samples, or transformations, are missing.
        """
        self._passes.check_complete(needs_rows=self.needs_rows, needs_columns=self.needs_columns)
        return {name: x for name, x in self._compute().items() if name in self.wanted}

    def _add_sums(self, other: Self, *names: str) -> None:
        """Add the sums of another, by the names of the attributes; empty ones are none yet."""
        for name in names:
            mine, theirs = getattr(self, name), getattr(other, name)
            if len(theirs):
                setattr(self, name, mine + theirs.to(mine.device) if len(mine) else theirs.clone())

    @property
    def _layer(self) -> tuple[int, ...]:
        """The shape of the layer, which is known once a block was taken in."""
        assert self._passes.layer is not None
        return self._passes.layer

    def _flat_units(self, block: Tensor) -> Tensor:
        """Lay the units of a block (n, T, ...) in a row: (n, T, U), contiguous, in the setting's dtype."""
        flat = block.flatten(2) if block.dim() > 2 else block.unsqueeze(2)
        return flat.to(self.setting.dtype).contiguous()

    def _check_ready(self) -> None:
        """Raise ValueError where the calibration is not complete."""

    def _update(self, block: Tensor) -> None:
        """Take in a block (n, T, ...) of the one pass, which fits, for maps of both kinds."""
        self._update_rows(block)
        self._update_columns(block)

    @abstractmethod
    def _update_rows(self, block: Tensor) -> None:
        """Take in a block (n, T, ...) of the row pass, which fits."""

    def _update_columns(self, block: Tensor) -> None:
        """Take in a block (n, J, ...) of the column pass, which fits."""
        raise NotImplementedError

    def _fold(self) -> None:
        """Fold the columns that were open."""
        raise NotImplementedError

    @abstractmethod
    def _merge(self, other: Self) -> None:
        """Take in another, which has seen something and fits."""

    @abstractmethod
    def _compute(self) -> dict[str, Tensor]:
        """Return at least the wanted maps; nothing is missing."""


@dataclass(frozen=True)
class Source:
    """Which accumulator a measure is read from: its class, its options, and which view of the activations it
    sees (see `views`)."""

    accumulator: type[Accumulator]
    options: tuple[tuple[str, Any], ...] = ()
    view: str = "activations"

    @property
    def by_units(self) -> bool:
        """Whether it takes the activations unit by unit, in whatever order they lie in memory."""
        return self.view == "activations" and not self.accumulator.takes_maps(**dict(self.options))

    def make(self, setting: Setting, wanted: Collection[str] | None = None) -> Accumulator:
        """Make the accumulator, for the maps `wanted` or for all."""
        return self.accumulator(setting, wanted=wanted, **dict(self.options))


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

    @property
    def maps(self) -> tuple[str, ...]:
        """The maps that it is read from."""
        return (self.numerator,) if self.denominator is None else (self.numerator, self.denominator)
