"""What a SLURM cluster has, asked before jobs are submitted to it."""

import subprocess
from collections.abc import Iterable

from equivariance.errors import UserError

TIMEOUT = 30
"""Seconds to wait for an answer of the cluster."""


def check_gpus(partitions: Iterable[str | None]) -> None:
    """Raise UserError where no node of a partition has a GPU; None is the default partition.

    SLURM would refuse each job alone, as "Invalid generic resource (gres) specification". Where `sinfo` gives
    no answer, submitting will say why.
    """
    for partition in partitions:
        chosen = ["--partition", partition] if partition else []
        try:
            told = subprocess.run(
                ["sinfo", "--noheader", "--format=%P %G", *chosen],
                capture_output=True,
                text=True,
                timeout=TIMEOUT,
                check=True,
            ).stdout
        except (OSError, subprocess.SubprocessError):
            return
        if not has_gpus(told, default=not partition):
            where = f"of the partition {partition}" if partition else "of the default partition"
            raise UserError(
                f"jobs ask for a GPU, and no node {where} has one: name another as slurm_partition in "
                "profiles/slurm/config.yaml, or take the line `config: ...` there into use; a --config of "
                "the command line takes the place of that line: add 'jobs={gpus: 0, gflops: 50}' to it"
            )


def has_gpus(told: str, default: bool) -> bool:
    """Whether some node has a GPU, by lines of `sinfo`: a partition and what its nodes have.

    The default partition has a star behind its name; with `default` only its lines count, if there is one.
    """
    lines = [line.split() for line in told.splitlines() if line.strip()]
    starred = [line for line in lines if line[0].endswith("*")]
    return any("gpu" in has for _, has in (starred if default and starred else lines))
