"""Tidy tables of experiments: one row per observation, named columns."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from equivariance.analysis.columns import NETWORK
from equivariance.analysis.paths import merge_paths
from equivariance.analysis.profiles import LAYER, layer_profile, network_values
from equivariance.analysis.reading import read_measurement
from equivariance.errors import UserError
from equivariance.files import atomic_path, read_sealed, write_checksum
from equivariance.measures.names import FLOOR, MEAN_OF_CLASSES, parts
from equivariance.reserved import FINAL, NONE, UNTRAINED

UNIT = [*LAYER, "aggregation", "measure", "unit", "value"]
CLASSIFICATION = "classification"  # the task that has an accuracy


def profile_table(
    measurement: Mapping[str, Any], classes: bool = False, floors: bool = False
) -> pd.DataFrame:
    """Layer profiles of the values that are wanted of one sweep.

    `measurement` has the keys `NETWORK`, savepoint, measured_on, measured_with, samples (as asked for),
    transformations (how many), stratified, path_per_transformation (whether the network runs a layer once for
    each), the wanted `values` (measure, aggregation), its `file`, and of its network the file `description`
    and, at savepoints, that of its measured `accuracy` (None where it does not classify).
    With `classes` there is a row for each class that has a finite value, else one for their mean; with
    `floors` there are the resampling floors of the measures.
    """
    description = read_sealed(measurement["description"])
    table = _read(measurement)
    if "class" in table:
        table = table[(table["class"] != MEAN_OF_CLASSES) == classes]
    wanted = [(measure, aggregation) for measure, aggregation in measurement["values"]]
    if floors:
        wanted += [(f"{measure}{FLOOR}", aggregation) for measure, aggregation in wanted]
    of_ratios = [(part, aggregation) for measure, aggregation in wanted for part in parts(measure)]
    profile = _only(layer_profile(_only(table, wanted + of_ratios)), wanted)
    if classes:
        profile = profile.dropna(subset="mean")
    elif "class" in profile:
        profile = profile.drop(columns="class")
    return _described(measurement, description, table, profile)


def unit_table(measurement: Mapping[str, Any]) -> pd.DataFrame:
    """Values of single units: what `profile_table` takes, with unit and value in the place of summaries."""
    description = read_sealed(measurement["description"])
    table = _read(measurement)
    return _described(measurement, description, table, _wanted(measurement, table)[UNIT])


def network_table(measurement: Mapping[str, Any]) -> pd.DataFrame:
    """Values of a whole network, see `network_values`: a row for each measure and aggregation.

    Takes what `profile_table` takes; of a stratified measurement it gives the means over classes.
    """
    description = read_sealed(measurement["description"])
    table = _read(measurement)
    values = network_values(_wanted(measurement, table).drop(columns="class", errors="ignore"))
    return _described(measurement, description, table, values)


def _read(measurement: Mapping[str, Any]) -> pd.DataFrame:
    """The table of a sweep, with the paths of TI-pooling as one."""
    table = read_measurement(measurement["file"])
    missing = sorted({measure for measure, _ in measurement["values"]} - {*table["measure"]})
    if missing:
        raise UserError(f"{measurement['file']} lacks {', '.join(missing)}; delete it to measure again")
    return merge_paths(table) if measurement["path_per_transformation"] else table


def _wanted(measurement: Mapping[str, Any], table: pd.DataFrame) -> pd.DataFrame:
    """The units of the wanted values; of classes, their mean."""
    if "class" in table:
        table = table[table["class"] == MEAN_OF_CLASSES]
    return _only(table, [(measure, aggregation) for measure, aggregation in measurement["values"]])


def _only(table: pd.DataFrame, values: Sequence[tuple[str, str]]) -> pd.DataFrame:
    """Keep the rows of some measures, each with its aggregations, in their order."""
    keys = pd.MultiIndex.from_frame(table[["measure", "aggregation"]])
    place = pd.Index(dict.fromkeys(values)).get_indexer(keys)
    order = place.argsort(kind="stable")
    kept: pd.DataFrame = table.iloc[order[place[order] >= 0]]
    return kept


def _described(
    measurement: Mapping[str, Any], description: Mapping[str, Any], table: pd.DataFrame, rows: pd.DataFrame
) -> pd.DataFrame:
    """Put before rows made of the table of a measurement what they have in common."""
    sets = {measurement["trained_with"], measurement["retrained_with"]} - {NONE, UNTRAINED}
    common = {
        **{key: measurement[key] for key in NETWORK},
        "savepoint": measurement["savepoint"],
        "epoch": epoch_of(description, measurement["savepoint"]),
        "task": description["settings"]["task"],
        "accuracy": _accuracy(measurement, description),
        "augmented": "augmented" if sets else "not augmented",
        **{key: measurement[key] for key in ("measured_on", "measured_with", "samples", "transformations")},
        "images": int(table["images"].iloc[0]),
        "stratified": "stratified" if measurement["stratified"] else "not stratified",
    }
    return pd.concat([pd.DataFrame(common, index=rows.index), rows], axis="columns")


def write_table(tables: Sequence[pd.DataFrame], output: Path) -> None:
    """Write rows as CSV, whole or not at all.

    Raises UserError where there is none, or a cell is missing; only a layer without a finite value has no
    summary of them, and a network that does not classify no accuracy.
    """
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
    needed = table[table["frac_inf"] < 1] if "frac_inf" in table else table
    if "task" in needed:
        needed = needed.assign(accuracy=needed["accuracy"].mask(needed["task"] != CLASSIFICATION, 0.0))
    empty = [str(column) for column in table.columns if needed[column].isna().any()]
    if table.empty or empty:
        raise UserError(
            f"{output}: the table has {'empty cells in ' + ', '.join(empty) if empty else 'no rows'}"
        )
    with atomic_path(output) as temporary:
        table.to_csv(temporary, index=False)
    write_checksum(output)


def epoch_of(description: Mapping[str, Any], savepoint: str) -> int:
    """The epoch of a network at a savepoint."""
    if savepoint == FINAL:
        return int(description["settings"]["epochs"])
    return int(description["savepoints"][savepoint]["epoch"])


def _accuracy(measurement: Mapping[str, Any], description: Mapping[str, Any]) -> float:
    """Accuracy of a network under the set of its last training: at the end that which its training found, at
    a savepoint that which was measured. NaN of another task."""
    if measurement["savepoint"] == FINAL:
        metrics = description["metrics"][description["settings"]["trained_with"]]
        return float(metrics.get("accuracy", math.nan))
    if measurement["accuracy"] is None:
        return math.nan
    counts = read_measurement(measurement["accuracy"])
    return float(counts["right"].sum() / counts["images"].sum())
