"""How far a measure of few samples and transformations is from that of the most."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.stats import spearmanr

from equivariance.analysis.claims.cells import Cell, profiles
from equivariance.analysis.claims.estimates import Estimate, NotRun
from equivariance.analysis.claims.statistics import mean_interval
from equivariance.analysis.distances import relative_difference
from equivariance.language import _

Size = tuple[int, int]
"""Numbers of samples and of transformations."""


def sample_error(cell: Cell) -> Iterator[Estimate]:
    """The relative difference of profiles to that of the most samples and transformations, mean over seeds.

    `error` is that of the size `at`, whose transformations may be one more (the identity); `error_trend` is
    Spearman's correlation of the error and the product of both sizes.
    """
    errors = _errors(cell)
    for criterion in cell.bounds:
        if criterion == "error":
            size = _size(cell, next(iter(errors.values())))
            of_seeds = [of_seed[size] for of_seed in errors.values() if size in of_seed]
        else:
            of_seeds = [
                float(spearmanr([a * b for a, b in of_seed], list(of_seed.values())).statistic)
                for of_seed in errors.values()
            ]
        yield Estimate(criterion, *mean_interval(np.array(of_seeds), cell.judging))


def _errors(cell: Cell) -> dict[int, dict[Size, float]]:
    """The error of each size but the largest, by seed."""
    found: dict[int, dict[Size, float]] = {}
    for seed in sorted(cell.rows["seed"].unique()):
        rows = cell.rows[cell.rows["seed"] == seed]
        of_sizes = {
            (int(samples), int(transformations)): profiles(group).to_numpy()[0]
            for (samples, transformations), group in rows.groupby(["samples", "transformations"], sort=True)
        }
        largest = max(of_sizes)
        found[int(seed)] = {
            size: relative_difference(values, of_sizes[largest])
            for size, values in of_sizes.items()
            if size != largest
        }
    if not all(len(of_seed) > 1 for of_seed in found.values()):
        raise NotRun(_("fewer than three sizes"))
    return found


def _size(cell: Cell, errors: dict[Size, float]) -> Size:
    samples, transformations = cell.test["at"]
    for size in ((samples, transformations), (samples, transformations + 1)):
        if size in errors:
            return size
    largest = max(errors)
    needed = _(
        "no {samples} samples and {transformations} transformations below the largest sizes; up to {most}"
    )
    raise NotRun(
        needed.format(samples=samples, transformations=transformations, most=" x ".join(map(str, largest)))
    )
