"""Tables of an experiment as figures and the paper read them: checked, in order, with display names."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from equivariance.errors import UserError

NETWORK = ("dataset", "model", "trained_with", "seed")
"""What determines a trained network."""

COLUMNS = {
    "profiles": (
        *NETWORK,
        *("savepoint", "epoch", "accuracy", "measured_on", "measured_with", "samples"),
        *("measure", "layer", "layer_index", "kind", "depth", "mean"),
    ),
    "accuracies": (*NETWORK, "savepoint", "epoch", "tested_with", "accuracy", "images"),
}
"""The columns a table of each sort must have; more are allowed."""

CONDITIONS = (
    "dataset",
    "model",
    "trained_with",
    "savepoint",
    "measured_on",
    "measured_with",
    "measure",
    "tested_with",
)
"""Columns whose values are conditions of an experiment; seeds are its replicates."""

COLUMN_NAMES = {
    "dataset": "data set",
    "model": "model",
    "trained_with": "trained with",
    "seed": "seed",
    "savepoint": "savepoint",
    "measured_on": "measured on",
    "measured_with": "measured with",
    "measure": "measure",
    "tested_with": "tested with",
    "samples": "samples",
}

MEASURES = {
    "nv": "normalized variance (NV)",
    "tv": "transformational variance (TV)",
    "sv": "sample variance (SV)",
}


def read_table(path: str | Path, sort: str) -> pd.DataFrame:
    """Read a table of the sort "profiles" or "accuracies".

    Raises UserError when columns are missing or the table is empty.
    """
    table = pd.read_csv(path, dtype={"savepoint": str}, keep_default_na=False, na_values=["", "nan", "NaN"])
    missing = [column for column in COLUMNS[sort] if column not in table.columns]
    if missing:
        raise UserError(f"{path} lacks the columns {', '.join(missing)} of a table of {sort}")
    if table.empty:
        raise UserError(f"{path} has no rows: nothing was computed for it")
    return table


def levels(values: "pd.Series[Any]") -> list[Any]:
    """Distinct values in the order to show them: numbers ascending and "final" last, else as they come."""
    distinct = list(dict.fromkeys(values.dropna()))
    numbers = pd.to_numeric(
        pd.Series([100 if value == "final" else value for value in distinct]), errors="coerce"
    )
    if numbers.isna().any():
        return distinct
    return [distinct[index] for index in numbers.sort_values(kind="stable").index]


def display(column: str, value: Any, labels: dict[str, str]) -> str:
    """The name a reader sees for a value of a column."""
    text = str(value)
    if column == "savepoint":
        return "trained" if text == "final" else f"{text} % of training"
    if column == "seed":
        return f"seed {text}"
    if column == "measure":
        return labels.get(text, text.upper())
    if column == "measured_on":
        # <data set>_<part>: the part is a word of its own
        name, _, part = text.rpartition("_")
        return labels.get(text, f"{labels.get(name, name)} ({part})" if name else text)
    return labels.get(text, text.replace("_", " "))


def measure_name(measure: str, labels: dict[str, str]) -> str:
    """The full name of a measure."""
    return MEASURES.get(measure, labels.get(measure, measure.upper()))


def one(data: pd.DataFrame, mapped: list[str], name: str) -> None:
    """Raise UserError when rows of different conditions would fall on one line or bar.

    `mapped` are the columns that the figure tells apart; what they do not, must be the same.
    """
    for column in CONDITIONS:
        if column in mapped or column not in data.columns:
            continue
        groups = data.groupby(mapped, dropna=False)[column] if mapped else [("", data[column])]
        for _, values in groups:
            distinct = list(dict.fromkeys(values))
            if len(distinct) > 1:
                raise UserError(
                    f"figure of {name}: {column} takes several values ({', '.join(map(str, distinct))}) that "
                    "no row, column, hue, style or x tells apart; map it in config/experiments.yaml"
                )


def shown(data: pd.DataFrame, experiment: Mapping[str, Any]) -> pd.DataFrame:
    """The rows of profiles that a figure shows: all measures where it tells them apart, else the first.

    Raises UserError when conditions are left that nothing tells apart.
    """
    mapping = experiment["figure"]
    mapped = [mapping[key] for key in ("row", "column", "hue", "style") if mapping.get(key)]
    if "measure" not in mapped:
        measure = (experiment.get("measures") or [data["measure"].iloc[0]])[0]
        data = data[data["measure"] == measure]
    one(data, list(dict.fromkeys(mapped)), experiment["name"])
    return data


def lonely(data: pd.DataFrame, mapping: Mapping[str, Any]) -> bool:
    """Whether every panel has a single line, so that its seeds can be drawn one by one."""
    by = [mapping[key] for key in ("row", "column") if mapping.get(key)]
    told = [mapping[key] for key in ("hue", "style") if mapping.get(key)]
    groups = data.groupby(by) if by else [((), data)]
    return all(len(rows.drop_duplicates(told)) == 1 for _, rows in groups) if told else True


def ordered(mapping: Mapping[str, Any], panels: Iterable[Mapping[Any, str]]) -> bool:
    """Whether the colours of a figure are steps of one quantity.

    They are where the entry says `ordered`, for savepoints, and where the texts of each panel differ in their
    numbers only (8 rotations, 16 rotations).
    """
    if "ordered" in mapping:
        return bool(mapping["ordered"])
    if mapping.get("hue") == "savepoint":
        return True
    texts = [list(dict.fromkeys(entries.values())) for entries in panels]
    return all(len({re.sub(r"[\d.]+", "#", text) for text in of_panel}) == 1 for of_panel in texts) and any(
        len(of_panel) > 1 for of_panel in texts
    )
