"""A run of one experiment, from data to the paper, and what of it has to be the same."""

import json
import re
from pathlib import Path
from typing import Any

from tests.workflow.tiny_workflow import Workflow, copy_workflow

EXPERIMENT = "class_conditional"  # which a claim reads that reads no other
NETWORK = "results/tiny/models/digits/simple_conv/rotation/seed0"
MEASUREMENT = (
    "results/tiny/measures/digits/simple_conv/rotation/seed0/final/digits_test/rotation-30/"
    "stratified_invariance.parquet"
)
TABLE = f"results/tiny/tables/{EXPERIMENT}.csv"
FIGURE = f"results/tiny/figures/{EXPERIMENT}.pdf"

UNFINISHED = re.compile(r"^\..*\.[0-9a-f]{32}(\.|$)")
"""Names of files and folders that are being written; a killed process leaves them."""

TIMES = ("seconds", "seconds_by_epoch", "sha256")
"""Seconds that a training took, in `model.json`, and a checksum of the file itself."""


def small_run(folder: Path) -> Workflow:
    """Copy the workflow with one experiment, whose one training takes a second."""
    workflow = copy_workflow(folder, experiments=(EXPERIMENT,))
    entry = workflow.entry(EXPERIMENT)
    workflow.replace_entry(EXPERIMENT, {**entry, "train": {**entry["train"], "sets": "rotation"}})
    workflow.edit("config/tiny.yaml", "minutes: 0", "minutes: 1, experiments: 8")
    workflow.edit("config/tiny.yaml", "max_epochs: 3", "max_epochs: 60")
    return workflow


def results(workflow: Workflow) -> dict[str, Any]:
    """What a run has made: the bytes of each file by its path, without the store, whose names are digests.

    Unfinished files do not count; times of trainings are left out.
    """
    folder = workflow.folder / "results"
    files = [file for file in folder.rglob("*") if file.is_file() and "store" not in file.parts]
    return {
        str(file.relative_to(folder)): _content(file)
        for file in files
        if not any(UNFINISHED.match(part) for part in file.relative_to(folder).parts)
    }


def different(finished: Workflow, copy: Workflow) -> list[str]:
    """Files that are not those of the finished run."""
    wanted, got = results(finished), results(copy)
    return sorted(file for file in {*wanted, *got} if wanted.get(file) != got.get(file))


def leftovers(workflow: Workflow) -> list[str]:
    """Unfinished files and folders in the results, and locks of Snakemake."""
    unfinished = [file for file in (workflow.folder / "results").rglob(".*") if UNFINISHED.match(file.name)]
    locks = (workflow.folder / ".snakemake" / "locks").glob("*")
    return sorted(str(file.relative_to(workflow.folder)) for file in [*unfinished, *locks])


def _content(file: Path) -> Any:
    if file.name not in ("model.json", "manifest.json"):
        return file.read_bytes()
    content = {key: value for key, value in json.loads(file.read_bytes()).items() if key not in TIMES}
    if file.name == "manifest.json":  # it has the checksums of descriptions of networks, and so their times
        files = content["files"].items()
        content["files"] = {name: sha256 for name, sha256 in files if not name.endswith("model.json")}
    return content
