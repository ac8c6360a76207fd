"""How long networks take on this machine, by a few steps on random images.

FLOPs do not tell: narrow networks run at a small part of the speed of a core or GPU, as activations,
poolings, and the calls themselves take their time.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from statistics import median
from typing import NamedTuple

import numpy as np
import torch
from tqdm import tqdm

from equivariance.datasets.image_set import ImageSet
from equivariance.datasets.sizes import Size
from equivariance.training.data import DeviceImages
from equivariance.training.loop import Training
from equivariance.training.settings import TrainingSettings
from equivariance.transformations.sets import build_set
from equivariance.workflow.estimate import Cost, ImageCost, Sizes, image_flops, network_costs
from equivariance.workflow.plan import Plan

BUDGET = 30.0  # seconds of all measurements of a plan
EACH = 0.05  # seconds for the steps of a network, for its forward passes, and for transformations
REPETITIONS = 2  # at least
SHOWN = {"cpu": 64, "cuda": 256}  # images of a measured forward pass
PASS_FLOPS = {"cpu": 1e10, "cuda": 1e13}
"""Most FLOPs of a measured pass: a large network is measured on fewer images than its batch has."""

Kind = tuple[str, Size]
"""A model, and the images and classes of a data set: what seconds depend on besides FLOPs."""


class Timed(NamedTuple):
    """Seconds of one image in a network, and its FLOPs."""

    seconds: ImageCost
    flops: ImageCost


class Speeds(NamedTuple):
    """What tells the seconds of an image, and how many kinds of networks were measured, of how many."""

    seconds: Cost
    measured: int
    kinds: int


def time_networks(plan: Plan, sizes: Sizes, device: torch.device, budget: float = BUDGET) -> Speeds:
    """Measure the networks of a plan, one for each model and data set, those with the most FLOPs first.

    After `budget` seconds, on a CPU of the time of the processor, no other is begun. What was not measured
    has the seconds per FLOP of the measured network whose FLOPs are most like its own.
    """
    clock = _clock(device)
    start = clock()
    work: dict[Kind, float] = {}
    examples: dict[Kind, TrainingSettings] = {}
    for network in plan.networks():
        settings = TrainingSettings.from_mapping(plan.training_settings(network))
        kind = _kind(settings, sizes(network.dataset))
        flops = sum(network_costs(plan, network, sizes, image_flops).values())
        work[kind] = work.get(kind, 0.0) + flops
        examples.setdefault(kind, settings)
    timed: dict[Kind, Timed] = {}
    order = sorted(work, key=lambda kind: -work[kind])
    for kind in tqdm(order, desc="measuring networks", unit="network", disable=None):
        if timed and clock() - start > budget:
            break
        timed[kind] = time_network(examples[kind], kind[1], device)

    def seconds(settings: TrainingSettings, size: Size) -> ImageCost:
        flops = image_flops(settings, size)
        known = timed.get(_kind(settings, size)) or _nearest(timed, flops)
        forward, step = (known.seconds[i] * flops[i] / known.flops[i] for i in range(2))
        return ImageCost(forward, step, known.seconds.warp)

    return Speeds(seconds, len(timed), len(work))


def time_network(settings: TrainingSettings, size: Size, device: torch.device) -> Timed:
    """Measure a training step, a forward pass in float32, and a transformation, in seconds for each image.

    Images are random and as large as those of the data set; batches are those of the settings, or smaller if
    the network is large. Medians of several repetitions count, on a CPU of the time of the processor, which
    other processes do not change.
    """
    flops = image_flops(settings, size)
    most = PASS_FLOPS[device.type]
    batch = max(2, min(settings.batch_size, math.floor(most / flops.step)))
    shown = max(2, min(SHOWN[device.type], math.floor(most / flops.forward)))
    chosen = replace(
        settings, augmented=False, batch_size=batch, images=None, test_images=None, savepoints=()
    )
    training = Training(chosen, _random_images(size, batch, shown), device)
    rows = torch.arange(shown, device=device)
    images = training.test.batch(rows)
    quarters = build_set("quarters", {"rotations": {"count": 4}}).matrices.to(device)

    def forward() -> None:
        training.model.eval()
        with torch.inference_mode():
            training.model(images)

    def warp(data: DeviceImages = training.test) -> None:
        data.batch(rows, quarters[rows % len(quarters)])

    step = _median(training.train_epoch, device) / batch
    return Timed(ImageCost(_median(forward, device) / shown, step, _median(warp, device) / shown), flops)


def _kind(settings: TrainingSettings, size: Size) -> Kind:
    plain = {name: value for name, value in settings.settings.items() if name != "transformations"}
    return f"{settings.family} {sorted(plain.items())} {settings.task} {settings.batch_size}", size._replace(
        train=0, test=0
    )


def _nearest(timed: Mapping[Kind, Timed], flops: ImageCost) -> Timed:
    return min(timed.values(), key=lambda one: abs(math.log(one.flops.forward / flops.forward)))


def _random_images(size: Size, train: int, test: int) -> ImageSet:
    count = train + test
    random = np.random.default_rng(0)
    return ImageSet(
        name="random",
        images=random.integers(256, size=(count, *size.shape), dtype=np.uint8),
        labels=np.arange(count) % size.classes,
        classes=tuple(map(str, range(size.classes))),
        groups=np.full(count, "", dtype=np.str_),
        test=np.arange(count) >= train,
    )


def _clock(device: torch.device) -> Callable[[], float]:
    return time.perf_counter if device.type == "cuda" else time.process_time


def _median(run: Callable[[], object], device: torch.device) -> float:
    """Seconds of a repetition, after one that is not timed, in which kernels are chosen."""

    clock = _clock(device)

    def once() -> float:
        start = clock()
        run()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return clock() - start

    once()
    took: list[float] = []
    while len(took) < REPETITIONS or sum(took) < EACH:
        took.append(once())
    return median(took)
