"""Columns of the tables of experiments: which there are, in what order their values come, and their names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from equivariance.language import N_, _
from equivariance.measures.names import AGGREGATIONS, measure_name
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
    *("measured_with", "measure", "tested_with", "samples", "aggregation", "augmented", "stratified"),
    "class",
)
"""Columns whose values are conditions of an experiment; seeds are its replicates."""

COLUMN_NAMES = {
    **{"dataset": N_("data set"), "model": N_("model"), "trained_with": N_("trained with")},
    **{"retrained_with": N_("retrained with"), "scheme": N_("retrained layers"), "seed": N_("seed")},
    **{"savepoint": N_("savepoint"), "measured_on": N_("measured on"), "measured_with": N_("measured with")},
    **{"measure": N_("measure"), "tested_with": N_("tested with"), "samples": N_("samples")},
    **{"aggregation": N_("aggregation"), "augmented": N_("training"), "stratified": N_("classes")},
    **{"class": N_("class"), "panel": N_("measures")},
}
"""The names that a reader sees for columns."""

VALUES = {
    "aggregation": AGGREGATIONS,
    "augmented": {"augmented": N_("trained with the set"), "not augmented": N_("trained without")},
    "stratified": {"not stratified": N_("all classes together"), "stratified": N_("class by class")},
    "retrained_with": {NONE: N_("not retrained")},
    "scheme": {NONE: N_("not retrained")},
}
"""Names of the values of columns that are the same in every experiment, in the order to show them."""

FORMATS = {"seed": N_("seed {}"), "savepoint": N_("{} % of training"), "class": "{}"}
"""Texts around the values of other columns."""


def column_name(column: str) -> str:
    """The name that a reader sees for a column."""
    return _(COLUMN_NAMES.get(column, column))


def mapped_columns(mapping: Mapping[str, Any], *keys: str) -> list[str]:
    """The columns that an entry maps to some of row, column, hue, style and x, each once.

    There is no column `depth`, which is an axis.

    >>> mapped_columns({"row": ["dataset", "trained_with"], "hue": "dataset"}, "row", "hue")
    ['dataset', 'trained_with']
    """
    given = [mapping.get(key) or [] for key in keys]
    names = (name for one in given for name in ([one] if isinstance(one, str) else one))
    return [name for name in dict.fromkeys(names) if name != "depth"]


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


def combinations(data: DataFrame, columns: list[str]) -> list[tuple[Any, ...]]:
    """The combinations of values of columns that occur, in the order of their levels."""
    if not columns:
        return [()]
    ranks = [{value: rank for rank, value in enumerate(levels(data[column]))} for column in columns]
    found = data[columns].drop_duplicates().itertuples(index=False, name=None)
    return sorted(found, key=lambda key: [rank[value] for rank, value in zip(ranks, key, strict=True)])


def display(column: str, value: Any, labels: Mapping[str, str]) -> str:
    """The name a reader sees for a value of a column."""
    text = str(value)
    named = VALUES.get(column, {FINAL: N_("trained")} if column == "savepoint" else {})
    if text in named:
        return _(named[text])
    if column in FORMATS:
        return _(FORMATS[column]).format(text)
    if column == "measure":
        return _(labels[text]) if text in labels else measure_name(text).short
    if column == "samples":
        return _("{count:,} images").format(count=int(value))
    if column == "measured_on" and text not in labels:
        name, __, part = text.rpartition("_")  # <data set>_<part>
        return f"{_(labels.get(name, name))} ({_(part)})" if name else text
    return _(labels.get(text, text.replace("_", " ")))


def stand_in_name(name: str, stands_for: str, labels: Mapping[str, str]) -> str:
    """A data set with the one that it stands in for, such as "digits for MNIST"."""
    return _("{stand_in} for {data_set}").format(
        stand_in=display("dataset", name, labels), data_set=display("dataset", stands_for, labels)
    )


PARTS = N_("train"), N_("test")
"""Parts of a data set."""

AS_WRITTEN = N_("all"), N_("all conv"), N_("all fc"), N_("class conv"), N_("untrained")
"""Values of an entry that English has no other name for: layers to retrain, a network without training."""


def measures_name(measures: Series[str], labels: Mapping[str, str], full: bool = False) -> str:
    """The name of the measure of a column, short or in full; "value" where there are several."""
    (first, *others) = measures.unique()
    if others:
        return _("value")
    return measure_name(str(first)).full if full else display("measure", first, labels)
