"""Gather the measures of an experiment into a tidy table: one row per network, sweep, measure and layer."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from equivariance.analysis.tables import profile_rows, write_table


def tabulate_profiles(
    measurements: Sequence[Mapping[str, Any]], measures: Sequence[str], output: Path
) -> None:
    """Write the layer profiles of `measures`.

    Each of `measurements` has dataset, model, trained_with, seed, savepoint, measured_on and measured_with,
    its `file`, and the file `description` of its network.
    """
    write_table([row for measurement in measurements for row in profile_rows(measurement, measures)], output)


if "snakemake" in globals():
    from job import job

    with job(snakemake.log[0]):
        tabulate_profiles(
            measurements=snakemake.params.measurements,
            measures=snakemake.params.measures,
            output=Path(snakemake.output[0]),
        )
