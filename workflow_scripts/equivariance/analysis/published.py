"""Published numbers beside those of a run.

`config/published.csv` has a row for each number that was published, or that survives in the author's code
and notebooks. Its columns:

- `id`: `<quantity>-<number>`; `quantity` is one of `QUANTITIES`;
- `network`, `source`, `year`, `unit`, `remark`: as published, for readers; `dataset` is a name of
  config.yaml, empty where the source leaves it out;
- `value`, or for a range `low` and `high`;
- `geometry`: whether the published rotations were `right`, `wrong` (other angles than were meant) or
  `unknown`;
- `comparable`: `yes` where the same recipe should give the same number, up to `tolerance`, in the unit of the
  value; else `no`, and order and direction alone can be compared;
- what of a run it is compared with: `experiment`, one name or several, of which the first that has the cell
  counts; `column` of its table; `model` and the other `CONDITIONS` of the cell, empty where they do not
  matter; `layer` of a profile, one of `LAYERS`;
- `no_counterpart`: for a row without experiment the reason, one of `NO_COUNTERPART`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from equivariance.errors import UserError
from equivariance.files import check_checksum
from equivariance.language import N_
from equivariance.reserved import FINAL, NONE

if TYPE_CHECKING:
    from pandas import DataFrame, Series

QUANTITIES = {
    "retraining": N_("accuracy, retraining"),
    "accuracy": N_("accuracy, networks"),
    "augmentation": N_("accuracy, augmentation"),
    "epochs": N_("epochs of training"),
    "global_nv": N_("NV of whole networks"),
    "layers": N_("NV of layers"),
    "numeric": N_("measures of a small network"),
    "handshapes": N_("accuracy, handshapes"),
}
"""What the numbers are of, in the order to show them: those that can be compared first."""

CONDITIONS = (
    *("model", "trained_with", "scheme", "tested_with", "measured_with", "stratified", "aggregation"),
    "measure",
)
"""Columns that a published number shares with the table of an experiment."""

COLUMNS = (
    *("id", "quantity", "network", "dataset", "model", "experiment", "column", *CONDITIONS[1:], "layer"),
    *("value", "low", "high", "unit", "source", "year", "geometry", "comparable", "tolerance"),
    *("no_counterpart", "remark"),
)
"""The columns of the file."""

OUTCOME = (
    *("ours", "sd", "seeds", "our_dataset", "our_experiment", "difference", "within", "reason", "detail"),
)
"""The columns that a comparison adds; see `compare`."""

ROUNDING = 1e-9
"""What a difference may exceed the tolerance by: both are decimal fractions."""

SORTS = ("accuracies", "networks", "profiles")
"""The sorts of tables that numbers are looked up in."""

LAYERS: dict[str, Callable[[Series[Any]], Any]] = {
    "first": lambda values: values.iloc[0],
    "largest": lambda values: values.max(),
    "last": lambda values: values.iloc[-1],
}
"""Layers of a profile that have no name, from its values in the order of layers."""

NO_COUNTERPART = (
    N_("no such network in this project"),
    N_("the source leaves out what it was made with"),
    N_("of another method or other splits"),
)
NOT_IN_RUN = N_("the experiment is not in this run")
NO_DATASET = N_("the experiment is not run on the data set")
NO_CELL = N_("the experiment lacks the condition")
STAND_IN = N_("stand-in data")
WRONG_GEOMETRY = N_("published with wrong rotations")
OTHER_RECIPE = N_("published with another recipe or measurement")

VERDICTS = {
    "yes": N_("within the tolerance"),
    "no": N_("outside the tolerance"),
    "not comparable": N_("not comparable"),
    "missing": N_("missing in this run"),
}
"""Values of the column `within`."""


def read_published(path: Path) -> DataFrame:
    """Read the published numbers, or their comparison with a run.

    Raises UserError where columns are missing, an id occurs twice, or a row has neither an experiment nor the
    reason why there is none.
    """
    import pandas as pd

    check_checksum(path)
    numbers = ("value", "low", "high", "tolerance", "ours", "sd", "seeds", "difference")
    columns = pd.read_csv(path, nrows=0).columns
    text = {name: str for name in columns if name not in numbers}
    published = pd.read_csv(path, dtype=text, keep_default_na=False, na_values={key: [""] for key in numbers})
    missing = [name for name in COLUMNS if name not in columns]
    if missing:
        raise UserError(f"{path} lacks the columns {', '.join(missing)}")
    ranges = published["low"].notna() & published["high"].notna()
    mistakes = {
        "is there twice": published["id"].duplicated(),
        "has an unknown quantity": ~published["quantity"].isin([*QUANTITIES]),
        "needs either a value, or low and high": published["value"].notna() == ranges,
        "needs a tolerance where it is comparable, and only there": (
            (published["comparable"] == "yes") == published["tolerance"].isna()
        ),
        f"needs either an experiment, or as no_counterpart one of: {'; '.join(NO_COUNTERPART)}": (
            published["no_counterpart"].isin(NO_COUNTERPART) == (published["experiment"] != "")
        ),
    }
    for mistake, rows in mistakes.items():
        if rows.any():
            raise UserError(f"{path}: the row {published.loc[rows, 'id'].iloc[0]} {mistake}")
    return published


def compare(
    published: DataFrame,
    tables: Mapping[str, DataFrame],
    labels: Mapping[str, str],
    stand_ins: Mapping[str, str],
) -> DataFrame:
    """Put the numbers of a run beside the published ones, row by row.

    `tables` are those of the experiments of the run; `labels` are display names; `stand_ins` says for each
    data set which one it stands in for ("" for real data). Added columns: `ours`, the mean over `seeds`,
    their number, with the standard deviation `sd`; `our_dataset` and `our_experiment`; `difference`, ours
    minus published, of ranges from the nearest end, 0 within; `within`, one of `VERDICTS`; and where that is
    neither yes nor no, the `reason` with `detail`: what is missing, or which data stand in.
    Raises UserError where the conditions of a row leave several values of one network.
    """
    import pandas as pd

    tables = {name: _prepared(table) for name, table in tables.items()}
    rows = [_outcome(row, tables, labels, stand_ins) for row in published.to_dict("records")]
    return pd.concat([published.reset_index(drop=True), pd.DataFrame(rows)], axis="columns")


def middle(published: DataFrame) -> Series[Any]:
    """The published value, of a range its middle."""
    return published["value"].fillna((published["low"] + published["high"]) / 2)


def _prepared(table: DataFrame) -> DataFrame:
    """Trained networks in the order of layers; the accuracy in a table of measures is that under the set of
    the last training."""
    table = table[table["savepoint"] == FINAL] if "savepoint" in table else table
    if "tested_with" not in table:
        retrained = table["retrained_with"]
        table = table.assign(tested_with=retrained.where(retrained != NONE, table["trained_with"]))
    return table.sort_values("layer_index", kind="stable") if "layer_index" in table else table


def _outcome(
    row: Mapping[Any, Any],
    tables: Mapping[str, DataFrame],
    labels: Mapping[str, str],
    stand_ins: Mapping[str, str],
) -> dict[str, Any]:
    """What the run has for one published number."""
    reason, detail = row["no_counterpart"] or NOT_IN_RUN, ""
    for name in row["experiment"].split():
        if name not in tables:
            detail = detail or name
            continue
        found, reason, detail = _cell(row, tables[name], labels, stand_ins)
        if reason:
            continue
        values = _values(row, found)
        ours, dataset = float(values.mean()), str(found["dataset"].iloc[0])
        difference = _difference(row, ours)
        if stand_ins.get(dataset):
            within, reason, detail = "not comparable", STAND_IN, labels.get(dataset, dataset)
        elif row["comparable"] == "no":
            within = "not comparable"
            reason = WRONG_GEOMETRY if row["geometry"] == "wrong" else OTHER_RECIPE
        else:
            within = "yes" if abs(difference) <= row["tolerance"] + ROUNDING else "no"
        return {
            **{"ours": ours, "sd": float(values.std(ddof=1)), "seeds": len(values)},
            **{"our_dataset": dataset, "our_experiment": name, "difference": difference},
            **{"within": within, "reason": reason, "detail": detail},
        }
    return {**dict.fromkeys(OUTCOME), "within": "missing", "reason": reason, "detail": detail}


def _cell(
    row: Mapping[Any, Any], table: DataFrame, labels: Mapping[str, str], stand_ins: Mapping[str, str]
) -> tuple[DataFrame, str, str]:
    """The rows of a table that a published number is of; else why there are none, and what is missing."""
    title = labels.get(row["dataset"], row["dataset"])
    standing = [name for name, of in stand_ins.items() if title in of.split(" and ")]
    dataset = next((name for name in (row["dataset"], *standing) if (table["dataset"] == name).any()), "")
    if not dataset:
        return table, NO_DATASET, title
    found = table[table["dataset"] == dataset]
    for condition in CONDITIONS:
        if row[condition]:
            found = found[found[condition] == row[condition]]
        if found.empty:
            return found, NO_CELL, f"{condition}: {labels.get(row[condition], row[condition])}"
    return found, "", ""


def _values(row: Mapping[Any, Any], found: DataFrame) -> Series[Any]:
    """The value of each seed."""
    by_seed = found.groupby("seed")[row["column"]]
    if row["layer"] in LAYERS:
        if found.duplicated(["seed", "layer"]).any():
            raise UserError(f"published number {row['id']}: several profiles of a network fit")
        return by_seed.agg(LAYERS[row["layer"]])
    if (by_seed.nunique() > 1).any():
        raise UserError(f"published number {row['id']}: several values of a network fit")
    return by_seed.first()


def _difference(row: Mapping[Any, Any], ours: float) -> float:
    """Ours minus published; of a range from its nearest end, 0 within."""
    low, high = (row["low"], row["high"]) if row["value"] != row["value"] else (row["value"], row["value"])
    return float(min(ours - low, 0) + max(ours - high, 0))
