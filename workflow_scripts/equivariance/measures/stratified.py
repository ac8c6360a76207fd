"""The stratified form of a measure: class by class, then the mean over the classes."""

from collections.abc import Collection, Iterable
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd

from equivariance.errors import UserError
from equivariance.measures.names import MEAN_OF_CLASSES


def rows_by_class(labels: Any, count: int) -> dict[str, list[int]]:
    """Give the rows of each class, under the text of its label, in the order of the labels.

    Labels are a list, an array, a tensor or a column of a table, of one type: texts, whole numbers, ...
    Raises UserError where there is not one for each of `count` samples, where one is missing, where labels of
    different types or values would become one class, and for what no class can be called (`class_name`).
    """
    given = _listed(labels, count)
    for row, label in enumerate(given):
        if label is None or pd.isna(label):
            raise UserError(f"labels[{row}] is {label}; needed: a class for each of {count} samples")
    types = sorted({type(label).__name__ for label in given})
    if len(types) > 1:
        raise UserError(f"labels are of several types ({', '.join(types)}); give all of one type")
    order = sorted(range(count), key=lambda row: _rank(given[row]))
    rows: dict[str, list[int]] = {}
    for label, found in groupby(order, key=given.__getitem__):
        name = class_name(label)
        if name in rows:
            raise UserError(
                f"different labels have the same text {name!r}; give each class a text of its own"
            )
        rows[name] = list(found)
    return rows


def class_name(label: Any) -> str:
    """Give the text of a label; UserError for an empty one, and for the mark of the mean over classes."""
    name = str(label)
    if not name.strip() or name == MEAN_OF_CLASSES:
        reserved = f"; {MEAN_OF_CLASSES!r} stands for the mean over the classes" if name.strip() else ""
        raise UserError(f"no class can be called {name!r}{reserved}; give it another name")
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
    """Give labels one by one, as plain values of Python."""
    needed = f"needed: one for each of {count} samples"
    if isinstance(labels, str | bytes | dict | set | frozenset) or not isinstance(labels, Iterable):
        raise UserError(f"labels are of type {type(labels).__name__}; {needed}")
    plain = next((how for how in ("tolist", "to_numpy") if hasattr(labels, how)), None)
    listed = getattr(labels, plain)() if plain else labels
    values = [_plain(item) for item in (listed if isinstance(listed, Iterable) else [])]
    inner = [len(value) for value in values if isinstance(value, Collection) and not _is_text(value)]
    if len(values) != count or inner:
        raise UserError(f"labels have the shape {(len(values), *inner[:1])}; {needed}")
    return values


def _plain(item: Any) -> Any:
    """Give a number or text of numpy, or a tensor of one number, as what it is in Python."""
    return item.item() if getattr(item, "shape", None) == () else item


def _is_text(value: Any) -> bool:
    return isinstance(value, str | bytes)


def _rank(label: Any) -> Any:
    """Numbers and texts are in their own order, other labels in that of their texts."""
    return label if isinstance(label, int | float | str) else str(label)
