"""Which rows of the tables a test reads, and how they fall into its cells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from equivariance.analysis.claims.cells import as_list, select
from equivariance.analysis.claims.columns import EXPERIMENT
from equivariance.analysis.claims.estimates import NotRun
from equivariance.analysis.claims.names import Names
from equivariance.analysis.columns import column_name
from equivariance.language import _
from equivariance.reserved import OWN

Key = Mapping[str, Any]
"""What a cell is of: values by column."""


def rows_of(test: Mapping[str, Any], tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The rows that a test reads. Raises NotRun, with what is missing."""
    missing = [name for name in test["experiments"] if name not in tables]
    if missing:
        raise NotRun(_("the run has no experiment {names}").format(names=", ".join(missing)))
    rows = pd.concat([tables[name].assign(**{EXPERIMENT: name}) for name in test["experiments"]])
    if test["measures"]:
        if "measure" not in rows:
            raise NotRun(_("the table has no measures"))
        lacking = [name for name in test["measures"] if name not in set(rows["measure"])]
        if lacking:
            raise NotRun(_("no values of the measure {names}").format(names=", ".join(lacking)))
        rows = rows[rows["measure"].isin(test["measures"])]
    rows = select(rows, test["where"])
    for column, values in absent(test, rows):
        if column not in test["cells"]:
            named = ", ".join(values)
            raise NotRun(
                _("no network with {column}: {values}").format(column=column_name(column), values=named)
            )
    return rows


def absent(test: Mapping[str, Any], rows: pd.DataFrame) -> Iterator[tuple[str, list[str]]]:
    """Columns with values that a test lists, and that no row has."""
    for column, values in test["where"].items():
        present = {OWN, *rows[column].astype(str)}
        lacking = [str(value) for value in as_list(values) if str(value) not in present]
        if lacking:
            yield column, lacking


def cells_of(rows: pd.DataFrame, columns: Sequence[str], names: Names) -> Iterator[tuple[Key, pd.DataFrame]]:
    """Cells with their values of columns, in the order of the configuration."""
    if not columns:
        yield {}, rows
        return
    groups = dict(iter(rows.groupby(list(columns), sort=False)))
    for key in sorted(groups, key=lambda key: [names.order(value) for value in key]):
        yield dict(zip(columns, key, strict=True)), groups[key]
