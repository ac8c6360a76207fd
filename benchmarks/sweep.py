"""How fast the sweep is: against the bare forward passes, and against tmeasures 1.2.11 on the same inputs.

All sides see the same network, images, matrices and number of threads. Bare forward passes, with the tiles of
the sweep, and the sweep take turns slice by slice, and each slice counts with its fastest repetition; against
tmeasures, which cannot be cut, the fastest whole runs count. tmeasures rotates by other angles than it says,
so it gets transformations that warp by our matrices; it is timed with the best of several batch sizes.
"""

import argparse
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tmeasures
import torch
from torch import Tensor, nn
from torch.nn.functional import affine_grid, grid_sample

from equivariance.datasets.image_set import ImageSet
from equivariance.devices import prepare_process
from equivariance.files import write_text
from equivariance.measures.sweep import Sweep
from equivariance.models import build
from equivariance.transformations.sets import TransformationSet, build_set
from equivariance.transformations.warp import warp

MNIST = Path("results/data/mnist.npz")
TMEASURES_BATCHES = (16, 32, 64)  # 32 is its default; larger ones are slower still
TILE = 2  # the default of the sweep
TRIAL = 16  # images that choose among them
SLICE = 16  # images timed at a time


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


def bare_forward(model: nn.Module, images: Tensor, transformations: TransformationSet) -> None:
    """Run the forward passes of the sweep, and nothing else."""
    matrices = transformations.matrices
    with torch.no_grad():
        for tile in images.split(TILE):
            transformed = warp(
                (tile / 255).repeat_interleave(len(matrices), dim=0), matrices.repeat(len(tile), 1, 1)
            )
            model(transformed)


class Warp(tmeasures.pytorch.PyTorchTransformation):
    """One of our transformations, as tmeasures calls it: with one image (C, H, W)."""

    def __init__(self, inverse: Tensor, side: int) -> None:
        super().__init__()
        self.grid = affine_grid(inverse[None, :2], [1, 1, side, side], align_corners=False).float()

    def __call__(self, image: Tensor) -> Tensor:
        return grid_sample(image[None], self.grid, padding_mode="border", align_corners=False)[0]


def with_tmeasures(
    model: nn.Module, images: Tensor, transformations: TransformationSet, batch: int
) -> list[Tensor]:
    """Compute NV with tmeasures, feature maps averaged before dividing: the values of each layer."""
    options = tmeasures.pytorch.PyTorchMeasureOptions(batch_size=batch, verbose=False)
    nv = tmeasures.pytorch.NormalizedVarianceInvariance(tmeasures.pytorch.AverageFeatureMaps())
    watched = tmeasures.pytorch.AutoActivationsModule(
        model, full_name=False, filter=lambda module: getattr(module, "layer_kind", "") != "input"
    )
    members = tmeasures.pytorch.PyTorchTransformationSet(
        [Warp(inverse, images.shape[-1]) for inverse in transformations.inverses]
    )
    try:
        result = nv.eval(images.float() / 255, members, watched, options)
    finally:
        for module in model.modules():
            module._forward_hooks.clear()
    return result.layers


def timed(run: Callable[[], Any]) -> tuple[float, Any]:
    """Return the seconds that a call took, and its result."""
    start = time.perf_counter()
    result = run()
    return time.perf_counter() - start, result


def in_turns(
    model: nn.Module, images: Tensor, transformations: TransformationSet
) -> tuple[dict[str, list[float]], pd.DataFrame]:
    """Time bare forward passes and a sweep slice by slice, in turns, and give the table of the sweep.

    What else the machine does then hurts both alike. The last slice of the sweep is reading its table.
    """
    seconds: dict[str, list[float]] = {"bare forward": [], "sweep": []}
    sweep = Sweep(model, transformations, tile=TILE)
    for part in images.split(SLICE):
        seconds["bare forward"].append(timed(partial(bare_forward, model, part, transformations))[0])
        seconds["sweep"].append(timed(partial(sweep.update, part))[0])
    reading, table = timed(sweep.table)
    seconds["sweep"].append(reading)
    return seconds, table


def best_batch(model: nn.Module, images: Tensor, transformations: TransformationSet) -> int:
    """Find the batch size with which tmeasures is fastest."""
    return min(
        TMEASURES_BATCHES,
        key=lambda batch: timed(partial(with_tmeasures, model, images[:TRIAL], transformations, batch))[0],
    )


def largest_difference(table: pd.DataFrame, layers: list[Tensor]) -> float:
    """Compare the layers' means over finite values: the largest relative difference."""
    finite = table[np.isfinite(table["value"])]
    ours = finite.groupby("layer_index")["value"].mean().to_numpy()
    theirs = np.array([float(layer[layer.isfinite()].mean()) for layer in layers])
    return float(np.max(np.abs(ours - theirs) / np.abs(theirs)))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--csv", type=Path, help="write the figures there")
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1, help="of every side; jobs of the workflow have 1")
    given = parser.parse_args()
    prepare_process(given.threads)  # as the scripts of the workflow do, for all alike
    torch.manual_seed(0)
    model = build("simple_conv", (1, 28, 28), 10, {"filters": 32, "hidden": 64}).eval()
    transformations = build_set("rotation", {"rotations": {"count": 49}})
    images = load_images(given.images)
    batch = best_batch(model, images, transformations)
    turns, whole_sweeps, whole_tmeasures = [], [], []
    for _ in range(given.repetitions):
        seconds, table = in_turns(model, images, transformations)
        turns.append(seconds)
        whole_sweeps.append(sum(seconds["sweep"]))
        took, layers = timed(partial(with_tmeasures, model, images, transformations, batch))
        whole_tmeasures.append(took)
    bare, sweep = (
        sum(min(times) for times in zip(*(turn[name] for turn in turns), strict=True))
        for name in ("bare forward", "sweep")
    )
    rows = [
        ("bare forward (s)", bare, ""),
        ("sweep (s)", sweep, ""),
        ("sweep / bare forward", sweep / bare, "at most 1.3"),
        ("sweep, uncut (s)", min(whole_sweeps), ""),
        ("tmeasures, uncut (s)", min(whole_tmeasures), ""),
        ("tmeasures / sweep", min(whole_tmeasures) / min(whole_sweeps), "at least 2.5"),
    ]
    difference = largest_difference(table[table["measure"] == "nv"], layers)
    rows.append(("largest relative difference of layer means", difference, "at most 1e-4"))
    figures = pd.DataFrame(rows, columns=["figure", "value", "target"])
    print(
        f"{len(images)} images x {len(transformations)} rotations, {given.threads} thread(s), "
        f"{given.repetitions} repetitions, tmeasures in batches of {batch}"
    )
    print(figures.to_string(index=False, float_format="{:.3g}".format))
    if given.csv:
        write_text(given.csv, figures.to_csv(index=False))


if __name__ == "__main__":
    warnings.filterwarnings("ignore", message=".*pin_memory.*")  # what tmeasures' loaders say without a GPU
    main()
