"""Kill jobs, and Snakemake itself, at random moments; run the same command again; compare every byte.

    python -m tests.faults.kills --times 20

A job is killed by the id of its process, after a random part of the time that it takes undisturbed. A kill
that came too late, when the process had ended, does not count and is tried again. Where Snakemake was killed,
its jobs live on; a third of the times they are stopped, a third of the times they are waited for, and a third
of the times the command is run again at once, so that they write beside it.
"""

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.faults.small_run import FIGURE, MEASUREMENT, NETWORK, leftovers, results, small_run
from tests.workflow.tiny_workflow import Workflow

SECONDS = 1800  # the longest wait for anything
SNAKEMAKE = "snakemake"


@dataclass(frozen=True)
class Kind:
    """What is killed: the job of a script, or Snakemake; `removed` is made again by the command."""

    script: str
    targets: tuple[str, ...]
    removed: tuple[str, ...]


KINDS = {  # "a short run" is there for the tests: data, networks and a measurement
    "training": Kind("train_networks", (f"{NETWORK}/model.json",), ("tiny/models", "store")),
    "measuring": Kind("measure_networks", (MEASUREMENT,), ("tiny/measures", "store")),
    "drawing": Kind("plot_figures", (FIGURE,), ("tiny/figures",)),
    "a run": Kind(SNAKEMAKE, (), ("tiny", "data", "store")),
    "a short run": Kind(SNAKEMAKE, (MEASUREMENT,), ("tiny/models", "tiny/measures", "data", "store")),
}


@dataclass
class Report:
    """What came of the kills of a kind."""

    moments: list[float] = field(default_factory=list)
    """Parts of the undisturbed time after which they came."""
    late: int = 0
    """Kills that came after the end; they do not count."""
    left: Counter[str] = field(default_factory=Counter)
    """How many kills left unfinished files, locks, jobs that lived on."""
    different: list[str] = field(default_factory=list)
    """Files that differ from those of the undisturbed run."""

    def __str__(self) -> str:
        moments = ", ".join(f"{moment:.2f}" for moment in sorted(self.moments))
        left = ", ".join(f"{what} {count} times" for what, count in sorted(self.left.items()))
        return (
            f"killed {len(self.moments)} times, and {self.late} times too late"
            f"\n  after these parts of the time: {moments}\n  left behind: {left or 'nothing'}"
            f"\n  files that differ: {', '.join(self.different) or 'none'}"
        )


class Run:
    """A start of Snakemake, whose output goes to a file: jobs that live on would keep a pipe open."""

    def __init__(self, workflow: Workflow, *arguments: str) -> None:
        self._output = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115
        self.process = workflow.start(*arguments, printed=self._output)

    def processes(self, script: str) -> list[psutil.Process]:
        """The processes that run a script, or Snakemake itself."""
        with suppress(psutil.NoSuchProcess):
            root = psutil.Process(self.process.pid)
            return [root] if script == SNAKEMAKE else [*filter(_runs(script), root.children(recursive=True))]
        return []

    def wait_for(self, script: str) -> psutil.Process | None:
        """The process of a script as soon as it is there; None where Snakemake ended before."""
        for _ in _patiently():
            if found := self.processes(script):
                return found[0]
            if self.process.poll() is not None:
                return None
        return None

    def end(self) -> tuple[int, str]:
        """Wait for the end; return the exit status and what was printed."""
        status = self.process.wait(SECONDS)
        self._output.seek(0)
        return status, self._output.read()


def _runs(script: str) -> Callable[[psutil.Process], bool]:
    def is_of(process: psutil.Process) -> bool:
        with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            words = process.cmdline()
            return bool(words) and "python" in words[0] and any(f".{script}.py" in word for word in words[1:])
        return False

    return is_of


def _patiently() -> Iterator[None]:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        yield
        time.sleep(0.005)
    raise TimeoutError(f"nothing happened for {SECONDS} s")


def ended(process: psutil.Process) -> bool:
    """Whether a process has ended; one that nobody has waited for yet has, too."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def seconds_of(workflow: Workflow, kind: Kind) -> float:
    """How long the process lives that is to be killed, undisturbed."""
    run = Run(workflow, *kind.targets)
    process = run.wait_for(kind.script)
    started = time.monotonic()
    assert process is not None, run.end()[1]
    for _ in _patiently():
        if ended(process) or run.process.poll() is not None:
            break
    seconds = time.monotonic() - started
    status, printed = run.end()
    assert status == 0, printed
    return seconds


def until_done(workflow: Workflow, *targets: str) -> None:
    """What a user does after a kill: the same command again, and --unlock before if Snakemake asks for it."""
    status, printed = Run(workflow, *targets).end()
    if status and "--unlock" in printed:
        status, unlocked = Run(workflow, "--unlock").end()
        assert status == 0, unlocked
        status, printed = Run(workflow, *targets).end()
    assert status == 0, printed


def remove(workflow: Workflow, kind: Kind) -> None:
    """Remove what a command of this kind makes."""
    for name in kind.removed:
        shutil.rmtree(workflow.folder / "results" / name, ignore_errors=True)


def kill(workflow: Workflow, kind: Kind, moment: float, seconds: float, report: Report) -> bool:
    """Kill after a part of the time; say whether the process was still alive then."""
    run = Run(workflow, *kind.targets)
    process = run.wait_for(kind.script)
    assert process is not None, run.end()[1]
    time.sleep(moment * seconds)
    orphans = process.children(recursive=True) if kind.script == SNAKEMAKE and not ended(process) else []
    if ended(process):
        run.end()
        return False
    process.kill()
    status, printed = run.end()
    if status == 0:
        return False
    assert kind.script == SNAKEMAKE or "SIGKILL" in printed, printed
    report.moments.append(moment)
    left = leftovers(workflow)
    report.left["locks"] += any("locks" in file for file in left)
    report.left["unfinished files"] += any("locks" not in file for file in left)
    report.left["jobs"] += any(not ended(orphan) for orphan in orphans)
    report.left += Counter()  # without what there is none of
    _after(orphans, len(report.moments) % 3)
    return True


def _after(orphans: list[psutil.Process], choice: int) -> None:
    """Stop the jobs that a killed Snakemake leaves, wait for them, or let them be."""
    if choice == 1:
        for orphan in orphans:
            with suppress(psutil.NoSuchProcess):
                orphan.kill()
    if choice in (1, 2):
        psutil.wait_procs(orphans, timeout=SECONDS)


def killed(workflow: Workflow, name: str, times: int, seed: int = 0) -> Report:
    """Kill so many times in a finished run; compare what the command makes with what was there before."""
    kind, report, draw = KINDS[name], Report(), random.Random(f"{name} {seed}")
    wanted = results(workflow)
    remove(workflow, kind)
    seconds = seconds_of(workflow, kind)
    while len(report.moments) < times and report.late < 10 * times:
        remove(workflow, kind)
        if not kill(workflow, kind, draw.random(), seconds, report):
            report.late += 1
            continue
        until_done(workflow, *kind.targets)
        got = results(workflow)
        of_kind = {file for file in wanted if any(file.startswith(f"{one}/") for one in kind.removed)}
        made = of_kind & {*got} if kind.targets else of_kind
        differ = sorted(file for file in made if got.get(file) != wanted[file])
        report.different += differ
        print(
            f"{name}, {len(report.moments)}/{times}: killed after {report.moments[-1]:.2f} of {seconds:.1f}"
            f" s; {', '.join(differ) or 'the same bytes'}",
            flush=True,
        )
    return report


def main(arguments: list[str]) -> int:
    """Kill everything that there is to kill, and print what came of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.kills", description=__doc__)
    parser.add_argument("--times", type=int, default=20, help="kills of each kind (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments (%(default)s)")
    parser.add_argument("--only", choices=KINDS, action="append", help="a kind to kill (all)")
    chosen = parser.parse_args(arguments)
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        workflow = small_run(Path(folder) / "run")
        until_done(workflow)
        undisturbed = results(workflow)
        for name in chosen.only or [
            name for name in KINDS if KINDS[name].targets != (FIGURE,) or name == "drawing"
        ]:
            report = killed(workflow, name, chosen.times, chosen.seed)
            print(f"{name}: {report}", flush=True)
            failed |= bool(report.different) or len(report.moments) < chosen.times
        until_done(workflow)
        different = [name for name, content in results(workflow).items() if content != undisturbed.get(name)]
        print(f"files of the whole run that differ in the end: {', '.join(different) or 'none'}")
        failed |= bool(different)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
