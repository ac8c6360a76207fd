"""One value for each network, compared between conditions, seed by seed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

from equivariance.analysis.claims.cells import Cell, as_list, by_seed, keys, network_values, select
from equivariance.analysis.claims.estimates import Bound, Estimate, NotRun
from equivariance.analysis.claims.statistics import (
    Indices,
    Judging,
    Numbers,
    interval,
    mean_interval,
    permutation_p,
)
from equivariance.analysis.columns import NETWORK
from equivariance.language import _

if TYPE_CHECKING:
    from pandas import DataFrame

Level = Mapping[str, Any]


def difference(cell: Cell) -> Iterator[Estimate]:
    """The mean over seeds of a value: by itself, or of `first` minus `second`, or over it, seed by seed.

    Where `first` or `second` lists several values of a column, each is compared with each; with `best`, the
    one with the largest mean of `first` with that of `second`. What a cell does not tell apart is averaged
    first. p is that of a permutation test, of two one-sided t tests (TOST) for a difference `within` a
    margin, and of Friedman's test for the best of more than two.
    """
    sides = [_levels(cell, key) for key in ("first", "second") if key in cell.test or key == "first"]
    if cell.test.get("best"):
        yield from _best(cell, *sides)
        return
    for levels in product(*(side.columns for side in sides)):
        columns = [side[level].rename(None) for side, level in zip(sides, levels, strict=True)]
        shared = sorted(set.intersection(*(set(column.index) for column in columns)))
        if not shared:
            raise NotRun(_("no seed has both conditions"))
        values = [column.loc[shared].to_numpy() for column in columns]
        about = _about(cell, sides, levels)
        for criterion, bound in cell.bounds.items():
            yield _compared(cell, criterion, bound, values, about)


def _compared(
    cell: Cell, criterion: str, bound: Bound | None, values: list[Numbers], about: Mapping[str, Any]
) -> Estimate:
    """A criterion of values of the same seeds under one or two conditions."""
    judging = cell.judging
    if criterion == "ratio":
        first, second = values

        def ratio(drawn: Indices) -> Numbers:
            return first[drawn].mean(axis=1) / second[drawn].mean(axis=1)

        return Estimate(criterion, *interval(ratio, len(first), judging), len(first), about=about)
    of_seeds = values[0] - values[1] if criterion == "difference" else values[0]
    p = _p(cell, bound, values, judging) if criterion == "difference" and bound else math.nan
    return Estimate(criterion, *mean_interval(of_seeds, judging), p, about)


def _p(cell: Cell, bound: Bound, values: list[Numbers], judging: Judging) -> float:
    """p of a difference beyond the threshold, or within it."""
    first, second = values
    if bound.direction == "within":
        from statsmodels.stats.weightstats import ttost_paired

        if len(first) < 2 or np.ptp(first - second) == 0:
            return math.nan
        return float(ttost_paired(first, second, -bound.threshold, bound.threshold)[0])
    if bound.significance is None:
        return math.nan

    def mean_difference(one: Any, other: Any, axis: int) -> Any:
        return np.mean(one, axis=axis) - np.mean(other, axis=axis)

    alternative = "greater" if bound.direction == "above" else "less"
    # Values of the same networks belong together; those of different ones, of any seed, do not.
    of_networks = (*NETWORK, "augmented")
    networks = [
        {column: value for column, value in cell.test[key].items() if column in of_networks}
        for key in ("first", "second")
    ]
    kind = "samples" if networks[0] == networks[1] else "independent"
    return permutation_p([first - bound.threshold, second], mean_difference, judging, alternative, kind)


def _best(cell: Cell, first: DataFrame, second: DataFrame) -> Iterator[Estimate]:
    """The largest mean of one side minus that of the other."""
    shared = sorted(set(first.dropna().index) & set(second.dropna().index))
    one, other = first.loc[shared].to_numpy(), second.loc[shared].to_numpy()
    every = np.hstack([one, other])
    p = math.nan
    if len(shared) > 1 and every.shape[1] > 2 and np.ptp(every) > 0:
        p = float(stats.friedmanchisquare(*every.T).pvalue)

    def lead(drawn: Indices) -> Numbers:
        best = [side[drawn].mean(axis=1).max(axis=1) for side in (one, other)]
        return best[0] - best[1]

    names = [side.columns[side.loc[shared].to_numpy().mean(axis=0).argmax()] for side in (first, second)]
    about = _about(cell, [first, second], names)
    for criterion in cell.bounds:
        yield Estimate(criterion, *interval(lead, len(shared), cell.judging), len(shared), p, about)


def sign_test(cell: Cell) -> Iterator[Estimate]:
    """In what share of conditions the mean over seeds of `first` is below that of `second`.

    Conditions are all that differs besides the two. p is that of the sign test that it is half of them; the
    interval is Wilson's. Seeds are those of the condition with the fewest.
    """
    values = network_values(cell.rows, cell.test)
    told_apart = {*cell.test["first"], *cell.test["second"], "augmented", "seed"}
    by = [column for column in keys(cell.rows) if column not in told_apart and values[column].nunique() > 1]
    means = []
    for key in ("first", "second"):
        groups = select(values, cell.test[key]).groupby(by or (lambda _row: 0), sort=True)
        means.append(groups["value"].mean())
    both = (means[0] - means[1]).dropna()
    if both.empty:
        raise NotRun(_("no condition has both"))
    fewest = int(select(values, cell.test["first"]).groupby(by or (lambda _row: 0))["seed"].nunique().min())
    below, number = int((both < 0).sum()), len(both)
    found = stats.binomtest(below, number, 0.5, alternative="greater")
    ends = stats.binomtest(below, number).proportion_ci(cell.judging.confidence, method="wilson")
    note = _("{below} of {number} conditions").format(below=below, number=number)
    for criterion in cell.bounds:
        yield Estimate(
            criterion,
            below / number,
            float(ends.low),
            float(ends.high),
            fewest,
            float(found.pvalue),
            note=note,
        )


def _levels(cell: Cell, key: str) -> DataFrame:
    """A value of each seed (rows) under each of the conditions that a parameter lists (columns)."""
    selection = cell.test.get(key, {})
    rows = cell.selected(key)
    return by_seed(network_values(rows, cell.test), _listed(cell.test, key) if selection else [])


def _listed(test: Mapping[str, Any], key: str) -> list[str]:
    """The columns of which a parameter lists several values."""
    return [column for column, values in test.get(key, {}).items() if len(as_list(values)) > 1]


def _about(cell: Cell, sides: list[DataFrame], levels: Any) -> dict[str, Any]:
    """The values that tell an estimate apart from others of its cell."""
    about: dict[str, Any] = {}
    for key, level in zip(("first", "second")[: len(sides)], levels, strict=True):
        columns = _listed(cell.test, key)
        if columns:
            about = {**dict(zip(columns, as_list(level), strict=True)), **about}
    return about
