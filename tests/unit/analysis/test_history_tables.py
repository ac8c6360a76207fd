"""Trainings as tables: when a network reaches what it ends with."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equivariance.analysis.histories import history_table
from equivariance.errors import UserError
from equivariance.network_folder import write_description

NETWORK = {
    "dataset": "digits",
    "model": "plain",
    "trained_with": "rotation",
    "retrained_with": "none",
    "scheme": "none",
    "seed": 3,
}


def row(folder: Path, accuracies: list[float]) -> dict[str, Any]:
    """A network with this history, at 1.5 seconds an epoch."""
    epochs = range(1, len(accuracies) + 1)
    history = pd.DataFrame({"epoch": epochs, "loss": 1.0}, index=range(len(accuracies)))
    if accuracies:
        history = history.assign(test_accuracy_none=0.0, test_accuracy_own=accuracies)
    history.to_csv(folder / "history.csv", index=False)
    write_description(folder, {"seconds_by_epoch": [1.5 * epoch for epoch in epochs]})
    return {**NETWORK, "file": str(folder / "history.csv"), "description": str(folder / "model.json")}


def test_a_network_reaches_its_final_accuracy_at_99_per_cent_of_it(tmp_path: Path) -> None:
    table = history_table(row(tmp_path, [0.5, 0.79, 0.793, 0.7, 0.8]))
    assert table["accuracy"].tolist() == [0.5, 0.79, 0.793, 0.7, 0.8]
    assert table["seconds"].tolist() == [1.5, 3, 4.5, 6, 7.5]
    assert set(table["reached_epoch"]) == {3} and set(table["reached_seconds"]) == {4.5}
    assert {name: table[name].iloc[0] for name in NETWORK} == NETWORK


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_no_earlier_epoch_reaches_it(
    tmp_path_factory: pytest.TempPathFactory, accuracies: list[float]
) -> None:
    table = history_table(row(tmp_path_factory.mktemp("history"), accuracies))
    at = int(table["reached_epoch"].iloc[0]) - 1
    assert accuracies[at] >= 0.99 * accuracies[-1]
    assert all(accuracy < 0.99 * accuracies[-1] for accuracy in accuracies[:at])


def test_a_network_that_was_not_trained_or_does_not_classify_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"history\.csv has no accuracies from training"):
        history_table(row(tmp_path, []))
    regression = row(tmp_path, [0.5])
    pd.DataFrame({"epoch": [1], "test_rae_own": [0.3]}).to_csv(regression["file"], index=False)
    write_description(tmp_path, {"seconds_by_epoch": [1.5]})
    with pytest.raises(UserError, match="leave the network out"):
        history_table(regression)
