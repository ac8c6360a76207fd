"""The scripts that gather tables, on networks that were trained and measured."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from equivariance.datasets.image_set import ImageSet
from equivariance.errors import UserError
from equivariance.files import read_json
from equivariance.training.settings import TrainingSettings
from make_tables import make_table
from measure_networks import measure_networks
from train_networks import train_networks

QUARTERS = {"rotations": {"count": 4}}


@pytest.fixture(scope="module")
def networks(
    tmp_path_factory: pytest.TempPathFactory,
    make_images: Callable[..., ImageSet],
    make_settings: Callable[..., TrainingSettings],
) -> list[dict[str, Any]]:
    """Two seeds of a network with savepoints, and a measurement of each."""
    folder = tmp_path_factory.mktemp("run")
    make_images().save(folder / "rows.npz")
    datasets = {"rows": folder / "rows.npz"}
    folders = [folder / f"seed{seed}" for seed in (0, 1)]
    settings = [make_settings(seed=seed, savepoints=[0]).as_mapping() for seed in (0, 1)]
    train_networks(
        folders,
        settings,
        datasets,
        folder / "checkpoints",
        folder / "store",
        ["code"] * 2,
        "cpu",
        1,
        [None, None],
    )
    sweep = {
        "measures": ["nv", "sv", "tv"],
        "aggregations": ["before_mean"],
        "stratified": False,
        "path_per_transformation": False,
        "part": "test",
        "measured_with": "rotation",
        "transformations": QUARTERS,
        "samples": 8,
        "padding": "border",
    }
    outputs = [one / "invariance.parquet" for one in folders]
    measured = [
        {"folder": str(one), "savepoint": "final", "dataset": "rows", "settings": sweep} for one in folders
    ]
    measure_networks(
        outputs,
        measured,
        datasets,
        folder / "checkpoints",
        folder / "store",
        ["code"] * len(folders),
        "cpu",
        1,
    )
    common = {"part": "test", "samples": 1000, "padding": "border", "transformations_per_image": None}
    sets: dict[str, Any] = {"none": {}, "rotation": QUARTERS}
    tested = [(one, savepoint, name) for one in folders for savepoint in ("0", "final") for name in sets]
    measure_networks(
        [one / f"{savepoint}-{name}.parquet" for one, savepoint, name in tested],
        [
            {
                "folder": str(one),
                "savepoint": savepoint,
                "dataset": "rows",
                "settings": {**common, "measured_with": name, "transformations": sets[name]},
            }
            for one, savepoint, name in tested
        ],
        *(datasets, folder / "checkpoints", folder / "store", ["code"] * len(tested), "cpu", 1),
    )
    return [
        {
            "dataset": "rows",
            "model": "plain",
            "trained_with": "rotation",
            "retrained_with": "none",
            "scheme": "none",
            "seed": seed,
            "savepoint": "final",
            "measured_on": "rows_test",
            "measured_with": "rotation",
            "samples": 8,
            "transformations": 4,
            "stratified": False,
            "path_per_transformation": False,
            "values": [("nv", "before_mean"), ("tv", "before_mean")],
            "description": str(one / "model.json"),
            "history": str(one / "history.csv"),
            "file": str(output),
        }
        for seed, (one, output) in enumerate(zip(folders, outputs, strict=True))
    ]


def accuracies(networks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What was tested: each network, at both savepoints, under both sets."""
    return [
        {
            **network,
            "savepoint": savepoint,
            "tested_with": name,
            "transformation_set": families,
            "file": str(Path(network["description"]).with_name(f"{savepoint}-{name}.parquet")),
        }
        for network in networks
        for savepoint in ("0", "final")
        for name, families in (("none", {}), ("rotation", QUARTERS))
    ]


def test_accuracies_have_a_row_for_each_network_savepoint_and_set(
    networks: list[dict[str, Any]], tmp_path: Path
) -> None:
    make_table("accuracies", accuracies(networks), {}, tmp_path / "table.csv")
    table = pd.read_csv(tmp_path / "table.csv", keep_default_na=False)
    keys = ["seed", "savepoint", "tested_with"]
    assert len(table) == len(table.drop_duplicates(keys)) == 2 * 2 * 2
    assert dict(zip(table["savepoint"], table["epoch"], strict=True)) == {"0": 0, "final": 3}
    assert table.groupby("tested_with")["images"].unique().map(list).to_dict() == {
        "none": [20],
        "rotation": [80],
    }
    # At the end the accuracy on images as they are is that which the training found.
    for seed, network in enumerate(networks):
        found = read_json(network["description"])["metrics"]["none"]["accuracy"]
        final = table[(table["seed"] == seed) & (table["savepoint"] == "final")]
        assert final.set_index("tested_with")["accuracy"]["none"] == pytest.approx(found)


def test_profiles_at_a_savepoint_have_the_accuracy_that_was_measured_there(
    networks: list[dict[str, Any]], tmp_path: Path
) -> None:
    untrained = [
        {
            **network,
            "savepoint": "0",
            "accuracy": str(Path(network["description"]).with_name("0-rotation.parquet")),
        }
        for network in networks
    ]
    make_table("profiles", untrained, {}, tmp_path / "profiles.csv")
    make_table("accuracies", accuracies(networks), {}, tmp_path / "accuracies.csv")
    found = pd.read_csv(tmp_path / "profiles.csv").groupby("seed")["accuracy"].unique().map(list).to_dict()
    measured = pd.read_csv(tmp_path / "accuracies.csv").query(
        "savepoint == '0' and tested_with == 'rotation'"
    )
    assert found == {row.seed: [pytest.approx(row.accuracy)] for row in measured.itertuples()}


def test_cells_have_a_row_for_each_class_and_angle(networks: list[dict[str, Any]], tmp_path: Path) -> None:
    rows = [row for row in accuracies(networks) if row["tested_with"] == "rotation"]
    make_table("class_accuracies", rows, {}, tmp_path / "table.csv")
    table = pd.read_csv(tmp_path / "table.csv")
    assert len(table) == 2 * 2 * 2 * 4
    assert table.groupby("angle")["member"].unique().map(list).to_dict() == {
        -90: [0],
        0: [1],
        90: [2],
        180: [3],
    }
    assert set(table["class"]) == {"row 0", "row 1"} and set(table["images"]) == {10}


def test_histories_have_a_row_for_each_network_and_epoch(
    networks: list[dict[str, Any]], tmp_path: Path
) -> None:
    make_table("histories", [{**one, "file": one["history"]} for one in networks], {}, tmp_path / "table.csv")
    table = pd.read_csv(tmp_path / "table.csv")
    assert table[["seed", "epoch"]].values.tolist() == [[s, e] for s in (0, 1) for e in (1, 2, 3)]
    assert table["seconds"].gt(0).all() and table["accuracy"].between(0, 1).all()
    assert (table["reached_epoch"] <= 3).all()


def test_networks_have_a_row_for_each_network_and_measure(
    networks: list[dict[str, Any]], tmp_path: Path
) -> None:
    make_table("networks", networks, {}, tmp_path / "table.csv")
    table = pd.read_csv(tmp_path / "table.csv")
    assert table[["seed", "measure"]].values.tolist() == [[s, m] for s in (0, 1) for m in ("nv", "tv")]
    variances = pd.read_parquet(networks[0]["file"]).query("measure == 'tv'")
    row = table.query("seed == 0 and measure == 'tv'").iloc[0]
    assert row["global_unit_mean"] == pytest.approx(variances["value"].mean())
    assert row["global_layer_mean"] == pytest.approx(variances.groupby("layer")["value"].mean().mean())


def test_profiles_have_a_row_for_each_network_layer_and_measure(
    networks: list[dict[str, Any]], tmp_path: Path
) -> None:
    make_table("profiles", networks, {"floors": True}, tmp_path / "table.csv")
    table = pd.read_csv(tmp_path / "table.csv")
    layers = pd.read_parquet(networks[0]["file"])["layer"].nunique()
    assert len(table) == len(table.drop_duplicates(["seed", "layer", "measure"])) == 2 * 2 * layers
    assert set(table["measure"]) == {"nv", "tv"}
    assert table.notna().all(axis=None)
    # The layers come in order, and each value is that of the measurement.
    first = table[(table["seed"] == 0) & (table["measure"] == "tv")]
    values = (
        pd.read_parquet(networks[0]["file"]).query("measure == 'tv'").groupby("layer_index")["value"].mean()
    )
    assert first["mean"].tolist() == pytest.approx(values.tolist())


def test_units_have_a_row_for_each_network_unit_and_measure(
    networks: list[dict[str, Any]], tmp_path: Path
) -> None:
    make_table("units", networks, {}, tmp_path / "table.csv")
    table = pd.read_csv(tmp_path / "table.csv", keep_default_na=False, na_values=["nan"])
    measured = pd.read_parquet(networks[0]["file"]).query("measure != 'sv'")
    assert len(table) == len(table.drop_duplicates(["seed", "layer", "unit", "measure"])) == 2 * len(measured)
    ours = table.query("seed == 0")
    wanted = [measure for measure, _ in networks[0]["values"]]
    assert list(dict.fromkeys(ours["measure"])) == wanted  # in the order of the experiment
    for measure in wanted:
        values, expected = (rows.query(f"measure == {measure!r}")["value"] for rows in (ours, measured))
        assert values.tolist() == pytest.approx(expected.tolist())


def test_nothing_to_gather_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"table\.csv: the table has no rows"):
        make_table("profiles", [], {}, tmp_path / "table.csv")
    with pytest.raises(UserError, match=r"table\.csv: the table has no rows"):
        make_table("units", [], {}, tmp_path / "table.csv")
    with pytest.raises(UserError, match=r"table\.csv: the table has no rows"):
        make_table("accuracies", [], {}, tmp_path / "table.csv")
