"""The cost of Snakemake itself: time and memory to plan a run of many jobs, and to see that it is done.

The thesis is cut into more and more jobs: as it is, and each network and sweep in a job of its own, with its
seeds and up to three times as many. A run is finished by a line of text in the place of each result, which
`--touch` then records as made: rules, parameters and digests are the real ones, and nothing is computed.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
import psutil
from tqdm import tqdm

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("Snakefile", "rules", "workflow_scripts", "config", "envs", "profiles", "paper", "requirements.lock")
RUNS = {  # overrides of the thesis, by what they are
    "as it is": "{}",
    "each its job": "jobs: {minutes: 0}",
    "each its job, twice the seeds": "{jobs: {minutes: 0}, seeds: {few: 10, many: 20}}",
    "each its job, three times the seeds": "{jobs: {minutes: 0}, seeds: {few: 15, many: 30}}",
}
PLAN = ("--dry-run", "--quiet", "rules")
RECORD = ("--touch", "--quiet", "all")


def copy_of_the_workflow(folder: Path) -> None:
    """Copy the workflow."""
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / part, folder / part)


def snakemake(folder: Path, *arguments: str) -> tuple[str, dict[str, float]]:
    """Run Snakemake; what it prints, its seconds, those of the processor, and its largest memory in MB."""
    process = psutil.Popen(
        [sys.executable, "-m", "snakemake", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": "", "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    start = process.create_time()
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(printed[-2000:])
    ended = time.time()
    return printed, {
        "seconds": ended - start,
        "processor seconds": usage.ru_utime + usage.ru_stime,
        "memory in MB": usage.ru_maxrss / 1024,
    }


def write_placeholders(folder: Path, *options: str) -> None:
    """Write a line in the place of each result."""
    printed, _ = snakemake(folder, "--summary", *options)
    for line in printed.splitlines():
        path = folder / line.partition("\t")[0]
        if line.startswith("results/"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("a placeholder\n", encoding="utf-8")


def measure(folder: Path, name: str, finish: bool) -> list[dict[str, object]]:
    """Plan a run of the thesis twice, the first time counting FLOPs; with `finish`, make it, and see it."""
    shutil.rmtree(folder / "results", ignore_errors=True)
    shutil.rmtree(folder / ".snakemake", ignore_errors=True)
    (folder / "config" / "size.yaml").write_text(RUNS[name] + "\n", encoding="utf-8")
    options = ("--configfile", "config/size.yaml", "--cores", "2")
    rows: list[dict[str, object]] = []
    for step in ("first plan", "plan", *(("record as made", "see that it is done") if finish else ())):
        recorded = "record" in step
        if recorded:
            write_placeholders(folder, *options)
        printed, cost = snakemake(folder, *(RECORD if recorded else PLAN), *options)
        if "plan" in step:
            jobs = int(re.findall(r"^total +(\d+)", printed, re.MULTILINE)[0])
        elif "see" in step and "Nothing to be done" not in printed:
            raise RuntimeError(f"the run is not done: {printed[-2000:]}")
        rows.append({"run": name, "jobs": jobs, "step": step, **cost})
        tqdm.write(f"{name}, {jobs:,} jobs, {step}: {cost['seconds']:.1f} s, {cost['memory in MB']:,.0f} MB")
    return rows


def main() -> None:
    """Measure the sizes and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--csv", type=Path, help="also write the table there")
    parser.add_argument("--finish", nargs="*", default=[*RUNS], choices=RUNS, help="sizes to finish, too")
    arguments = parser.parse_args()
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy_of_the_workflow(folder)
        for run in tqdm(RUNS, unit="size"):
            rows += measure(folder, run, run in arguments.finish)
    table = pd.DataFrame(rows).round({"seconds": 1, "processor seconds": 1, "memory in MB": 0})
    print(table.to_string(index=False))
    if arguments.csv:
        table.to_csv(arguments.csv, index=False)


if __name__ == "__main__":
    main()
