"""What figures and the paper say of a run besides its results."""

from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from equivariance.workflow.run import Run

SHOWN = ("numpy", "pandas", "scipy", "snakemake", "torch", "torchvision", "typst")
"""The software that results depend on most."""


def figure_entry(run: Run, experiment: str) -> dict[str, Any]:
    """What figures and the paper need of an experiment's entry: a change of the rest draws nothing again."""
    entry = run.config.experiments[experiment]
    needed = {key: entry[key] for key in ("title", "chapter", "question", "source", "figure")}
    return {"name": experiment, **needed, "measures": run.plan.measures(experiment)}


def dataset_descriptions(run: Run) -> list[str]:
    """The descriptions of the data sets that some experiment uses."""
    names = dict.fromkeys(
        name for experiment in run.config.experiments for name in run.plan.datasets(experiment)
    )
    return [f"results/data/{name}.json" for name in names]


def sizes(run: Run) -> dict[str, Any]:
    """The sizes of the run."""
    sections = ("seeds", "training", "evaluation", "measuring", "samples")
    return {name: dict(getattr(run.config, name)) for name in sections}


def versions(lock: Path) -> dict[str, str]:
    """The versions of `SHOWN` that a lock pins for this Python."""
    lines = lock.read_text(encoding="utf-8").splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    pinned = {
        pin.name: str(pin.specifier).removeprefix("==")
        for pin in pins
        if not pin.marker or pin.marker.evaluate()
    }
    return {name: pinned[name] for name in SHOWN}
