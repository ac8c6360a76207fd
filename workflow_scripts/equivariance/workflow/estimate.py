"""How much work a run is, before anything is run: floating point operations (FLOPs) of its networks and
measurements.

Counted are those of convolutions and matrix products, two for each multiplication with its addition; of the
backward pass too, so that frozen layers cost what they cost. Measurements of one sweep share its forward
passes. Not counted: warping, activations, pooling, restarts below a threshold, passes that are repeated where
measures take too much memory.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import pandas as pd
import torch
from torch.utils.flop_counter import FlopCounterMode

from equivariance.datasets.sizes import Size
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

SWEEP_FACTORS = {"variances": 1.55, "invariance": 2.3, "same_equivariance": 4.4}
"""Sweep time as a multiple of its forward passes, as `make bench` finds it on a CPU, channels last: with
variances alone, with other measures of invariance, and with those of same-equivariance, where maps are
transformed back."""

A100_PEAKS = {"TF32": 156e12, "bfloat16": 312e12}
"""FLOP/s of the A100's data sheet. Convolutions of float32 run in TF32 there: it is torch's default."""

A100_SHARES = (0.05, 0.15)
"""Shares of the peak assumed where a GPU cannot be measured: from small networks, which do not fill it, to
large ones. ResNet-50 trains at about a tenth of either peak, by the images per second that NVIDIA publishes
in its DeepLearningExamples (665 in TF32 and 1186 in mixed precision, 24.6 GFLOP each)."""

Sizes = Callable[[str], Size]
"""The size of a data set, by its name."""


class ImageCost(NamedTuple):
    """What one image costs, in FLOPs or seconds: its forward pass, a training step, which is forward and
    backward pass, and to be transformed."""

    forward: float
    step: float
    warp: float = 0.0  # has no FLOPs that count

    def scaled(self, other: "ImageCost", times: int) -> "ImageCost":
        """Add `times` the difference to another count of FLOPs."""
        forward, step = ((other[i] - self[i]) * times + self[i] for i in range(2))
        return ImageCost(forward, step)


Cost = Callable[[TrainingSettings, Size], ImageCost]
"""What an image costs in the network of a training: `image_flops`, or seconds, see `timing`."""


def run_flops(plan: Plan, sizes: Sizes) -> pd.DataFrame:
    """Count the FLOPs of a run: of training, of evaluation, and of the forward passes of measurements.

    A row per model (the index), the one that costs most first; columns as `_count_run` has them.
    """
    return _count_run(plan, sizes, image_flops, passes_cost)


def run_costs(plan: Plan, sizes: Sizes, cost: Cost) -> pd.DataFrame:
    """Cost of a run, as `run_flops` has it, with what measures add to their forward passes."""
    return _count_run(plan, sizes, cost, measuring_cost)


def _count_run(
    plan: Plan,
    sizes: Sizes,
    cost: Cost,
    sweep_cost: Callable[[Plan, Sequence[Measurement], Sizes, Cost], float],
) -> pd.DataFrame:
    """Count a run: a row per model (the index), the one that costs most first.

    Columns: networks to train, those to retrain (`retrained`), measurements, and the costs of `KINDS`. What
    exists already is not left out.
    """
    rows: list[dict[str, Any]] = []
    for network in plan.networks():
        count = {"networks": not network.retrained, "retrained": network.retrained}
        rows.append({"model": network.model, **count, **network_costs(plan, network, sizes, cost)})
    for sweep in shared_sweeps(plan.measurements()):
        measuring = sweep_cost(plan, sweep, sizes, cost)
        rows.append({"model": sweep[0].network.model, "measurements": len(sweep), "measuring": measuring})
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
                own += sum(network_costs(plan, network, sizes, image_flops).values())
        for key in dict.fromkeys(one.sweep for one in alone.measurements()):
            own += passes_cost(plan, every[key], sizes, image_flops)
            if key in sweeps:  # without the samples that no other experiment asks for
                own -= passes_cost(others, sweeps[key], sizes, image_flops)
        rows.append({**needed[COUNTS], "flops": needed[list(KINDS)].sum(), "own": own})
    table = pd.DataFrame(rows, index=pd.Index(names, name="experiment"), columns=[*COUNTS, "flops", "own"])
    table = table.astype(dict.fromkeys(COUNTS, int))
    return table.sort_values(["own", "flops"], ascending=False, kind="stable")


def network_costs(plan: Plan, network: Network, sizes: Sizes, cost: Cost) -> dict[str, float]:
    """Cost of the training and the evaluations of a network of a plan."""
    settings = TrainingSettings.from_mapping(plan.training_settings(network))
    return training_costs(settings, sizes(network.dataset), cost)


def forward_flops(plan: Plan, network: Network, sizes: Sizes) -> float:
    """FLOPs of the forward pass of one image in a network of a plan."""
    settings = TrainingSettings.from_mapping(plan.training_settings(network))
    return image_flops(settings, sizes(network.dataset)).forward


def training_costs(settings: TrainingSettings, size: Size, cost: Cost) -> dict[str, float]:
    """Cost of one training, and of the evaluations after each epoch and at the end."""
    image = cost(settings, size)
    warped = set_size(settings.transformations) > 1
    images = min(size.train, settings.images or size.train)
    by_svm = settings.optimizer.name == "linear_svm"  # fits the features of one forward pass
    step = image.step + image.warp * (warped and settings.augmented)
    trained = (image.forward if by_svm and settings.epochs else step * settings.epochs) * images
    sets = 2 if settings.task == "classification" else 1  # as they are, and transformed
    watched = min(HISTORY_IMAGES, max(1, images // 8), size.test) * (0 if by_svm else settings.epochs)
    evaluated = watched + min(size.test, settings.test_images or size.test)
    return {
        "training": float(trained),
        "evaluation": float((image.forward * sets + image.warp * warped) * evaluated),
    }


def passes_cost(plan: Plan, sweep: Sequence[Measurement], sizes: Sizes, cost: Cost) -> float:
    """Cost of the forward passes of measurements that share a sweep: those of the largest."""
    first = sweep[0]
    network = first.network
    image = cost(TrainingSettings.from_mapping(plan.training_settings(network)), sizes(network.dataset))
    settings = plan.measuring_settings(first)
    spec = settings["transformations"]
    draws = _draws(spec, settings.get("transformations_per_image"))
    images = max(_images(one, sizes) for one in sweep)
    return (image.forward + image.warp * (set_size(spec) > 1)) * draws * images


def measuring_cost(plan: Plan, sweep: Sequence[Measurement], sizes: Sizes, cost: Cost) -> float:
    """Cost of measurements that share a sweep: of its forward passes, and of what its measures add.

    What the measures of a family add to an image is what those of the measurements add that it is in.
    """
    images = {one: _images(one, sizes) for one in sweep}
    passes = float(max(images.values()))
    for family in sorted({one.family for one in sweep}):
        begin = 0
        ascending = sorted((one for one in sweep if one.family == family), key=images.__getitem__)
        for number, one in enumerate(ascending):
            rest = [plan.measuring_settings(later).get("measures", ()) for later in ascending[number:]]
            passes += (images[one] - begin) * (max(map(sweep_factor, rest)) - 1)
            begin = images[one]
    return passes_cost(plan, sweep, sizes, cost) * passes / max(images.values())


def _images(measurement: Measurement, sizes: Sizes) -> int:
    known = sizes(measurement.dataset).images(measurement.part)
    return min(known, measurement.samples or known)


def sweep_factor(measures: Iterable[str]) -> float:
    """Time of a measurement as a multiple of its forward passes; without measures it is the passes alone."""
    rows = [MEASURES[base(measure)] for measure in measures]
    return max((SWEEP_FACTORS["variances" if row.cheap else row.family] for row in rows), default=1.0)


def image_flops(settings: TrainingSettings, size: Size) -> ImageCost:
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


@cache
def _count(
    family: str,
    settings: str,
    image_shape: tuple[int, int, int],
    outputs: int,
    task: str,
    trained_layers: tuple[str, ...] | None,
) -> ImageCost:
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
    return ImageCost(forward // batch, counter.get_total_flops() // batch)


def _draws(spec: Mapping[str, Any], per_image: int | None) -> int:
    members = set_size(spec)
    return min(members, per_image or members)
