"""The stratified form of a measure: class by class, then the mean over the classes."""

from typing import Any

import numpy as np
import pandas as pd

from equivariance.errors import UserError


def rows_by_class(labels: Any, count: int) -> dict[str, list[int]]:
    """Give the rows of each class, in order.

    Raises UserError where there is not one label for each of `count` samples.
    """
    given = np.asarray(labels)
    if given.shape != (count,):
        raise UserError(f"labels have the shape {given.shape}; needed: one for each of {count} samples")
    return {str(name): np.flatnonzero(given == name).tolist() for name in np.unique(given)}


def with_means(table: pd.DataFrame) -> pd.DataFrame:
    """Put before the values of each class, told apart by the column `class`, their mean over the classes.

    Per unit, over finite values, each class with the same weight; NaN where no class has one.
    """
    keys = [column for column in table.columns if column not in ("class", "value")]
    finite = table.assign(value=table["value"].where(np.isfinite(table["value"])))
    means = finite.groupby(keys, sort=False, as_index=False)["value"].mean()
    return pd.concat([means.assign(**{"class": "mean"}), table], ignore_index=True)
