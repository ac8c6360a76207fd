"""Whether a value differs between the levels of a factor."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from scipy import stats

from equivariance.analysis.claims.cells import Cell, by_seed, network_values
from equivariance.analysis.claims.estimates import Estimate, NotRun
from equivariance.analysis.columns import column_name
from equivariance.language import _


def group_effect(cell: Cell) -> Iterator[Estimate]:
    """The effect of a `factor` on a value, by the ranks of Kruskal and Wallis, with seeds as replicates.

    eta squared is (H - k + 1) / (n - k), of k levels and n values (Tomczak and Tomczak, 2014). It has no
    interval, as a bootstrap would repeat seeds and so find levels further apart than they are.
    """
    table = by_seed(network_values(cell.rows, cell.test), [cell.test["factor"]])
    if table.shape[1] < 2:
        raise NotRun(_("{column} has one value only").format(column=column_name(cell.test["factor"])))
    seeds, levels = table.shape
    statistic = p = math.nan
    if seeds > 1 and np.ptp(table.to_numpy()) > 0:
        found = stats.kruskal(*table.to_numpy().T)
        statistic = (float(found.statistic) - levels + 1) / (table.size - levels)
        p = float(found.pvalue)
    for criterion in cell.bounds:
        yield Estimate(criterion, statistic, seeds=seeds, p=p)
