"""What share of the variance of profiles a factor explains."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from equivariance.analysis.claims.cells import Cell, profiles
from equivariance.analysis.claims.estimates import Estimate, NotRun
from equivariance.analysis.claims.statistics import Indices, Numbers, interval
from equivariance.language import _

OTHERS = ("dataset", "trained_with", "measured_with")
"""What tells profiles of one level and seed apart."""


def variance_shares(cell: Cell) -> Iterator[Estimate]:
    """The share of a `factor` in the variance of the logarithms of profiles: of `first` minus of `second`.

    The share is the sum of squares between the levels of the factor over the total one, summed over the
    points of the profiles (the R² of a PERMANOVA with Euclidean distances, Anderson 2001): the rest is that
    of data sets, sets of transformations and seeds. Only complete combinations count. A draw that repeats a
    seed has a little less variance between seeds than there is, in both shares.
    """
    first, second = (_complete(cell, key) for key in ("first", "second"))
    seeds = min(len(first[0]), len(second[0]))
    if list(first[1]) != list(second[1]):
        raise NotRun(_("the two conditions are not of the same seeds"))

    def difference(drawn: Indices) -> Numbers:
        return np.array([share(first[0][one]) - share(second[0][one]) for one in drawn])

    for criterion in cell.bounds:
        yield Estimate(criterion, *interval(difference, seeds, cell.judging), seeds=seeds)


def share(values: Numbers) -> float:
    """The share of the levels in the sum of squares of (n, levels, others, points)."""
    mean = values.mean(axis=(0, 1, 2))
    of_levels = values.mean(axis=(0, 2)) - mean
    total = ((values - mean) ** 2).sum()
    return float((of_levels**2).sum() * values.shape[0] * values.shape[2] / total)


def _complete(cell: Cell, key: str) -> tuple[Numbers, list[int]]:
    """The logarithms of profiles (n, levels, others, points) of what every level has, and the seeds."""
    factor, found = cell.test["factor"], profiles(cell.selected(key))
    with np.errstate(divide="ignore", invalid="ignore"):
        logarithms = np.log(found.to_numpy())
    logarithms = logarithms[:, np.isfinite(logarithms).all(axis=0)]
    index = [found.index.get_level_values(name) for name in ("seed", factor, *OTHERS)]
    vectors = {
        (seed, level, tuple(other)): vector
        for (seed, level, *other), vector in zip(zip(*index, strict=True), logarithms, strict=True)
    }
    seeds, levels, others = (sorted(set(part)) for part in zip(*vectors, strict=True))
    if len(levels) < 2:
        raise NotRun(_("only {level}; a second one is needed").format(level=", ".join(levels)))
    others = [
        one for one in others if any(all((s, level, one) in vectors for level in levels) for s in seeds)
    ]
    seeds = [
        seed for seed in seeds if all((seed, level, one) in vectors for level in levels for one in others)
    ]
    if not others or not seeds:
        raise NotRun(_("no seed has all of: {levels}").format(levels=", ".join(levels)))
    return np.array([[[vectors[s, level, one] for one in others] for level in levels] for s in seeds]), seeds
