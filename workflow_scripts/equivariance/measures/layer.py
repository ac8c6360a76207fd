"""The measures of one layer: its accumulators, each fed what it sees, and their values."""

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any, Self

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from equivariance.errors import UserError, unknown
from equivariance.measures.accumulator import Accumulator, Measure, Setting, Source
from equivariance.measures.aggregation import aggregate
from equivariance.measures.names import AGGREGATIONS
from equivariance.measures.views import VIEWS, Maps, seen_shape, spatial, view


class LayerMeasures:
    """All measures of one layer, each with all aggregations, from as few accumulators as they need.

    Fed as an accumulator is, in one pass (`update`) or in two (`update_rows`; `update_columns` and
    `end_columns`). `name` is the layer's, for errors: every block must have the shape and the type of the
    first, else UserError is raised and nothing is taken in. Empty blocks are nothing. `maps` takes the
    feature maps (..., C, H, W) from a block, or gives None; by default all of (..., C, H, W) is maps.

    Where the first block has its channels last in memory, accumulators that take unit by unit see layers
    (H, W, C), without a copy; what is computed is (C, H, W) all the same.
    """

    def __init__(
        self,
        measures: Sequence[Measure],
        aggregations: Sequence[str],
        setting: Setting,
        name: str = "",
        maps: Maps = spatial,
    ) -> None:
        self._name = name
        self._maps = maps
        self._sources = [
            (measure, aggregation, source_with(measure, aggregation))
            for measure in measures
            for aggregation in aggregations
        ]
        self._followed: dict[Source, LayerMeasures] = {}
        self._start(setting)

    def _start(self, setting: Setting) -> None:
        wanted: dict[Source, set[str]] = {}
        for measure, _, one in self._sources:
            wanted.setdefault(one, set()).update(measure.maps)
        self.setting = setting
        self._accumulators = {one: one.make(setting, maps) for one, maps in wanted.items()}
        self._fed: set[Source] = set()
        self._called: set[str] = set()  # "update", "rows", "columns"
        self._transformations = 0 if setting.matrices is None else len(setting.matrices)  # 0: not known yet
        self._first: tuple[tuple[int, ...], torch.dtype] | None = None  # shape and type of activations
        self._channels_last: bool | None = None  # in memory, in the first block

    @property
    def needs_calibration(self) -> bool:
        """Whether a measure needs `calibrate` before the first `update`."""
        return any(one.accumulator.CALIBRATED for one in self._accumulators)

    @property
    def needs_rows(self) -> bool:
        """Whether a measure needs `update_rows`, in two passes."""
        return any(accumulator.needs_rows for accumulator in self._accumulators.values())

    @property
    def needs_columns(self) -> bool:
        """Whether a measure needs `update_columns`, in two passes."""
        return any(accumulator.needs_columns for accumulator in self._accumulators.values())

    def state_bytes(self, shape: tuple[int, ...], members: int, samples: int = 0) -> int:
        """Bytes kept of a layer of this shape, in two passes with `members` open at a time.

        `samples` is how many there are in all, which thresholds need. With all T members it is also what one
        pass keeps, or a little more. What is left to others is not counted.
        """
        total = 0
        for one, accumulator in self._own().items():
            options, dtype = dict(one.options), self.setting.dtype
            cell = accumulator.cell_bytes(dtype, **options) if accumulator.needs_columns else 0
            unit = accumulator.unit_bytes(dtype, wanted=accumulator.wanted, samples=samples, **options)
            total += math.prod(seen_shape(one.view, shape)) * (unit + members * cell)
        return total

    def calibrate(self, rows: Tensor, total: int) -> None:
        """Show untransformed activations (n, ...), some of `total`, to the accumulators that want them."""
        if len(rows):
            self._check(rows.shape[1:], rows.dtype)
            calibrated = [one for one in self._accumulators if one.accumulator.CALIBRATED]
            for one, seen in self._seen(calibrated, rows[:, None]):
                self._accumulators[one].calibrate(seen[:, 0], total)

    def update(self, block: Tensor) -> None:
        """Take in a block of activations (n, T, ...)."""
        self._feed("update", self._own(), block, lambda one, seen: one.update(seen))

    def follow(self, other: "LayerMeasures") -> None:
        """Leave to another, which is shown the same blocks by `update` and more later, what both would take
        in alike, until `catch_up`. Thresholds are of a number of samples, so they are not left to it."""
        for one, mine in self._accumulators.items():
            theirs = other._accumulators.get(one)
            if theirs is not None and not one.accumulator.CALIBRATED:
                passes = ((x.needs_rows, x.needs_columns) for x in (mine, theirs))
                if len({*passes}) == 1:  # else sums are made in another way
                    self._followed[one] = other

    def catch_up(self) -> None:
        """Copy what was left to others, and take in the rest by oneself."""
        for one, other in self._followed.items():
            if one in other._fed:
                self._accumulators[one].restore(deepcopy(other._accumulators[one].state()))
                self._fed.add(one)
        self._followed = {}

    def _own(self) -> dict[Source, Accumulator]:
        """The accumulators that are not left to others."""
        return {one: x for one, x in self._accumulators.items() if one not in self._followed}

    def update_rows(self, block: Tensor) -> None:
        """Take in a block of activations (n, T, ...), complete in T, for what is compared within a sample."""
        rows = [one for one, accumulator in self._accumulators.items() if accumulator.needs_rows]
        self._feed("rows", rows, block, lambda one, seen: one.update_rows(seen))

    def update_columns(self, block: Tensor, members: range) -> None:
        """Take in a block (n, J, ...) of consecutive transformations, for what is compared over samples.

        All samples come under the same members, until `end_columns`; then come the next, in order from 0.
        """
        self._feed(
            "columns", self._columns, block, lambda one, seen: one.update_columns(seen, members), members
        )

    def _feed(
        self,
        called: str,
        sources: Collection[Source],
        block: Tensor,
        take: Callable[[Accumulator, Tensor], None],
        members: range | None = None,
    ) -> None:
        if len(block):
            self._check_block(block, members)
            self._called.add(called)
            for one, seen in self._seen(sources, block, members):
                take(self._accumulators[one], seen)
                self._fed.add(one)

    def end_columns(self) -> None:
        """Fold the open columns, of which all samples were seen."""
        for one in self._columns:
            if one in self._fed:
                self._accumulators[one].end_columns()

    @property
    def _columns(self) -> list[Source]:
        return [one for one, accumulator in self._accumulators.items() if accumulator.needs_columns]

    def merge(self, other: Self) -> None:
        """Take in what another has seen, of the same layer and with the same measures, in the same pass.

        Raises UserError where the layer's activations have another shape or type there, and ValueError where
        they lie otherwise in memory.
        """
        if self._sources != other._sources:
            raise ValueError("the layers have different measures")
        if other._first is not None:
            if self._first is None and self.setting.dtype != other.setting.dtype:
                self._start(self.setting.with_dtype(other.setting.dtype))
            self._check(*other._first)
            self._check_count(other._transformations or self._transformations)
            self._transformations = self._transformations or other._transformations
            if self._channels_last is None:
                self._channels_last = other._channels_last
            elif other._channels_last not in (None, self._channels_last):
                raise ValueError("the layers have their channels in different places in memory")
        for one in other._fed:
            self._accumulators[one].merge(other._accumulators[one])
        self._fed |= other._fed
        self._called |= other._called

    def _check_block(self, block: Tensor, members: range | None = None) -> None:
        if block.dim() < 2 or not block.shape[1]:
            raise UserError(
                f"{self._subject} returned {tuple(block.shape)}; needed: (n, T, ...) with T from 1"
            )
        if members is None:
            self._check_count(block.shape[1])
        elif len(members) != block.shape[1]:
            raise ValueError(f"a block {tuple(block.shape)}; expected: {len(members)} members")
        self._check(block.shape[2:], block.dtype)
        if members is None:
            self._transformations = block.shape[1]

    def _check_count(self, count: int) -> None:
        expected = self._transformations or count
        if count != expected:
            raise UserError(f"{self._subject} returned {count} transformations; expected: {expected}")

    def _check(self, shape: tuple[int, ...], dtype: torch.dtype) -> None:
        """Compare activations with the first ones; the first are what is compared with."""
        given = (tuple(shape), dtype)
        if dtype.is_complex:
            raise UserError(f"{self._subject} returned {dtype}; needed: real numbers")
        for first, now in zip(self._first or given, given, strict=True):
            if first != now:
                raise UserError(
                    f"{self._subject} returned {first} for the first images and {now} now; needed: the "
                    "same for all images"
                )
        self._first = given

    @property
    def _subject(self) -> str:
        return f"layer {self._name!r}" if self._name else "a layer"

    def compute(self) -> Iterator[tuple[str, str, Tensor]]:
        """Return measure, aggregation and values (feature maps or units); what a layer lacks is left
        out.

        Raises ValueError where a pass, or part of one, is missing.
        """
        needed = {"rows": self.needs_rows, "columns": self.needs_columns}
        missing = [name for name, is_needed in needed.items() if is_needed and name not in self._called]
        if self._called and "update" not in self._called and missing:
            raise ValueError(f"no {missing[0]} were taken in")
        maps = {one: self._accumulators[one].compute() for one in self._fed}
        if self._channels_last:
            for one in self._fed:
                if one.by_units:
                    maps[one] = {name: x.movedim(-1, 0).contiguous() for name, x in maps[one].items()}
        for measure, aggregation, one in self._sources:
            if one in maps:
                found = maps[one]
                denominator = None if measure.denominator is None else found[measure.denominator]
                how = "none" if aggregation in VIEWS else aggregation
                yield measure.name, aggregation, aggregate(found[measure.numerator], denominator, how)

    def table(self) -> pd.DataFrame:
        """Return a row per value: unit (index of the feature map, or in the flattened layer), measure,
        aggregation, value."""
        frames = [pd.DataFrame(columns=("unit", "measure", "aggregation", "value"))]
        for measure, aggregation, values in self.compute():
            flat = values.flatten().numpy()
            columns = {"unit": np.arange(len(flat)), "measure": measure, "aggregation": aggregation}
            frames.append(pd.DataFrame({**columns, "value": flat}))
        return pd.concat(frames[1:], ignore_index=True) if len(frames) > 1 else frames[0]

    def state(self) -> dict[str, Any]:
        """Return all of the state, as tensors and plain values."""
        return {
            "dtype": self.setting.dtype,
            "first": self._first,
            "channels_last": self._channels_last,
            "transformations": self._transformations,
            "called": sorted(self._called),
            "fed": [one in self._fed for one in self._accumulators],
            "accumulators": [accumulator.state() for accumulator in self._accumulators.values()],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Load a state that `state()` returned, of the same measures and aggregations; its precision too."""
        self._start(self.setting.with_dtype(state["dtype"]))
        self._first, self._transformations = state["first"], state["transformations"]
        for accumulator, saved in zip(self._accumulators.values(), state["accumulators"], strict=True):
            accumulator.restore(saved)
        self._channels_last = state["channels_last"]
        self._called = {*state["called"]}
        fed = zip(self._accumulators, state["fed"], strict=True)
        self._fed = {one for one, was_fed in fed if was_fed}

    def _seen(
        self, sources: Collection[Source], block: Tensor, members: range | None = None
    ) -> Iterator[tuple[Source, Tensor]]:
        """Show a block to sources, by the view of each, a view at a time; not where the layer has none."""
        block = block.detach()
        if self._channels_last is None:
            self._channels_last = has_channels_last(block)
        by_units = [one for one in sources if one.by_units]
        if by_units:
            units = (block.movedim(2, -1) if self._channels_last else block).contiguous()
            yield from ((one, units) for one in by_units)
        grouped: dict[str, list[Source]] = {}
        for one in sources:
            if not one.by_units:
                grouped.setdefault(one.view, []).append(one)
        if grouped:
            block = block.contiguous()  # once for all
        for name, group in grouped.items():
            seen = view(name, block, self.setting, members, self._maps)
            if seen is not None:
                for one in group:
                    yield one, seen


def has_channels_last(block: Tensor) -> bool:
    """Whether feature maps (n, T, C, H, W) have their channels last in memory."""
    maps = block[0, 0]
    return maps.dim() == 3 and not maps.is_contiguous() and maps.movedim(0, -1).is_contiguous()


def source_with(measure: Measure, aggregation: str) -> Source:
    """Say what a measure is read from with an aggregation: pooling first is another view of the activations.

    Raises UserError for an unknown aggregation, and for pooling first what needs feature maps.
    """
    if aggregation not in AGGREGATIONS:
        raise UserError(unknown("aggregation", aggregation, AGGREGATIONS))
    if aggregation not in VIEWS:
        return measure.source
    if measure.source.view != "activations":
        raise UserError(f"measure {measure.name!r} needs feature maps, which {aggregation!r} pools away")
    return replace(measure.source, view=aggregation)
