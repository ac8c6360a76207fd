"""TI-pooling on SimpleConv: invariance by a maximum over transformed inputs (Laptev et al. 2016).

The convolutional part of SimpleConv, with the same weights and of the same width, sees t(x) for each t of a
finite set; the elementwise maximum over t goes to SimpleConv's linear layers. Where the set is a group that
the pixels know exactly, as the quarter turns of a square image, the output is exactly invariant.
"""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from equivariance.models import simple_conv
from equivariance.models.blocks import Layers
from equivariance.models.settings import TIPoolingSettings
from equivariance.models.standardize import Standardize
from equivariance.transformations.sets import build_set
from equivariance.transformations.warp import warp


class ElementwiseMax(nn.Module):
    """Maximum over several tensors of one shape, element by element."""

    layer_kind = "pool"

    def forward(self, paths: list[Tensor]) -> Tensor:
        """Compute the maximum."""
        return torch.stack(paths).amax(dim=0)


class TIPooling(nn.Module):
    """Images (N, C, H, W) in [0, 1] to log-probabilities (N, classes).

    The images are transformed before they are standardised, as those of a data set are. The convolutional
    part runs once per transformation, N images each, so that its layers are called T times in one pass, in
    the order of the set: `conv1` is the path of the first transformation, `conv1:2` that of the second.
    """

    matrices: Tensor  # float64 (T, 3, 3); no part of the weights, as the settings determine it

    def __init__(self, image_shape: tuple[int, int, int], classes: int, settings: TIPoolingSettings) -> None:
        super().__init__()
        matrices = build_set("ti_pooling", settings.transformations).matrices
        self.register_buffer("matrices", matrices, persistent=False)
        self._padding = settings.padding
        inputs = simple_conv.feature_count(image_shape, settings)
        flatten, *dense = simple_conv.classifier(inputs, classes, settings)
        standardize: Layers = [("standardize", Standardize(image_shape[0]))]
        path = [*standardize, *simple_conv.features(image_shape[0], settings), flatten]
        for name, module in [*path, ("ti_pool", ElementwiseMax()), *dense]:
            self.add_module(name, module)
        self._path = [name for name, _ in path]
        self._after = [name for name, _ in dense]

    def forward(self, images: Tensor) -> Tensor:  # (N, C, H, W)
        """Compute the log-probabilities (N, classes)."""
        warped = (warp(images, matrix[None], self._padding) for matrix in self.matrices)
        paths = [self._run(self._path, path) for path in warped]
        return self._run(self._after, cast(ElementwiseMax, self.ti_pool)(paths))

    def _run(self, names: Sequence[str], values: Tensor) -> Tensor:
        for name in names:
            values = self.get_submodule(name)(values)
        return values


def build(image_shape: tuple[int, int, int], classes: int, settings: TIPoolingSettings) -> TIPooling:
    """Build the network.

    Raises UserError for a set that is not valid, and for images too small for SimpleConv.
    """
    return TIPooling(image_shape, classes, settings)
