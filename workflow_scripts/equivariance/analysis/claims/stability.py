"""How alike the profiles of networks are that differ only in their seed, or those of two measures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.spatial.distance import pdist, squareform
from scipy.stats import spearmanr

from equivariance.analysis.claims.cells import Cell, profiles
from equivariance.analysis.claims.estimates import Estimate, NotRun
from equivariance.analysis.claims.statistics import (
    Indices,
    Numbers,
    interval,
    mean_interval,
    pair_mean,
    pair_median,
)
from equivariance.analysis.columns import column_name
from equivariance.analysis.distances import relative_difference
from equivariance.language import _

if TYPE_CHECKING:
    from pandas import DataFrame


def seed_stability(cell: Cell) -> Iterator[Estimate]:
    """How alike the profiles of the seeds of one condition are.

    `spearman` is the median over pairs of seeds; `distance_within` the mean over them of the relative
    difference; `icc` the variance between layers over that between layers and between seeds, both as means
    over pairs: of the covariance over layers, and of half the squared difference.
    """
    values = _of_seeds(profiles(cell.rows)).to_numpy()
    statistics = stability_statistics(values)
    for criterion in cell.bounds:
        yield Estimate(
            criterion, *interval(statistics[criterion], len(values), cell.judging), seeds=len(values)
        )


def stability_statistics(values: Numbers) -> dict[str, Callable[[Indices], Numbers]]:
    """The statistics of profiles (n, L), for seeds that are drawn from the n."""
    correlations = squareform(pdist(values, lambda p, q: spearmanr(p, q).statistic))
    distances = squareform(pdist(values, relative_difference))
    between_layers = np.atleast_2d(np.cov(values))
    between_seeds = squareform(pdist(values, "sqeuclidean")) / (2 * values.shape[1])

    def icc(drawn: Indices) -> Numbers:
        layers, seeds = pair_mean(between_layers, drawn), pair_mean(between_seeds, drawn)
        return layers / (layers + seeds)

    return {
        "spearman": lambda drawn: pair_median(correlations, drawn),
        "distance_within": lambda drawn: pair_mean(distances, drawn),
        "icc": icc,
    }


def agreement(cell: Cell) -> Iterator[Estimate]:
    """How alike the profiles are that two measures give for the same networks, `first` and `second`.

    `spearman_of_measures` and `distance_of_measures` are means over networks.
    """
    first, second = (profiles(cell.selected(key)).droplevel("measure") for key in ("first", "second"))
    if first.shape[1] != second.shape[1]:
        raise NotRun(_("the two measures have values of different layers"))
    both = first.index.intersection(second.index).sort_values()
    pairs = list(zip(first.loc[both].to_numpy(), second.loc[both].to_numpy(), strict=True))
    functions = {
        "spearman_of_measures": lambda p, q: float(spearmanr(p, q).statistic),
        "distance_of_measures": relative_difference,
    }
    for criterion in cell.bounds:
        found = pd.Series([functions[criterion](p, q) for p, q in pairs], index=both)
        of_seeds = np.array(found.groupby(level="seed").mean(), dtype=np.float64)
        yield Estimate(criterion, *mean_interval(of_seeds, cell.judging))


def _of_seeds(found: DataFrame) -> DataFrame:
    """Profiles with the seed alone as their index. Raises NotRun where something else differs, too."""
    others = [str(name) for name in found.index.names if name != "seed"]
    varying = [name for name in others if found.index.get_level_values(name).nunique() > 1]
    if varying:
        raise NotRun(
            _("the cell mixes values of {columns}").format(columns=", ".join(map(column_name, varying)))
        )
    return found.droplevel([*others])
