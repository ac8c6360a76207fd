"""Gather single units of an experiment into a tidy table: one row per network, sweep, measure and unit."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from equivariance.analysis.tables import unit_table, write_table


def tabulate_units(measurements: Sequence[Mapping[str, Any]], output: Path) -> None:
    """Write the units of `measurements`, which `unit_table` describes."""
    write_table([unit_table(measurement) for measurement in measurements], output)


if "snakemake" in globals():
    from job import job

    with job(snakemake.log[0]):
        tabulate_units(measurements=snakemake.params.measurements, output=Path(snakemake.output[0]))
