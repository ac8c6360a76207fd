"""Rows of tables as tests need them: the cells of a test, profiles, and one value for each network."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import numpy as np

from equivariance.analysis.claims.estimates import Bound, NotRun
from equivariance.analysis.columns import CONDITIONS, column_name
from equivariance.language import _
from equivariance.reserved import OWN

if TYPE_CHECKING:
    from pandas import DataFrame, Series

    from equivariance.analysis.claims.statistics import Judging

NOT_COMPARED = ("norm", "reshape")  # kinds of layers that some networks have and their twins do not
DROPOUT = "dropout*"  # layers that do nothing when networks are measured
POINTS = 20  # of depth, at which networks with different numbers of layers are compared

Selection = Mapping[str, Any]


@dataclass(frozen=True)
class Cell:
    """What a test looks at: rows, its parameters, what is claimed of its statistics, and how to judge."""

    rows: DataFrame
    test: Mapping[str, Any]
    bounds: Mapping[str, Bound | None]
    judging: Judging
    schemes: Mapping[str, Mapping[str, Sequence[str]]]
    """Of each model, the patterns of the layers that a scheme retrains."""

    def selected(self, key: str) -> DataFrame:
        """The rows that the parameter `key`, `first` or `second`, selects."""
        return select(self.rows, self.test.get(key, {}))


def select(rows: DataFrame, wanted: Selection) -> DataFrame:
    """The rows with given values, one or a list for each column; `own` images are of the network's data set.

    Raises NotRun where there are none, with the column and the values.
    """
    for column, values in wanted.items():
        if column not in rows:
            raise NotRun(_("the table has no column {column}").format(column=column))
        if values == OWN and column == "measured_on":
            kept = rows[column].str.rpartition("_")[0] == rows["dataset"]
        else:
            kept = rows[column].astype(str).isin([str(value) for value in as_list(values)])
        rows = rows[kept]
        if rows.empty:
            named = ", ".join(str(value) for value in as_list(values))
            raise NotRun(
                _("no network with {column}: {values}").format(column=column_name(column), values=named)
            )
    return rows


def as_list(values: Any) -> list[Any]:
    """One value or a list of them, as a list."""
    return list(values) if isinstance(values, list | tuple) else [values]


def keys(rows: DataFrame) -> list[str]:
    """The columns that tell networks and what they are measured with apart."""
    return [column for column in (*CONDITIONS, "seed") if column in rows]


def layer_means(rows: DataFrame) -> DataFrame:
    """The mean of each layer but normalization, reshaping and dropout, sorted by `keys` and place."""
    if "layer_index" not in rows:
        raise NotRun(_("the table has no values of layers"))
    named = [*keys(rows), "layer_index", "layer", "kind", "depth"]
    if "unit" in rows:  # values of single units
        finite = rows["value"].where(rows["value"].abs() != math.inf)
        rows = rows.assign(mean=finite).groupby(named, sort=False)["mean"].mean().reset_index()
    dropout = rows["layer"].map(lambda name: fnmatchcase(str(name).rsplit(".", 1)[-1], DROPOUT))
    kept = rows[~rows["kind"].isin(NOT_COMPARED) & ~dropout]
    return kept[[*named, "mean"]].drop_duplicates(named).sort_values(named, ignore_index=True)


def profiles(rows: DataFrame) -> DataFrame:
    """The profiles of rows: a row for each network and what it is measured with, by `keys`, sorted.

    Columns are layers, by their place, where all networks have as many; else `POINTS` fractions of the depth,
    at which profiles are interpolated. What is not finite in some profile is left out.
    """
    import pandas as pd

    by = keys(rows)
    rows = layer_means(rows)
    groups = [
        (key, group["depth"].to_numpy(), group["mean"].to_numpy())
        for key, group in rows.groupby(by, sort=True)
    ]
    if len({len(means) for _key, _depths, means in groups}) == 1:
        values = np.array([means for _key, _depths, means in groups])
    else:
        points = np.linspace(0, 1, POINTS)
        values = np.array([np.interp(points, depths, means) for _key, depths, means in groups])
    index = pd.MultiIndex.from_tuples([key for key, _depths, _means in groups], names=by)
    return pd.DataFrame(values, index=index).dropna(axis="columns")


def network_values(rows: DataFrame, test: Mapping[str, Any]) -> DataFrame:
    """One `value` for each network and what it is measured with, with its `keys`, sorted.

    Of the parameters, `value` is `accuracy`, in points (percentages); `reached_epoch`; `global_layer_mean`;
    `mean`, that of the means of layers; or `depth_correlation`, Spearman's of them and the depth. `layers`
    are those that count: `all`, `first_third` or `last_third` of the depth, `last_minus_first` third, or
    patterns of names.
    """
    import pandas as pd
    from scipy.stats import spearmanr

    by, value = keys(rows), test["value"]
    if value not in ("mean", "depth_correlation"):
        if value not in rows:
            raise NotRun(_("the table has no column {column}").format(column=value))
        scale = 100 if value == "accuracy" else 1
        return rows.groupby(by, sort=True)[value].first().mul(scale).rename("value").reset_index()
    ordered = layer_means(rows)
    if value == "mean":
        found = _means(ordered, by, test.get("layers", "all"))
    else:
        found = pd.Series(
            {
                key: spearmanr(group["depth"], group["mean"], nan_policy="omit").statistic
                for key, group in ordered.groupby(by, sort=True)
            }
        )
        found.index.names = by
    return found.rename("value").reset_index()


def _means(rows: DataFrame, by: list[str], layers: Any) -> Series[Any]:
    """Means of layers for each key."""
    if layers == "last_minus_first":
        return _means(rows, by, "last_third") - _means(rows, by, "first_third")
    if layers == "first_third":
        rows = rows[rows["depth"] <= 1 / 3]
    elif layers == "last_third":
        rows = rows[rows["depth"] >= 2 / 3]
    elif layers != "all":
        kept = rows["layer"].map(lambda name: any(fnmatchcase(name, one) for one in as_list(layers)))
        rows = rows[kept]
        if rows.empty:
            raise NotRun(_("no layer is called {names}").format(names=", ".join(as_list(layers))))
    return rows.groupby(by, sort=True)["mean"].mean()


def by_seed(values: DataFrame, columns: Sequence[str]) -> DataFrame:
    """Values as a table of seeds and conditions: the mean over all that `columns` do not tell apart.

    Seeds that lack a condition are left out; raises NotRun where all do.
    """
    if not columns:
        return values.groupby("seed")["value"].mean().to_frame()
    wide = values.pivot_table(index="seed", columns=list(columns), values="value", sort=True)
    complete = wide.dropna()
    if complete.empty:
        conditions = ", ".join(str(name) for name in wide.columns)
        raise NotRun(_("no seed has all of: {conditions}").format(conditions=conditions))
    return complete
