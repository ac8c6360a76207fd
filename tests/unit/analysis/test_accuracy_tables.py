"""Accuracies as tables: counts of classes and members become shares."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from equivariance.analysis.accuracies import accuracy_table, class_accuracy_table
from equivariance.errors import UserError
from equivariance.network_folder import write_description
from make_tables import make_table

NETWORK = {
    "dataset": "digits",
    "model": "plain",
    "trained_with": "none",
    "retrained_with": "rotation",
    "scheme": "all_conv",
    "seed": 3,
}


@pytest.fixture
def row(tmp_path: Path) -> dict[str, Any]:
    """A retrained network under four rotations: all right upright, fewer further off, nobody saw one pair."""
    counts = [
        ("cat", 0, 2, 4), ("cat", 1, 4, 4), ("cat", 2, 3, 4), ("cat", 3, 0, 4),
        ("dog", 0, 1, 2), ("dog", 1, 2, 2), ("dog", 2, 2, 2),
    ]  # fmt: skip
    table = pd.DataFrame(counts, columns=["class", "member", "right", "images"])
    table.to_parquet(tmp_path / "accuracy.parquet", index=False)
    settings = {"trained_with": "rotation", "epochs": 7}
    description = {"settings": settings, "classes": ["cat", "dog"], "savepoints": {"30": {"epoch": 2}}}
    write_description(tmp_path, description)
    return {
        **NETWORK,
        "savepoint": "final",
        "measured_on": "digits_test",
        "tested_with": "rotation",
        "transformation_set": {"rotations": {"count": 4}},
        "file": str(tmp_path / "accuracy.parquet"),
        "description": str(tmp_path / "model.json"),
    }


def test_the_accuracy_of_a_set_is_right_pairs_by_pairs(row: dict[str, Any]) -> None:
    (found,) = accuracy_table(row).to_dict("records")
    assert found == {
        **NETWORK,
        "savepoint": "final",
        "epoch": 7,
        "measured_on": "digits_test",
        "tested_with": "rotation",
        "classes": 2,
        "accuracy": pytest.approx(14 / 22),
        "images": 22,
    }
    assert accuracy_table({**row, "savepoint": "30"})["epoch"].tolist() == [2]


def test_classes_and_members_have_rows_of_their_own_with_the_angle(row: dict[str, Any]) -> None:
    found = class_accuracy_table(row)
    cats = found[found["class"] == "cat"]
    assert cats[["member", "angle", "accuracy", "images"]].values.tolist() == [
        [0, -90, 0.5, 4],
        [1, 0, 1, 4],
        [2, 90, 0.75, 4],
        [3, 180, 0, 4],
    ]
    assert len(found) == 7 and set(found["scheme"]) == {"all_conv"}


def test_members_that_are_no_rotations_alone_have_no_angle(row: dict[str, Any], tmp_path: Path) -> None:
    shifts = {**row, "transformation_set": {"translations": {"steps": 1, "largest": 0.1}}}
    assert "angle" not in class_accuracy_table(shifts)
    make_table("class_accuracies", [row, shifts], {}, tmp_path / "t.csv")
    assert "angle" not in pd.read_csv(tmp_path / "t.csv")
    make_table("class_accuracies", [row], {}, tmp_path / "t.csv")
    assert set(pd.read_csv(tmp_path / "t.csv")["angle"]) == {-90, 0, 90, 180}


@pytest.mark.parametrize("tabulate", [accuracy_table, class_accuracy_table])
def test_errors_of_a_regression_are_no_accuracies(row: dict[str, Any], tabulate: Any) -> None:
    pd.DataFrame({"metric": ["mae"], "value": [0.1]}).to_parquet(row["file"], index=False)
    with pytest.raises(UserError, match=r"accuracy\.parquet holds errors, not accuracies"):
        tabulate(row)
