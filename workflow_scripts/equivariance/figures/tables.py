"""Tables of an experiment as figures and the paper read them: checked, in order, with display names."""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import pandas as pd

from equivariance.errors import UserError
from equivariance.figures.measure_names import AGGREGATIONS, FLOOR, measure_name
from equivariance.measures.names import MEAN_OF_CLASSES

NETWORK = ("dataset", "model", "trained_with", "retrained_with", "scheme", "seed")
"""What determines a trained network."""

MEASUREMENT = (*NETWORK, "savepoint", "epoch", "accuracy", "measured_on", "measured_with", "samples")
LAYER = ("layer", "layer_index", "kind", "depth")
NETWORK_VALUES = ("global_layer_mean", "global_unit_mean", "top_unit_mean")

COLUMNS = {
    "profiles": (*MEASUREMENT, "measure", *LAYER, "mean"),
    "units": (*MEASUREMENT, "measure", "aggregation", *LAYER, "unit", "value"),
    "networks": (*MEASUREMENT, "measure", "aggregation", *NETWORK_VALUES),
    "accuracies": (*NETWORK, "savepoint", "epoch", "tested_with", "accuracy", "images"),
    "class_accuracies": (*NETWORK, "savepoint", "tested_with", "class", "member", "accuracy", "images"),
    "histories": (*NETWORK, "epoch", "seconds", "accuracy", "reached_epoch", "reached_seconds"),
}
"""The columns a table of each sort must have; more are allowed."""

CONDITIONS = (
    "dataset",
    "model",
    "trained_with",
    "retrained_with",
    "scheme",
    "savepoint",
    "measured_on",
    "measured_with",
    "samples",
    "measure",
    "aggregation",
    "augmented",
    "stratified",
    "class",
    "tested_with",
)
"""Columns whose values are conditions of an experiment; seeds are its replicates."""

AXES = {
    "layer_profile": (),
    "distribution": (),
    "bars": (),
    "heat_map": (),
    "class_heat_map": ("class",),
    "relative_error_map": ("samples", "transformations"),
}
"""Columns that a kind of figure of measures tells apart by itself, on its axes."""

HUED = {
    "layer_profile": ("hue", "style"),
    "distribution": ("hue",),
    "bars": ("hue", "x"),
}
"""What kinds of figures of measures tell apart besides rows and columns; in the others colours are values."""

COLUMN_NAMES = {
    "dataset": "data set",
    "model": "model",
    "trained_with": "trained with",
    "retrained_with": "retrained with",
    "scheme": "retrained layers",
    "seed": "seed",
    "savepoint": "savepoint",
    "measured_on": "measured on",
    "measured_with": "measured with",
    "measure": "measure",
    "tested_with": "tested with",
    "samples": "samples",
    "aggregation": "aggregation",
    "augmented": "training",
    "stratified": "classes",
    "class": "class",
    "panel": "measures",
}

RETRAINED = ("retrained_with", "scheme")
"""Columns that are "none" for networks that were not retrained."""

VALUES = {
    "aggregation": AGGREGATIONS,
    "augmented": {"augmented": "trained with the set", "not augmented": "trained without"},
    "stratified": {"True": "class by class", "False": "all classes together"},
}
"""Names of the values of columns that are the same in every experiment."""


def read_table(path: str | Path, sorts: Sequence[str]) -> pd.DataFrame:
    """Read a table (.csv) of one of several sorts of `COLUMNS`.

    Raises UserError when it lacks columns of every sort, and names those of the nearest, or has no rows.
    """
    # A class may be called nan: in its column everything is text.
    columns = pd.read_csv(path, nrows=0).columns
    missing_values = {column: ["", "nan", "NaN"] for column in columns if column != "class"}
    table = pd.read_csv(
        path, dtype={"savepoint": str, "class": str}, keep_default_na=False, na_values=missing_values
    )
    lacking = {sort: [column for column in COLUMNS[sort] if column not in table.columns] for sort in sorts}
    sort, missing = min(lacking.items(), key=lambda item: len(item[1]))
    if missing:
        raise UserError(f"{path} lacks the columns {', '.join(missing)} of a table of {sort}")
    if table.empty:
        raise UserError(f"{path} has no rows: nothing was computed for it")
    return table


def levels(values: "pd.Series[Any]") -> list[Any]:
    """Distinct values in the order to show them: numbers ascending and "final" last, else as they come.

    Values of columns that have the same in every experiment come in the order of `VALUES`; networks that
    were not retrained come first.
    """
    distinct = values.dropna().unique().tolist()
    if values.name in RETRAINED:
        return sorted(distinct, key=lambda value: value != "none")
    known = list(VALUES.get(str(values.name), ()))
    if known and {str(value) for value in distinct} <= set(known):
        return sorted(distinct, key=lambda value: known.index(str(value)))
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
    if column in RETRAINED and text == "none":
        return "not retrained"
    if column == "scheme":
        return text.replace("_", " ")
    if column == "seed":
        return f"seed {text}"
    if column == "measure":
        return labels.get(text, measure_name(text).short)
    if column == "samples":
        return f"{int(value):,} images"
    if column in VALUES:
        return VALUES[column].get(text, text)
    if column in ("panel", "class"):
        return text
    if column == "measured_on":
        # <data set>_<part>: the part is a word of its own
        name, _, part = text.rpartition("_")
        return labels.get(text, f"{labels.get(name, name)} ({part})" if name else text)
    return labels.get(text, text.replace("_", " "))


def mapping_of(experiment: Mapping[str, Any]) -> dict[str, Any]:
    """What an entry's figure is mapped to. Panels of measures are its columns, and measures its colours.

    Raises UserError where an entry has both `panels` and `column`.
    """
    mapping = dict(experiment["figure"])
    if not mapping.get("panels"):
        return mapping
    if mapping.get("column"):
        raise UserError(
            f"figure of {experiment['name']}: panels are its columns; give `panels` or `column`, not both"
        )
    return {"hue": "measure", **mapping, "column": "panel"}


def told(mapping: Mapping[str, Any], *keys: str) -> list[str]:
    """The columns that an entry maps to some of row, column, hue, style and x, each once.

    >>> told({"row": ["dataset", "trained_with"], "hue": "dataset"}, "row", "hue")
    ['dataset', 'trained_with']
    """
    found: list[str] = []
    for key in keys:
        given = mapping.get(key) or []
        found += [given] if isinstance(given, str) else given
    return list(dict.fromkeys(found))


def by_panel(data: pd.DataFrame, mapping: Mapping[str, Any]) -> pd.DataFrame:
    """Profiles with a column `panel`, the title that the entry gives their measure; as they are without any.

    A measure of several panels is in each, those of no panel are left out.
    """
    titles = mapping.get("panels")
    if not titles:
        return data
    of_measure = dict(iter(data.groupby("measure", sort=False)))
    return pd.concat(
        [
            of_measure[measure].assign(panel=title)
            for title, measures in titles.items()
            for measure in measures
            if measure in of_measure
        ]
        or [data.head(0).assign(panel="")]
    )


def require(data: pd.DataFrame, columns: Iterable[str], name: str) -> None:
    """Raise UserError when the table lacks columns that the figure of an experiment is mapped to."""
    missing = [column for column in columns if column not in data.columns]
    if missing:
        raise UserError(f"figure of {name}: its table has no column {', '.join(missing)}")


def one(data: pd.DataFrame, mapped: list[str], name: str) -> None:
    """Raise UserError when rows of different conditions would fall on one line or bar.

    `mapped` are the columns that the figure tells apart; what they do not, must be the same.
    """
    require(data, mapped, name)
    data = data[[column for column in data if column in {*CONDITIONS, *mapped}]].drop_duplicates()
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
    """The rows that a figure shows of profiles or units: those of all measures where it tells them apart,
    else of the first; no resampling floors, and no means over classes where it shows the classes.

    Raises UserError when conditions are left that nothing tells apart.
    """
    mapping, name = mapping_of(experiment), experiment["name"]
    axes = AXES[mapping["kind"]]
    keys = ("row", "column", *HUED.get(mapping["kind"], ()))
    mapped = list(dict.fromkeys([*told(mapping, *keys), *axes]))
    data = data[~_is_floor(data)]
    if "class" in axes:
        require(data, ["class"], name)
        data = data[data["class"] != MEAN_OF_CLASSES]
    if mapping.get("panels"):
        data = data[data["measure"].isin(list(chain(*mapping["panels"].values())))]
    elif "measure" not in mapped:
        measure = (experiment.get("measures") or [data["measure"].iloc[0]])[0]
        data = data[data["measure"] == measure]
    if data.empty:
        raise UserError(f"figure of {name}: its table has no rows of the measures it shows")
    one(by_panel(data, mapping), mapped, name)
    return data


def floors(data: pd.DataFrame) -> pd.DataFrame:
    """The resampling floors of profiles, under the names of the measures that they are floors of."""
    found = data[_is_floor(data)]
    return found.assign(measure=found["measure"].str.removesuffix(FLOOR))


def _is_floor(data: pd.DataFrame) -> "pd.Series[bool]":
    return data["measure"].str.endswith(FLOOR)


def combinations(data: pd.DataFrame, columns: list[str]) -> list[tuple[Any, ...]]:
    """The combinations of values of columns that occur, in the order of their levels."""
    if not columns:
        return [()]
    ranks = [{value: rank for rank, value in enumerate(levels(data[column]))} for column in columns]
    found = data[columns].drop_duplicates().itertuples(index=False, name=None)
    return sorted(found, key=lambda key: [rank[value] for rank, value in zip(ranks, key, strict=True)])


def first_seed(data: pd.DataFrame) -> pd.DataFrame:
    """The rows of the first seed of each condition."""
    if data["seed"].nunique() == 1:
        return data
    by = [column for column in CONDITIONS if column in data.columns]
    return data[data["seed"] == data.groupby(by, dropna=False)["seed"].transform("min")]


def lonely(data: pd.DataFrame, mapping: Mapping[str, Any]) -> bool:
    """Whether every panel has a single line, so that its seeds can be drawn one by one."""
    by, lines = told(mapping, "row", "column"), told(mapping, "hue", "style")
    groups = data.groupby(by) if by else [((), data)]
    return all(len(rows.drop_duplicates(lines)) == 1 for _, rows in groups) if lines else True


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
    return all(len({re.sub(r"[\d.,]+", "#", text) for text in of_panel}) == 1 for of_panel in texts) and any(
        len(of_panel) > 1 for of_panel in texts
    )
