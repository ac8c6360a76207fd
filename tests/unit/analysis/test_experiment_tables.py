"""Tidy tables of experiments."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from equivariance.analysis.tables import network_table, profile_table, unit_table, write_table
from equivariance.errors import UserError
from equivariance.files import read_sealed, write_sealed

NETWORK = {
    "dataset": "digits",
    "model": "plain",
    "trained_with": "rotation",
    "retrained_with": "none",
    "scheme": "none",
    "seed": 3,
}
VALUES = {"tv": 1.0, "sv": 2.0, "nv": 0.5, "nvse": 4.0, "nvse_floor": 0.25}


@pytest.fixture
def description(tmp_path: Path) -> Path:
    file = tmp_path / "model.json"
    values = {
        "settings": {
            "trained_with": "rotation",
            "epochs": 20,
            "family": "simple_conv",
            "task": "classification",
        },
        "metrics": {"none": {"accuracy": 0.9}, "rotation": {"accuracy": 0.8}},
        "savepoints": {10: {"epoch": 2}},
    }
    write_sealed(file, values)
    return file


def sweep(classes: list[str]) -> pd.DataFrame:
    """The table of a sweep; classes differ by factors 1, 2, ..., aggregations by a factor of 10."""
    rows = [
        {"layer": layer, "layer_index": index, "kind": "conv", "depth": float(index), "unit": unit,
         "measure": measure, "aggregation": aggregation, "value": value * factor * scale, "images": 37,
         "class": name}
        for factor, name in enumerate(classes or ["all"], start=1)
        for index, layer in enumerate(("conv1", "conv2"))
        for measure, value in VALUES.items()
        for scale, aggregation in ((1, "before_mean"), (10, "after_max"))
        for unit in range(3)
    ]  # fmt: skip
    table = pd.DataFrame(rows)
    return table if classes else table.drop(columns="class")


@pytest.fixture
def measurement(description: Path, tmp_path: Path) -> dict[str, Any]:
    file = tmp_path / "invariance.parquet"
    sweep([]).to_parquet(file, index=False)
    return {
        **NETWORK,
        "savepoint": "final",
        "measured_on": "digits_test",
        "measured_with": "scale",
        "samples": 40,
        "transformations": 7,
        "stratified": False,
        "path_per_transformation": False,
        "values": [("nv", "before_mean")],
        "file": str(file),
        "description": str(description),
    }


@pytest.fixture
def stratified(measurement: dict[str, Any]) -> dict[str, Any]:
    sweep(["(mean)", "cats", "dogs"]).to_parquet(measurement["file"], index=False)
    return {**measurement, "stratified": True}


def test_a_measurement_has_a_row_for_each_layer_and_value_asked_for(measurement: dict[str, Any]) -> None:
    table = profile_table(measurement)
    assert table[["layer", "measure", "mean"]].values.tolist() == [["conv1", "nv", 0.5], ["conv2", "nv", 0.5]]
    expected = {
        **NETWORK,
        "epoch": 20,
        "accuracy": 0.8,
        "augmented": "augmented",
        "measured_on": "digits_test",
        "measured_with": "scale",
        "samples": 40,
        "images": 37,
        "transformations": 7,
        "stratified": "not stratified",
        "units": 3,
    }
    for row in table.to_dict("records"):
        assert {name: row[name] for name in expected} == expected
    assert not {"class", "unit"} & {*table}


def test_each_measure_comes_with_the_aggregations_asked_for_it(measurement: dict[str, Any]) -> None:
    values = [("tv", "after_max"), ("sv", "before_mean"), ("nv", "before_mean"), ("nv", "after_max")]
    table = profile_table({**measurement, "values": values})
    found = {(m, a): mean for m, a, mean in table[["measure", "aggregation", "mean"]].values.tolist()}
    assert found == {
        ("tv", "after_max"): 10,
        ("sv", "before_mean"): 2,
        ("nv", "before_mean"): 0.5,
        ("nv", "after_max"): 5,
    }


def test_a_floor_comes_with_its_measure_where_it_is_wanted(measurement: dict[str, Any]) -> None:
    wanted = {**measurement, "values": [("nvse", "before_mean")]}
    assert set(profile_table(wanted)["measure"]) == {"nvse"}
    floors = profile_table(wanted, floors=True).set_index("measure")["mean"]
    assert floors.to_dict() == {"nvse": 4, "nvse_floor": 0.25}
    assert set(profile_table(measurement, floors=True)["measure"]) == {"nv"}


@pytest.mark.parametrize(
    ("trained_with", "retrained_with", "augmented"),
    [
        ("none", "none", "not augmented"),
        ("untrained", "none", "not augmented"),
        ("scale", "none", "augmented"),
        ("none", "scale", "augmented"),
    ],
)
def test_a_network_is_augmented_where_it_was_trained_or_retrained_with_a_set(
    measurement: dict[str, Any], trained_with: str, retrained_with: str, augmented: str
) -> None:
    table = profile_table({**measurement, "trained_with": trained_with, "retrained_with": retrained_with})
    assert set(table["augmented"]) == {augmented}


def test_a_network_of_another_task_has_no_accuracy_and_that_cell_may_be_empty(
    measurement: dict[str, Any], tmp_path: Path
) -> None:
    description = read_sealed(measurement["description"])
    description["metrics"] = {"rotation": {"mae": 0.1, "smape": 0.2, "rae": 0.3}}
    write_sealed(measurement["description"], description)
    with pytest.raises(UserError, match="empty cells in accuracy"):
        write_table([profile_table(measurement)], tmp_path / "t.csv")
    description["settings"]["task"] = "transformation_regression"
    write_sealed(measurement["description"], description)
    write_table([profile_table(measurement)], tmp_path / "t.csv")
    assert pd.read_csv(tmp_path / "t.csv")["accuracy"].isna().all()


def test_a_whole_network_has_a_row_for_each_value(measurement: dict[str, Any]) -> None:
    table = sweep([])
    # Two of the three units of the second layer are ten times larger.
    table.loc[(table["layer"] == "conv2") & (table["unit"] > 0), "value"] *= 10
    table.to_parquet(measurement["file"], index=False)
    (row,) = network_table(measurement).to_dict("records")
    assert (row["measure"], row["aggregation"], row["seed"], row["accuracy"]) == ("nv", "before_mean", 3, 0.8)
    assert row["global_layer_mean"] == pytest.approx((0.5 + (0.5 + 5 + 5) / 3) / 2)
    assert row["global_unit_mean"] == pytest.approx((4 * 0.5 + 2 * 5) / 6)
    assert row["top_unit_mean"] == 5


def test_a_stratified_network_has_the_mean_over_classes(stratified: dict[str, Any]) -> None:
    (row,) = network_table(stratified).to_dict("records")
    assert (row["global_layer_mean"], row["stratified"]) == (0.5, "stratified")


def test_paths_of_ti_pooling_are_one_before_anything_is_summarised(measurement: dict[str, Any]) -> None:
    measurement["path_per_transformation"] = True
    table = sweep([]).replace({"layer": {"conv2": "conv1:2"}})
    second = table["layer"] == "conv1:2"
    table.loc[second, "value"] *= 3
    behind = table[second].assign(layer="fc", layer_index=2, value=7.0)
    pd.concat([table.assign(depth=table["layer_index"] / 2), behind.assign(depth=1.0)]).to_parquet(
        measurement["file"], index=False
    )
    found = profile_table(measurement)[["layer", "layer_index", "depth", "mean", "units"]]
    assert found.values.tolist() == [["conv1", 0, 0, 1, 3], ["fc", 1, 1, 7, 3]]
    assert len(unit_table(measurement)) == 2 * 3
    assert network_table(measurement)["global_layer_mean"].tolist() == [4]


def test_a_measurement_at_a_savepoint_has_the_accuracy_that_was_measured_there(
    measurement: dict[str, Any], tmp_path: Path
) -> None:
    file = tmp_path / "accuracy.parquet"
    pd.DataFrame({"right": [3, 1], "images": [4, 6]}).to_parquet(file)
    row = profile_table({**measurement, "savepoint": "10", "accuracy": str(file)}).iloc[0]
    assert (row["epoch"], row["accuracy"]) == (2, 0.4)
    of_another_task = profile_table({**measurement, "savepoint": "10", "accuracy": None})
    assert of_another_task["accuracy"].isna().all()


def test_a_stratified_measurement_gives_the_mean_over_classes_or_the_classes(
    stratified: dict[str, Any],
) -> None:
    mean = profile_table(stratified)
    assert mean["mean"].tolist() == [0.5, 0.5]
    assert set(mean["stratified"]) == {"stratified"}
    assert "class" not in mean
    classes = profile_table(stratified, classes=True)
    found = classes[["class", "layer", "mean"]].values.tolist()
    assert sorted(found) == [
        ["cats", "conv1", 1],
        ["cats", "conv2", 1],
        ["dogs", "conv1", 1.5],
        ["dogs", "conv2", 1.5],
    ]
    assert set(unit_table(stratified)["value"]) == {0.5}


def test_a_class_may_be_called_mean(stratified: dict[str, Any]) -> None:
    sweep(["(mean)", "mean", "dogs"]).to_parquet(stratified["file"], index=False)
    assert set(unit_table(stratified)["value"]) == {0.5}
    assert profile_table(stratified)["mean"].tolist() == [0.5, 0.5]
    assert network_table(stratified)["global_layer_mean"].tolist() == [0.5]
    classes = profile_table(stratified, classes=True)
    assert classes.groupby("class")["mean"].unique().map(list).to_dict() == {"mean": [1], "dogs": [1.5]}


def test_a_class_without_a_finite_value_in_a_layer_has_no_row_there(stratified: dict[str, Any]) -> None:
    table = sweep(["(mean)", "cats", "dogs"])
    table.loc[(table["class"] == "cats") & (table["layer"] == "conv2"), "value"] = float("inf")
    table.to_parquet(stratified["file"], index=False)
    found = profile_table(stratified, classes=True)[["class", "layer"]].values.tolist()
    assert sorted(found) == [["cats", "conv1"], ["dogs", "conv1"], ["dogs", "conv2"]]


def test_units_have_a_row_each(measurement: dict[str, Any]) -> None:
    table = unit_table({**measurement, "values": [("nv", "before_mean"), ("tv", "after_max")]})
    assert len(table) == 2 * 2 * 3
    assert table.groupby(["measure", "layer"])["unit"].apply(list).tolist() == [[0, 1, 2]] * 4
    assert table.groupby("measure")["value"].unique().map(list).to_dict() == {"nv": [0.5], "tv": [10]}
    assert {"samples", "images", "accuracy", "aggregation", "kind", "depth"} <= {*table}
    assert not {"mean", "units", "frac_inf"} & {*table}


@pytest.mark.parametrize("tabulate", [profile_table, unit_table, network_table])
def test_a_measure_that_is_not_in_the_file_is_an_error_that_names_it(
    measurement: dict[str, Any], tabulate: Any
) -> None:
    values = [("nv", "before_mean"), ("goodfellow_normal", "before_mean")]
    with pytest.raises(UserError, match=r"invariance\.parquet lacks goodfellow_normal; delete it"):
        tabulate({**measurement, "values": values})


def test_a_table_is_written_as_csv_without_an_index(tmp_path: Path) -> None:
    tables = [pd.DataFrame({"layer": [name], "mean": [mean]}) for name, mean in (("a", 0.1 + 0.2), ("b", 1))]
    write_table(tables, tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text() == "layer,mean\na,0.30000000000000004\nb,1.0\n"


def test_a_layer_without_a_finite_value_has_no_summary(measurement: dict[str, Any], tmp_path: Path) -> None:
    table = sweep([])
    table.loc[table["layer"] == "conv2", "value"] = float("inf")
    table.to_parquet(measurement["file"], index=False)
    write_table([profile_table(measurement)], tmp_path / "t.csv")
    written = pd.read_csv(tmp_path / "t.csv")
    assert written["mean"].isna().tolist() == [False, True]
    assert written["frac_inf"].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("tables", "text"),
    [
        ([], "no rows"),
        ([pd.DataFrame()], "no rows"),
        ([pd.DataFrame({"a": [1, 2], "mean": [float("nan"), 1.0]})], "empty cells in mean"),
        ([pd.DataFrame({"a": [1], "b": [2]}), pd.DataFrame({"a": [1]})], "empty cells in b"),
        ([pd.DataFrame({"a": [None]})], "empty cells in a"),
    ],
)
def test_a_table_with_missing_cells_is_an_error_and_no_file(
    tmp_path: Path, tables: list[pd.DataFrame], text: str
) -> None:
    with pytest.raises(UserError, match=rf"t\.csv: the table has {text}"):
        write_table(tables, tmp_path / "t.csv")
    assert list(tmp_path.iterdir()) == []
