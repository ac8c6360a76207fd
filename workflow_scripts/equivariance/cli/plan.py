"""What a run would do, and how long that would take: before anything is run."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pandas as pd
import torch

from equivariance.cli.arguments import PlanArguments
from equivariance.cli.texts import aligned
from equivariance.datasets.sizes import size_of
from equivariance.devices import choose_device, prepare_process
from equivariance.errors import UserError
from equivariance.workflow.config import Config
from equivariance.workflow.estimate import (
    A100_PEAKS,
    A100_SHARES,
    COUNTS,
    KINDS,
    SWEEP_FACTORS,
    Sizes,
    experiment_flops,
    image_flops,
    run_costs,
    run_flops,
)
from equivariance.workflow.loading import SECTIONS, load_config
from equivariance.workflow.plan import Plan
from equivariance.workflow.timing import time_networks
from equivariance.workflow.yaml_files import read_yaml

CONFIG = Path("config")
PREPARED = Path("results/data")
JOB_SECONDS = 5.0  # that a job takes to start: Snakemake reads the workflow again, and Python imports torch
HOUR = 3600.0

FACTORS = ", ".join(f"{factor:g} for {name.replace('_', '-')}" for name, factor in SWEEP_FACTORS.items())
COUNTED = """\
Counted: FLOPs of training with its backward passes, of evaluation, and of the forward passes of measurements.
Hours are those of a few steps and passes of each kind of network, measured here; elsewhere FLOPs, with the
multiples below, divided by FLOP/s. Trainings that are repeated below a threshold are not included.\
"""
ASSUMED = (
    f"A sweep takes a multiple of its forward passes, which its measurements share: {FACTORS}.",
    f"Each job takes {JOB_SECONDS:g} s to start.",
)
NEEDS = """\
needs: what the experiment costs if it is run alone. Experiments share networks and measurements.
only this needs: what no other experiment needs; leaving this experiment out saves it.\
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
    raw = read_yaml(*files, *arguments.config)
    if arguments.only is not None:
        raw["only"] = arguments.only
    config = load_config(raw, CONFIG / "schemas")
    plan = Plan(config)
    sizes = cache(lambda name: size_of(name, config.dataset_source(name), PREPARED))
    with _snakemake(arguments) as listing:  # at the same time as what follows
        try:
            prepare_process(threads=1)  # as jobs do
            flops = run_flops(plan, sizes)
            listed = (
                _by_model(flops)
                if arguments.by == "model"
                else _by_experiment(experiment_flops(plan, sizes), flops)
            )
            printed, _ = listing.communicate()
        finally:
            listing.terminate()
    if listing.returncode:
        raise UserError(f"Snakemake cannot plan this run: {printed.strip()[-1000:]}")
    jobs = count_jobs(printed)
    starting = sum(jobs.values()) * JOB_SECONDS / arguments.cores
    machines, assumed = _machines(arguments, config, plan, sizes)
    return "\n\n".join(
        [
            _run(config),
            _jobs(jobs, flops),
            listed,
            _hours(machines, starting),
            COUNTED,
            "\n  - ".join(["Assumed, not measured here:", *ASSUMED, *assumed]),
        ]
    )


def count_jobs(graph: str) -> dict[str, int]:
    """Count the jobs of each rule in the graph that `snakemake --dag` prints, the largest number first.

    Rules of batches, `train_networks_0`, `train_networks_1` and so on, count as one.
    """
    rules = re.findall(r'^\s*\d+\[label = "(\w+?)(?:_\d+)?[\\"]', graph, flags=re.MULTILINE)
    return dict(Counter(rules).most_common())


def _run(config: Config) -> str:
    """The name of a run, the experiments that it has only, and those that its settings leave out."""
    only = "" if config.only is None else f", only {', '.join(config.only)}"
    left_out = [f"Left out: {title}; {reason}." for title, reason in config.left_out.items()]
    return "\n".join([f"Run `{config.run}`{only}. Finished jobs are included.", *left_out])


def _snakemake(arguments: PlanArguments) -> "subprocess.Popen[str]":
    """Start Snakemake on the graph of all jobs, done or not; a dry run, with its table, takes longer."""
    command = [sys.executable, "-m", "snakemake", "--forceall", "--dag", "--cores", "1"]
    if arguments.config:
        command += ["--configfile", *map(str, arguments.config)]
    if arguments.only is not None:
        command += ["--config", f"only={json.dumps(arguments.only)}"]
    return subprocess.Popen(
        command,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _machines(
    arguments: PlanArguments, config: Config, plan: Plan, sizes: Sizes
) -> tuple[dict[str, "pd.Series[float]"], list[str]]:
    """Seconds of each kind of work on what a run could run on, by what that is, and what is assumed of them:
    a line each."""
    total = run_costs(plan, sizes, image_flops)[list(KINDS)].sum()
    given = arguments.flops_per_second
    if given is not None:
        return {f"{given / 1e9:.4g} GFLOP/s, as given": total / given}, []
    device = choose_device("cpu" if config.device == "cpu" else "auto")  # cuda may be elsewhere
    speeds = time_networks(plan, sizes, device)
    seconds = run_costs(plan, sizes, speeds.seconds)[list(KINDS)].sum()
    assumed = []
    if speeds.measured < speeds.kinds:
        assumed.append(
            f"{speeds.kinds - speeds.measured} of {speeds.kinds} kinds of networks, for which there was no "
            "time, have the speed of the measured one whose FLOPs are most like theirs."
        )
    if device.type == "cuda":
        return {f"this GPU ({torch.cuda.get_device_name(device)}), measured": seconds}, assumed
    cores = "one core" if arguments.cores == 1 else f"{arguments.cores} cores"
    machines = {f"{cores} of this machine, measured": seconds / arguments.cores}
    if arguments.cores > 1:
        assumed.append(f"{cores} are {arguments.cores} times as fast as the one that was measured.")
    if config.jobs.gpus and config.device != "cpu":
        precision = "TF32" if config.training["precision"] == "float32" else "bfloat16"
        for share in A100_SHARES:
            speed = share * A100_PEAKS[precision]
            machines[f"one GPU, {speed / 1e12:.3g} TFLOP/s, assumed"] = total / speed
        low, high = A100_SHARES
        assumed.append(
            f"A GPU, as there is none here, runs at {low:.0%} (small networks) to {high:.0%} (large ones) "
            f"of an A100's {precision} peak of {A100_PEAKS[precision] / 1e12:g} TFLOP/s."
        )
    return machines, assumed


def _jobs(jobs: Mapping[str, int], flops: pd.DataFrame) -> str:
    """A row per rule, with the networks or measurements that its jobs make, and the total."""
    made = {
        "train_networks": f"{flops['networks'].sum()} networks",
        "retrain_networks": f"{flops['retrained'].sum()} networks",
        "measure_networks": f"{flops['measurements'].sum()} measurements",
    }
    rows = [[rule, str(count), made.get(rule, "")] for rule, count in jobs.items()]
    return aligned(["rule", "jobs", "make"], [*rows, ["total", str(sum(jobs.values())), ""]], left={0, 2})


def _by_model(flops: pd.DataFrame) -> str:
    """A row per model, and the total; FLOPs in units of a trillion."""
    total = flops.sum().rename("total").to_frame().T
    rows = []
    for model, row in pd.concat([flops, total]).iterrows():
        counts = [str(int(row[name])) for name in COUNTS]
        sums = [_number(row[kind] / 1e12) for kind in KINDS]
        share = row[list(KINDS)].sum() / max(flops[list(KINDS)].to_numpy().sum(), 1)
        rows.append([str(model), *counts, *sums, f"{share:.1%}"])
    head = ["model", *COUNTS, *(f"{kind}, TFLOP" for kind in KINDS), "share"]
    return aligned(head, rows, left={0})


def _by_experiment(experiments: pd.DataFrame, flops: pd.DataFrame) -> str:
    """A row per experiment, and the total of the run, in which what is shared counts once."""
    whole = flops[list(KINDS)].to_numpy().sum()

    def share(part: float) -> str:
        return f"{part / max(whole, 1):.1%}"

    total = pd.Series({**flops[COUNTS].sum(), "flops": whole, "own": experiments["own"].sum()}, name="total")
    rows = []
    for name, row in pd.concat([experiments, total.to_frame().T]).iterrows():
        counts = [str(int(row[count])) for count in COUNTS]
        sums = [
            _number(row["flops"] / 1e12),
            share(row["flops"]),
            _number(row["own"] / 1e12),
            share(row["own"]),
        ]
        rows.append([str(name), *counts, *sums])
    head = ["experiment", *COUNTS, "needs, TFLOP", "share", "only this needs, TFLOP", "share"]
    return f"{aligned(head, rows, left={0})}\n\n{NEEDS}"


def _hours(machines: Mapping[str, "pd.Series[float]"], starting: float) -> str:
    """The hours of each kind of work on each machine, `starting` seconds for the starts of jobs added."""
    rows = []
    for name, seconds in machines.items():
        hours = [float(seconds[kind]) / HOUR for kind in KINDS] + [starting / HOUR]
        rows.append([*(_number(value) for value in [*hours, sum(hours)]), name])
    return aligned([*KINDS, "starting jobs", "hours", "on"], rows, left={5})


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
