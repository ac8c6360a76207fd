"""Tables of an experiment as figures and the paper read them: checked, in order, with display names."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from equivariance.errors import UserError
from equivariance.measures.names import AGGREGATIONS, FLOOR, measure_name
from equivariance.reserved import FINAL, NONE

if TYPE_CHECKING:
    from pandas import DataFrame, Series

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
    *("dataset", "model", "trained_with", "retrained_with", "scheme", "savepoint", "measured_on"),
    *(
        "measured_with",
        "measure",
        "tested_with",
        "samples",
        "aggregation",
        "augmented",
        "stratified",
        "class",
    ),
)
"""Columns whose values are conditions of an experiment; seeds are its replicates."""

COLUMN_NAMES = {column: column.replace("_", " ") for column in (*CONDITIONS, "seed")} | {
    **{"dataset": "data set", "scheme": "retrained layers", "panel": "measures"},
    **{"augmented": "training", "stratified": "classes"},
}
"""The names that a reader sees for columns."""

VALUES = {
    "aggregation": AGGREGATIONS,
    "augmented": {"augmented": "trained with the set", "not augmented": "trained without"},
    "stratified": {"not stratified": "all classes together", "stratified": "class by class"},
    "retrained_with": {NONE: "not retrained"},
    "scheme": {NONE: "not retrained"},
}
"""Names of the values of columns that are the same in every experiment, in the order to show them."""

FORMATS = {"seed": "seed {}", "savepoint": "{} % of training", "class": "{}", "panel": "{}"}
"""Texts around the values of other columns."""


def read_table(path: str | Path, sorts: Sequence[str]) -> DataFrame:
    """Read a table (.csv) of one of several sorts of `COLUMNS`.

    Raises UserError when it lacks columns of every sort, and names those of the nearest, or has no rows.
    """
    import pandas as pd

    # A class may be called nan: in its column everything is text.
    columns = pd.read_csv(path, nrows=0).columns
    missing = {column: ["", "nan", "NaN"] for column in columns if column != "class"}
    text = {"savepoint": str, "class": str}
    table = pd.read_csv(path, dtype=text, keep_default_na=False, na_values=missing)
    lacking = {sort: [column for column in COLUMNS[sort] if column not in table.columns] for sort in sorts}
    sort, absent = min(lacking.items(), key=lambda item: len(item[1]))
    if absent:
        raise UserError(f"{path} lacks the columns {', '.join(absent)} of a table of {sort}")
    if table.empty:
        raise UserError(f"{path} has no rows: nothing was computed for it")
    return table


def levels(values: Series[Any]) -> list[Any]:
    """Distinct values in the order to show them: those of `VALUES` in its order, numbers ascending and
    "final" last, else as they come."""
    import pandas as pd

    distinct = values.dropna().unique().tolist()
    if values.name in VALUES:
        known = [*VALUES[str(values.name)], *map(str, distinct)]
        return sorted(distinct, key=lambda value: known.index(str(value)))
    percents = pd.Series([100 if value == FINAL else value for value in distinct], dtype=object)
    numbers = pd.to_numeric(percents, errors="coerce")
    if numbers.isna().any():
        return distinct
    return [distinct[index] for index in numbers.sort_values(kind="stable").index]


def display(column: str, value: Any, labels: Mapping[str, str]) -> str:
    """The name a reader sees for a value of a column."""
    text = str(value)
    named = VALUES.get(column, {FINAL: "trained"} if column == "savepoint" else {})
    if text in named or column in FORMATS:
        return named.get(text) or FORMATS[column].format(text)
    if column == "measure":
        return labels.get(text, measure_name(text).short)
    if column == "samples":
        return f"{int(value):,} images"
    if column == "measured_on" and text not in labels:
        name, _, part = text.rpartition("_")  # <data set>_<part>
        return f"{labels.get(name, name)} ({part})" if name else text
    return labels.get(text, text.replace("_", " "))


def mapping_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    """What an entry's figure is mapped to. Panels of measures are its columns, and its measures colours.

    Raises UserError where an entry has both `panels` and `column`.
    """
    mapping = dict(entry["figure"])
    panels = mapping.get("panels")
    if not panels:
        return mapping
    if mapping.get("column"):
        raise UserError(
            f"figure of {entry['name']}: panels are its columns; give `panels` or `column`, not both"
        )
    several = any(len(measures) > 1 for measures in panels.values())
    return {**({"hue": "measure"} if several else {}), **mapping, "column": "panel"}


def mapped_columns(mapping: Mapping[str, Any], *keys: str) -> list[str]:
    """The columns that an entry maps to some of row, column, hue, style and x, each once.

    >>> mapped_columns({"row": ["dataset", "trained_with"], "hue": "dataset"}, "row", "hue")
    ['dataset', 'trained_with']
    """
    found: list[str] = []
    for key in keys:
        given = mapping.get(key) or []
        found += [given] if isinstance(given, str) else given
    return list(dict.fromkeys(found))


def by_panel(data: DataFrame, mapping: Mapping[str, Any]) -> DataFrame:
    """Rows with a column `panel`, the title that the entry gives their measure; as they are without panels.

    Rows of a measure of several panels are in each, those of no panel are left out.
    """
    panels = mapping.get("panels")
    if not panels:
        return data
    import pandas as pd

    chosen = [(title, measure) for title, measures in panels.items() for measure in measures]
    parts = [data[data["measure"] == measure].assign(panel=title) for title, measure in chosen]
    return pd.concat([part for part in parts if len(part)] or [data.head(0).assign(panel="")])


def require_one_value(data: DataFrame, mapped: list[str], name: str) -> None:
    """Raise UserError when rows of different conditions would fall on one line or bar.

    `mapped` are the columns that the figure tells apart; what they do not, must be the same.
    """
    data = data[[column for column in data if column in {*CONDITIONS, *mapped}]].drop_duplicates()
    for column in (column for column in CONDITIONS if column in data and column not in mapped):
        for _, values in data.groupby(mapped, dropna=False)[column] if mapped else [("", data[column])]:
            distinct = values.unique()
            if len(distinct) > 1:
                raise UserError(
                    f"figure of {name}: {column} takes several values ({', '.join(map(str, distinct))}) that "
                    "no row, column, hue, style or x tells apart; map it in config/experiments.yaml"
                )


def floors(data: DataFrame) -> DataFrame:
    """The resampling floors of profiles, under the names of the measures that they are floors of."""
    found = data[is_floor(data)]
    return found.assign(measure=found["measure"].str.removesuffix(FLOOR))


def is_floor(data: DataFrame) -> Series[bool]:
    """Which rows are of resampling floors."""
    return data["measure"].str.endswith(FLOOR)


def combinations(data: DataFrame, columns: list[str]) -> list[tuple[Any, ...]]:
    """The combinations of values of columns that occur, in the order of their levels."""
    if not columns:
        return [()]
    ranks = [{value: rank for rank, value in enumerate(levels(data[column]))} for column in columns]
    found = data[columns].drop_duplicates().itertuples(index=False, name=None)
    return sorted(found, key=lambda key: [rank[value] for rank, value in zip(ranks, key, strict=True)])


def first_seed(data: DataFrame) -> DataFrame:
    """The rows of the first seed of each condition."""
    if data["seed"].nunique() == 1:
        return data
    by = [column for column in CONDITIONS if column in data.columns]
    return data[data["seed"] == data.groupby(by, dropna=False, observed=True)["seed"].transform("min")]


def has_one_line_per_panel(data: DataFrame, mapping: Mapping[str, Any]) -> bool:
    """Whether every panel has a single line, so that its seeds can be drawn one by one."""
    by, lines = mapped_columns(mapping, "row", "column"), mapped_columns(mapping, "hue", "style")
    if not lines:
        return True
    groups = data.groupby(by) if by else [((), data)]
    return all(len(rows.drop_duplicates(lines)) == 1 for _, rows in groups)


def network_values(profiles: DataFrame) -> DataFrame:
    """One row per network, savepoint, set and measure: mean over layers, last layer, accuracy in per cent.

    The mean over layers ignores layers without a finite value, and weighs every layer the same.
    """
    by = ["epoch", *(name for name in ("seed", *CONDITIONS) if name in profiles)]
    if "value" in profiles:  # single units
        finite = profiles["value"].where(profiles["value"].abs() != math.inf)
        of_layers = profiles.assign(mean=finite).groupby([*by, "layer_index"], sort=False)
        profiles = of_layers.agg({"mean": "mean", "accuracy": "last"}).reset_index()
    ordered = profiles.sort_values("layer_index", kind="stable")
    values = ordered.groupby(by, sort=False).agg(
        over_layers=("mean", "mean"),
        last_layer=("mean", "last"),
        layers=("mean", "size"),
        accuracy=("accuracy", "last"),
    )
    first_seen = profiles[by].drop_duplicates()
    return first_seen.merge(values.reset_index(), on=by).assign(accuracy=lambda rows: 100 * rows["accuracy"])


def measures_name(measures: Series[str], labels: Mapping[str, str], full: bool = False) -> str:
    """The name of the measure of a column, short or in full; "value" where there are several."""
    (first, *others) = measures.unique()
    if others:
        return "value"
    return measure_name(str(first)).full if full else display("measure", first, labels)
