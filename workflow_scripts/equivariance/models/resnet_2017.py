"""The residual network of the handshape study of 2017 (Quiroga et al. 2017): nine bottlenecks.

Bottlenecks with full pre-activation (He et al. 2016b) and shortcuts without weights, as in the library that
the study used (tflearn): where the sides halve, the shortcut is pooled; where channels are added, they are
0 on the shortcut, half of them before and half after the others.
"""

from collections import OrderedDict

from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, pad

from equivariance.models.blocks import Add, Layers, SpatialMean, StridedPointwise
from equivariance.models.settings import ResNet2017Settings
from equivariance.models.standardize import Standardize

PLAN = ((3, 0.25, 1, False), (1, 0.5, 2, True), (2, 1, 2, False), (1, 1, 4, True), (2, 2, 4, False))
"""Number of bottlenecks, filters of the bottleneck and of its output in multiples of the stem's, and whether
the sides halve."""


class PooledShortcut(nn.Module):
    """Halve the sides, rounding up, by a mean, and add channels of zeros.

    (N, inputs, H, W) to (N, outputs, H/2, W/2).
    """

    layer_kind = "pool"

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        before = (outputs - inputs) // 2
        self.added = (before, outputs - inputs - before)

    def forward(self, maps: Tensor) -> Tensor:
        """Pool and pad."""
        return pad(avg_pool2d(maps, 2, ceil_mode=True), (0, 0, 0, 0, *self.added))


class Bottleneck(nn.Module):
    """residual(x) + x, or + the pooled x where the sides halve; 1x1, 3x3 and 1x1 convolutions."""

    def __init__(self, inputs: int, middle: int, outputs: int, halve: bool) -> None:
        super().__init__()
        convolutions = (
            StridedPointwise(inputs, middle, 2 if halve else 1),
            nn.Conv2d(middle, middle, 3, padding=1),
            nn.Conv2d(middle, outputs, 1),
        )
        layers: Layers = []
        for number, convolution in enumerate(convolutions, start=1):
            layers += [
                (f"bn{number}", nn.BatchNorm2d(convolution.in_channels)),
                (f"act{number}", nn.ReLU()),
                (f"conv{number}", convolution),
            ]
        self.residual = nn.Sequential(OrderedDict(layers))
        self.shortcut = PooledShortcut(inputs, outputs) if halve else None
        self.add = Add()

    def forward(self, maps: Tensor) -> Tensor:
        """Compute the block."""
        residual = self.residual(maps)
        added: Tensor = self.add(residual, maps if self.shortcut is None else self.shortcut(maps))
        return added


def build(image_shape: tuple[int, int, int], classes: int, settings: ResNet2017Settings) -> nn.Module:
    """Build the network: images (N, C, H, W) in [0, 1] to log-probabilities (N, classes)."""
    f = inputs = settings.filters
    layers: Layers = [
        ("standardize", Standardize(image_shape[0])),
        ("stem", nn.Conv2d(image_shape[0], f, 3, padding=1)),
    ]
    for stage, (blocks, narrow, wide, halve) in enumerate(PLAN, start=1):
        middle, outputs = max(1, round(narrow * f)), wide * f
        for block in range(1, blocks + 1):
            layers.append((f"stage{stage}_block{block}", Bottleneck(inputs, middle, outputs, halve)))
            inputs = outputs
    layers += [
        ("bn", nn.BatchNorm2d(inputs)),
        ("act", nn.ReLU()),
        ("mean", SpatialMean()),
        ("fc", nn.Linear(inputs, classes)),
        ("log_softmax", nn.LogSoftmax(dim=1)),
    ]
    return nn.Sequential(OrderedDict(layers))
