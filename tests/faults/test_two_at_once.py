"""Two Snakemakes in one folder: the second says that the first is at work, or both do their own part."""

from tests.faults.kills import Run, until_done
from tests.faults.small_run import different
from tests.workflow.tiny_workflow import Workflow

TABLES = ("max_pooling", "train_models")


def remove(copy: Workflow) -> list[str]:
    """Remove two tables; return their names as targets."""
    targets = [f"results/tiny/tables/{name}.csv" for name in TABLES]
    for target in targets:
        (copy.folder / target).unlink()
    return targets


def beside(copy: Workflow, first: str, second: str) -> tuple[int, str]:
    """Make the second target while a job of the first is held: its status and output. The first then ends."""
    run = Run(copy, first)
    job = run.wait_for("make_tables")
    assert job is not None
    job.suspend()
    try:
        status, printed = Run(copy, second).end()
    finally:
        job.resume()
    first_status, first_printed = run.end()
    assert first_status == 0, first_printed
    return status, printed


def test_the_second_that_wants_the_same_stops_and_the_first_goes_on(
    finished: Workflow, copy: Workflow
) -> None:
    target, _ = remove(copy)
    status, printed = beside(copy, target, target)
    assert status == 1
    assert "LockException" in printed or "IncompleteFilesException" in printed, printed
    until_done(copy)
    assert (copy.folder / target).read_bytes() == (finished.folder / target).read_bytes()


def test_two_that_want_different_files_both_work(finished: Workflow, copy: Workflow) -> None:
    status, printed = beside(copy, *remove(copy))
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
