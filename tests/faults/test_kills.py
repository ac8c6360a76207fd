"""Processes killed at random moments lose nothing; `python -m tests.faults.kills` kills more often."""

import os
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from tests.faults.kills import SECONDS, Run, ended, killed, until_done
from tests.faults.small_run import NETWORK, leftovers
from tests.workflow.tiny_workflow import ROOT, Workflow


@pytest.mark.parametrize("name", ["training", "measuring", "drawing", "a short run"])
def test_after_kills_all_bytes_are_those_of_an_undisturbed_run(copy: Workflow, name: str) -> None:
    report = killed(copy, name, times=3)
    print(report)
    assert len(report.moments) == 3
    assert not report.different


def test_a_job_that_lives_on_and_ends_after_the_next_run_changes_nothing(copy: Workflow) -> None:
    copy.edit("config/tiny.yaml", "max_epochs: 3", "max_epochs: 17")
    target = f"{NETWORK}/model.json"
    run = Run(copy, target)
    job = run.wait_for("train_networks")
    assert job is not None
    deadline = time.monotonic() + SECONDS
    while not [*(copy.results / "checkpoints").glob("[!.]*.pt")]:
        assert time.monotonic() < deadline, "no checkpoint appeared"
        time.sleep(0.005)
    job.suspend()  # in the middle of its training
    run.process.send_signal(signal.SIGKILL)
    run.end()
    try:
        assert not ended(job) and not (copy.folder / target).exists()
        until_done(copy, target)
        made = {
            file: (copy.folder / NETWORK / file).read_bytes()
            for file in ("weights.safetensors", "history.csv")
        }
    finally:
        job.resume()
    psutil.wait_procs([job], timeout=SECONDS)
    assert {file: (copy.folder / NETWORK / file).read_bytes() for file in made} == made
    assert not leftovers(copy)
    assert not [*(copy.results / "checkpoints").iterdir()]
    until_done(copy, target)


def test_what_killed_jobs_left_unfinished_is_pruned_when_it_is_old(tmp_path: Path) -> None:
    results = tmp_path / "results"
    old = [
        results / "checkpoints" / f".a.{'0' * 32}.pt",
        results / "models" / f".seed0.{'f' * 32}" / "model.json",
    ]
    others = [results / "checkpoints" / f".b.{'1' * 32}.pt", results / "store" / "abc" / "sha256.json"]
    others += [results / "models" / "seed0" / "model.json", results / ".keep"]
    for file in [*old, *others]:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    for path in [*old, old[1].parent, *others[1:]]:
        os.utime(path, (0, 0))
    (results / "store" / "abc" / "weights.safetensors").hardlink_to(
        results / "models" / "seed0" / "model.json"
    )
    subprocess.run(["make", "-f", ROOT / "Makefile", "prune"], cwd=tmp_path, check=True, capture_output=True)
    assert not [file for file in old if file.exists()] and not old[1].parent.exists()
    assert all(file.exists() for file in others)
