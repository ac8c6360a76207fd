"""How clearly a measure tells the levels of a factor apart, in units of what seeds change."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from equivariance.analysis.claims.cells import Cell, profiles
from equivariance.analysis.claims.estimates import Estimate, NotRun
from equivariance.analysis.claims.statistics import Indices, Numbers, interval, pair_mean
from equivariance.analysis.columns import column_name
from equivariance.language import _


def sensitivity(cell: Cell) -> Iterator[Estimate]:
    """The standardized effect of a `factor` of two levels, by the measure of `first` minus of `second`.

    The effect in a layer is the difference of means over seeds by the standard deviation of the seeds of a
    level (pooled): Cohen's d, without its sign. That of a measure is the mean over layers where seeds differ.
    """
    first, second = (_levels(cell, key) for key in ("first", "second"))
    seeds = sorted(set(first) & set(second))
    if not seeds:
        raise NotRun(_("no seed has all conditions"))
    one, other = (np.array([side[seed] for seed in seeds]) for side in (first, second))

    def difference(drawn: Indices) -> Numbers:
        return effect(one, drawn) - effect(other, drawn)

    for criterion in cell.bounds:
        yield Estimate(criterion, *interval(difference, len(seeds), cell.judging), seeds=len(seeds))


def effect(values: Numbers, drawn: Indices) -> Numbers:
    """The mean effect over layers of profiles (n, 2, L) for drawn seeds (B, n): (B,).

    The variance of the seeds of a level is half the mean squared difference of pairs of seeds, so that a draw
    that repeats one does not find less. It is NaN where no layer has seeds that differ.
    """
    means = values[drawn].mean(axis=1)  # (B, 2, L)
    squares = ((values[:, None] - values[None]) ** 2).mean(axis=2) / 2  # (n, n, L), mean of the two levels
    variances = np.stack([pair_mean(layer, drawn) for layer in np.moveaxis(squares, -1, 0)], axis=-1)
    spread = np.sqrt(variances)  # (B, L)
    differs = spread > 1e-12 * np.abs(means).max(axis=1)
    size = np.divide(np.abs(means[:, 0] - means[:, 1]), spread, out=np.zeros_like(spread), where=differs)
    number = differs.sum(axis=1)
    return np.divide(size.sum(axis=1), number, out=np.full(len(size), np.nan), where=number > 0)


def _levels(cell: Cell, key: str) -> dict[int, list[Numbers]]:
    """The profiles of each seed that has both levels of the factor."""
    factor, found = cell.test["factor"], profiles(cell.selected(key))
    levels = sorted(set(found.index.get_level_values(factor)))
    if len(levels) != 2:
        raise NotRun(_("{column} has {n} values, not two").format(column=column_name(factor), n=len(levels)))
    vectors = {
        (seed, level): vector.to_numpy()
        for seed, level, (_key, vector) in zip(
            found.index.get_level_values("seed"),
            found.index.get_level_values(factor),
            found.iterrows(),
            strict=True,
        )
    }
    seeds = sorted({seed for seed, _level in vectors})
    return {
        seed: [vectors[seed, level] for level in levels]
        for seed in seeds
        if all((seed, level) in vectors for level in levels)
    }
