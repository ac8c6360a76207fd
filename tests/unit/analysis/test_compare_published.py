"""Published numbers beside those of a run, on made tables."""

import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from compare_published import compare_published
from equivariance.analysis.published import (
    COLUMNS,
    NO_CELL,
    NO_DATASET,
    NOT_IN_RUN,
    OTHER_RECIPE,
    OUTCOME,
    STAND_IN,
    WRONG_GEOMETRY,
    compare,
    read_published,
)
from equivariance.errors import UserError

LABELS = {"mnist": "MNIST", "cifar10": "CIFAR10", "digits": "digits", "simple_conv": "SimpleConv"}
STAND_INS = {"mnist": "", "cifar10": "", "digits": "MNIST"}


def number(**given: Any) -> dict[str, Any]:
    """A published number: the accuracy of a plain network on MNIST."""
    common = dict.fromkeys(COLUMNS, "")
    common |= {"id": "accuracy-001", "quantity": "accuracy", "network": "SimpleConv", "dataset": "mnist"}
    common |= {"model": "simple_conv", "experiment": "accuracies", "column": "accuracy", "scheme": "none"}
    common |= {"trained_with": "none", "tested_with": "none", "unit": "fraction", "geometry": "right"}
    numbers = {"value": 0.98, "low": math.nan, "high": math.nan, "comparable": "yes", "tolerance": 0.01}
    return {**common, **numbers, **given}


def accuracies(values: list[float], dataset: str = "mnist", **given: Any) -> pd.DataFrame:
    """A table of accuracies with a seed for each value, at the end of training."""
    cell = {"dataset": dataset, "model": "simple_conv", "trained_with": "none", "retrained_with": "none"}
    cell |= {"scheme": "none", "savepoint": "final", "tested_with": "none", "epoch": 5}
    rows = [{**cell, "seed": seed, "accuracy": value, **given} for seed, value in enumerate(values)]
    return pd.DataFrame(rows)


def profile(values: list[float], seed: int, **given: Any) -> pd.DataFrame:
    """A table of NV, a row for each layer."""
    cell = {"dataset": "mnist", "model": "simple_conv", "trained_with": "rotation", "retrained_with": "none"}
    cell |= {"scheme": "none", "savepoint": "final", "measured_with": "rotation", "measure": "nv"}
    cell |= {"stratified": "not stratified", "aggregation": "before_mean", "accuracy": 0.9, "epoch": 5}
    layers = enumerate(values)
    rows = [{"layer_index": i, "layer": f"l{i}", "mean": one} for i, one in layers]
    return pd.DataFrame([{**cell, "seed": seed, **row, **given} for row in rows])


def outcome(row: dict[str, Any], **tables: pd.DataFrame) -> dict[str, Any]:
    (found,) = compare(pd.DataFrame([row]), tables, LABELS, STAND_INS).to_dict("records")
    return {key: found[key] for key in OUTCOME}


def test_ours_is_the_mean_over_seeds_with_its_deviation() -> None:
    found = outcome(number(), accuracies=accuracies([0.97, 0.98, 0.99]))
    assert found["ours"] == pytest.approx(0.98) and found["sd"] == pytest.approx(0.01)
    assert (found["seeds"], found["within"], found["reason"]) == (3, "yes", "")
    assert (found["our_dataset"], found["our_experiment"]) == ("mnist", "accuracies")
    assert found["difference"] == pytest.approx(0)


@pytest.mark.parametrize(
    ("ours", "within"), [(0.97, "yes"), (0.99, "yes"), (0.9699, "no"), (0.9901, "no"), (0.98, "yes")]
)
def test_the_tolerance_counts_as_within(ours: float, within: str) -> None:
    assert outcome(number(), accuracies=accuracies([ours]))["within"] == within


@pytest.mark.parametrize(
    ("ours", "difference", "within"),
    [(0.98, 0.0, "yes"), (0.965, -0.005, "yes"), (1.0, 0.01, "yes"), (0.95, -0.02, "no")],
)
def test_of_a_range_the_nearest_end_counts(ours: float, difference: float, within: str) -> None:
    found = outcome(number(value=math.nan, low=0.97, high=0.99), accuracies=accuracies([ours]))
    assert found["difference"] == pytest.approx(difference)
    assert found["within"] == within


def test_a_stand_in_is_shown_and_not_compared() -> None:
    found = outcome(number(), accuracies=accuracies([0.98], dataset="digits"))
    assert (found["within"], found["reason"], found["detail"]) == ("not comparable", STAND_IN, "digits")
    assert found["ours"] == 0.98
    both = pd.concat([accuracies([0.5], dataset="digits"), accuracies([0.98])])
    assert outcome(number(), accuracies=both)["our_dataset"] == "mnist", "real data come first"


def test_what_is_not_comparable_says_why() -> None:
    row = number(comparable="no", tolerance=math.nan)
    assert outcome(row, accuracies=accuracies([0.98]))["reason"] == OTHER_RECIPE
    found = outcome({**row, "geometry": "wrong"}, accuracies=accuracies([0.98]))
    assert (found["within"], found["reason"]) == ("not comparable", WRONG_GEOMETRY)


@pytest.mark.parametrize(
    ("change", "reason", "detail"),
    [
        ({"experiment": "other"}, NOT_IN_RUN, "other"),
        ({"dataset": "cifar10"}, NO_DATASET, "CIFAR10"),
        ({"model": "vgg"}, NO_CELL, "model: vgg"),
        ({"scheme": "fc1"}, NO_CELL, "scheme: fc1"),
        ({"tested_with": "rotation"}, NO_CELL, "tested_with: rotation"),
        (
            {"experiment": "", "no_counterpart": "no such network in this project"},
            "no such network in this project",
            "",
        ),
    ],
)
def test_what_is_missing_is_named(change: dict[str, str], reason: str, detail: str) -> None:
    found = outcome(number(**change), accuracies=accuracies([0.98]))
    assert (found["within"], found["reason"], found["detail"]) == ("missing", reason, detail)
    assert found["ours"] is None or pd.isna(found["ours"])


def test_the_first_experiment_that_has_the_cell_counts() -> None:
    row = number(experiment="absent without with_it")
    tables = {"without": accuracies([0.5], dataset="cifar10"), "with_it": accuracies([0.98])}
    assert outcome(row, **tables)["our_experiment"] == "with_it"
    del tables["with_it"]
    assert outcome(row, **tables)["reason"] == NO_DATASET


def test_networks_are_those_at_the_end_of_training() -> None:
    table = pd.concat([accuracies([0.1], savepoint="0"), accuracies([0.98])])
    assert outcome(number(), accuracies=table)["ours"] == 0.98


@pytest.mark.parametrize(("layer", "value"), [("first", 0.5), ("largest", 0.9), ("last", 0.2)])
def test_layers_of_profiles(layer: str, value: float) -> None:
    row = number(column="mean", trained_with="rotation", tested_with="", measured_with="rotation")
    row |= {"measure": "nv", "aggregation": "before_mean", "stratified": "not stratified", "layer": layer}
    table = pd.concat([profile([0.5, 0.9, 0.2], 0), profile([0.5, 0.9, 0.2], 1, measured_with="scale")])
    table = pd.concat([table, profile([0.5, 0.9, 0.2], 2)])
    found = outcome(row, accuracies=table)
    assert found["ours"] == pytest.approx(value) and found["seeds"] == 2


def test_the_accuracy_of_a_network_is_found_beside_its_measures() -> None:
    row = number(trained_with="rotation", tested_with="rotation", value=0.9)
    found = outcome(row, accuracies=profile([0.5, 0.9], 0))
    assert (found["ours"], found["within"]) == (0.9, "yes")


def test_conditions_that_leave_several_values_are_a_mistake() -> None:
    table = pd.concat([accuracies([0.98]), accuracies([0.97], measured_on="elsewhere")])
    with pytest.raises(UserError, match="accuracy-001: several values of a network fit"):
        outcome(number(), accuracies=table)
    row = number(column="mean", trained_with="rotation", tested_with="", layer="first", measure="nv")
    with pytest.raises(UserError, match="several profiles of a network fit"):
        outcome(row, accuracies=pd.concat([profile([0.5], 0), profile([0.5], 0, aggregation="before_max")]))


def test_the_order_of_rows_does_not_matter() -> None:
    rows = pd.DataFrame([number(), number(id="accuracy-002", dataset="cifar10", tolerance=0.03)])
    row = number(id="layers-001", quantity="layers", column="mean", trained_with="rotation", tested_with="")
    rows.loc[2] = row | {"layer": "last", "measure": "nv", "experiment": "profiles"}
    tables = {
        "accuracies": pd.concat([accuracies([0.97, 0.99]), accuracies([0.7], dataset="cifar10")]),
        "profiles": pd.concat([profile([0.5, 0.9, 0.2], seed) for seed in (0, 1)]),
    }
    expected = compare(rows, tables, LABELS, STAND_INS)
    shuffled = {name: table.sample(frac=1, random_state=3) for name, table in tables.items()}
    found = compare(rows.iloc[::-1], shuffled, LABELS, STAND_INS)
    pd.testing.assert_frame_equal(found.sort_values("id", ignore_index=True), expected)


def test_the_script_writes_every_row_and_its_file_is_read_again(tmp_path: Path) -> None:
    rows = pd.DataFrame([number(), number(id="accuracy-002", experiment="other")])
    rows.to_csv(tmp_path / "given.csv", index=False)
    accuracies([0.98]).assign(images=10).to_csv(tmp_path / "table.csv", index=False)
    output = tmp_path / "published.csv"
    tables = {"accuracies": tmp_path / "table.csv"}
    compare_published(tmp_path / "given.csv", tables, LABELS, STAND_INS, output)
    found = read_published(output)
    assert [*found] == [*COLUMNS, *OUTCOME]
    assert list(found["within"]) == ["yes", "missing"]
    assert found["sd"].isna().all()
