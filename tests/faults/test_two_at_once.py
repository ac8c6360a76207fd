"""Two Snakemakes in one folder: the second says that the first is at work, or both do their own part."""

import shutil

import pytest

from tests.faults.kills import Run, until_done
from tests.faults.small_run import results
from tests.workflow.tiny_workflow import Workflow

pytestmark = pytest.mark.xdist_group("workflow")  # the worker that has the finished run

TABLES = ("max_pooling", "train_models")


def different(finished: Workflow, copy: Workflow) -> list[str]:
    """Files that are not those of the finished run."""
    wanted, got = results(finished), results(copy)
    return sorted(file for file in {*wanted, *got} if wanted.get(file) != got.get(file))


def test_the_second_that_wants_the_same_stops_and_the_first_goes_on(
    finished: Workflow, copy: Workflow
) -> None:
    shutil.rmtree(copy.results / "tables")
    target = f"results/tiny/tables/{TABLES[0]}.csv"
    first = Run(copy, target)
    assert first.wait_for("make_tables")
    status, printed = Run(copy, target).end()
    assert status == 1
    assert "LockException" in printed or "IncompleteFilesException" in printed, printed
    status, printed = first.end()
    assert status == 0, printed
    wanted = finished.results / "tables" / f"{TABLES[0]}.csv"
    assert (copy.folder / target).read_bytes() == wanted.read_bytes()


def test_two_that_start_together_give_the_right_bytes(finished: Workflow, copy: Workflow) -> None:
    shutil.rmtree(copy.results / "tables")
    targets = [f"results/tiny/tables/{name}.csv" for name in TABLES]
    both = [Run(copy, *targets), Run(copy, *targets)]
    ends = [run.end() for run in both]
    assert 0 in [status for status, _ in ends], ends
    until_done(copy)
    assert different(finished, copy) == []


def test_two_that_want_different_files_both_work(finished: Workflow, copy: Workflow) -> None:
    shutil.rmtree(copy.results / "tables")
    for run in [Run(copy, f"results/tiny/tables/{name}.csv") for name in TABLES]:
        status, printed = run.end()
        assert status == 0, printed
    until_done(copy)
    assert different(finished, copy) == []
