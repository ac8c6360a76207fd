"""How fast the measures are: against the bare forward passes, and against tmeasures 1.2.11.

All sides see the same network (SimpleConv, f = 32), images, matrices and number of threads. Bare forward
passes and sweeps of one layout in memory take turns slice by slice, and each slice counts with its fastest
repetition; against tmeasures, which cannot be cut, the fastest whole runs count, with the best of several
batch sizes. Cost over the number of samples and of transformations, and peak memory, come last.
"""

import argparse
import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from equivariance.datasets.image_set import ImageSet
from equivariance.devices import prepare_process
from equivariance.files import write_text
from equivariance.measures.recorder import leaf_names, named, record
from equivariance.measures.sweep import CPU_INPUTS, GPU_INPUTS, Sweep
from equivariance.measures.views import is_spatial
from equivariance.models import build
from equivariance.transformations.sets import TransformationSet, build_set
from equivariance.transformations.warp import warp

MNIST = Path("results/data/mnist.npz")
TMEASURES_BATCHES = (16, 32, 64)  # 32 is its default; larger ones are slower still
TRIAL = 8  # images that choose among them
SLICE = 8  # images timed at a time
BOTH = ["nv", "goodfellow_normal"]
SIZES = (16, 32, 64, 128)  # samples
COUNTS = (7, 13, 25, 49)  # transformations
LAYOUTS = {"channels first": torch.contiguous_format, "channels last": torch.channels_last}
PARTS = ("ratios", "tmeasures", "growth")

Row = tuple[str, float, str]


def blobs(count: int, side: int = 28, seed: int = 0) -> Tensor:
    """Draw images of a few bright strokes on black, uint8 (count, 1, side, side)."""
    generator = np.random.default_rng(seed)
    axis = np.arange(side)
    centres = generator.uniform(0.25 * side, 0.75 * side, (count, 6, 2, 1))
    widths = generator.uniform(1, 3, (count, 6, 2, 1))
    profiles = np.exp(-(((axis - centres) / widths) ** 2))  # (count, 6, 2, side)
    images = np.einsum("nkh,nkw->nhw", profiles[:, :, 0], profiles[:, :, 1]).clip(0, 1)
    images[images < 0.05] = 0
    return torch.from_numpy((255 * images).astype(np.uint8))[:, None]


def load_images(count: int) -> Tensor:
    """Take MNIST's first images where the workflow has fetched them, drawn ones otherwise."""
    if MNIST.exists():
        return torch.from_numpy(ImageSet.load(MNIST).images[:count])
    return blobs(count)


def network() -> nn.Module:
    torch.manual_seed(0)
    return build("simple_conv", (1, 28, 28), 10, {"filters": 32, "hidden": 64}).eval()


def rotations(count: int = 49) -> TransformationSet:
    return build_set("rotation", {"rotations": {"count": count}})


@torch.no_grad()
def bare_forward(model: nn.Module, images: Tensor, transformations: TransformationSet) -> None:
    """Run the forward passes of a sweep, and nothing else."""
    device = next(model.parameters()).device
    matrices = transformations.matrices.to(device)
    inputs_at_once = CPU_INPUTS if device.type == "cpu" else GPU_INPUTS
    for tile in images.split(max(1, inputs_at_once // len(matrices))):
        inputs = (tile.to(device) / 255).repeat_interleave(len(matrices), dim=0)
        model(warp(inputs, matrices.repeat(len(tile), 1, 1)))


@torch.no_grad()
def forward_and_inverse_warps(model: nn.Module, images: Tensor, transformations: TransformationSet) -> None:
    """Run the forward passes of a sweep, and transform each layer's feature maps back."""
    inverses = transformations.inverses.to(next(model.parameters()).device)
    modules = named(model)
    leaves = [name for name in leaf_names(model) if getattr(modules[name], "layer_kind", "") != "input"]

    def back(_: str, maps: Tensor) -> None:
        if is_spatial(tuple(maps.shape[1:])):
            warp(maps, inverses.repeat(len(maps) // len(inverses), 1, 1))

    with record(model, leaves, back):
        bare_forward(model, images, transformations)


def sweep_of(
    measures: str | list[str], model: nn.Module, images: Tensor, transformations: TransformationSet
) -> Sweep:
    """Make a sweep with the thresholds that its measures need, which are part of its price."""
    sweep = Sweep(model, transformations, measures)
    if sweep.needs_calibration:
        sweep.calibrate(images)
    return sweep


def timed(run: Callable[[], Any]) -> tuple[float, Any]:
    """Return the seconds that a call took, and its result."""
    start = time.perf_counter()
    result = run()
    return time.perf_counter() - start, result


def in_turns(model: nn.Module, images: Tensor, transformations: TransformationSet) -> dict[str, list[float]]:
    """Time all that can be cut slice by slice, in turns: what else the machine does then hurts all alike."""
    seconds: dict[str, list[float]] = {
        "bare": [],
        "warps": [],
        "nv": [],
        "invariance": [],
        "same_equivariance": [],
    }
    sweeps = {}
    for name in ("nv", "invariance", "same_equivariance"):
        took, sweeps[name] = timed(partial(sweep_of, name, model, images, transformations))
        seconds[name].append(took)
    for part in images.split(SLICE):
        seconds["bare"].append(timed(partial(bare_forward, model, part, transformations))[0])
        seconds["warps"].append(timed(partial(forward_and_inverse_warps, model, part, transformations))[0])
        for name, sweep in sweeps.items():
            seconds[name].append(timed(partial(sweep.update, part))[0])
    for name, sweep in sweeps.items():
        seconds[name].append(timed(sweep.table)[0])
    return seconds


def whole(
    measures: str | list[str], model: nn.Module, images: Tensor, transformations: TransformationSet
) -> pd.DataFrame:
    """Sweep over all images at once, and read the table."""
    sweep = sweep_of(measures, model, images, transformations)
    sweep.update(images)
    return sweep.table()


def fastest(runs: int, run: Callable[[], Any]) -> tuple[float, Any]:
    """Return the seconds of the fastest of several runs, and the result of the last."""
    results = [timed(run) for _ in range(runs)]
    return min(seconds for seconds, _ in results), results[-1][1]


def largest_difference(table: pd.DataFrame, layers: list[Any]) -> float:
    """Compare the layers' means of NV over finite values: the largest relative difference."""
    nv = table[(table["measure"] == "nv") & np.isfinite(table["value"])]
    ours = nv.groupby("layer_index")["value"].mean().to_numpy()
    theirs = np.array([float(layer[layer.isfinite()].mean()) for layer in layers])
    return float(np.max(np.abs(ours - theirs) / np.abs(theirs)))


def against_tmeasures(images: Tensor, few: Tensor) -> list[Row]:
    """Compare whole runs with tmeasures: its torch classes, and on few images its NumPy classes."""
    from benchmarks.tmeasures_sides import with_numpy_classes, with_torch_classes  # takes seconds

    model, transformations = network(), rotations()
    batch = min(
        TMEASURES_BATCHES,
        key=lambda size: timed(
            partial(with_torch_classes, model, images[:TRIAL], transformations, size, goodfellow=False)
        )[0],
    )
    rows = []
    for title, measures, goodfellow, target in (
        ("NV", ["nv"], False, ""),
        ("NV and Goodfellow", BOTH, True, "at least 4"),
    ):
        ours, table = fastest(2, partial(whole, measures, model, images, transformations))
        theirs, layers = fastest(
            1, partial(with_torch_classes, model, images, transformations, batch, goodfellow)
        )
        rows.append((f"tmeasures / sweep, {title}, {len(images)} images", theirs / ours, target))
    rows.append(
        (
            "largest relative difference of layer means of NV",
            largest_difference(table, layers),
            "at most 1e-4",
        )
    )
    ours, _ = fastest(2, partial(whole, ["anova", "td", "sd", "nd"], model, few, transformations))
    theirs, _ = fastest(1, partial(with_numpy_classes, model, few, transformations, 64))
    rows.append(
        (f"tmeasures' NumPy classes / sweep, ANOVA and ND, {len(few)} images", theirs / ours, "at least 10")
    )
    return rows


def growth(images: Tensor) -> list[Row]:
    """Time the invariance family over numbers of samples and of transformations, per forward pass."""
    model = network()
    rows = []
    for count in SIZES:
        seconds, _ = fastest(2, partial(whole, "nv", model, images[:count], rotations(25)))
        rows.append((f"NV, {count} samples x 25: ms per input", 1e3 * seconds / count / 25, "constant"))
    for count in COUNTS:
        seconds, _ = fastest(2, partial(whole, "nv", model, images[:64], rotations(count)))
        rows.append((f"NV, 64 samples x {count}: ms per input", 1e3 * seconds / 64 / count, "constant"))
    for count in SIZES:
        command = [sys.executable, "-m", "benchmarks.sweep", "--peak-memory", str(count)]
        peak = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        rows.append((f"invariance family, {count} samples x 25: peak memory (MiB)", peak, "constant"))
    return rows


def ratios(images: Tensor, repetitions: int) -> list[Row]:
    """Compare sweeps with the forward passes that they cannot do without, in both layouts of the memory."""
    rows: list[Row] = []
    totals = {}
    for title, layout in LAYOUTS.items():
        model = network().to(memory_format=layout)
        turns = [in_turns(model, images, rotations()) for _ in range(repetitions)]
        best = {
            name: sum(min(times) for times in zip(*(turn[name] for turn in turns), strict=True))
            for name in turns[0]
        }
        totals[title] = best
        for figure, seconds, passes, target in (
            ("NV / bare forward passes", "nv", "bare", "at most 1.15"),
            ("invariance family / bare forward passes", "invariance", "bare", "at most 1.8"),
            (
                "same-equivariance family / forward passes and inverse warps",
                "same_equivariance",
                "warps",
                "at most 1.4",
            ),
            ("same-equivariance family / bare forward passes", "same_equivariance", "bare", ""),
        ):
            rows.append((f"{title}: {figure}", best[seconds] / best[passes], target))
        rows.append((f"{title}: bare forward passes (s)", best["bare"], ""))
        rows.append((f"{title}: inverse warps (s)", best["warps"] - best["bare"], ""))
    first, last = totals.values()
    rows += [
        (f"{name}: channels last / channels first, whole", last[name] / first[name], "") for name in first
    ]
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--csv", type=Path, help="write the figures there")
    parser.add_argument("--images", type=int, default=128)
    parser.add_argument("--few-images", type=int, default=2, help="for tmeasures' NumPy classes")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1, help="of every side; jobs of the workflow have 1")
    parser.add_argument(
        "--peak-memory", type=int, metavar="N", help="only print that of a sweep over N images"
    )
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    given = parser.parse_args()
    prepare_process(given.threads)  # as the scripts of the workflow do, for all alike
    if given.peak_memory:
        whole("invariance", network(), load_images(given.peak_memory), rotations(25))
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        return
    images = load_images(max(given.images, *SIZES))
    print(f"{given.images} images x 49 rotations, {given.threads} thread(s), {given.repetitions} repetitions")
    parts: dict[str, Callable[[], list[Row]]] = {
        "ratios": lambda: ratios(images[: given.images], given.repetitions),
        "tmeasures": lambda: against_tmeasures(images[: given.images // 2], images[: given.few_images]),
        "growth": lambda: growth(images),
    }
    rows: list[Row] = []
    for name in given.parts:
        found = parts[name]()
        for figure, value, target in found:
            print(f"{figure:75} {value:8.3g}  {target}", flush=True)
        rows += found
    figures = pd.DataFrame(rows, columns=["figure", "value", "target"])
    if given.csv:
        write_text(given.csv, figures.to_csv(index=False))


if __name__ == "__main__":
    warnings.filterwarnings("ignore", message=".*pin_memory.*")  # what tmeasures' loaders say without a GPU
    main()
