"""How fast the sweep is: against the bare forward passes, and against tmeasures 1.2.11 on the same inputs.

All sides see the same network, images, matrices and number of threads, take turns, and count with their fastest
repetition. tmeasures rotates by other angles than it says, so it gets transformations that warp by our matrices; it
takes its pairs (sample, transformation) one by one, and is timed with the fastest of several batch sizes.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tmeasures
import torch
from torch import Tensor, nn

from equivariance.files import write_text
from equivariance.measures.sweep import measure
from equivariance.models import build
from equivariance.transformations.sets import TransformationSet, build_set
from equivariance.transformations.warp import warp

MNIST = Path("results/data/mnist.npz")
TMEASURES_BATCHES = (32, 64, 256)  # 32 is its default


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
        with np.load(MNIST) as archive:
            return torch.from_numpy(archive["images"][:count])
    return blobs(count)


def bare_forward(model: nn.Module, images: Tensor, transformations: TransformationSet) -> None:
    """Run the forward passes of the sweep, and nothing else."""
    matrices = transformations.matrices
    with torch.no_grad():
        for image in images:
            model(warp((image / 255).expand(len(matrices), -1, -1, -1), matrices))


class Warp(tmeasures.pytorch.PyTorchTransformation):
    """One of our transformations, as tmeasures calls it: with one image (C, H, W)."""

    def __init__(self, matrix: Tensor) -> None:
        super().__init__()
        self.matrix = matrix[None]

    def __call__(self, image: Tensor) -> Tensor:
        with torch.no_grad():
            return warp(image[None], self.matrix)[0]


def with_tmeasures(
    model: nn.Module, images: Tensor, transformations: TransformationSet, batch: int
) -> list[Tensor]:
    """Compute NV with tmeasures, feature maps averaged before dividing: the values of each layer."""
    options = tmeasures.pytorch.PyTorchMeasureOptions(batch_size=batch, verbose=False)
    nv = tmeasures.pytorch.NormalizedVarianceInvariance(tmeasures.pytorch.AverageFeatureMaps())
    watched = tmeasures.pytorch.AutoActivationsModule(
        model, full_name=False, filter=lambda module: getattr(module, "layer_kind", "") != "input"
    )
    members = tmeasures.pytorch.PyTorchTransformationSet([Warp(matrix) for matrix in transformations.matrices])
    try:
        result = nv.eval(images.float() / 255, members, watched, options)
    finally:
        for module in model.modules():
            module._forward_hooks.clear()
    return result.layers


def fastest(runs: dict[str, Callable[[], Any]], repetitions: int) -> tuple[dict[str, float], dict[str, Any]]:
    """Take turns; return the least seconds of each and its last result."""
    seconds = dict.fromkeys(runs, float("inf"))
    results: dict[str, Any] = {}
    for _ in range(repetitions):
        for name, run in runs.items():
            start = time.perf_counter()
            results[name] = run()
            seconds[name] = min(seconds[name], time.perf_counter() - start)
    return seconds, results
