"""One verdict for each claim."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from equivariance.analysis.claims.estimates import (
    CONTRADICTED,
    JUDGED,
    NO_NUMBER,
    NOT_RUN,
    REPORTED,
    SUPPORTED,
    UNDECIDED,
    Bound,
    interval_text,
    number_text,
)
from equivariance.language import _

if TYPE_CHECKING:
    from pandas import DataFrame, Series

COLUMNS = (
    *("claim", "statement", "verdict", "criterion", "number", "cell", "supported", "judged", "tests"),
    *("reason", "stand_in"),
)
SIGNS = {"above": "> ", "below": "< ", "within": "∈ ±"}


def conclusions(table: DataFrame, claims: Mapping[str, Mapping[str, Any]]) -> DataFrame:
    """One row for each claim, in their order, from the table of `judging.judge`.

    A claim is contradicted if any of its rows is; supported if all that could be judged are, and if p_holm
    is below the significance that it asks for; `not run` if none could be judged; else undecided. A claim
    without thresholds is reported. `criterion`, `number` and `cell` are those of the row that decides: the
    one that speaks most against the claim. `supported` and `judged` count rows, and `tests` says so in words;
    `reason` is that of this row, and what is missing.
    """
    import pandas as pd

    rows = [_conclusion(name, claim, table[table["claim"] == name]) for name, claim in claims.items()]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _conclusion(name: str, claim: Mapping[str, Any], rows: DataFrame) -> dict[str, Any]:
    judged, reported = rows[rows["verdict"].isin(JUDGED)], rows[rows["verdict"] == REPORTED]
    absent = rows[rows["verdict"] == NOT_RUN]
    supported = int((judged["verdict"] == SUPPORTED).sum())
    found, reason = _combined(judged, bool(len(reported)))
    if found == NOT_RUN:
        reasons = list(dict.fromkeys(absent["reason"]))
        criterion, number, cell = "", NO_NUMBER, ""
        reason = "; ".join(reasons)
    else:
        deciding = deciding_row(rows)
        number, cell, criterion = row_number(deciding), str(deciding["cell"]), _(str(deciding["criterion"]))
        reasons = [reason or (str(deciding["reason"]) if found not in (SUPPORTED, REPORTED) else "")]
        cells = list(dict.fromkeys(cell for cell in absent["cell"] if cell))
        reasons += [_("not run: {cells}").format(cells="; ".join(cells))] if cells else []
        reason = "; ".join(part for part in reasons if part)
    stand_ins = [part for text in rows["stand_in"].dropna() for part in str(text).split("; ") if part]
    return {
        **{"claim": name, "statement": claim["statement"], "verdict": found},
        **{"criterion": criterion, "number": number, "cell": cell},
        **{"supported": supported, "judged": len(judged), "reason": reason},
        "tests": _("{supported} of {judged}").format(supported=supported, judged=len(judged))
        if len(judged)
        else "",
        "stand_in": "; ".join(dict.fromkeys(stand_ins)),
    }


def _combined(judged: DataFrame, reported: bool) -> tuple[str, str]:
    """The verdict of a claim, and the reason where p_holm decides."""
    verdicts = set(judged["verdict"])
    if not verdicts:
        return (REPORTED if reported else NOT_RUN), ""
    if CONTRADICTED in verdicts:
        return CONTRADICTED, ""
    if verdicts != {SUPPORTED}:
        return UNDECIDED, ""
    limit, p = judged["significance"].min(), judged["p_holm"].max()
    if not math.isnan(limit) and not p < limit:
        return UNDECIDED, _("p = {p:.2g} after Holm's correction, not below {limit:g}").format(
            p=p, limit=limit
        )
    return SUPPORTED, ""


def deciding_row(rows: DataFrame) -> Series[Any]:
    """The row of a claim that speaks most against it, of those that could be judged or are reported."""
    order = {name: place for place, name in enumerate((CONTRADICTED, UNDECIDED, SUPPORTED, REPORTED))}
    shown = rows[rows["verdict"].isin(order)]
    ranks = shown["verdict"].map(order)
    worst = shown[ranks == ranks.min()]
    positions = worst.apply(position, axis="columns").fillna(math.inf)
    return worst.iloc[int(positions.to_numpy().argmin())]


def position(row: Series[Any]) -> float:
    """How far a statistic is on the claimed side of its threshold, in half widths of its interval."""
    if not row["direction"]:
        return math.nan
    bound = Bound(row["direction"], row["threshold"])
    margin = bound.margin(row["statistic"])
    half = (row["high"] - row["low"]) / 2
    scale = half if half > 0 else max(abs(row["threshold"]), abs(margin), 1e-12)
    return float(margin / scale)


def row_number(row: Series[Any]) -> str:
    """The statistic of a row with its interval, and its threshold, such as 0.97 [0.95, 0.99] > 0.90."""
    return " ".join(part for part in number_parts(row) if part)


def number_parts(row: Series[Any]) -> tuple[str, str]:
    """The statistic of a row with its interval, and its threshold; "" where nothing is compared with one."""
    statistic = interval_text(row["statistic"], row["low"], row["high"])
    if not row["direction"] or math.isnan(row["statistic"]):
        return statistic, ""
    return statistic, f"{SIGNS[row['direction']]}{number_text(row['threshold'])}"
