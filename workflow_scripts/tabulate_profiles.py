"""Gather the measures of an experiment into a tidy table: one row per network, sweep, measure and layer."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from equivariance.analysis.tables import profile_table, write_table


def tabulate_profiles(
    measurements: Sequence[Mapping[str, Any]], classes: bool, floors: bool, output: Path
) -> None:
    """Write the layer profiles of `measurements`; `profile_table` describes them, `classes` and `floors`."""
    write_table([profile_table(measurement, classes, floors) for measurement in measurements], output)


if "snakemake" in globals():
    from job import job

    with job(snakemake.log[0]):
        tabulate_profiles(
            measurements=snakemake.params.measurements,
            classes=snakemake.params.classes,
            floors=snakemake.params.floors,
            output=Path(snakemake.output[0]),
        )
