"""TI-pooling on SimpleConv: invariance by a maximum over transformed inputs (Laptev et al. 2016).

The convolutional part of SimpleConv sees t(x) for each t of a finite set, with the same weights for each; the
elementwise maximum over t goes to SimpleConv's linear layers. Where the set is a group that the pixels know
exactly, as the quarter turns of a square image, the output is exactly invariant.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from equivariance.models import simple_conv
from equivariance.models.blocks import Layers
from equivariance.models.settings import TIPoolingSettings
from equivariance.models.standardize import Standardize
from equivariance.transformations.sets import build_set
from equivariance.transformations.warp import warp

BATCH_PIXELS = {"cpu": 2**17, "cuda": 2**22}
"""Pixels (copies x images x H x W) that training sends through the convolutions at once. A core is fastest
while the maps of a layer stay near its caches; a GPU wants enough to be full."""


class ElementwiseMax(nn.Module):
    """Maximum over the first axis: (T, ...) to (...)."""

    layer_kind = "pool"

    def forward(self, paths: Tensor) -> Tensor:
        """Compute the maximum."""
        return paths.amax(dim=0)


class TIPooling(nn.Module):
    """Images (N, C, H, W) in [0, 1] to log-probabilities (N, classes).

    The images are transformed before they are standardised, as those of a data set are. In evaluation mode
    the convolutional part runs once per transformation, N images each, so that its layers are called T times
    in one pass, in the order of the set, and can be measured: `conv1` is the path of the first
    transformation, `conv1:2` that of the second. In training mode it runs on the copies of several
    transformations at once, which is faster and has the same result up to rounding; but not with batch
    normalization, whose statistics are those of one path.
    """

    matrices: Tensor  # float64 (T, 3, 3); no part of the weights, as the settings determine it

    def __init__(self, image_shape: tuple[int, int, int], classes: int, settings: TIPoolingSettings) -> None:
        super().__init__()
        matrices = build_set("ti_pooling", settings.transformations).matrices
        self.register_buffer("matrices", matrices, persistent=False)
        self._padding = settings.padding
        self._batched = not settings.batch_norm
        inputs = simple_conv.feature_count(image_shape, settings)
        flatten, *dense = simple_conv.classifier(inputs, classes, settings)
        standardize: Layers = [("standardize", Standardize(image_shape[0]))]
        path = [*standardize, *simple_conv.features(image_shape[0], settings), flatten]
        for name, module in [*path, ("ti_pool", ElementwiseMax()), *dense]:
            self.add_module(name, module)
        self._path = [name for name, _ in path]
        self._after = ["ti_pool", *(name for name, _ in dense)]

    def forward(self, images: Tensor) -> Tensor:  # (N, C, H, W)
        """Compute the log-probabilities (N, classes)."""
        chunks = self.matrices.split(self._at_once(images))
        return self._run(self._after, torch.cat([self._features(images, chunk) for chunk in chunks]))

    def _features(self, images: Tensor, matrices: Tensor) -> Tensor:
        """Compute the features (T, N, F) of the copies of images under some transformations, in one pass."""
        copies = images.flatten(0, 1).expand(
            len(matrices), -1, -1, -1
        )  # (T, N C, H, W), one matrix for all N
        warped = warp(copies, matrices, self._padding).reshape(-1, *images.shape[1:])
        return self._run(self._path, warped).unflatten(0, (len(matrices), len(images)))

    def _at_once(self, images: Tensor) -> int:
        """Transformations whose copies go through the convolutions in one pass."""
        if not (self.training and self._batched):
            return 1
        pixels = images.shape[0] * images.shape[2] * images.shape[3]
        return max(1, BATCH_PIXELS.get(images.device.type, BATCH_PIXELS["cpu"]) // pixels)

    def _run(self, names: Sequence[str], values: Tensor) -> Tensor:
        for name in names:
            values = self.get_submodule(name)(values)
        return values


def build(image_shape: tuple[int, int, int], classes: int, settings: TIPoolingSettings) -> TIPooling:
    """Build the network.

    Raises UserError for a set that is not valid, and for images too small for SimpleConv.
    """
    return TIPooling(image_shape, classes, settings)
