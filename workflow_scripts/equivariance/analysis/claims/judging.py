"""Judge claims by the tables of experiments: a row for each cell and criterion."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import combine_pvalues

from equivariance.analysis.claims.cells import Cell
from equivariance.analysis.claims.columns import COLUMNS
from equivariance.analysis.claims.estimates import (
    JUDGED,
    NOT_RUN,
    Bound,
    Estimate,
    NotRun,
    interval_text,
    verdict,
)
from equivariance.analysis.claims.kinds import KINDS, compute
from equivariance.analysis.claims.names import Names
from equivariance.analysis.claims.selection import Key, absent, cells_of, rows_of
from equivariance.analysis.claims.statistics import Judging
from equivariance.analysis.columns import column_name, display
from equivariance.language import _

Claims = Mapping[str, Mapping[str, Any]]
Row = dict[str, Any]


@dataclass(frozen=True)
class Context:
    """What all tests are judged by."""

    tables: Mapping[str, pd.DataFrame]
    names: Names
    judging: Judging
    thresholds: Mapping[str, float]


def judge(
    claims: Claims, tables: Mapping[str, pd.DataFrame], names: Names, judging: Mapping[str, Any]
) -> pd.DataFrame:
    """Judge claims by the tables of experiments, by name: a row for each cell and criterion.

    `judging` has the fields of `Judging`, and `thresholds` by name. What has no table is `not run`. p_holm
    is of the whole claim: the p values of its cells are combined (Fisher), and those of all claims are
    corrected (Holm). The order of the rows of a table does not matter.
    """
    numbers = Judging(**{key: value for key, value in judging.items() if key != "thresholds"})
    context = Context(tables, names, numbers, judging["thresholds"])
    rows = [{"claim": name, **row} for name, claim in claims.items() for row in _judged(claim, context)]
    return corrected(pd.DataFrame(rows, columns=[column for column in COLUMNS if column != "p_holm"]))


def corrected(rows: pd.DataFrame) -> pd.DataFrame:
    """Add p_holm: the p values of a claim's cells combined (Fisher), and corrected over claims (Holm)."""
    from statsmodels.stats.multitest import multipletests

    judged = rows[rows["p"].notna() & rows["direction"].ne("")]
    combined = judged.groupby("claim", sort=False)["p"].agg(lambda p: float(combine_pvalues(p).pvalue))
    holm = multipletests(combined, method="holm")[1] if len(combined) else []
    rows = rows.assign(p_holm=rows["claim"].map(dict(zip(combined.index, holm, strict=True))).astype(float))
    return rows[list(COLUMNS)]


def _judged(claim: Mapping[str, Any], context: Context) -> Iterator[Row]:
    """The rows of a claim: those of its cells, and one for each data set that it is about and no cell has."""
    names = context.names
    rows = [row for test in claim["tests"] for row in _tested(test, context)]
    yield from rows
    seen = {name for row in rows for name in row["dataset"].split(", ") if name}
    for dataset in claim["datasets"]:
        if seen and not any(names.dataset_is(name, dataset) for name in seen):
            title = display("dataset", dataset, names.labels)
            reason = _("nothing was run on {dataset}, nor on a stand-in for it").format(dataset=title)
            yield _not_run(claim["tests"][0], title, [], names, reason)


def _tested(test: Mapping[str, Any], context: Context) -> Iterator[Row]:
    """The rows of a test: of its cells, and of what is missing."""
    names = context.names
    try:
        rows = rows_of(test, context.tables)
    except NotRun as reason:
        yield _not_run(test, _(test.get("title", "")), [], names, str(reason))
        return
    for column, values in absent(test, rows):
        for value in values:
            text = _text(test, {column: value}, names)
            yield _not_run(test, text, [], names, _("nothing was run for it"))
    for key, group in cells_of(rows, test["cells"], names):
        datasets = sorted(map(str, group["dataset"].unique()), key=names.order)
        try:
            of_cell = list(_cell_rows(test, key, group, datasets, context))
        except NotRun as reason:
            yield _not_run(test, _text(test, key, names), datasets, names, str(reason))
            continue
        yield from [_either(of_cell)] if test["enough"] == "any" and of_cell else of_cell


def _cell_rows(
    test: Mapping[str, Any], key: Key, group: pd.DataFrame, datasets: Sequence[str], context: Context
) -> Iterator[Row]:
    """The rows of a cell. Raises NotRun where it lacks something."""
    names = context.names
    bounds = {
        name: _bound(given, datasets, names, context.thresholds) for name, given in test["criteria"].items()
    }
    for estimate in _computed(Cell(group, test, bounds, context.judging, names.schemes)):
        bound = bounds[estimate.criterion]
        word, reason = verdict(estimate, bound, context.judging.seeds)
        row = _row(test, _text(test, {**key, **estimate.about}, names), datasets, names)
        yield row | _numbers(test, estimate, bound) | {"verdict": word, "reason": reason}


def _computed(cell: Cell) -> Iterator[Estimate]:
    """The estimates of a cell; what is not defined, as with a division by 0, is NaN and needs no warning."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for estimate in compute(cell.test["test"], cell):
            yield estimate if math.isfinite(estimate.statistic) else replace(estimate, statistic=math.nan)


def _bound(
    given: Mapping[str, Any], datasets: Sequence[str], names: Names, thresholds: Mapping[str, float]
) -> Bound | None:
    """What is claimed in a cell; its threshold may depend on the data set, and be the name of a number."""
    direction = next((name for name in ("above", "below", "within") if name in given), None)
    if direction is None:
        return None
    threshold = given[direction]
    if isinstance(threshold, Mapping):
        fitting = [
            value
            for name, value in threshold.items()
            if datasets and all(names.dataset_is(dataset, name) for dataset in datasets)
        ]
        threshold = fitting[0] if fitting else threshold["default"]
    number = thresholds[threshold] if isinstance(threshold, str) else threshold
    return Bound(direction, float(number), given.get("by", "interval"), given.get("significance"))


def _row(test: Mapping[str, Any], cell: str, datasets: Sequence[str], names: Names) -> dict[str, Any]:
    """A row without numbers."""
    criterion = KINDS[test["test"]].criteria[next(iter(test["criteria"]))]
    return {
        **{"cell": cell, "dataset": ", ".join(datasets), "stand_in": names.stand_in(datasets)},
        **{"test": test["test"], "criterion": criterion, "direction": "", "seeds": 0},
        **dict.fromkeys(("statistic", "low", "high", "threshold", "p", "significance"), math.nan),
    }


def _not_run(test: Mapping[str, Any], cell: str, datasets: Sequence[str], names: Names, reason: str) -> Row:
    """A row of what is missing."""
    return _row(test, cell, datasets, names) | {"verdict": NOT_RUN, "reason": names.titled(reason)}


def _numbers(test: Mapping[str, Any], found: Estimate, bound: Bound | None) -> dict[str, Any]:
    by_estimate = bound is not None and bound.by == "estimate"
    return {
        **{"criterion": KINDS[test["test"]].criteria[found.criterion], "statistic": found.statistic},
        **{"low": math.nan if by_estimate else found.low, "high": math.nan if by_estimate else found.high},
        **{"direction": bound.direction if bound else "", "p": found.p, "seeds": found.seeds},
        "threshold": bound.threshold if bound else math.nan,
        "significance": math.nan if bound is None or bound.significance is None else bound.significance,
    }


def _either(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Of criteria of which one is enough, the one with the best verdict; the others are in its reason."""
    best = min(rows, key=lambda row: (JUDGED.index(row["verdict"]), math.isnan(row["statistic"])))
    others = [
        f"{_(row['criterion'])}: {interval_text(row['statistic'], row['low'], row['high'])}"
        for row in rows
        if row is not best and not math.isnan(row["statistic"])
    ]
    return best | {"reason": "; ".join([best["reason"], *others] if best["reason"] else others)}


def _text(test: Mapping[str, Any], key: Key, names: Names) -> str:
    """A cell in words: the title of its test, and what it is of."""
    parts = [_(test["title"])] if "title" in test else []
    for column, value in key.items():
        shown = display(column, value, names.labels)
        parts.append(f"{column_name(column)}: {shown}" if column in ("class", "scheme") else shown)
    return ", ".join(parts) or _("all together")
