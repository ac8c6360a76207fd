"""Tidy tables of experiments."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from equivariance.analysis.tables import accuracy_rows, profile_rows, write_table
from equivariance.errors import UserError
from equivariance.files import write_json

NETWORK = {"dataset": "digits", "model": "plain", "trained_with": "rotation", "seed": 3}


@pytest.fixture
def description(tmp_path: Path) -> Path:
    file = tmp_path / "model.json"
    values = {
        "settings": {"trained_with": "rotation", "epochs": 20},
        "accuracy": {"none": 0.9, "rotation": 0.8},
        "classes": ["a", "b", "c", "d"],
        "test_images": 200,
        "savepoints": {10: {"epoch": 2, "accuracy": {"none": 0.5, "rotation": 0.4}}},
    }
    write_json(file, values)
    return file


@pytest.fixture
def measurement(description: Path, tmp_path: Path) -> dict[str, Any]:
    values = {"tv": 1.0, "sv": 2.0, "nv": 0.5}
    rows = [
        {"layer": layer, "layer_index": index, "kind": "conv", "depth": float(index), "unit": unit,
         "measure": measure, "aggregation": "before_mean", "value": value, "samples": 40}
        for index, layer in enumerate(("conv1", "conv2"))
        for measure, value in values.items()
        for unit in range(3)
    ]  # fmt: skip
    file = tmp_path / "variance.parquet"
    pd.DataFrame(rows).to_parquet(file, index=False)
    return {
        **NETWORK,
        "savepoint": "final",
        "measured_on": "digits_test",
        "measured_with": "scale",
        "file": str(file),
        "description": str(description),
    }


def test_a_network_has_a_row_for_each_savepoint_and_set_it_is_tested_with(description: Path) -> None:
    network = {**NETWORK, "description": str(description), "savepoints": ["10", "final"]}
    rows = list(accuracy_rows(network, ["none", "own"]))
    assert [(row["savepoint"], row["epoch"], row["tested_with"], row["accuracy"]) for row in rows] == [
        ("10", 2, "none", 0.5),
        ("10", 2, "rotation", 0.4),
        ("final", 20, "none", 0.9),
        ("final", 20, "rotation", 0.8),
    ]
    assert {(row["images"], row["classes"], row["seed"]) for row in rows} == {(200, 4, 3)}


def test_a_network_trained_without_transformations_is_tested_once(tmp_path: Path) -> None:
    values = {"settings": {"trained_with": "none", "epochs": 5}, "accuracy": {"none": 0.9}}
    write_json(tmp_path / "model.json", {**values, "classes": ["a", "b"], "test_images": 7})
    network = {**NETWORK, "description": str(tmp_path / "model.json"), "savepoints": ["final"]}
    assert [row["tested_with"] for row in accuracy_rows(network, ["none", "own"])] == ["none"]


def test_a_measurement_has_a_row_for_each_layer_and_measure_asked_for(measurement: dict[str, Any]) -> None:
    rows = list(profile_rows(measurement, ["nv"]))
    assert [(row["layer"], row["measure"], row["mean"]) for row in rows] == [
        ("conv1", "nv", 0.5),
        ("conv2", "nv", 0.5),
    ]
    for row in rows:
        assert (row["epoch"], row["accuracy"], row["samples"], row["units"]) == (20, 0.8, 40, 3)
        assert (row["measured_on"], row["measured_with"]) == ("digits_test", "scale")
        assert {name: row[name] for name in NETWORK} == NETWORK


def test_a_measurement_at_a_savepoint_has_the_accuracy_there(measurement: dict[str, Any]) -> None:
    row = next(profile_rows({**measurement, "savepoint": "10"}, ["nv"]))
    assert (row["epoch"], row["accuracy"]) == (2, 0.4)


def test_a_measure_that_is_not_in_the_file_is_an_error_that_names_it(measurement: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=r"variance\.parquet lacks goodfellow; delete it"):
        list(profile_rows(measurement, ["nv", "goodfellow"]))


def test_a_table_is_written_as_csv_without_an_index(tmp_path: Path) -> None:
    write_table([{"layer": "conv1", "mean": 0.1 + 0.2}, {"layer": "conv2", "mean": 1}], tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text() == "layer,mean\nconv1,0.30000000000000004\nconv2,1.0\n"


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ([], "no rows"),
        ([{"a": 1, "mean": float("nan")}, {"a": 2, "mean": 1.0}], "empty cells in mean"),
        ([{"a": 1, "b": 2}, {"a": 1}], "empty cells in b"),
        ([{"a": None}], "empty cells in a"),
    ],
)
def test_a_table_with_missing_cells_is_an_error_and_no_file(
    tmp_path: Path, rows: list[dict[str, Any]], text: str
) -> None:
    with pytest.raises(UserError, match=rf"t\.csv: the table has {text}"):
        write_table(rows, tmp_path / "t.csv")
    assert list(tmp_path.iterdir()) == []
