"""What a test finds in a cell, and what becomes of it: a verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from equivariance.language import N_, _, ngettext

SUPPORTED, UNDECIDED, CONTRADICTED = N_("supported"), N_("undecided"), N_("contradicted")
NOT_RUN, REPORTED = N_("not run"), N_("reported")
JUDGED = (SUPPORTED, UNDECIDED, CONTRADICTED)  # from the best to the worst


class NotRun(Exception):
    """A cell cannot be judged: the text names what is missing."""


@dataclass(frozen=True)
class Estimate:
    """A statistic of a cell, with its interval, its p value, and how many seeds it is from; NaN is none."""

    criterion: str
    statistic: float
    low: float = math.nan
    high: float = math.nan
    seeds: int = 0
    p: float = math.nan
    about: Mapping[str, Any] = field(default_factory=dict)
    """Conditions that tell several estimates of a cell apart, by column."""
    note: str = ""


@dataclass(frozen=True)
class Bound:
    """What a claim says of a statistic: `above` or `below` a threshold, or `within` -threshold to threshold.

    It is judged by the interval or by the estimate alone; with `significance`, p has to be below that too.
    """

    direction: str
    threshold: float
    by: str = "interval"
    significance: float | None = None

    def margin(self, value: float) -> float:
        """How far a value is on the claimed side; negative on the other."""
        if self.direction == "within":
            return self.threshold - abs(value)
        return value - self.threshold if self.direction == "above" else self.threshold - value


def verdict(found: Estimate, bound: Bound | None, needed: int) -> tuple[str, str]:
    """The verdict on an estimate, and the reason of one that is undecided.

    Supported is an interval wholly on the claimed side of the threshold, contradicted one wholly on the
    other; with fewer seeds than needed, nothing is more than undecided. Without a bound it is reported.
    """
    if bound is None:
        return REPORTED, found.note
    if found.seeds < needed:
        few = ngettext("{n} seed; {needed} are needed", "{n} seeds; {needed} are needed", found.seeds)
        return UNDECIDED, few.format(n=found.seeds, needed=needed)
    if math.isnan(found.statistic):
        return UNDECIDED, found.note or _("the statistic is not defined")
    by_estimate = bound.by == "estimate"
    ends = [found.statistic] if by_estimate else [found.low, found.high]
    margins = [bound.margin(end) for end in ends]
    crosses = bound.direction == "within" and not by_estimate and found.low < 0 < found.high
    if max(margins) < 0 and not crosses:
        return CONTRADICTED, found.note
    if not min(margins) > 0:
        return UNDECIDED, found.note or _("the interval includes the threshold")
    if bound.significance is not None and not found.p < bound.significance:
        return UNDECIDED, _("p = {p:.2g}, not below {limit:g}").format(p=found.p, limit=bound.significance)
    return SUPPORTED, found.note


NO_NUMBER = "–"
"""What a reader sees in the place of a number that could not be computed."""


def number_text(value: float) -> str:
    """A number for a reader: two decimals, or two digits of a small one."""
    if math.isnan(value):
        return NO_NUMBER
    if value == 0 or 0.095 <= abs(value) < 1000:
        return f"{value:.2f}"
    return f"{value:.2g}"


def interval_text(statistic: float, low: float, high: float) -> str:
    """A statistic with its interval.

    >>> interval_text(0.97, 0.95, 0.99)
    '0.97 [0.95, 0.99]'
    """
    if math.isnan(low):
        return number_text(statistic)
    return f"{number_text(statistic)} [{number_text(low)}, {number_text(high)}]"
