"""Jobs run in the image that the configuration names, through `apptainer`: here one that notes its calls."""

import dataclasses
import json
import sys
from pathlib import Path

import pytest

from tests.workflow.tiny_workflow import Workflow, copy_workflow

TARGET = (
    "results/data/digits.json"  # by one job, whose script imports from the job's folder and from the package
)
APPTAINER = """#!{python}
import json, os, sys
if sys.argv[1] == "--version":
    sys.exit(print("apptainer version 1.4.5"))
with open({calls!r}, "a") as file:
    print(json.dumps(sys.argv[1:]), file=file)
mounted = [after.split(":")[0] for word, after in zip(sys.argv, sys.argv[1:]) if word == "--bind"]
os.environ["PYTHONPATH"] = os.pathsep.join(mounted)
os.execvp(sys.argv[-3], sys.argv[-3:])
"""


@pytest.fixture
def workflow(tmp_path: Path) -> Workflow:
    """A workflow beside an image, and an `apptainer` that runs commands as they are."""
    made = copy_workflow(tmp_path / "workflow")
    (made.folder / "image.sif").touch()
    programs = tmp_path / "programs"
    programs.mkdir()
    text = APPTAINER.format(python=sys.executable, calls=str(tmp_path / "calls"))
    (programs / "apptainer").write_text(text, encoding="utf-8")
    (programs / "apptainer").chmod(0o755)
    return dataclasses.replace(made, programs=(programs,))


def calls(workflow: Workflow) -> list[list[str]]:
    file = workflow.folder.parent / "calls"
    return (
        [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []
    )


def test_jobs_run_in_the_image_and_conda_is_left_out(workflow: Workflow) -> None:
    done = workflow.snakemake(TARGET, "--sdm", "apptainer", "--config", "container=image.sif")
    assert done.returncode == 0, done.stdout
    [call] = calls(workflow)
    assert call[0] == "exec" and "image.sif" in call
    assert "activate" not in call[-1]
    # The same without the image: where a job runs is no reason to run it again.
    assert workflow.planned(TARGET) == {}


def test_an_image_is_used_where_it_is_asked_for_only(workflow: Workflow) -> None:
    done = workflow.snakemake(TARGET, "--config", "container=image.sif")
    assert done.returncode == 0, done.stdout
    assert calls(workflow) == []


@pytest.mark.parametrize(
    ("named", "said"),
    [((), "--sdm apptainer needs an image"), (("--config", "container=no.sif"), "there is no image no.sif")],
)
def test_no_job_runs_outside_an_image_that_is_asked_for(
    workflow: Workflow, named: tuple[str, ...], said: str
) -> None:
    done = workflow.snakemake(TARGET, "--sdm", "apptainer", *named)
    assert done.returncode == 1
    assert said in done.stdout and "Traceback" not in done.stdout
    assert not (workflow.folder / TARGET).exists()
