"""How much a factor changes profiles, compared with how much another seed does, or another factor."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import pdist, squareform
from scipy.stats import wilcoxon

from equivariance.analysis.claims.cells import Cell, profiles
from equivariance.analysis.claims.estimates import Estimate, NotRun
from equivariance.analysis.claims.statistics import Indices, Numbers, interval, pair_mean, permutation_p
from equivariance.analysis.columns import column_name
from equivariance.analysis.distances import relative_difference
from equivariance.language import _

if TYPE_CHECKING:
    from pandas import DataFrame, Index


class Block:
    """Distances of the profiles of n seeds at each of k levels of a factor, (k, k, n, n)."""

    def __init__(self, values: Numbers, same_network: bool) -> None:
        """`values` are profiles (k, n, L).

        Profiles that differ in the factor are of different seeds, as those within a level are, so that a
        factor without effect has a ratio of 1; or they are of the `same_network`, measured in several ways.
        """
        levels, seeds, _layers = values.shape
        self.flat = squareform(pdist(values.reshape(levels * seeds, -1), relative_difference))
        self.distances = self.flat.reshape(levels, seeds, levels, seeds).swapaxes(1, 2)
        self.pairs = list(combinations(range(levels), 2))
        self.same_network = same_network

    def between(self, drawn: Indices) -> Numbers:
        """The mean distance between levels, for drawn seeds (B, n): (B,)."""
        of_pairs = [
            np.diag(self.distances[pair])[drawn].mean(axis=1)
            if self.same_network
            else pair_mean(self.distances[pair], drawn)
            for pair in self.pairs
        ]
        return np.mean(of_pairs, axis=0)

    def within(self, drawn: Indices) -> Numbers:
        """The mean distance between seeds of a level, for drawn seeds (B, n): (B,)."""
        levels = range(len(self.distances))
        return np.mean([pair_mean(self.distances[level, level], drawn) for level in levels], axis=0)

    def between_by_seed(self) -> Numbers:
        """The mean distance between levels of the pairs that a seed is in, (n,)."""
        every = np.mean([self.distances[pair] for pair in self.pairs], axis=0)
        if self.same_network:
            return np.diag(every)
        others = every.sum(axis=0) + every.sum(axis=1) - 2 * np.diag(every)
        return others / (2 * (len(every) - 1)) if len(every) > 1 else np.full(1, math.nan)

    def permuted_ratio(self, *levels: NDArray[Any], axis: int) -> Any:
        """Mean distance between levels over that within, for profiles by their places, (..., n) for each."""
        drawn = [np.atleast_2d(level).astype(np.intp) for level in levels]
        within = [self.flat[one[:, :, None], one[:, None, :]].sum(axis=(1, 2)) for one in drawn]
        seeds = drawn[0].shape[1]
        between = [
            self.flat[one[:, :, None], other[:, None, :]].mean(axis=(1, 2))
            for one, other in combinations(drawn, 2)
        ]
        ratio = np.mean(between, axis=0) / (np.mean(within, axis=0) / (seeds * (seeds - 1)))
        return ratio if np.ndim(levels[0]) > 1 else ratio[0]


def factor_ratio(cell: Cell) -> Iterator[Estimate]:
    """What the levels of a `factor` change, and how many times what another seed changes.

    `distance_between` is the mean relative difference of profiles at two levels; `factor_ratio` that over the
    one within levels. p is that of the ratio if the profiles of a cell are dealt out to the levels at random.
    """
    found = profiles(cell.rows)
    seeds, (block,) = _blocks(found, cell, [found])
    for criterion, bound in cell.bounds.items():
        p = math.nan
        if criterion == "factor_ratio":
            estimate = interval(
                lambda drawn: block.between(drawn) / block.within(drawn), len(seeds), cell.judging
            )
            if bound and bound.significance is not None:
                places = np.arange(len(block.flat)).reshape(-1, len(seeds))
                p = permutation_p(list(places), block.permuted_ratio, cell.judging)
        else:
            estimate = interval(block.between, len(seeds), cell.judging)
        yield Estimate(criterion, *estimate, seeds=len(seeds), p=p)


def distance_contrast(cell: Cell) -> Iterator[Estimate]:
    """The distance between levels of a `factor` in one selection of rows, `first`, against that in `second`.

    Distances are means over blocks, which differ in the columns `blocks`; those with all levels count.
    p is that of Wilcoxon's signed-rank test over the seeds of all blocks.
    """
    tables = [profiles(cell.selected(key)) for key in ("first", "second")]
    groups = [_complete(table, cell.test["factor"], cell.test.get("blocks", [])) for table in tables]
    shared = [key for key in groups[0] if key in groups[1]]
    if not shared:
        raise NotRun(_("the two conditions have nothing in common"))
    parts = [[group[key] for key in shared] for group in groups]
    every = [_common_seeds(part, cell.test["factor"]) for part in (*parts[0], *parts[1])]
    seeds = sorted(set.intersection(*every))
    first, second = (_blocks(table, cell, part, seeds)[1] for table, part in zip(tables, parts, strict=True))

    def between(blocks: Sequence[Block], drawn: Indices) -> Numbers:
        return np.mean([block.between(drawn) for block in blocks], axis=0)

    for criterion, bound in cell.bounds.items():
        if criterion == "distance_ratio":
            estimate = interval(
                lambda drawn: between(first, drawn) / between(second, drawn), len(seeds), cell.judging
            )
        else:
            estimate = interval(
                lambda drawn: between(first, drawn) - between(second, drawn), len(seeds), cell.judging
            )
        p = math.nan
        if len(seeds) > 1 and bound:
            by_seed = [
                np.concatenate([block.between_by_seed() for block in side]) for side in (first, second)
            ]
            alternative = "greater" if bound.direction == "above" else "less"
            p = float(wilcoxon(*by_seed, alternative=alternative).pvalue)
        yield Estimate(criterion, *estimate, seeds=len(seeds), p=p)


def _complete(found: DataFrame, factor: str, columns: Sequence[str]) -> dict[Any, DataFrame]:
    """The blocks of profiles that have every level of a factor, by the values of columns."""
    parts = dict(iter(found.groupby(level=list(columns), sort=True))) if columns else {(): found}
    levels = _levels(found.index, factor)
    return {key: part for key, part in parts.items() if _levels(part.index, factor) == levels}


def _blocks(
    table: DataFrame, cell: Cell, parts: Sequence[DataFrame], seeds: Sequence[int] | None = None
) -> tuple[Sequence[int], list[Block]]:
    """Blocks of profiles with the same seeds at every level; raises NotRun where there is one level only."""
    factor = cell.test["factor"]
    levels = _levels(table.index, factor)
    if len(levels) < 2:
        only = _("only {level} for {column}; a second one is needed")
        raise NotRun(only.format(level=", ".join(map(str, levels)), column=column_name(factor)))
    if seeds is None:
        seeds = sorted(set.intersection(*(_common_seeds(part, factor) for part in parts)))
    if not seeds:
        raise NotRun(_("no seed has all of: {levels}").format(levels=", ".join(map(str, levels))))
    blocks = []
    for part in parts:
        flat = part.droplevel([name for name in part.index.names if name not in (factor, "seed")])
        if flat.index.has_duplicates:
            raise NotRun(
                _("the cell has several profiles of a seed for one {column}").format(
                    column=column_name(factor)
                )
            )
        flat = flat.reorder_levels([factor, "seed"])
        values = np.array(
            [[flat.loc[(level, seed)] for seed in seeds] for level in _levels(part.index, factor)]
        )
        blocks.append(Block(values, cell.test.get("same_network", False)))
    return seeds, blocks


def _levels(index: Index[Any], factor: str) -> list[Any]:
    return sorted(index.get_level_values(factor).unique(), key=str)


def _common_seeds(part: DataFrame, factor: str) -> set[int]:
    """The seeds that every level of a factor has."""
    index = part.index
    of_level = [
        set(index[index.get_level_values(factor) == level].get_level_values("seed"))
        for level in _levels(index, factor)
    ]
    return set.intersection(*of_level)
