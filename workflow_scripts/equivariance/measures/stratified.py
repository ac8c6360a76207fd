"""The stratified form of a measure: class by class, then the mean over the classes."""

from collections.abc import Collection, Iterable
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd

from equivariance.errors import UserError
from equivariance.measures.names import MEAN_OF_CLASSES


def rows_by_class(labels: Any, count: int) -> dict[str, list[int]]:
    """Return the rows of each class, under the text of its label, in the order of the labels.

    Labels are a list, an array, a tensor or a column of a table, of one type: texts, whole numbers, ...
    Raises UserError where there is not one for each of `count` samples, where one is missing, where labels of
    different types or values would become one class, and for an invalid name of a class (`class_name`).
    """
    given = _listed(labels, count)
    for row, label in enumerate(given):
        if label is None or pd.isna(label):
            raise UserError(f"labels[{row}] is {label}; needed: a class for each of {count} samples")
    types = sorted({type(label).__name__ for label in given})
    if len(types) > 1:
        raise UserError(f"labels are of several types ({', '.join(types)}); use one type")
    order = sorted(range(count), key=lambda row: _rank(given[row]))
    rows: dict[str, list[int]] = {}
    for label, found in groupby(order, key=given.__getitem__):
        name = class_name(label)
        if name in rows:
            raise UserError(f"different labels have the same text {name!r}; give each class its own text")
        rows[name] = list(found)
    return rows


def class_name(label: Any) -> str:
    """Return the text of a label; UserError for an empty one, and for that of the mean over classes."""
    name = str(label)
    if not name.strip() or name == MEAN_OF_CLASSES:
        reserved = ", which stands for the mean over the classes" if name.strip() else ""
        raise UserError(f"invalid name of a class: {name!r}{reserved}; rename it")
    return name


def with_means(table: pd.DataFrame) -> pd.DataFrame:
    """Put before the values of each class, told apart by the column `class`, their mean over the classes.

    Per unit, over finite values, each class with the same weight; NaN where no class has one. The class of
    the means is `names.MEAN_OF_CLASSES`.
    """
    keys = [column for column in table.columns if column not in ("class", "value")]
    finite = table.assign(value=table["value"].where(np.isfinite(table["value"])))
    means = finite.groupby(keys, sort=False, as_index=False)["value"].mean()
    return pd.concat([means.assign(**{"class": MEAN_OF_CLASSES}), table], ignore_index=True)


def _listed(labels: Any, count: int) -> list[Any]:
    """Return labels one by one, as plain values of Python."""
    needed = f"needed: one for each of {count} samples"
    if isinstance(labels, str | bytes | dict | set | frozenset) or not isinstance(labels, Iterable):
        raise UserError(f"labels are of type {type(labels).__name__}; {needed}")
    plain = next((how for how in ("tolist", "to_numpy") if hasattr(labels, how)), None)
    listed = getattr(labels, plain)() if plain else labels
    items = listed if isinstance(listed, Iterable) else []
    # Numbers and texts of numpy, and tensors of one number, as what they are in Python.
    values = [item.item() if getattr(item, "shape", None) == () else item for item in items]
    inner = [len(x) for x in values if isinstance(x, Collection) and not isinstance(x, str | bytes)]
    if len(values) != count or inner:
        raise UserError(f"labels have the shape {(len(values), *inner[:1])}; {needed}")
    return values


def _rank(label: Any) -> Any:
    """Numbers and texts are in their own order, other labels in that of their texts."""
    return label if isinstance(label, int | float | str) else str(label)
