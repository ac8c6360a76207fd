"""The measures of one layer: its accumulators, each fed what it sees, and their values."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Self

import numpy as np
import pandas as pd
from torch import Tensor

from equivariance.errors import UserError, unknown
from equivariance.measures.accumulator import Measure, Setting, Source
from equivariance.measures.aggregation import aggregate
from equivariance.measures.names import AGGREGATIONS
from equivariance.measures.views import view


class LayerMeasures:
    """All measures of one layer, each with all aggregations, from as few accumulators as they need."""

    def __init__(self, measures: Sequence[Measure], aggregations: Sequence[str], setting: Setting) -> None:
        self._setting = setting
        self._sources = [
            (measure, aggregation, source(measure, aggregation))
            for measure in measures
            for aggregation in aggregations
        ]
        self._accumulators = {source: source.make(setting) for _, _, source in self._sources}
        self._fed: set[Source] = set()

    @property
    def needs_calibration(self) -> bool:
        """Whether a measure needs `calibrate` before the first `update`."""
        return any(source.accumulator.CALIBRATED for source in self._accumulators)

    def calibrate(self, rows: Tensor, total: int) -> None:
        """Show untransformed activations (n, ...), some of `total`, to the accumulators that want them."""
        for seen, sources in self._by_view(self._accumulators, rows[:, None]):
            for source in sources:
                if source.accumulator.CALIBRATED:
                    self._accumulators[source].calibrate(seen[:, 0], total)

    def update(self, block: Tensor) -> None:
        """Take in a block of activations (n, T, ...)."""
        for seen, sources in self._by_view(self._accumulators, block):
            for source in sources:
                self._accumulators[source].update(seen)
                self._fed.add(source)

    def merge(self, other: Self) -> None:
        """Take in what another has seen, of the same layer and with the same measures."""
        for source in other._fed:
            self._accumulators[source].merge(other._accumulators[source])
        self._fed |= other._fed

    def compute(self) -> Iterator[tuple[str, str, Tensor]]:
        """Give measure, aggregation and values (feature maps or units); what the layer does not have is left
        out."""
        maps = {source: self._accumulators[source].compute() for source in self._fed}
        for measure, aggregation, source in self._sources:
            if source in maps:
                found = maps[source]
                denominator = None if measure.denominator is None else found[measure.denominator]
                how = "none" if aggregation.startswith("first_") else aggregation
                yield measure.name, aggregation, aggregate(found[measure.numerator], denominator, how)

    def table(self) -> pd.DataFrame:
        """Give a row per value: unit (index of the feature map, or in the flattened layer), measure,
        aggregation, value."""
        frames = [pd.DataFrame(columns=("unit", "measure", "aggregation", "value"))]
        for measure, aggregation, values in self.compute():
            flat = values.flatten().numpy()
            columns = {"unit": np.arange(len(flat)), "measure": measure, "aggregation": aggregation}
            frames.append(pd.DataFrame({**columns, "value": flat}))
        return pd.concat(frames[1:], ignore_index=True) if len(frames) > 1 else frames[0]

    def state(self) -> dict[str, Any]:
        """Give all of the state, as tensors and plain values."""
        return {
            "fed": [source in self._fed for source in self._accumulators],
            "accumulators": [accumulator.state() for accumulator in self._accumulators.values()],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take on a state that `state()` gave, of the same measures and aggregations."""
        for accumulator, saved in zip(self._accumulators.values(), state["accumulators"], strict=True):
            accumulator.restore(saved)
        fed = zip(self._accumulators, state["fed"], strict=True)
        self._fed = {source for source, was_fed in fed if was_fed}

    def _by_view(self, sources: Iterable[Source], block: Tensor) -> Iterator[tuple[Tensor, list[Source]]]:
        """Look at a block by each view that sources have, once, a view at a time."""
        grouped: dict[str, list[Source]] = {}
        for one in sources:
            grouped.setdefault(one.view, []).append(one)
        for name, group in grouped.items():
            seen = view(name, block, self._setting)
            if seen is not None:
                yield seen, group


def source(measure: Measure, aggregation: str) -> Source:
    """Say what a measure is read from with an aggregation: pooling first is another view of the activations.

    Raises UserError for an unknown aggregation, and for pooling first what needs feature maps.
    """
    if aggregation not in AGGREGATIONS:
        raise UserError(unknown("aggregation", aggregation, AGGREGATIONS))
    if not aggregation.startswith("first_"):
        return measure.source
    if measure.source.view != "activations":
        raise UserError(f"measure {measure.name!r} needs feature maps, which {aggregation!r} pools away")
    return replace(measure.source, view=aggregation)
