"""`python -m equivariance plan` on the tiny workflow."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.workflow.tiny_workflow import Workflow, copy_workflow


def plan(workflow: Workflow, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "equivariance", "plan", "--config", "config/tiny.yaml", *arguments],
        cwd=workflow.folder,
        env={**os.environ, "PYTHONPATH": str(workflow.folder / "workflow_scripts"), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )


def test_it_tells_each_rule_and_runs_nothing(tmp_path: Path) -> None:
    workflow = copy_workflow(tmp_path / "planned")
    done = plan(workflow, "--cores", "2", "--flops-per-second", "1e9")
    assert done.returncode == 0, done.stderr
    told = {
        rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)(?: |$)", done.stdout, re.MULTILINE)
    }
    planned = workflow.planned()
    assert {rule: told[rule] for rule in planned} == planned
    assert re.search(r"^train_networks +3 +3 networks$", done.stdout, re.MULTILINE)
    assert re.search(r"^simple_conv +2 +0 ", done.stdout, re.MULTILINE)
    assert "1 GFLOP/s, as given" in done.stdout
    assert not workflow.results.exists()


def test_a_mistake_is_one_line(tmp_path: Path) -> None:
    workflow = copy_workflow(tmp_path / "planned")
    workflow.edit("config/tiny.yaml", "few: 1", "few: 0")
    done = plan(workflow)
    assert (done.returncode, done.stdout) == (2, "")
    assert "seeds.few" in done.stderr and "Traceback" not in done.stderr


def test_a_part_is_planned_as_the_configuration_that_has_it(tmp_path: Path) -> None:
    workflow = copy_workflow(tmp_path / "planned")
    by_option = plan(workflow, "--only", "max_pooling", "--by", "experiment", "--flops-per-second", "1e9")
    assert by_option.returncode == 0, by_option.stderr
    workflow.edit("config/tiny.yaml", "run: tiny", "run: tiny\nonly: [max_pooling]")
    by_config = plan(workflow, "--by", "experiment", "--flops-per-second", "1e9")
    assert by_option.stdout == by_config.stdout
    assert "only max_pooling" in by_config.stdout
    assert re.search(r"^max_pooling .* 100\.0% .* 100\.0%$", by_config.stdout, re.MULTILINE)


def test_an_unknown_experiment_is_named_with_the_valid_ones(tmp_path: Path) -> None:
    done = plan(copy_workflow(tmp_path / "planned"), "--only", "max_poolin")
    assert (done.returncode, done.stdout) == (2, "")
    assert "only: unknown experiment 'max_poolin'; valid: max_pooling," in done.stderr
    assert "Traceback" not in done.stderr
