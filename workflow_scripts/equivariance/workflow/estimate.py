"""How much work a run is, before anything is run: floating point operations (FLOPs) of its networks and
measurements.

Counted are those of convolutions and matrix products, two for each multiplication with its addition; of the
backward pass too, so that frozen layers cost what they cost. Measurements of one sweep share its forward
passes. Not counted: warping, activations, pooling, restarts below a threshold, passes that are repeated where
measures take too much memory.
"""

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from statistics import median
from typing import Any, NamedTuple

import pandas as pd
import torch
from torch.utils.flop_counter import FlopCounterMode

from equivariance.datasets.sizes import Size
from equivariance.devices import in_precision
from equivariance.measures.catalog import MEASURES
from equivariance.measures.names import base
from equivariance.models import FAMILIES, build
from equivariance.training.freezing import freeze_all_but
from equivariance.training.loop import HISTORY_IMAGES
from equivariance.training.settings import TrainingSettings
from equivariance.training.tasks import make_task
from equivariance.transformations.parameters import set_size
from equivariance.transformations.sets import build_set
from equivariance.workflow.plan import Measurement, Network, Plan, shared_sweeps

KINDS = ("training", "evaluation", "measuring")
COUNTS = ["networks", "retrained", "measurements"]

SWEEP_FACTORS = {"variances": 1.2, "invariance": 2.0, "same_equivariance": 3.0}
"""Sweep time as a multiple of its forward passes, as `make bench` finds it on a CPU: with variances alone,
with other measures of invariance, and with those of same-equivariance, where maps are transformed back."""

A100_PEAKS = {"TF32": 156e12, "bfloat16": 312e12}
"""FLOP/s of the A100's data sheet. Convolutions of float32 run in TF32 there: it is torch's default."""

A100_SHARES = (0.05, 0.15)
"""Shares of the peak assumed where a GPU cannot be measured: from small networks, which do not fill it, to
large ones. ResNet-50 trains at about a tenth of either peak, by the images per second that NVIDIA publishes
in its DeepLearningExamples (665 in TF32 and 1186 in mixed precision, 24.6 GFLOP each)."""

SPEED_FILTERS = (16, 128)
"""Filters of the small and the large SimpleConv whose training steps are measured."""

SPEED_BATCH = {"cpu": 16, "cuda": 128}
"""Images of a measured step: as few on a core as keep a step of the large network below a second."""

Sizes = Callable[[str], Size]
"""The size of a data set, by its name."""


class ImageFlops(NamedTuple):
    """FLOPs of one image: of its forward pass, and of a training step, which is forward and backward pass."""

    forward: int
    step: int

    def scaled(self, other: "ImageFlops", times: int) -> "ImageFlops":
        """Add `times` the difference to another count."""
        forward, step = ((other[i] - self[i]) * times + self[i] for i in range(2))
        return ImageFlops(forward, step)


def run_flops(plan: Plan, sizes: Sizes) -> pd.DataFrame:
    """Count a run: a row per model (the index), the one with the most FLOPs first.

    Columns: networks to train, those to retrain (`retrained`), measurements, and FLOPs of `KINDS`. What
    exists already is not left out.
    """
    rows: list[dict[str, Any]] = []
    for network in plan.networks():
        count = {"networks": not network.retrained, "retrained": network.retrained}
        rows.append({"model": network.model, **count, **network_flops(plan, network, sizes)})
    for sweep in shared_sweeps(plan.measurements()):
        flops = {"measuring": measuring_flops(plan, sweep, sizes)}
        rows.append({"model": sweep[0].network.model, "measurements": len(sweep), **flops})
    columns = [*COUNTS, *KINDS]
    table = pd.DataFrame(rows, columns=["model", *columns]).fillna(0).groupby("model").sum()
    table = table.astype(dict.fromkeys(COUNTS, int) | dict.fromkeys(KINDS, float))
    return table.loc[table[list(KINDS)].sum(axis=1).sort_values(ascending=False, kind="stable").index]


def experiment_flops(plan: Plan, sizes: Sizes) -> pd.DataFrame:
    """Count each experiment: a row per experiment (the index), the one that costs most by itself first.

    Columns: `COUNTS`; `flops`, of all that the experiment needs, which is what a run of it alone costs; and
    `own`, of what no other experiment needs, which is what a run without it saves.
    """
    names = list(plan.config.experiments)
    every = {sweep[0].sweep: sweep for sweep in shared_sweeps(plan.measurements())}
    rows = []
    for name in names:
        alone, others = plan.part([name]), plan.part([other for other in names if other != name])
        needed = run_flops(alone, sizes).sum()
        networks = set(others.networks())
        sweeps = {sweep[0].sweep: sweep for sweep in shared_sweeps(others.measurements())}
        own = 0.0
        for network in alone.networks():
            if network not in networks:
                own += sum(network_flops(plan, network, sizes).values())
        for key in dict.fromkeys(one.sweep for one in alone.measurements()):
            own += measuring_flops(plan, every[key], sizes)
            if key in sweeps:  # without the measures and samples that no other experiment asks for
                own -= measuring_flops(others, sweeps[key], sizes)
        rows.append({**needed[COUNTS], "flops": needed[list(KINDS)].sum(), "own": own})
    table = pd.DataFrame(rows, index=pd.Index(names, name="experiment"), columns=[*COUNTS, "flops", "own"])
    table = table.astype(dict.fromkeys(COUNTS, int))
    return table.sort_values(["own", "flops"], ascending=False, kind="stable")


def network_flops(plan: Plan, network: Network, sizes: Sizes) -> dict[str, float]:
    """FLOPs of the training and the evaluations of a network of a plan."""
    settings = TrainingSettings.from_mapping(plan.training_settings(network))
    return training_flops(settings, sizes(network.dataset))


def training_flops(settings: TrainingSettings, size: Size) -> dict[str, float]:
    """FLOPs of one training, and of the evaluations after each epoch and at the end."""
    flops = image_flops(settings, size)
    images = min(size.train, settings.images or size.train)
    by_svm = settings.optimizer.name == "linear_svm"  # fits the features of one forward pass
    trained = (flops.forward if by_svm and settings.epochs else flops.step * settings.epochs) * images
    sets = 2 if settings.task == "classification" else 1  # as they are, and transformed
    watched = min(HISTORY_IMAGES, max(1, images // 8), size.test) * sets * (0 if by_svm else settings.epochs)
    evaluated = watched + min(size.test, settings.test_images or size.test) * sets
    return {"training": float(trained), "evaluation": float(flops.forward * evaluated)}


def measuring_flops(plan: Plan, sweep: Sequence[Measurement], sizes: Sizes) -> float:
    """FLOPs of measurements that share a sweep: the forward passes of the largest, and what its measures add.

    What the measures of a family add to an image is what those of the measurements add that it is in.
    """
    first = sweep[0]
    network = first.network
    chosen = TrainingSettings.from_mapping(plan.training_settings(network))
    forward = image_flops(chosen, sizes(network.dataset)).forward
    known = sizes(first.dataset).images(first.part)
    settings = {one: plan.measuring_settings(one) for one in sweep}
    draws = _draws(settings[first]["transformations"], settings[first].get("transformations_per_image"))
    images = {one: min(known, one.samples or known) for one in sweep}
    passes = float(max(images.values()))
    for family in sorted({one.family for one in sweep}):
        begin = 0
        ascending = sorted((one for one in sweep if one.family == family), key=images.__getitem__)
        for number, one in enumerate(ascending):
            factors = [sweep_factor(settings[rest].get("measures", ())) for rest in ascending[number:]]
            passes += (images[one] - begin) * (max(factors) - 1)
            begin = images[one]
    return forward * draws * passes


def sweep_factor(measures: Iterable[str]) -> float:
    """Time of a measurement as a multiple of its forward passes; without measures it is the passes alone."""
    rows = [MEASURES[base(measure)] for measure in measures]
    return max((SWEEP_FACTORS["variances" if row.cheap else row.family] for row in rows), default=1.0)


def image_flops(settings: TrainingSettings, size: Size) -> ImageFlops:
    """Count the FLOPs of one image in the network of a training. Raises UserError for wrong settings."""
    outputs = size.classes
    if settings.task != "classification":
        own = build_set(settings.trained_with, settings.transformations)
        outputs = make_task(settings.task, size.classes, own, torch.device("cpu")).outputs
    layers = None if settings.trained_layers is None else tuple(settings.trained_layers)
    given = dict(settings.settings)
    if not FAMILIES[settings.family].path_per_transformation:
        return _count(settings.family, json.dumps(given), size.shape, outputs, settings.task, layers)
    # There may be hundreds of paths that cost the same: the cost of one is that of three less that of two.
    two, three = (
        _count(
            settings.family,
            json.dumps({**given, "transformations": {"rotations": {"count": paths}}}),
            size.shape,
            outputs,
            settings.task,
            layers,
        )
        for paths in (2, 3)
    )
    return two.scaled(three, set_size(given["transformations"]) - 2)


def training_speed(device: torch.device, filters: int, precision: torch.dtype, seconds: float = 1.0) -> float:
    """FLOP/s of a GPU, or of one core of this machine, while it trains SimpleConv, by the steps of `seconds`.

    What is not counted, such as activations, takes its time too, so that this is less than the peak.
    """
    model = build("simple_conv", (3, 32, 32), 10, {"filters": filters, "hidden": 2 * filters}).train()
    model.to(device)
    images = torch.rand(SPEED_BATCH[device.type], 3, 32, 32, device=device)

    def step() -> float:
        """Seconds of a forward and a backward pass."""
        start = time.perf_counter()
        with in_precision(precision, device):
            scores = model(images)
        scores.float().sum().backward()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return time.perf_counter() - start

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with FlopCounterMode(display=False) as counter:
            step()
        step()  # as the first, not timed: kernels are chosen
        took: list[float] = []
        while len(took) < 3 or sum(took) < seconds:
            took.append(step())
    finally:
        torch.set_num_threads(threads)
    return float(counter.get_total_flops() / median(took))


@cache
def _count(
    family: str,
    settings: str,
    image_shape: tuple[int, int, int],
    outputs: int,
    task: str,
    trained_layers: tuple[str, ...] | None,
) -> ImageFlops:
    """Count on the meta device, where tensors have shapes and no values."""
    batch = 2  # batch normalization does not train on one value
    model = build(family, image_shape, outputs, json.loads(settings), task)
    if trained_layers is not None:
        freeze_all_but(model, trained_layers)
    model.to("meta").train()
    with FlopCounterMode(display=False) as counter:
        scores = model(torch.empty(batch, *image_shape, device="meta"))
        forward = counter.get_total_flops()
        scores.sum().backward()
    return ImageFlops(forward // batch, counter.get_total_flops() // batch)


def _draws(spec: Mapping[str, Any], per_image: int | None) -> int:
    members = set_size(spec)
    return min(members, per_image or members)
