"""Gather the accuracies of an experiment's networks into a tidy table."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from equivariance.analysis.accuracies import accuracy_table, class_accuracy_table
from equivariance.analysis.tables import write_table


def tabulate_accuracies(rows: Sequence[Mapping[str, Any]], cells: bool, output: Path) -> None:
    """Write one row per network, savepoint and set it was tested with; with `cells` one per class and
    member of the set, too.

    `accuracy_table` and `class_accuracy_table` describe `rows`. Cells have an angle where all sets have.
    """
    tables = [(class_accuracy_table if cells else accuracy_table)(row) for row in rows]
    if not all("angle" in table for table in tables):
        tables = [table.drop(columns="angle", errors="ignore") for table in tables]
    write_table(tables, output)


if "snakemake" in globals():
    from job import job

    with job(snakemake.log[0]):
        tabulate_accuracies(
            rows=snakemake.params.rows, cells=snakemake.params.cells, output=Path(snakemake.output[0])
        )
