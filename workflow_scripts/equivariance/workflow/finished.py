"""What comparisons need of a finished run: its networks, and how long its stages took."""

import csv
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

from equivariance.files import read_sealed
from equivariance.network_folder import DESCRIPTION, weights_file

SUFFIX = ".benchmark.tsv"


def networks_of(folder: Path, files: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The networks among the files of a run, by their folders in it.

    Of each: accuracies in [0, 1] by the set that they were tested with, the number of images of the test, the
    checksum of the weights, and the device that it was trained on.
    """
    found = {}
    for name in sorted(files):
        path = PurePosixPath(name)
        if path.name == DESCRIPTION:
            description = read_sealed(folder / name)
            metrics = description["metrics"].items()
            found[path.parent.as_posix()] = {
                "accuracies": {key: one["accuracy"] for key, one in metrics if "accuracy" in one},
                "test_images": description["test_images"],
                "weights": description["sha256_by_file"][weights_file(Path()).as_posix()],
                "device": description["device"],
            }
    return found


def stages_of(logs: Path) -> dict[str, dict[str, float]]:
    """The jobs of each stage of a run, with the seconds that they took in all, and those of the processor.

    `logs` is the folder of its logs; where there are no benchmarks in it, there are no stages. A result that
    was taken from the store took no time.
    """
    stages: dict[str, dict[str, float]] = {}
    for file in sorted(logs.rglob(f"*{SUFFIX}")):
        first = file.relative_to(logs).parts[0]
        stage = stages.setdefault(first.removesuffix(SUFFIX), {"jobs": 0, "seconds": 0.0, "cpu_seconds": 0.0})
        with file.open(encoding="utf-8", newline="") as table:
            for row in csv.DictReader(table, delimiter="\t"):
                stage["jobs"] += 1
                for name, column in (("seconds", "s"), ("cpu_seconds", "cpu_time")):
                    stage[name] = round(stage[name] + _number(row[column]), 2)
    return stages


def _number(text: str) -> float:
    """A number of a benchmark; 0 where a job was too short to be measured."""
    try:
        return float(text)
    except ValueError:
        return 0.0
