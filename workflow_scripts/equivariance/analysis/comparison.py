"""Two runs of the same settings, compared by what differs between seeds.

Seeds are the replicates, as for claims. On the same kind of machine, equal seeds give equal networks, and all
differences are 0; on another kind they give other networks, which differ as those of other seeds do.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

from equivariance.analysis.columns import CONDITIONS
from equivariance.analysis.distances import relative_difference

if TYPE_CHECKING:
    from pandas import DataFrame

CONFIDENCE = 0.95
ALLOWED = 0.10
"""The share of comparisons that may be outside their tolerances: twice that of 95 % intervals, since those of
one model or measure are not independent of each other."""

PROFILE_FLOOR = 0.02
"""A distance between profiles, in [0, 1], below which they are called equal."""

COLUMNS = (
    *("what", "cell", "group", "mine", "reference", "difference", "tolerance"),
    *("seeds", "seeds_of_reference", "agrees"),
)
"""The columns of a comparison; see `compare_accuracies`, `compare_profiles`, `compare_verdicts`."""

Accuracies = Mapping[str, Sequence[float]]
"""The accuracies of the seeds of each cell, in [0, 1], by its name."""


def compare_accuracies(
    mine: Accuracies, reference: Accuracies, groups: Mapping[str, str], images: Mapping[str, int]
) -> DataFrame:
    """Compare the mean accuracies over seeds, cell by cell, of the cells that both have.

    A cell is a kind of network and the set that it is tested with; `groups` are the models of cells, `images`
    how many test images each has. The difference of the means of m seeds and n seeds of the reference should
    be within the prediction interval

        t(0.975, df) · s · sqrt(1/m + 1/n)

    where s is the standard deviation between seeds of the reference, pooled over the cells of the same model
    that have several seeds, weighed by their degrees of freedom, df in all; over all cells, where the model
    has none. It is at least the standard error of an accuracy p of k test images, sqrt(p (1 - p) / k), where
    p is kept 1/k away from 0 and 1. Where no cell has several seeds, this floor is all there is, and the
    quantile is that of the normal distribution.
    """
    shared = [cell for cell in reference if cell in mine]
    spreads = _spreads(reference, groups)
    rows = []
    for cell in shared:
        ours, theirs = np.mean(mine[cell]), np.mean(reference[cell])
        m, n, k = len(mine[cell]), len(reference[cell]), images[cell]
        p = min(max(float(theirs), 1 / k), 1 - 1 / k)
        floor = math.sqrt(p * (1 - p) / k)
        spread, degrees = spreads.get(groups[cell]) or spreads.get("") or (0.0, 0)
        middle = stats.t(degrees) if degrees else stats.norm()
        quantile = middle.ppf(0.5 + CONFIDENCE / 2)
        tolerance = float(quantile) * max(spread, floor) * math.sqrt(1 / m + 1 / n)
        rows.append(("accuracy", cell, groups[cell], ours, theirs, ours - theirs, tolerance, m, n))
    return _frame(rows)


def compare_profiles(mine: Mapping[str, DataFrame], reference: Mapping[str, DataFrame]) -> DataFrame:
    """Compare the mean layer profiles over seeds, cell by cell, of the cells that tables of both have.

    Tables are those of experiments, by their names, of the sort `profiles`. The `difference` of two profiles
    is their `relative_difference`, in [0, 1]. It should be at most the 95 % quantile of the distances
    between two single seeds of one cell of the reference, over the cells of the same measure that have
    several seeds, or of all measures where that one has none; and at least `PROFILE_FLOOR`. Means of several
    seeds are nearer to each other than single seeds, so this is generous to them.
    """
    ours, theirs = _profiles(mine), _profiles(reference)
    distances: dict[str, list[float]] = {}
    for cell, seeds in theirs.items():
        between = [relative_difference(one, other) for one, other in combinations(seeds, 2)]
        for group in (_measure(cell), ""):
            distances.setdefault(group, []).extend(between)
    rows = []
    for cell, seeds in theirs.items():
        if cell not in ours or ours[cell].shape[1] != seeds.shape[1]:
            continue
        known = distances[_measure(cell)] or distances[""]
        tolerance = max(float(np.quantile(known, CONFIDENCE)) if known else 0.0, PROFILE_FLOOR)
        both = [ours[cell].mean(axis=0), seeds.mean(axis=0)]
        apart = relative_difference(*both)
        name = ", ".join(value for _, value in cell)
        counts = len(ours[cell]), len(seeds)
        rows.append(
            ("profile", name, _measure(cell), both[0].mean(), both[1].mean(), apart, tolerance, *counts)
        )
    return _frame(rows)


def compare_verdicts(mine: Mapping[str, str], reference: Mapping[str, str]) -> DataFrame:
    """Compare the verdicts on claims that both runs have: `agrees` where they are equal."""
    import pandas as pd

    shared = [claim for claim in reference if claim in mine]
    rows = [
        {"what": "verdict", "cell": claim, "mine": mine[claim], "reference": reference[claim],
         "agrees": mine[claim] == reference[claim]}
        for claim in shared
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(COLUMNS))


def is_alike(compared: DataFrame) -> bool:
    """Whether at most the share `ALLOWED` of some comparisons is outside the tolerances."""
    return bool((~compared["agrees"].astype(bool)).mean() <= ALLOWED) if len(compared) else True


def _spreads(accuracies: Accuracies, groups: Mapping[str, str]) -> dict[str, tuple[float, int]]:
    """The pooled standard deviation of each group, and of all as "", with its degrees of freedom."""
    sums: dict[str, tuple[float, int]] = {}
    for cell, values in accuracies.items():
        if len(values) > 1:
            squares = float(np.sum((np.asarray(values) - np.mean(values)) ** 2))
            for group in (groups[cell], ""):
                total, degrees = sums.get(group, (0.0, 0))
                sums[group] = total + squares, degrees + len(values) - 1
    return {group: (math.sqrt(total / degrees), degrees) for group, (total, degrees) in sums.items()}


Key = tuple[tuple[str, str], ...]


def _profiles(tables: Mapping[str, DataFrame]) -> dict[Key, np.ndarray[Any, np.dtype[np.float64]]]:
    """The profiles of each cell, a row for each seed; layers without a finite value are left out of all."""
    found: dict[Key, dict[int, Any]] = {}
    for table in tables.values():
        by = [column for column in CONDITIONS if column in table]
        for key, rows in table.sort_values("layer_index", kind="stable").groupby([*by, "seed"], dropna=False):
            *values, seed = key
            cell = tuple((column, str(value)) for column, value in zip(by, values, strict=True))
            found.setdefault(cell, {})[int(str(seed))] = rows["mean"].to_numpy(np.float64)
    return dict(_finite(found))


def _finite(found: Mapping[Key, Mapping[int, Any]]) -> Iterator[tuple[Key, Any]]:
    for cell, seeds in found.items():
        if len({len(one) for one in seeds.values()}) == 1:
            values = np.stack([seeds[seed] for seed in sorted(seeds)])
            kept = values[:, np.isfinite(values).all(axis=0)]
            if kept.size:
                yield cell, kept


def _measure(cell: Key) -> str:
    return dict(cell)["measure"]


def _frame(rows: Sequence[tuple[Any, ...]]) -> DataFrame:
    import pandas as pd

    table = pd.DataFrame(rows, columns=list(COLUMNS[:-1]))
    # Equal numbers may differ in their last digit once they are means.
    return table.assign(agrees=table["difference"].abs() <= table["tolerance"] + 1e-12)
