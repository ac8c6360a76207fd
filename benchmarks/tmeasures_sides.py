"""tmeasures 1.2.11 on the same network, images and matrices, as the other side of a comparison.

It rotates by other angles than it says, so it gets transformations that warp by our matrices, each with its
sampling grid made beforehand. Its NumPy classes read activations through an iterator, which is given here.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import tmeasures
import torch
from tmeasures.np import ANOVAInvariance, DistanceAggregation, NormalizedDistanceInvariance
from tmeasures.np.activations_iterator import ActivationsIterator
from torch import Tensor, nn
from torch.nn.functional import affine_grid, grid_sample

from equivariance.measures.recorder import record
from equivariance.transformations.sets import TransformationSet

Layers = list[Any]


class Warp(tmeasures.pytorch.PyTorchTransformation):
    """One of our transformations, as tmeasures calls it: with one image (C, H, W)."""

    def __init__(self, inverse: Tensor, side: int) -> None:
        super().__init__()
        self.grid = affine_grid(inverse[None, :2], [1, 1, side, side], align_corners=False).float()

    def __call__(self, image: Tensor) -> Tensor:
        return grid_sample(image[None], self.grid, padding_mode="border", align_corners=False)[0]


def with_torch_classes(
    model: nn.Module, images: Tensor, transformations: TransformationSet, batch: int, goodfellow: bool
) -> Layers:
    """Compute NV, feature maps averaged before dividing, and Goodfellow's measure if asked: NV's layers."""
    options = tmeasures.pytorch.PyTorchMeasureOptions(batch_size=batch, verbose=False)
    watched = tmeasures.pytorch.AutoActivationsModule(
        model, full_name=False, filter=lambda module: getattr(module, "layer_kind", "") != "input"
    )
    members = tmeasures.pytorch.PyTorchTransformationSet(
        [Warp(inverse, images.shape[-1]) for inverse in transformations.inverses]
    )
    measures = [tmeasures.pytorch.NormalizedVarianceInvariance(tmeasures.pytorch.AverageFeatureMaps())]
    if goodfellow:
        measures.append(tmeasures.pytorch.GoodfellowInvariance())
    try:
        results = [one.eval(images.float() / 255, members, watched, options) for one in measures]
    finally:
        for module in model.modules():
            module._forward_hooks.clear()
    layers: Layers = results[0].layers
    return layers


def with_numpy_classes(
    model: nn.Module, images: Tensor, transformations: TransformationSet, batch: int
) -> Layers:
    """Compute ANOVA and ND (every scalar a vector): ND's layers."""
    activations = Activations(model, images.float() / 255, transformations, batch)
    ANOVAInvariance().eval(activations)
    distances = NormalizedDistanceInvariance(DistanceAggregation(normalize=False, keep_shape=False))
    layers: Layers = distances.eval(activations).layers
    return layers


class Activations(ActivationsIterator):
    """Rows and columns of the sample-transformation matrix, a batch of forward passes at a time."""

    def __init__(
        self, model: nn.Module, images: Tensor, transformations: TransformationSet, batch: int
    ) -> None:
        self.model, self.images, self.batch = model, images, batch
        self.grids = torch.cat([Warp(inverse, images.shape[-1]).grid for inverse in transformations.inverses])
        self.names = [
            name
            for name, module in model.named_modules()
            if not list(module.children()) and getattr(module, "layer_kind", "") != "input"
        ]

    def layer_names(self) -> list[str]:
        return self.names

    def transformations_first(self) -> Iterator[tuple[int, Iterator[Any]]]:
        for index, grid in enumerate(self.grids):
            yield index, self._batches(self.images, grid[None].expand(len(self.images), -1, -1, -1))

    def samples_first(self) -> Iterator[tuple[Any, Iterator[Any]]]:
        for image in self.images:
            yield image.numpy(), self._batches(image.expand(len(self.grids), -1, -1, -1), self.grids)

    def _batches(self, images: Tensor, grids: Tensor) -> Iterator[tuple[Any, list[Any]]]:
        for part, grid in zip(images.split(self.batch), grids.split(self.batch), strict=True):
            with torch.no_grad(), record(self.model, self.names) as found:
                inputs = grid_sample(part, grid, padding_mode="border", align_corners=False)
                self.model(inputs)
            yield inputs.numpy(), [np.asarray(found[name]) for name in self.names]

    get_transformations = get_inverted_activations_iterator = get_both_iterator = None  # not asked for
    get_normal_activations_iterator = None
