"""What names in tables stand for."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from equivariance.analysis.columns import stand_in_name
from equivariance.language import _


@dataclass(frozen=True)
class Names:
    """What names in tables stand for."""

    labels: Mapping[str, str]
    """Titles of data sets, sets and models, in the order of the configuration."""
    stand_ins: Mapping[str, str]
    """For each data set, the title of the one that it stands in for; "" for real data."""
    schemes: Mapping[str, Mapping[str, Sequence[str]]]

    def dataset_is(self, name: str, other: str) -> bool:
        """Whether a data set is another one, or stands in for it."""
        return name == other or self.labels.get(other, other) in self.stand_ins.get(name, "")

    def stand_in(self, datasets: Sequence[str]) -> str:
        """What data sets stand in for, in words: "digits for MNIST"; "" where all are real."""
        return "; ".join(
            stand_in_name(name, self.stand_ins[name], self.labels)
            for name in datasets
            if self.stand_ins.get(name)
        )

    def titled(self, text: str) -> str:
        """A text in which names behind a colon are titles: "no network with model: SimpleConv"."""
        about, colon, named = text.partition(": ")
        return about + colon + re.sub(r"\w+", lambda name: _(self.labels.get(name[0], name[0])), named)

    def order(self, value: Any) -> tuple[int, float, str]:
        """The place of a value among others: that of the configuration, else by number or by text."""
        text = str(value)
        number = float(text) if text.replace(".", "", 1).isdigit() else math.inf
        return self._places.get(text, len(self.labels)), number, text

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.labels)}
