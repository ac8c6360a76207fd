"""Gather the accuracies of an experiment's networks into a tidy table."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from equivariance.analysis.tables import accuracy_table, write_table


def tabulate_accuracies(
    networks: Sequence[Mapping[str, Any]], tested_with: Sequence[str], output: Path
) -> None:
    """Write one row per network, savepoint and set it was tested with.

    Each of `networks` has dataset, model, trained_with, seed, its file `description` and the savepoints
    looked at.
    """
    write_table([accuracy_table(network, tested_with) for network in networks], output)


if "snakemake" in globals():
    from job import job

    with job(snakemake.log[0]):
        tabulate_accuracies(
            networks=snakemake.params.networks,
            tested_with=snakemake.params.tested_with,
            output=Path(snakemake.output[0]),
        )
