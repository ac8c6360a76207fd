"""Tidy tables of experiments: one row per observation, named columns."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from equivariance.analysis.profiles import LAYER, layer_profile
from equivariance.analysis.ratios import parts
from equivariance.errors import UserError
from equivariance.files import atomic_path, read_json

NETWORK = ("dataset", "model", "trained_with", "seed")
UNIT = [*LAYER, "aggregation", "measure", "unit", "value"]
MEAN = "mean"  # in the place of a class: the mean over classes
FLOOR = "_floor"  # behind a measure: what resampling alone gives


def accuracy_table(network: Mapping[str, Any], tested_with: Sequence[str]) -> pd.DataFrame:
    """Accuracies of a network at its savepoints, under the sets `tested_with`; `own` is that of training."""
    description = read_json(network["description"])
    names = dict.fromkeys(_own(description) if name == "own" else name for name in tested_with)
    rows = []
    for savepoint in network["savepoints"]:
        epoch, accuracy = _accuracy(description, savepoint)
        rows += [
            {
                **{key: network[key] for key in NETWORK},
                "savepoint": savepoint,
                "epoch": epoch,
                "tested_with": name,
                "accuracy": accuracy[name],
                "images": description["test_images"],
                "classes": len(description["classes"]),
            }
            for name in names
        ]
    return pd.DataFrame(rows)


def profile_table(
    measurement: Mapping[str, Any], classes: bool = False, floors: bool = False
) -> pd.DataFrame:
    """Layer profiles of the values that are wanted of one sweep.

    `measurement` has dataset, model, trained_with, seed, savepoint, measured_on, measured_with, samples (as
    asked for), transformations (how many), stratified, the wanted `values` (measure, aggregation), its `file`
    and the file `description` of its network. With `classes` there is a row for each class that has a finite
    value, else one for their mean; with `floors` there are the resampling floors of the measures.
    """
    table = _read(measurement)
    if "class" in table:
        table = table[(table["class"] != MEAN) == classes]
    wanted = [(measure, aggregation) for measure, aggregation in measurement["values"]]
    if floors:
        wanted += [(f"{measure}{FLOOR}", aggregation) for measure, aggregation in wanted]
    of_ratios = [(part, aggregation) for measure, aggregation in wanted for part in parts(measure)]
    profile = _only(layer_profile(_only(table, wanted + of_ratios)), wanted)
    if classes:
        profile = profile.dropna(subset="mean")
    elif "class" in profile:
        profile = profile.drop(columns="class")
    return _described(measurement, int(table["images"].iloc[0]), profile)


def unit_table(measurement: Mapping[str, Any]) -> pd.DataFrame:
    """Values of single units: what `profile_table` takes, with unit and value in the place of summaries."""
    table = _read(measurement)
    if "class" in table:
        table = table[table["class"] == MEAN]
    units = _only(table, [(measure, aggregation) for measure, aggregation in measurement["values"]])[UNIT]
    return _described(measurement, int(table["images"].iloc[0]), units)


def _read(measurement: Mapping[str, Any]) -> pd.DataFrame:
    table = pd.read_parquet(measurement["file"])
    missing = sorted({measure for measure, _ in measurement["values"]} - {*table["measure"]})
    if missing:
        raise UserError(f"{measurement['file']} lacks {', '.join(missing)}; delete it to measure again")
    return table


def _only(table: pd.DataFrame, values: Sequence[tuple[str, str]]) -> pd.DataFrame:
    """Keep the rows of some measures, each with its aggregations, in their order."""
    keys = pd.MultiIndex.from_frame(table[["measure", "aggregation"]])
    place = pd.Index(dict.fromkeys(values)).get_indexer(keys)
    order = place.argsort(kind="stable")
    return table.iloc[order[place[order] >= 0]]


def _described(measurement: Mapping[str, Any], images: int, rows: pd.DataFrame) -> pd.DataFrame:
    """Put before the rows of a measurement what they have in common; `images` is how many there were."""
    description = read_json(measurement["description"])
    epoch, accuracy = _accuracy(description, measurement["savepoint"])
    augmented = measurement["trained_with"] not in ("none", "untrained")
    common = {
        **{key: measurement[key] for key in NETWORK},
        "savepoint": measurement["savepoint"],
        "epoch": epoch,
        "accuracy": accuracy[_own(description)],
        "augmented": "augmented" if augmented else "not augmented",
        **{key: measurement[key] for key in ("measured_on", "measured_with", "samples", "transformations")},
        "images": images,
        "stratified": "stratified" if measurement["stratified"] else "not stratified",
    }
    return pd.concat([pd.DataFrame(common, index=rows.index), rows], axis="columns")


def write_table(tables: Sequence[pd.DataFrame], output: Path) -> None:
    """Write rows as CSV, whole or not at all.

    Raises UserError where there is none, or a cell is missing; only a layer without a finite value has no
    summary of them.
    """
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
    needed = table[table["frac_inf"] < 1] if "frac_inf" in table else table
    empty = [str(column) for column in table.columns if needed[column].isna().any()]
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
