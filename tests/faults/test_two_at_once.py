"""Two Snakemakes in one folder: the second says that the first is at work, or both do their own part."""

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


def remove(copy: Workflow) -> list[str]:
    """Remove two tables; return their names as targets."""
    targets = [f"results/tiny/tables/{name}.csv" for name in TABLES]
    for target in targets:
        (copy.folder / target).unlink()
    return targets


def test_the_second_that_wants_the_same_stops_and_the_first_goes_on(
    finished: Workflow, copy: Workflow
) -> None:
    target, _ = remove(copy)
    first = Run(copy, target)
    job = first.wait_for("make_tables")
    assert job is not None
    job.suspend()
    try:
        status, printed = Run(copy, target).end()
    finally:
        job.resume()
    assert status == 1
    assert "LockException" in printed or "IncompleteFilesException" in printed, printed
    status, printed = first.end()
    assert status == 0, printed
    until_done(copy)
    assert (copy.folder / target).read_bytes() == (finished.folder / target).read_bytes()


def test_two_that_want_different_files_both_work(finished: Workflow, copy: Workflow) -> None:
    one, other = remove(copy)
    first = Run(copy, one)
    job = first.wait_for("make_tables")
    assert job is not None
    job.suspend()
    try:
        status, printed = Run(copy, other).end()
    finally:
        job.resume()
    assert status == 0, printed
    status, printed = first.end()
    assert status == 0, printed
    assert different(finished, copy) == []


def test_two_that_start_together_leave_the_right_bytes_after_one_more_run(
    finished: Workflow, copy: Workflow
) -> None:
    targets = remove(copy)
    for run in [Run(copy, *targets), Run(copy, *targets)]:
        run.end()  # either may find the files of the other's lock, or see them vanish
    until_done(copy, *targets)
    assert different(finished, copy) == []
