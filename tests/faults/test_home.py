"""A home folder that cannot be written, as in containers and on nodes of clusters, is not needed."""

import shutil

import pytest

from tests.faults.small_run import NETWORK, different
from tests.workflow.tiny_workflow import Workflow


def test_a_run_goes_on_where_home_cannot_be_written(
    finished: Workflow, copy: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/proc")  # where nobody can make a folder
    for folder in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "MPLCONFIGDIR"):
        monkeypatch.delenv(folder, raising=False)
    for made in (NETWORK, "results/store", "results/tiny/images"):
        shutil.rmtree(copy.folder / made)
    done = copy.snakemake()
    assert done.returncode == 0, done.stdout
    assert "Traceback" not in done.stdout
    assert different(finished, copy) == []
