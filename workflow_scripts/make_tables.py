"""Gather what experiments ask of their networks into tidy tables, one for each experiment."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from equivariance.analysis.accuracies import accuracy_table, class_accuracy_table
from equivariance.analysis.histories import history_table
from equivariance.analysis.tables import network_table, profile_table, unit_table, write_table

TABLES: dict[str, Callable[..., pd.DataFrame]] = {
    "accuracies": accuracy_table,
    "class_accuracies": class_accuracy_table,
    "histories": history_table,
    "networks": network_table,
    "profiles": profile_table,
    "units": unit_table,
}
"""What makes the rows of a network, by the kind of table."""


def make_table(
    kind: str, rows: Sequence[Mapping[str, Any]], options: Mapping[str, Any], output: Path
) -> None:
    """Write a table; `rows` and `options` are what the function of its kind in `TABLES` takes."""
    tables = [TABLES[kind](row, **options) for row in rows]
    if not all("angle" in table for table in tables):  # only sets of rotations have angles
        tables = [table.drop(columns="angle", errors="ignore") for table in tables]
    write_table(tables, output)


if "snakemake" in globals():
    from job import job

    with job(snakemake.log[0]):
        for settings, output in zip(snakemake.params.tables, snakemake.output, strict=True):
            make_table(**settings, output=Path(output))
