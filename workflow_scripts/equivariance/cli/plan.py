"""What a run would do, and how long that would take: before anything is run."""

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import pandas as pd
import torch

from equivariance.cli.arguments import PlanArguments
from equivariance.cli.texts import aligned
from equivariance.datasets.sizes import size_of
from equivariance.errors import UserError
from equivariance.workflow.estimate import A100_SHARE, A100_SPEED, KINDS, SWEEP_FACTORS, core_speed, run_flops
from equivariance.workflow.loading import SECTIONS, load_config, read_yaml
from equivariance.workflow.plan import Plan

CONFIG = Path("config")
PREPARED = Path("results/data")
JOB_SECONDS = 5.0  # that a job takes to start: Snakemake reads the workflow again, and Python imports torch
HOUR = 3600.0

FACTORS = ", ".join(f"{factor:g} for {name.replace('_', '-')}" for name, factor in SWEEP_FACTORS.items())
ESTIMATE = f"""\
An estimate from FLOP counts: training with its backward passes, evaluation, and sweeps.
Sweep time as a multiple of its forward passes: {FACTORS}.
Each job takes {JOB_SECONDS:g} s to start. Trainings that are repeated below a threshold are not included.\
"""


def plan_run(arguments: PlanArguments) -> str:
    """List the jobs, the FLOPs and the estimated hours of a run, from the folder of the Snakefile.

    Raises UserError where there is none, for mistakes in the configuration, and where Snakemake finds no
    plan.
    """
    files = [CONFIG / f"{name}.yaml" for name in ("config", *SECTIONS)]
    for file in (Path("Snakefile"), *files, *arguments.config):
        if not file.is_file():
            raise UserError(f"{file} not found; run `plan` beside the Snakefile")
    config = load_config(read_yaml(*files, *arguments.config), CONFIG / "schemas")
    plan = Plan(config)
    sizes = cache(lambda name: size_of(name, config.dataset_source(name), PREPARED))
    with _snakemake(arguments.config) as listing:  # at the same time as what follows
        try:
            torch.set_num_threads(1)
            flops = run_flops(plan, sizes)
            printed, _ = listing.communicate()
        finally:
            listing.terminate()
    if listing.returncode:
        raise UserError(f"Snakemake cannot plan this run: {printed.strip()[-1000:]}")
    jobs = count_jobs(printed)
    starting = sum(jobs.values()) * JOB_SECONDS / arguments.cores
    return "\n\n".join(
        [
            f"Run `{config.run}`. Finished jobs are included.",
            _jobs(jobs, flops),
            _flops(flops),
            _hours(flops, _speeds(arguments, gpu=config.jobs.gpus > 0), starting),
            ESTIMATE,
        ]
    )


def count_jobs(graph: str) -> dict[str, int]:
    """Count the jobs of each rule in the graph that `snakemake --dag` prints, the largest number first.

    Rules of batches, `train_networks_0`, `train_networks_1` and so on, count as one.
    """
    rules = re.findall(r'^\s*\d+\[label = "(\w+?)(?:_\d+)?[\\"]', graph, flags=re.MULTILINE)
    return dict(Counter(rules).most_common())


def _snakemake(config: Sequence[Path]) -> "subprocess.Popen[str]":
    """Start Snakemake on the graph of all jobs, done or not; a dry run, with its table, takes longer."""
    command = [sys.executable, "-m", "snakemake", "--forceall", "--dag", "--cores", "1"]
    if config:
        command += ["--configfile", *map(str, config)]
    return subprocess.Popen(
        command,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _speeds(arguments: PlanArguments, gpu: bool) -> dict[str, float]:
    """FLOP/s of what a run could run on, by what that is."""
    given = arguments.flops_per_second
    if given is not None:
        return {f"{given / 1e9:.4g} GFLOP/s, as given": given}
    core = core_speed()
    cores = "one core" if arguments.cores == 1 else f"{arguments.cores} cores"
    speeds = {f"{cores} of this machine, {core / 1e9:.3g} GFLOP/s each, measured": core * arguments.cores}
    if gpu:
        assumed = (
            f"one GPU, {A100_SPEED / 1e12:.3g} TFLOP/s assumed: {A100_SHARE:.0%} of an A100's float32 peak"
        )
        speeds[assumed] = A100_SPEED
    return speeds


def _jobs(jobs: Mapping[str, int], flops: pd.DataFrame) -> str:
    """A row per rule, with the networks or measurements that its jobs make, and the total."""
    made = {
        "train_network": f"{flops['networks'].sum()} networks",
        "retrain_network": f"{flops['retrained'].sum()} networks",
        "measure_network": f"{flops['measurements'].sum()} measurements",
    }
    rows = [
        [rule, str(count), made.get(rule.replace("networks", "network"), "")] for rule, count in jobs.items()
    ]
    return aligned(["rule", "jobs", "make"], [*rows, ["total", str(sum(jobs.values())), ""]], left={0, 2})


def _flops(flops: pd.DataFrame) -> str:
    """A row per model, and the total; FLOPs in units of a trillion."""
    total = flops.sum().rename("total").to_frame().T
    rows = []
    for model, row in pd.concat([flops, total]).iterrows():
        counts = [str(int(row[name])) for name in ("networks", "retrained", "measurements")]
        sums = [_number(row[kind] / 1e12) for kind in KINDS]
        share = row[list(KINDS)].sum() / max(flops[list(KINDS)].to_numpy().sum(), 1)
        rows.append([str(model), *counts, *sums, f"{share:.1%}"])
    head = ["model", "networks", "retrained", "measurements", *(f"{kind}, TFLOP" for kind in KINDS), "share"]
    return aligned(head, rows, left={0})


def _hours(flops: pd.DataFrame, speeds: Mapping[str, float], starting: float) -> str:
    """The hours of each kind of work at each speed, `starting` seconds for the starts of jobs added."""
    rows = []
    for name, speed in speeds.items():
        hours = [float(flops[kind].sum()) / speed / HOUR for kind in KINDS] + [starting / HOUR]
        rows.append([*(_number(value) for value in [*hours, sum(hours)]), name])
    return aligned([*KINDS, "starting jobs", "hours", "on"], rows, left={5})


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
