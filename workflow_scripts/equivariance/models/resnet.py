"""ResNet-18 and ResNet-34 for small images (He et al. 2016a): no stride and no pooling in the stem.

Four stages of blocks with two 3x3 convolutions; where a block changes the shape, its shortcut is a 1x1
convolution. The thesis uses ELU, and a variant without batch normalization.
"""

from collections import OrderedDict

from torch import Tensor, nn

from equivariance.models.activations import ACTIVATIONS
from equivariance.models.blocks import Add, Layers, SpatialMean, StridedPointwise, activated
from equivariance.models.settings import ResNetSettings
from equivariance.models.standardize import Standardize

BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}
"""Blocks of each stage, by depth."""


class ResidualBlock(nn.Module):
    """act(residual(x) + shortcut(x)): (N, inputs, H, W) to (N, outputs, H / stride, W / stride).

    The shortcut is x itself, and no layer, where the shapes agree.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, settings: ResNetSettings) -> None:
        super().__init__()
        first = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        second = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        residual = [
            *activated("conv1", first, settings.activation, _norm(outputs, settings)),
            *_normalized("conv2", second, settings),
        ]
        self.residual = nn.Sequential(OrderedDict(residual))
        self.shortcut: nn.Module | None = None
        if stride != 1 or inputs != outputs:
            projection = StridedPointwise(inputs, outputs, stride, bias=False)
            self.shortcut = nn.Sequential(OrderedDict(_normalized("conv", projection, settings)))
        self.add = Add()
        self.act = ACTIVATIONS[settings.activation]()

    def forward(self, maps: Tensor) -> Tensor:
        """Compute the block."""
        residual = self.residual(maps)
        added: Tensor = self.add(residual, maps if self.shortcut is None else self.shortcut(maps))
        activation: Tensor = self.act(added)
        return activation


def build(image_shape: tuple[int, int, int], classes: int, settings: ResNetSettings) -> nn.Module:
    """Build the network: images (N, C, H, W) in [0, 1] to log-probabilities (N, classes)."""
    stem = nn.Conv2d(image_shape[0], settings.filters, 3, padding=1, bias=False)
    layers: Layers = [
        ("standardize", Standardize(image_shape[0])),
        *activated("stem", stem, settings.activation, _norm(settings.filters, settings)),
    ]
    inputs = settings.filters
    for stage, blocks in enumerate(BLOCKS[settings.depth], start=1):
        outputs = settings.filters * 2 ** (stage - 1)
        for block in range(1, blocks + 1):
            stride = 2 if stage > 1 and block == 1 else 1
            layers.append((f"stage{stage}_block{block}", ResidualBlock(inputs, outputs, stride, settings)))
            inputs = outputs
    layers += [
        ("mean", SpatialMean()),
        ("fc", nn.Linear(inputs, classes)),
        ("log_softmax", nn.LogSoftmax(dim=1)),
    ]
    return nn.Sequential(OrderedDict(layers))


def _normalized(name: str, convolution: nn.Conv2d, settings: ResNetSettings) -> Layers:
    norm = _norm(convolution.out_channels, settings)
    return [(name, convolution), *([] if norm is None else [(f"{name}_bn", norm)])]


def _norm(channels: int, settings: ResNetSettings) -> nn.Module | None:
    return nn.BatchNorm2d(channels) if settings.batch_norm else None
