"""Tidy tables of experiments: one row per observation, named columns."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from equivariance.analysis.profiles import layer_profile
from equivariance.errors import UserError
from equivariance.files import atomic_path, read_json

NETWORK = ("dataset", "model", "trained_with", "seed")


def accuracy_rows(network: Mapping[str, Any], tested_with: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Accuracies of a network at its savepoints, under the sets `tested_with`; `own` is that of training."""
    description = read_json(network["description"])
    names = dict.fromkeys(_own(description) if name == "own" else name for name in tested_with)
    for savepoint in network["savepoints"]:
        epoch, accuracy = _accuracy(description, savepoint)
        for name in names:
            yield {
                **{key: network[key] for key in NETWORK},
                "savepoint": savepoint,
                "epoch": epoch,
                "tested_with": name,
                "accuracy": accuracy[name],
                "images": description["test_images"],
                "classes": len(description["classes"]),
            }


def profile_rows(measurement: Mapping[str, Any], measures: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Layer profiles of `measures` from the table of one sweep."""
    description = read_json(measurement["description"])
    epoch, accuracy = _accuracy(description, measurement["savepoint"])
    table = pd.read_parquet(measurement["file"])
    missing = sorted(set(measures) - set(table["measure"]))
    if missing:
        raise UserError(f"{measurement['file']} lacks {', '.join(missing)}; delete it to measure again")
    profile = layer_profile(table)
    for row in profile[profile["measure"].isin(measures)].to_dict("records"):
        yield {
            **{key: measurement[key] for key in NETWORK},
            "savepoint": measurement["savepoint"],
            "epoch": epoch,
            "accuracy": accuracy[_own(description)],
            "measured_on": measurement["measured_on"],
            "measured_with": measurement["measured_with"],
            "samples": int(table["samples"].iloc[0]),
            **{str(column): value for column, value in row.items()},
        }


def write_table(rows: Sequence[Mapping[str, Any]], output: Path) -> None:
    """Write rows as CSV, whole or not at all. Raises UserError where there is none, or a cell is missing."""
    table = pd.DataFrame(rows)
    empty = [str(column) for column in table.columns if table[column].isna().any()]
    if table.empty or empty:
        raise UserError(
            f"{output}: the table has {'empty cells in ' + ', '.join(empty) if empty else 'no rows'}"
        )
    with atomic_path(output) as temporary:
        table.to_csv(temporary, index=False)


def _own(description: Mapping[str, Any]) -> str:
    return str(description["settings"]["trained_with"])


def _accuracy(description: Mapping[str, Any], savepoint: str) -> tuple[int, dict[str, float]]:
    """Epoch and accuracies, by set, of a network at a savepoint."""
    if savepoint == "final":
        return description["settings"]["epochs"], description["accuracy"]
    kept = description["savepoints"][savepoint]
    return kept["epoch"], kept["accuracy"]
