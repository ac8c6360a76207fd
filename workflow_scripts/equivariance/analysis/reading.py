"""Tables of experiments read and checked, for whoever draws, prints or judges them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from equivariance.analysis.columns import COLUMNS, CONDITIONS
from equivariance.errors import UserError
from equivariance.files import check_checksum, damaged
from equivariance.measures.names import FLOOR

if TYPE_CHECKING:
    from pandas import DataFrame, Series


def read_measurement(path: str | Path) -> DataFrame:
    """Read the table of a measurement (.parquet). Raises UserError where it is damaged."""
    import pandas as pd

    check_checksum(path)
    try:
        return pd.read_parquet(path, engine="pyarrow")
    except (OSError, ValueError) as error:  # pyarrow's errors are both
        raise damaged(path, str(error).splitlines()[0]) from error


def read_table(path: str | Path, sorts: Sequence[str]) -> DataFrame:
    """Read a table (.csv) of one of several sorts of `COLUMNS`.

    Raises UserError when it lacks columns of every sort, and names those of the nearest, or has no rows.
    """
    import pandas as pd

    check_checksum(path)
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


def resampling_floors(data: DataFrame) -> DataFrame:
    """The resampling floors of profiles, under the names of the measures that they are floors of."""
    found = data[is_floor(data)]
    return found.assign(measure=found["measure"].str.removesuffix(FLOOR))


def is_floor(data: DataFrame) -> Series[bool]:
    """Which rows are of resampling floors."""
    return data["measure"].str.endswith(FLOOR)


def first_seed(data: DataFrame) -> DataFrame:
    """The rows of the first seed of each condition."""
    if data["seed"].nunique() == 1:
        return data
    by = [column for column in CONDITIONS if column in data.columns]
    return data[data["seed"] == data.groupby(by, dropna=False, observed=True)["seed"].transform("min")]


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
