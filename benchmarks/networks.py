"""How fast every model trains: an epoch, against the same steps on images warped beforehand.

Each model of the configuration is set up as the run `laptop` trains it, on random images of the shape of its
first data set, under rotations. A few batches are enough, smaller ones where a network is large. The sides
take turns and count with their fastest repetition. The accuracies after an epoch are no part of it.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from benchmarks.training import EPOCH, LIMIT, TARGET, steps, warped_beforehand
from equivariance.datasets.image_set import ImageSet
from equivariance.datasets.sizes import Size, expected_size
from equivariance.devices import prepare_process
from equivariance.files import write_text
from equivariance.training.loop import Training
from equivariance.training.settings import TrainingSettings
from equivariance.workflow.config import Config
from equivariance.workflow.estimate import image_flops
from equivariance.workflow.loading import SECTIONS, load_config
from equivariance.workflow.plan import Network, Plan
from equivariance.workflow.yaml_files import read_yaml

CONFIG = Path("config")
RUN = CONFIG / "laptop.yaml"
TRAINED_WITH = "rotation"
BATCHES = 4
BATCH_FLOPS = 2e10  # at most of a training step: about a second of one core


def random_images(size: Size, count: int, seed: int = 0) -> ImageSet:
    """Make so many training images of a data set's shape and classes, and one test image."""
    random = np.random.default_rng(seed)
    total = count + 1
    return ImageSet(
        name="noise",
        images=random.integers(256, size=(total, *size.shape), dtype=np.uint8),
        labels=random.integers(size.classes, size=total, dtype=np.int64),
        classes=tuple(map(str, range(size.classes))),
        groups=np.full(total, "", dtype=np.str_),
        test=np.arange(total) >= count,
        source="benchmark",
    )


def trainings(config: Config) -> dict[str, tuple[TrainingSettings, Size]]:
    """Set up every model that is trained by steps: its settings, with batches of a bearable size."""
    plan, found = Plan(config), {}
    for model, entry in config.models.items():
        sizes = {name: expected_size(config.dataset_source(name)) for name in entry["datasets"]}
        dataset, size = next((name, size) for name, size in sizes.items() if size is not None)
        values = plan.training_settings(Network(dataset, model, TRAINED_WITH, 0))
        settings = TrainingSettings.from_mapping({**values, "epochs": 1, "images": None})
        if settings.optimizer.name != "linear_svm":
            bearable = max(2, int(BATCH_FLOPS / image_flops(settings, size).step))
            found[model] = replace(settings, batch_size=min(settings.batch_size, bearable)), size
    return found


def compare(settings: TrainingSettings, size: Size, repetitions: int) -> dict[str, float]:
    """Time an epoch and the same steps on prepared tensors: seconds of the fastest repetition of each."""
    images = random_images(size, BATCHES * settings.batch_size)
    ours, limit = (Training(settings, images, torch.device("cpu")) for _ in range(2))
    batches = warped_beforehand(limit)

    def epoch() -> float:
        before = ours.seconds  # which leave the accuracies out
        ours.run_epoch()
        return ours.seconds - before

    def prepared() -> float:
        start = time.perf_counter()
        steps(limit, batches)
        return time.perf_counter() - start

    sides: list[tuple[str, Callable[[], float]]] = [(EPOCH, epoch), (LIMIT, prepared)]
    best = {EPOCH: float("inf"), LIMIT: float("inf")}
    for repetition in range(repetitions):
        for name, side in sides if repetition % 2 == 0 else reversed(sides):
            best[name] = min(best[name], side())
    return best


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--csv", type=Path, help="write the table there")
    parser.add_argument("--models", nargs="+", metavar="MODEL", help="default: all")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1, help="jobs of the workflow have 1")
    given = parser.parse_args()
    prepare_process(given.threads)  # as the scripts of the workflow do
    files = [CONFIG / f"{name}.yaml" for name in ("config", *SECTIONS)]
    found = trainings(load_config(read_yaml(*files, RUN), CONFIG / "schemas"))
    print(f"epochs of {BATCHES} batches under rotations, {given.threads} thread(s), in seconds")
    print(f"{'model':32} {'data set':12} {'batch':>5} {EPOCH:>8} {LIMIT:>18} {'ratio':>6}")
    rows = []
    for model in given.models or found:
        settings, size = found[model]
        best = compare(settings, size, given.repetitions)
        ratio = best[EPOCH] / best[LIMIT]
        rows.append((model, settings.dataset, settings.batch_size, best[EPOCH], best[LIMIT], ratio))
        print(
            f"{model:32} {settings.dataset:12} {settings.batch_size:5} {best[EPOCH]:8.3f} {best[LIMIT]:18.3f}"
            f" {ratio:6.2f}",
            flush=True,
        )
    table = pd.DataFrame(rows, columns=["model", "dataset", "batch_size", EPOCH, LIMIT, "ratio"])
    print(
        f"target: at most {TARGET}; above it: {', '.join(table[table['ratio'] > TARGET]['model']) or 'none'}"
    )
    if given.csv:
        write_text(given.csv, table.to_csv(index=False))


if __name__ == "__main__":
    main()
