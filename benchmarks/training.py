"""How fast training is: an epoch with rotations, against the same steps on images warped beforehand.

Three ways to train SimpleConv, narrow (f = 8, F = 32) and at the width of the thesis (f = 32, F = 64), on the
same images under the set of 49 rotations:

- `epoch`: `Training.run_epoch`, which warps each batch in one call;
- `warped beforehand`: the optimizer's steps alone, on tensors; no way of warping can be faster;
- `one by one`: a DataLoader with two workers whose data set warps one image at a time, as older code did.

Then the optimizer's steps alone, in four forms: channels outermost and innermost in memory, float32 and
bfloat16. The first is how networks were trained before; innermost is how `Training` does it.

All take turns, every other time in reverse order, and count with their fastest repetition, so that what else
the machine does hurts all alike. The forms are compared by the time of the processor, as each is one process.

`--accuracies` trains instead: narrow SimpleConv with rotations, in float32 and bfloat16, with several seeds.
"""

import argparse
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from equivariance.datasets import prepare
from equivariance.datasets.image_set import ImageSet
from equivariance.devices import Precision, prepare_process
from equivariance.files import write_text
from equivariance.training.loop import Training, train
from equivariance.training.settings import Optimizer, TrainingSettings
from equivariance.transformations.warp import warp

MNIST = Path("results/data/mnist.npz")
EPOCH, LIMIT, ONE_BY_ONE = "epoch", "warped beforehand", "one by one"
TARGET = 1.25  # of an epoch, in epochs on images warped beforehand
BEFORE = "outermost, float32"
STEP_TARGET = 0.75  # of a step, in steps with the channels outermost
NETWORKS = (
    ({"filters": 8, "hidden": 32}, 64),
    ({"filters": 32, "hidden": 64}, 256),
)  # with a batch size each
SEEDS = 5
LEARNING = 3000  # training images of MNIST, as many as the run `laptop` has
WORKERS = 2
TEST_IMAGES = 10  # an epoch ends by looking at test images, which is not what is timed here


def images_of_digits(count: int, seed: int = 0) -> ImageSet:
    """Take MNIST's first images where the workflow has fetched them, bright spots on black otherwise."""
    total = count + TEST_IMAGES
    random = np.random.default_rng(seed)
    if MNIST.exists():
        known = ImageSet.load(MNIST)
        images, labels = known.images[:total], known.labels[:total]
    else:
        axis = np.arange(28)
        centres = random.uniform(7, 21, (total, 2, 1))
        spots = np.exp(-(((axis - centres) / 3) ** 2))  # (N, 2, 28)
        images = (255 * np.einsum("nh,nw->nhw", spots[:, 0], spots[:, 1])).astype(np.uint8)[:, None]
        labels = random.integers(10, size=total, dtype=np.int64)
    return ImageSet(
        name="digits to time with",
        images=images,
        labels=labels,
        classes=tuple("0123456789"),
        groups=np.full(total, "", dtype=np.str_),
        test=np.arange(total) >= count,
        source="benchmark",
        stand_in_for="" if MNIST.exists() else "MNIST",
    )


Batch = tuple[Tensor, Tensor, Tensor]
"""Images, labels, and members of the set."""


def settings_of(
    widths: Mapping[str, int],
    batch_size: int,
    epochs: int = 1,
    seed: int = 0,
    precision: Precision = "float32",
) -> TrainingSettings:
    """SimpleConv as the thesis trains it on MNIST with rotations, at these widths."""
    return TrainingSettings(
        dataset="mnist",
        family="simple_conv",
        settings={
            "kernel_size": 3,
            "activation": "elu",
            "batch_norm": False,
            "downsampling": "max_pool",
            **widths,
        },
        optimizer=Optimizer("adamw", learning_rate=5e-4, weight_decay=0.01),
        batch_size=batch_size,
        epochs=epochs,
        trained_with="rotation",
        transformations={"rotations": {"count": 49}},
        seed=seed,
        images=LEARNING if epochs > 1 else None,
        precision=precision,
    )


def training_of(
    image_set: ImageSet, widths: Mapping[str, int], batch_size: int, precision: Precision = "float32"
) -> Training:
    """Set up a training on the CPU."""
    return Training(settings_of(widths, batch_size, precision=precision), image_set, torch.device("cpu"))


class OneByOne(Dataset[Batch]):
    """Images that are warped one at a time when they are asked for, by a random member of the set."""

    def __init__(self, training: Training) -> None:
        self.images, self.labels = training.train.images, training.train.labels
        self.matrices = training.set.matrices

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> Batch:
        member = torch.randint(len(self.matrices), (1,))
        image = self.images[index].float() / 255  # (C, H, W)
        return warp(image[None], self.matrices[member])[0], self.labels[index], member[0]


def warped_beforehand(training: Training) -> list[Batch]:
    """Make the batches of one epoch."""
    return list(training.batches())


def steps(training: Training, batches: Iterable[Batch]) -> None:
    """Take the optimizer's steps of an epoch, and nothing else."""
    training.model.train()
    for batch in batches:
        training.step(*batch)


def take_turns(
    runs: dict[str, Callable[[], None]], repetitions: int, clock: Callable[[], float] = time.perf_counter
) -> pd.DataFrame:
    """Time each of the runs once per repetition: a row of run, repetition and seconds each."""
    rows = []
    for repetition in range(repetitions):
        order = list(runs.items())
        for name, run in order if repetition % 2 == 0 else reversed(order):
            start = clock()
            run()
            rows.append({"run": name, "repetition": repetition, "seconds": clock() - start})
    return pd.DataFrame(rows)


def compare(images: int, repetitions: int, widths: Mapping[str, int], batch_size: int) -> pd.DataFrame:
    """Time the three ways of training an epoch, each on a network of its own."""
    image_set = images_of_digits(images)
    ours, limit, loader = (training_of(image_set, widths, batch_size) for _ in range(3))
    batches = warped_beforehand(limit)
    loaded = DataLoader(OneByOne(loader), loader.settings.batch_size, shuffle=True, num_workers=WORKERS)
    runs = {
        EPOCH: ours.run_epoch,
        LIMIT: lambda: steps(limit, batches),
        ONE_BY_ONE: lambda: steps(loader, loaded),
    }
    return take_turns(runs, repetitions).assign(images=images, threads=torch.get_num_threads(), **widths)


def outermost(images: Tensor) -> Tensor:
    """The same with the channels outermost; `contiguous` would leave images or filters of one channel."""
    return images.clone(memory_format=torch.contiguous_format)


def compare_forms(images: int, repetitions: int, widths: Mapping[str, int], batch_size: int) -> pd.DataFrame:
    """Time the steps of an epoch in each layout and precision, each on a network of its own."""
    image_set = images_of_digits(images)
    runs = {}
    precisions: tuple[Precision, ...] = ("float32", "bfloat16")
    for layout, precision in product(("outermost", "innermost"), precisions):
        training = training_of(image_set, widths, batch_size, precision)
        batches = warped_beforehand(training)
        if layout == "outermost":
            for parameter in training.model.parameters():
                parameter.data = outermost(parameter.data)
            batches = [(outermost(x), y, member) for x, y, member in batches]
        runs[f"{layout}, {precision}"] = partial(steps, training, batches)
    timed = take_turns(runs, repetitions, time.process_time)
    return timed.assign(images=images, threads=torch.get_num_threads(), **widths)


def compare_accuracies(epochs: int) -> None:
    """Print the accuracies of both precisions beside each other, means and ranges over the seeds."""
    known = ImageSet.load(MNIST) if MNIST.exists() else None
    image_set = known or prepare("digits", {"source": "digits"}, mirror=None, cache=MNIST.parent)
    widths, batch_size = NETWORKS[0]
    print(f"test accuracy in per cent, mean and range of {SEEDS} seeds: SimpleConv, {widths},")
    print(f"{epochs} epochs with rotations on {image_set.name}, tested as they are and rotated")
    for precision in ("float32", "bfloat16"):
        found = []
        for seed in range(SEEDS):
            settings = settings_of(widths, batch_size, epochs, seed, precision)
            metrics = train(settings, image_set, torch.device("cpu")).metrics
            found.append({name: 100 * values["accuracy"] for name, values in metrics.items()})
        table = pd.DataFrame(found)
        texts = (
            f"{name} {table[name].mean():.2f} ({table[name].min():.2f} to {table[name].max():.2f})"
            for name in table
        )
        print(f"  {precision:10} {', '.join(texts)}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--csv", type=Path, help="write every repetition there")
    parser.add_argument("--images", type=int, default=1280)
    parser.add_argument("--repetitions", type=int, default=6)
    parser.add_argument(
        "--threads", type=int, default=1, help="of the training process; jobs of the workflow have 1"
    )
    parser.add_argument("--accuracies", action="store_true", help="compare accuracies of both precisions")
    parser.add_argument("--epochs", type=int, default=15, help="of the trainings of --accuracies")
    given = parser.parse_args()
    prepare_process(given.threads)  # as the scripts of the workflow do, for all alike
    if given.accuracies:
        compare_accuracies(given.epochs)
        return
    print(f"one epoch of {given.images} images under 49 rotations, {given.threads} thread(s):")
    tables = []
    for widths, batch_size in NETWORKS:
        table = compare(given.images, given.repetitions, widths, batch_size)
        tables.append(table)
        fastest = table.groupby("run", sort=False)["seconds"].min()
        title = ", ".join(f"{name} {width}" for name, width in widths.items())
        print(f"SimpleConv, {title}, batches of {batch_size}")
        for name, seconds in fastest.items():
            print(f"  {name:18} {seconds:7.2f} s   {seconds / fastest[LIMIT]:5.2f} x the limit")
        print(f"  {ONE_BY_ONE} / {EPOCH}: {fastest[ONE_BY_ONE] / fastest[EPOCH]:.2f}")
        table = compare_forms(given.images, given.repetitions, widths, batch_size)
        tables.append(table)
        fastest = table.groupby("run", sort=False)["seconds"].min()
        for name, seconds in fastest.items():
            print(f"  {name:22} {seconds:7.2f} s   {seconds / fastest[BEFORE]:5.2f} x {BEFORE}", flush=True)
    print(
        f"targets: {EPOCH} at most {TARGET} x the limit; channels innermost at most {STEP_TARGET} x {BEFORE}"
    )
    if given.csv:
        write_text(given.csv, pd.concat(tables).to_csv(index=False))


if __name__ == "__main__":
    main()
