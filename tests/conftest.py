"""A tiny run, made once; tests change copies of it and look at what would run."""

import shutil
from pathlib import Path

import pytest

from tests.workflow.tiny_workflow import Workflow, copy_workflow


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """A tiny run from nothing to the paper. Tests must leave it as it is; see `copy`."""
    workflow = copy_workflow(tmp_path_factory.mktemp("workflow") / "finished")
    done = workflow.snakemake()
    assert done.returncode == 0, done.stdout
    return workflow


@pytest.fixture
def copy(finished: Workflow, tmp_path: Path) -> Workflow:
    """A copy of the finished run, with its times and Snakemake's records, to change."""
    shutil.copytree(finished.folder, tmp_path / "copy", symlinks=True)
    return Workflow(tmp_path / "copy")
