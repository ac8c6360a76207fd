"""Gather the measures of whole networks into a tidy table: one row per network, sweep and measure."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from equivariance.analysis.tables import network_table, write_table


def tabulate_networks(measurements: Sequence[Mapping[str, Any]], output: Path) -> None:
    """Write the values of the networks of `measurements`, which `profile_table` describes."""
    write_table([network_table(measurement) for measurement in measurements], output)


if "snakemake" in globals():
    from job import job

    with job(snakemake.log[0]):
        tabulate_networks(measurements=snakemake.params.measurements, output=Path(snakemake.output[0]))
