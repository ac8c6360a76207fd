"""The scripts that gather tables, on networks that were trained and measured."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from equivariance.datasets.image_set import ImageSet
from equivariance.errors import UserError
from equivariance.training.settings import TrainingSettings
from measure_networks import measure_networks
from tabulate_accuracies import tabulate_accuracies
from tabulate_profiles import tabulate_profiles
from tabulate_units import tabulate_units
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
    train_networks(folders, settings, datasets, folder / "checkpoints", "code", "cpu", 1)
    sweep = {
        "measures": ["nv", "sv", "tv"],
        "aggregations": ["before_mean"],
        "stratified": False,
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
    measure_networks(outputs, measured, datasets, folder / "checkpoints", "code", "cpu", 1)
    return [
        {
            "dataset": "rows",
            "model": "plain",
            "trained_with": "rotation",
            "seed": seed,
            "savepoints": ["0", "final"],
            "savepoint": "final",
            "measured_on": "rows_test",
            "measured_with": "rotation",
            "samples": 8,
            "transformations": 4,
            "stratified": False,
            "values": [("nv", "before_mean"), ("tv", "before_mean")],
            "description": str(one / "model.json"),
            "file": str(output),
        }
        for seed, (one, output) in enumerate(zip(folders, outputs, strict=True))
    ]


def test_accuracies_have_a_row_for_each_network_savepoint_and_set(
    networks: list[dict[str, Any]], tmp_path: Path
) -> None:
    tabulate_accuracies(networks, ["none", "own"], tmp_path / "table.csv")
    table = pd.read_csv(tmp_path / "table.csv")
    keys = ["seed", "savepoint", "tested_with"]
    assert len(table) == len(table.drop_duplicates(keys)) == 2 * 2 * 2
    assert table["accuracy"].between(0, 1).all()
    assert dict(zip(table["savepoint"], table["epoch"], strict=True)) == {"0": 0, "final": 3}


def test_profiles_have_a_row_for_each_network_layer_and_measure(
    networks: list[dict[str, Any]], tmp_path: Path
) -> None:
    tabulate_profiles(networks, classes=False, floors=True, output=tmp_path / "table.csv")
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
    tabulate_units(networks, tmp_path / "table.csv")
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
        tabulate_profiles([], classes=False, floors=False, output=tmp_path / "table.csv")
    with pytest.raises(UserError, match=r"table\.csv: the table has no rows"):
        tabulate_units([], tmp_path / "table.csv")
    with pytest.raises(UserError, match=r"table\.csv: the table has no rows"):
        tabulate_accuracies([], ["own"], tmp_path / "table.csv")
