"""The workflow with `--use-conda`: each rule runs in its environment of `envs/`, with nothing of the host."""

import dataclasses
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from empty_environment import make_environment
from local_conda import make_conda
from tiny_workflow import ROOT, Workflow, copy_workflow

pytestmark = [
    pytest.mark.xdist_group("conda"),  # one worker makes the programs, once
    pytest.mark.skipif(
        sys.version_info[:2] != (3, 11),
        reason=f"the environments have Python 3.11, this is {sys.version.split()[0]}, and there is no other",
    ),
]

HOST = ("snakemake", "jsonschema", "numpy")  # all that Snakemake itself needs where work has been counted


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Folders of programs: a Snakemake that has no package of the rules beside it, and conda."""
    folder = tmp_path_factory.mktemp("conda")
    locked = ("--constraints", ROOT / "requirements.lock")
    python = make_environment(folder / "host", *locked, *HOST)
    for package in ("torch", "pandas"):
        assert subprocess.run([python, "-c", f"import {package}"], capture_output=True).returncode == 1
    return python.parent, make_conda(folder / "conda")


@pytest.fixture(autouse=True)
def _nothing_else_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONPATH", raising=False)


def test_rules_run_in_their_environments_and_give_the_same_bytes(
    programs: tuple[Path, Path], finished: Workflow, tmp_path: Path
) -> None:
    target = "results/tiny/figures/max_pooling.pdf"
    workflow = copy_workflow(tmp_path / "with_conda")
    # With torch beside it, Snakemake counts the work of jobs, into a file.
    assert workflow.planned(target)
    workflow = dataclasses.replace(workflow, programs=programs)
    done = workflow.snakemake(target, "--use-conda")
    assert done.returncode == 0, done.stdout
    used = re.findall(r"Activating conda environment: (\S+)", done.stdout)
    assert len(set(used)) == 2
    for environment in set(used):
        assert (workflow.folder / environment / "conda-meta").is_dir()
    made = [path.relative_to(workflow.results) for path in workflow.results.glob("models/**/*.safetensors")]
    assert len(made) >= 2
    for file in [*made, Path("tables/max_pooling.csv"), Path("figures/max_pooling.pdf")]:
        assert (workflow.results / file).read_bytes() == (finished.results / file).read_bytes(), file
    # Without --use-conda nothing runs again; in this Snakemake's environment nothing could.
    assert workflow.planned(target) == {}
    shutil.rmtree(workflow.folder)  # gigabytes, where they are no links to uv's cache


def test_switching_conda_on_reruns_nothing(programs: tuple[Path, Path], copy: Workflow) -> None:
    assert dataclasses.replace(copy, programs=programs).planned("--use-conda") == {}
