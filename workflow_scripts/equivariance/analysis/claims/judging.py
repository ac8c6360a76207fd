"""Judge claims by the tables of experiments: a row for each cell and criterion."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import combine_pvalues

from equivariance.analysis.claims.cells import Cell, as_list, select
from equivariance.analysis.claims.columns import COLUMNS, EXPERIMENT
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
from equivariance.analysis.claims.statistics import Judging
from equivariance.analysis.columns import COLUMN_NAMES, display
from equivariance.language import _
from equivariance.reserved import OWN

Claims = Mapping[str, Mapping[str, Any]]
Key = Mapping[str, Any]


@dataclass(frozen=True)
class Names:
    """What names in tables stand for."""

    labels: Mapping[str, str]
    """Titles of data sets, sets and models, in the order of the configuration."""
    stand_ins: Mapping[str, str]
    """For each data set, the title of the one that it stands in for; "" for real data."""
    schemes: Mapping[str, Mapping[str, Sequence[str]]]

    def dataset_is(self, name: str, other: str) -> bool:
        """Whether a data set is another one, or stands in for it."""
        return name == other or self.labels.get(other, other) in self.stand_ins.get(name, "")

    def stand_in(self, datasets: Sequence[str]) -> str:
        """What data sets stand in for, in words: "digits for MNIST"; "" where all are real."""
        return "; ".join(
            _("{name} for {real}").format(name=self.labels.get(name, name), real=self.stand_ins[name])
            for name in datasets
            if self.stand_ins.get(name)
        )

    def order(self, column: str) -> Callable[[Any], tuple[int, float, str]]:
        """The order of the values of a column: that of the configuration, else of numbers or of text."""
        places = {name: place for place, name in enumerate(self.labels)}

        def place(value: Any) -> tuple[int, float, str]:
            text = str(value)
            number = float(text) if text.replace(".", "", 1).isdigit() else math.inf
            return places.get(text, len(places)), number, text

        return place


def judge(
    claims: Claims, tables: Mapping[str, pd.DataFrame], names: Names, judging: Mapping[str, Any]
) -> pd.DataFrame:
    """Judge claims by the tables of experiments, by name: a row for each cell and criterion.

    `judging` has the fields of `Judging`, and `thresholds` by name. What has no table is `not run`. p_holm
    is of the whole claim: the p values of its cells are combined (Fisher), and those of all claims are
    corrected (Holm). The order of the rows of a table does not matter.
    """
    thresholds = judging["thresholds"]
    numbers = Judging(**{key: value for key, value in judging.items() if key != "thresholds"})
    rows = [
        {"claim": name, **row}
        for name, claim in claims.items()
        for row in _judged(claim, tables, names, numbers, thresholds)
    ]
    return corrected(pd.DataFrame(rows, columns=[column for column in COLUMNS if column != "p_holm"]))


def corrected(rows: pd.DataFrame) -> pd.DataFrame:
    """Add p_holm: the p values of a claim's cells combined (Fisher), and corrected over claims (Holm)."""
    from statsmodels.stats.multitest import multipletests

    judged = rows[rows["p"].notna() & rows["direction"].ne("")]
    combined = judged.groupby("claim", sort=False)["p"].agg(lambda p: float(combine_pvalues(p).pvalue))
    holm = multipletests(combined, method="holm")[1] if len(combined) else []
    rows = rows.assign(p_holm=rows["claim"].map(dict(zip(combined.index, holm, strict=True))).astype(float))
    return rows[list(COLUMNS)]


def _judged(
    claim: Mapping[str, Any],
    tables: Mapping[str, pd.DataFrame],
    names: Names,
    judging: Judging,
    thresholds: Mapping[str, float],
) -> Iterator[dict[str, Any]]:
    """The rows of a claim: those of its cells, and one for each data set that it is about and no cell has."""
    rows = [row for test in claim["tests"] for row in _tested(test, tables, names, judging, thresholds)]
    yield from rows
    seen = {name for row in rows for name in row["dataset"].split(", ") if name}
    for dataset in claim["datasets"]:
        if seen and not any(names.dataset_is(name, dataset) for name in seen):
            title = names.labels.get(dataset, dataset)
            reason = _("nothing was run on {dataset}, nor on a stand-in for it").format(dataset=title)
            yield _row(claim["tests"][0], title, [], names) | {"verdict": NOT_RUN, "reason": reason}


def _tested(
    test: Mapping[str, Any],
    tables: Mapping[str, pd.DataFrame],
    names: Names,
    judging: Judging,
    thresholds: Mapping[str, float],
) -> Iterator[dict[str, Any]]:
    """The rows of a test."""
    missing = [name for name in test["experiments"] if name not in tables]
    title = str(test.get("title", ""))
    if missing:
        reason = _("the run has no experiment {names}").format(names=", ".join(missing))
        yield _row(test, title, [], names) | {"verdict": NOT_RUN, "reason": reason}
        return
    try:
        rows = _rows(test, tables)
    except NotRun as missing_rows:
        yield _row(test, title, [], names) | {"verdict": NOT_RUN, "reason": str(missing_rows)}
        return
    for column, values in _absent(test, rows):
        reason = _("nothing was run for it")
        for value in values:
            cell_text = _text(test, {column: value}, {}, names)
            yield _row(test, cell_text, [], names) | {"verdict": NOT_RUN, "reason": reason}
    for key, group in _groups(rows, test["cells"], names):
        datasets = sorted(map(str, group["dataset"].unique()), key=names.order("dataset"))
        bounds = {
            name: _bound(given, datasets, names, thresholds) for name, given in test["criteria"].items()
        }
        cell = Cell(group, test, bounds, judging, names.schemes)
        try:
            found = list(_computed(cell))
        except NotRun as reason:
            row = _row(test, _text(test, key, {}, names), datasets, names)
            yield row | {"verdict": NOT_RUN, "reason": str(reason)}
            continue
        rows_of_cell = []
        for estimate in found:
            bound = bounds[estimate.criterion]
            given = verdict(estimate, bound, judging.seeds)
            row = _row(test, _text(test, key, estimate.about, names), datasets, names)
            rows_of_cell.append(
                row | _numbers(test, estimate, bound) | dict(zip(("verdict", "reason"), given, strict=True))
            )
        yield from [_either(rows_of_cell)] if test["enough"] == "any" and rows_of_cell else rows_of_cell


def _computed(cell: Cell) -> Iterator[Estimate]:
    """The estimates of a cell; what is not defined, as with a division by 0, is NaN and needs no warning."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for estimate in compute(cell.test["test"], cell):
            yield estimate if math.isfinite(estimate.statistic) else replace(estimate, statistic=math.nan)


def _rows(test: Mapping[str, Any], tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The rows that a test reads."""
    rows = pd.concat([tables[name].assign(**{EXPERIMENT: name}) for name in test["experiments"]])
    if test["measures"]:
        if "measure" not in rows:
            raise NotRun(_("the table has no measures"))
        absent = [name for name in test["measures"] if name not in set(rows["measure"])]
        if absent:
            raise NotRun(_("no values of the measure {names}").format(names=", ".join(absent)))
        rows = rows[rows["measure"].isin(test["measures"])]
    rows = select(rows, test["where"])
    for column, values in _absent(test, rows):
        if column not in test["cells"]:
            named = ", ".join(values)
            raise NotRun(
                _("no network with {column}: {values}").format(
                    column=COLUMN_NAMES.get(column, column), values=named
                )
            )
    return rows


def _absent(test: Mapping[str, Any], rows: pd.DataFrame) -> Iterator[tuple[str, list[str]]]:
    """Columns with values that a test lists, and that no row has."""
    for column, values in test["where"].items():
        present = {OWN, *rows[column].astype(str)}
        absent = [str(value) for value in as_list(values) if str(value) not in present]
        if absent:
            yield column, absent


def _groups(rows: pd.DataFrame, columns: Sequence[str], names: Names) -> Iterator[tuple[Key, pd.DataFrame]]:
    """Cells with their values of columns, in the order of the configuration."""
    if not columns:
        yield {}, rows
        return
    groups = dict(iter(rows.groupby(list(columns), sort=False)))
    for key in sorted(groups, key=lambda key: [names.order("")(value) for value in key]):
        yield dict(zip(columns, key, strict=True)), groups[key]


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


def _text(test: Mapping[str, Any], key: Key, about: Key, names: Names) -> str:
    """A cell in words: what it is of, and what tells an estimate of it apart."""
    parts = [str(test["title"])] if "title" in test else []
    parts += [_value(column, value, names) for column, value in {**key, **about}.items()]
    return ", ".join(parts) or _("all together")


def _value(column: str, value: Any, names: Names) -> str:
    shown = display(column, value, names.labels)
    return shown if column not in ("class", "scheme") else f"{COLUMN_NAMES[column]}: {shown}"
