"""Intervals over seeds hold the true value as often as they say, and pairs of one seed count for nothing."""

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform
from scipy.stats import binom

from equivariance.analysis.claims.factors import Block
from equivariance.analysis.claims.statistics import (
    Judging,
    interval,
    mean_interval,
    pair_mean,
    pair_median,
    permutation_p,
)
from equivariance.analysis.distances import relative_difference

JUDGING = Judging(draws=1000, permutations=999)
RUNS = 200


def profiles(random: np.random.Generator, seeds: int) -> np.ndarray:
    return np.exp(0.2 * random.normal(size=(seeds, 12)))


def distances(values: np.ndarray) -> np.ndarray:
    return squareform(pdist(values, relative_difference))


@pytest.mark.parametrize("seeds", [5, 10])
@pytest.mark.parametrize("statistic", ["mean", "distance_within"])
def test_coverage_of_the_bootstrap(statistic: str, seeds: int) -> None:
    random = np.random.default_rng(7)
    true = 0.0
    if statistic == "distance_within":
        true = float(pdist(profiles(random, 1000), relative_difference).mean())
    held = 0
    for _ in range(RUNS):
        if statistic == "mean":
            _estimate, low, high, _seeds = mean_interval(random.normal(size=seeds), JUDGING)
        else:
            matrix = distances(profiles(random, seeds))
            _estimate, low, high = interval(lambda drawn, of=matrix: pair_mean(of, drawn), seeds, JUDGING)
        held += low <= true <= high
    # Within the error of so many runs, at a level of one in a thousand.
    assert binom.ppf(0.001, RUNS, 0.95) <= held <= binom.ppf(0.999, RUNS, 0.95)


@pytest.mark.parametrize("effect", [0.0, 0.5])
def test_coverage_of_the_ratio_of_a_factor(effect: float) -> None:
    random = np.random.default_rng(7)
    tilt = np.linspace(1, 1 + effect, 12)

    def levels(seeds: int) -> Block:
        values = [profiles(random, seeds), tilt * profiles(random, seeds)]
        return Block(np.array(values), same_network=False)

    def ratio(block: Block, drawn: np.ndarray) -> np.ndarray:
        return block.between(drawn) / block.within(drawn)

    true = float(ratio(levels(300), np.arange(300)[None])[0])
    assert (true < 1.05) == (effect == 0)
    ends = []
    for _ in range(RUNS):
        block = levels(5)
        ends.append(interval(lambda drawn, of=block: ratio(of, drawn), 5, JUDGING)[1:])
    held = sum(low <= true <= high for low, high in ends)
    assert held >= binom.ppf(0.001, RUNS, 0.95)  # without an effect it is held more often
    if not effect:
        assert not [low for low, _high in ends if low > 1.5], "an effect that there is not"


def test_pairs_of_one_seed_would_pull_a_distance_down() -> None:
    matrix = distances(profiles(np.random.default_rng(0), 5))
    drawn = np.random.default_rng(1).integers(0, 5, (2000, 5))
    every = matrix[drawn[:, :, None], drawn[:, None, :]].mean(axis=(1, 2)) * 5 / 4
    estimate = pair_mean(matrix, np.arange(5)[None])[0]
    assert np.nanmean(pair_mean(matrix, drawn)) == pytest.approx(estimate, rel=0.02)
    assert every.mean() < 0.85 * estimate


def test_statistics_of_pairs() -> None:
    matrix = np.array([[0.0, 1, 2], [1, 0, 6], [2, 6, 0]])
    drawn = np.array([[0, 1, 2], [0, 0, 1], [2, 2, 2]])
    assert pair_mean(matrix, drawn) == pytest.approx([3, 1, np.nan], nan_ok=True)
    assert pair_median(matrix, drawn) == pytest.approx([2, 1, np.nan], nan_ok=True)


def test_an_interval_is_the_same_again_and_of_one_seed_there_is_none() -> None:
    values = np.random.default_rng(0).normal(size=6)
    assert mean_interval(values, JUDGING) == mean_interval(values, JUDGING)
    estimate, low, high, seeds = mean_interval(values[:1], JUDGING)
    assert (estimate, seeds) == (values[0], 1)
    assert np.isnan([low, high]).all()


def test_more_confidence_is_a_wider_interval() -> None:
    values = np.random.default_rng(0).normal(size=12)
    _mean, low, high, _seeds = mean_interval(values, Judging(confidence=0.5))
    _mean, lower, higher, _seeds = mean_interval(values, Judging(confidence=0.99))
    assert lower < low < high < higher


def test_p_is_exact_where_permutations_are_few() -> None:
    def difference(one: np.ndarray, other: np.ndarray, axis: int) -> np.ndarray:
        return np.mean(one, axis=axis) - np.mean(other, axis=axis)

    groups = [np.array([5.0, 6, 7]), np.array([1.0, 2, 3])]
    assert permutation_p(groups, difference, JUDGING) == pytest.approx(1 / 20)
    assert np.isnan(permutation_p([group[:1] for group in groups], difference, JUDGING))
