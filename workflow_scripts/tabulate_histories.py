"""Gather the trainings of an experiment's networks into a tidy table: one row per network and epoch."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from equivariance.analysis.histories import history_table
from equivariance.analysis.tables import write_table


def tabulate_histories(rows: Sequence[Mapping[str, Any]], output: Path) -> None:
    """Write the trainings of the networks `rows`, which `history_table` describes."""
    write_table([history_table(row) for row in rows], output)


if "snakemake" in globals():
    from job import job

    with job(snakemake.log[0]):
        tabulate_histories(rows=snakemake.params.rows, output=Path(snakemake.output[0]))
