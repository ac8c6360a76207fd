"""Two runs compared: the tolerances are their formulas, and what is equal agrees."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from equivariance.analysis.comparison import (
    ALLOWED,
    PROFILE_FLOOR,
    compare_accuracies,
    compare_profiles,
    compare_verdicts,
    is_alike,
)
from equivariance.analysis.distances import relative_difference

SEEDS = st.lists(st.floats(0, 1), min_size=1, max_size=4)


def one(mine: list[float], reference: dict[str, list[float]], images: int = 10_000) -> "pd.Series[float]":
    """The comparison of cell `a`, of whose model `reference` may have other cells."""
    groups = {cell: cell.partition(":")[0] for cell in reference}
    compared = compare_accuracies({"a": mine}, reference, groups, dict.fromkeys(reference, images))
    (row,) = compared.to_dict("records")
    return pd.Series(row)


def test_the_tolerance_is_a_prediction_interval_from_the_seeds_of_the_reference() -> None:
    row = one([0.7, 0.8], {"a": [0.5, 0.6, 0.7]})
    expected = stats.t.ppf(0.975, 2) * 0.1 * math.sqrt(1 / 2 + 1 / 3)
    assert row["tolerance"] == pytest.approx(expected)
    assert row["difference"] == pytest.approx(0.15)
    assert (row["seeds"], row["seeds_of_reference"], row["agrees"]) == (2, 3, True)


def test_a_single_seed_has_the_spread_of_its_model_or_else_of_all() -> None:
    spread = {"a": [0.5], "a:other": [0.4, 0.6], "b": [0.1, 0.9]}
    of_model = stats.t.ppf(0.975, 1) * math.sqrt(0.02) * math.sqrt(2)
    assert one([0.5], spread)["tolerance"] == pytest.approx(of_model)
    del spread["a:other"]
    of_all = stats.t.ppf(0.975, 1) * math.sqrt(0.32) * math.sqrt(2)
    assert one([0.5], spread)["tolerance"] == pytest.approx(of_all)


def test_without_any_second_seed_the_test_images_are_the_floor() -> None:
    row = one([0.5], {"a": [0.5]}, images=100)
    assert row["tolerance"] == pytest.approx(stats.norm.ppf(0.975) * 0.05 * math.sqrt(2))
    assert one([1.0], {"a": [1.0]}, images=100)["tolerance"] > 0


@given(st.dictionaries(st.sampled_from("abcdef"), SEEDS, min_size=1))
def test_a_run_agrees_with_itself(accuracies: dict[str, list[float]]) -> None:
    groups, images = dict.fromkeys(accuracies, "model"), dict.fromkeys(accuracies, 100)
    compared = compare_accuracies(accuracies, accuracies, groups, images)
    assert len(compared) == len(accuracies)
    assert (compared["difference"] == 0).all() and compared["agrees"].all()
    assert is_alike(compared)


def test_cells_of_one_run_only_are_not_compared() -> None:
    compared = compare_accuracies(
        {"a": [0.5], "b": [0.5]}, {"b": [0.5], "c": [0.5]}, {"b": "b", "c": "c"}, {"b": 9}
    )
    assert list(compared["cell"]) == ["b"]


def test_a_tenth_may_be_outside() -> None:
    compared = pd.DataFrame({"agrees": [True] * 9 + [False]})
    assert ALLOWED == 0.1
    assert is_alike(compared)
    assert not is_alike(compared.iloc[1:])
    assert is_alike(compared.iloc[:0])


def profiles(values: dict[tuple[str, str], list[list[float]]]) -> pd.DataFrame:
    """The table of profiles of (model, measure): one of each seed."""
    rows = [
        {"model": model, "measure": measure, "seed": seed, "layer_index": layer, "mean": value}
        for (model, measure), seeds in values.items()
        for seed, profile in enumerate(seeds)
        for layer, value in enumerate(profile)
    ]
    return pd.DataFrame(rows).sample(frac=1, random_state=0)  # in any order


def test_the_distance_of_profiles_is_compared_with_that_of_two_seeds() -> None:
    first, second = [1.0, 2.0, 3.0], [1.2, 2.2, 3.2]
    reference = profiles({("a", "nv"): [first, second], ("b", "nv"): [first]})
    mine = profiles({("a", "nv"): [first], ("b", "nv"): [[3.0, 2.0, 1.0]]})
    compared = compare_profiles({"t": mine}, {"t": reference}).set_index("cell")
    mean = np.mean([first, second], axis=0)
    assert compared["tolerance"].to_list() == pytest.approx([relative_difference(first, second)] * 2)
    assert compared.loc["a, nv", "difference"] == pytest.approx(relative_difference(first, mean))
    assert compared["agrees"].to_dict() == {"a, nv": True, "b, nv": False}


def test_another_measure_without_a_second_seed_has_the_distances_of_all() -> None:
    reference = profiles({("a", "nv"): [[1.0, 2.0], [2.0, 3.0]], ("a", "nd"): [[1.0, 1.0]]})
    compared = compare_profiles({"t": reference}, {"t": reference}).set_index("group")
    assert compared.loc["nd", "tolerance"] == pytest.approx(compared.loc["nv", "tolerance"])
    assert compared["agrees"].all()


def test_profiles_without_any_second_seed_have_a_floor_and_infinite_layers_do_not_count() -> None:
    reference = profiles({("a", "nv"): [[1.0, math.nan, 2.0]]})
    (row,) = compare_profiles({"t": reference}, {"t": reference}).to_dict("records")
    assert (row["tolerance"], row["difference"], row["agrees"]) == (PROFILE_FLOOR, 0, True)


def test_verdicts_are_compared_by_claim() -> None:
    compared = compare_verdicts(
        {"C1": "supported", "C3": "supported"}, {"C1": "undecided", "C2": "supported"}
    )
    assert compared[["cell", "mine", "reference", "agrees"]].to_numpy().tolist() == [
        ["C1", "supported", "undecided", False]
    ]
