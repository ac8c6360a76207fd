"""The file of published numbers: all are there, as published, and what each is compared with exists."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from equivariance.analysis.columns import CONDITIONS as COLUMNS_OF_TABLES
from equivariance.analysis.columns import NETWORK
from equivariance.analysis.published import COLUMNS, CONDITIONS, LAYERS, QUANTITIES, read_published
from equivariance.errors import UserError
from equivariance.measures.names import AGGREGATIONS, mistake
from equivariance.workflow.config import Config
from equivariance.workflow.loading import load_config
from equivariance.workflow.plan import ACCURACY, Plan
from equivariance.workflow.yaml_files import read_yaml

ROOT = Path(__file__).parents[3]
FILE = ROOT / "config" / "published.csv"

COUNTS = {
    "retraining": 98,  # 11 schemes and 12, on two data sets and two sets; three schemes of a second run
    "accuracy": 136,
    "augmentation": 101,
    "epochs": 24,
    "global_nv": 64,
    "layers": 15,
    "numeric": 67,
    "handshapes": 9,
}


@pytest.fixture(scope="module")
def published() -> pd.DataFrame:
    return read_published(FILE)


@pytest.fixture(scope="module")
def thesis() -> Config:
    names = ("config", "models", "transformations", "experiments")
    return load_config(
        read_yaml(*(ROOT / "config" / f"{name}.yaml" for name in names)), ROOT / "config" / "schemas"
    )


def sum_of(rows: pd.DataFrame) -> float:
    return float(rows[["value", "low", "high"]].sum().sum().round(6))


def test_every_published_number_is_there(published: pd.DataFrame) -> None:
    assert [*published] == [*COLUMNS]
    assert published["quantity"].value_counts().to_dict() == COUNTS
    assert {*COUNTS} == {*QUANTITIES}
    assert len(published) == 514


@pytest.mark.parametrize(
    ("dataset", "network", "tested_with", "total"),
    [
        ("mnist", "SimpleConv", "none", 10.466),
        ("mnist", "SimpleConv", "rotation", 8.390),
        ("cifar10", "SimpleConv", "none", 7.717),
        ("cifar10", "SimpleConv", "rotation", 5.378),
        ("mnist", "AllConv", "none", 9.209 + 0.986 + 0.910 + 0.945),
        ("mnist", "AllConv", "rotation", 6.665 + 0.390 + 0.865 + 0.945),
        ("cifar10", "AllConv", "none", 8.704),
        ("cifar10", "AllConv", "rotation", 6.917),
    ],
)
def test_sums_of_retraining(
    published: pd.DataFrame, dataset: str, network: str, tested_with: str, total: float
) -> None:
    rows = published[(published["quantity"] == "retraining") & (published["dataset"] == dataset)]
    rows = rows[(rows["network"] == network) & (rows["tested_with"] == tested_with)]
    assert sum_of(rows) == pytest.approx(total)


def test_retraining_everything_is_best_where_the_network_is_trained(published: pd.DataFrame) -> None:
    rows = published[(published["quantity"] == "retraining") & (published["tested_with"] == "rotation")]
    rows = rows[~rows["remark"].str.startswith("second run")]
    best = rows.loc[rows.groupby(["network", "dataset"])["value"].idxmax()]
    assert set(best["scheme"]) <= {"all", "all_conv"}
    worst = rows.loc[rows.groupby(["network", "dataset"])["value"].idxmin()]
    assert set(worst["scheme"]) == {"none"}


def test_augmentation_loses_on_rotated_images_without_it(published: pd.DataFrame) -> None:
    rows = published[(published["quantity"] == "augmentation") & (published["dataset"] != "lsa16")]
    keys = ["network", "dataset", "source", "remark"]
    cells = rows.pivot(index=keys, columns=["trained_with", "tested_with"], values="value")
    assert len(cells) == 21 and cells.notna().all(axis=None)
    assert (cells["none", "rotation"] < cells["rotation", "rotation"]).all()
    assert (cells["none", "rotation"] < cells["none", "none"]).all()
    assert sum_of(rows[rows["dataset"] == "mnist"]) == pytest.approx(33.460)
    assert sum_of(rows[rows["dataset"] == "cifar10"]) == pytest.approx(27.326)


def test_published_orders_of_global_values_hold(published: pd.DataFrame) -> None:
    rows = published[published["quantity"] == "global_nv"]
    keys = ["dataset", "model", "aggregation", "stratified"]
    by_training = rows.pivot(index=keys, columns="trained_with", values="value")
    assert len(by_training) == 32
    assert (by_training["rotation"] < by_training["none"]).all()
    keys = ["dataset", "model", "aggregation", "trained_with"]
    by_class = rows.pivot(index=keys, columns="stratified", values="value")
    assert len(by_class) == 32
    assert (by_class["stratified"] > by_class["not stratified"]).all()
    assert sum_of(rows) == pytest.approx(51.838)


def test_epochs_follow_the_recipe(published: pd.DataFrame, thesis: Config) -> None:
    """floor(base x 1.1 ln m) for a set of m; those of 25 transformations are larger here."""
    for row in published[published["quantity"] == "epochs"].to_dict("records"):
        ours = thesis.epochs(row["model"], row["dataset"], row["trained_with"])
        if row["comparable"] == "yes":
            assert ours == row["value"], row["id"]
        else:
            base = thesis.models[row["model"]]["datasets"][row["dataset"]]["epochs"]
            assert row["value"] == np.floor(base * 1.1 * np.log(25)), row["id"]


def test_sums_of_the_other_sections(published: pd.DataFrame) -> None:
    def total(quantity: str) -> float:
        return sum_of(published[published["quantity"] == quantity])

    accuracies = {"table": 59.370, "repetitions": 10.835, "ranges": 17.559, "variants": 32.358, "2019": 6.780}
    assert total("accuracy") == pytest.approx(sum(accuracies.values()))
    assert total("epochs") == 2121
    assert total("layers") == pytest.approx(7.12 + 0.9 + 13 + 1.7)
    assert total("numeric") == pytest.approx(61.896)
    assert total("handshapes") == pytest.approx(
        0.719 + 0.654 + 92.3 + 62.8 + 85.6 + 85.5 + 94.8 + 98.38 + 96.05
    )


def test_only_the_same_recipe_with_the_rotations_that_were_meant_is_comparable(
    published: pd.DataFrame,
) -> None:
    comparable = published[published["comparable"] == "yes"]
    assert set(comparable["geometry"]) == {"right"}
    tolerances = comparable[comparable["unit"] == "fraction"].groupby("dataset")["tolerance"].unique()
    assert tolerances.map(list).to_dict() == {"mnist": [0.01], "cifar10": [0.03], "lsa16": [0.08]}
    assert set(comparable["quantity"]) == {"retraining", "accuracy", "augmentation", "epochs"}
    train_txt = published[published["source"].str.startswith("train.txt") & (published["unit"] == "fraction")]
    rotated = train_txt["trained_with"].str.startswith(("rotation", "combined"))
    assert (train_txt.loc[rotated, "geometry"] == "wrong").all()
    assert (train_txt.loc[~rotated, "geometry"] == "right").all()


def test_columns_have_the_values_that_are_explained(published: pd.DataFrame) -> None:
    assert set(published["geometry"]) == {"right", "wrong", "unknown"}
    assert set(published["comparable"]) == {"yes", "no"}
    assert set(published["unit"]) == {"fraction", "percent", "ratio", "epochs"}
    fractions = published[published["unit"] == "fraction"][["value", "low", "high"]].stack().dropna()
    assert fractions.between(0, 1).all()
    assert (published["source"] != "").all() and (published["network"] != "").all()
    assert published["year"].str.fullmatch(r"(201[6-9]|202[0-3])?").all()
    assert set(CONDITIONS) <= set(COLUMNS_OF_TABLES)
    assert not [
        name for name in published["measure"].unique() if "accuracy" not in name and name and mistake(name)
    ]
    assert set(published["aggregation"]) <= {"", *AGGREGATIONS}


def test_every_row_names_a_cell_that_the_thesis_has(published: pd.DataFrame, thesis: Config) -> None:
    """But for LSA16, which no run trains the networks of 2018 on, unless it is put into `standard`."""
    plan = Plan(thesis)
    networks = {name: set(plan.networks(name)) for name in thesis.experiments}
    measured = {name: plan.measurements(name) for name in thesis.experiments}
    for row in published[published["experiment"] != ""].to_dict("records"):
        for name in row["experiment"].split():
            cells = [
                one
                for one in networks[name]
                if all(
                    getattr(one, key) == row[key]
                    for key in NETWORK
                    if row.get(key) not in (None, "", "lsa16")
                )
            ]
            assert cells, row["id"]
            kind = plan.kind(name)
            if row["column"] in ("mean", "global_layer_mean"):
                assert kind == {"mean": "profiles", "global_layer_mean": "networks"}[row["column"]]
                assert any(
                    one.network in cells
                    and one.measured_with == row["measured_with"]
                    and one.stratified == (row["stratified"] == "stratified")
                    and (row["measure"], row["aggregation"]) in plan.values(name, one)
                    for one in measured[name]
                ), row["id"]
                assert (row["layer"] in LAYERS) == (row["column"] == "mean")
            elif kind == "accuracies":
                assert any(
                    one.network in cells
                    and one.family == ACCURACY
                    and one.measured_with == row["tested_with"]
                    for one in measured[name]
                ), row["id"]
            else:  # the accuracy of a network in a table of its measures
                assert kind == "profiles" and row["tested_with"] == row["trained_with"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"quantity": "accuracies"}, "has an unknown quantity"),
        ({"value": ""}, "needs either a value, or low and high"),
        ({"tolerance": ""}, "needs a tolerance"),
        ({"experiment": ""}, "no_counterpart one of: no such network in this project"),
        ({"no_counterpart": "lost"}, "needs either an experiment"),
        ({"id": "retraining-002"}, "is there twice"),
    ],
)
def test_a_mistake_is_named_with_its_row(tmp_path: Path, change: dict[str, str], said: str) -> None:
    table = pd.read_csv(FILE, dtype=str, keep_default_na=False)
    changed = {**change, "experiment": ""} if "no_counterpart" in change else change
    table.loc[0, [*changed]] = [*changed.values()]
    table.to_csv(tmp_path / "published.csv", index=False)
    with pytest.raises(UserError, match=said) as raised:
        read_published(tmp_path / "published.csv")
    assert "retraining-00" in str(raised.value)


def test_a_missing_column_is_named(tmp_path: Path, published: pd.DataFrame) -> None:
    published.drop(columns="source").to_csv(tmp_path / "published.csv", index=False)
    with pytest.raises(UserError, match="lacks the columns source"):
        read_published(tmp_path / "published.csv")
