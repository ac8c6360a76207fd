"""Whether a value goes up or down with the level of a factor."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from scipy import stats

from equivariance.analysis.claims.cells import Cell, by_seed, network_values
from equivariance.analysis.claims.estimates import Estimate, NotRun
from equivariance.analysis.claims.statistics import mean_interval
from equivariance.language import _


def trend(cell: Cell) -> Iterator[Estimate]:
    """Spearman's correlation of a value and the place of its level in `levels`, the mean over seeds.

    A cell has those of the levels that its rows have. p is that of Page's test for ordered levels, with seeds
    as its blocks.
    """
    factor = cell.test["factor"]
    values = by_seed(network_values(cell.rows, cell.test), [factor])
    levels = [level for level in cell.test["levels"] if level in values.columns]
    if len(levels) < 3:
        present = ", ".join(map(str, levels))
        raise NotRun(_("a trend needs three levels; there are: {levels}").format(levels=present))
    table = values[levels].to_numpy()
    ranks = np.arange(len(levels))
    of_seeds = np.array([stats.spearmanr(ranks, row).statistic for row in table])
    for criterion, bound in cell.bounds.items():
        p = math.nan
        if bound and len(table) > 1:
            predicted = ranks + 1 if bound.direction == "above" else len(ranks) - ranks
            p = float(stats.page_trend_test(table, predicted_ranks=predicted).pvalue)
        yield Estimate(criterion, *mean_interval(of_seeds, cell.judging), p)
