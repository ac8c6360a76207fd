"""What published numbers are compared with: tables of the run."""

import csv
from pathlib import Path

from equivariance.workflow.run import Run


def compared_tables(run: Run, published: Path) -> list[str]:
    """The tables of the run's experiments that a file of published numbers names, each once."""
    with published.open(encoding="utf-8", newline="") as file:
        named = {name for row in csv.DictReader(file) for name in row["experiment"].split()}
    return [run.figure_data(name) for name in run.config.experiments if name in named]


def is_reduced(run: Run) -> bool:
    """Whether the run trains less, or narrower networks, than the recipes say."""
    training = run.config.training
    limits = training["max_epochs"] or training["images"]
    return bool(limits) or training["epochs"] < 1 or training["width"] < 1
