"""GoogLeNet, the Inception network of version 1 (Szegedy et al. 2015), as trained from scratch in 2017.

Without the auxiliary classifiers. Layers that halve the sides round up, so that small images are possible.
Batch normalization, if chosen, comes before each activation and replaces the local response normalizations.
"""

from collections import OrderedDict

from torch import Tensor, nn

from equivariance.models.blocks import Concatenate, Layers, SpatialMean, activated
from equivariance.models.settings import Inception2017Settings
from equivariance.models.standardize import Standardize

STEM = 64
"""Filters of the first convolution, in whose units all others are given."""

MODULES = {
    "3a": (64, (96, 128), (16, 32), 32),
    "3b": (128, (128, 192), (32, 96), 64),
    "4a": (192, (96, 208), (16, 48), 64),
    "4b": (160, (112, 224), (24, 64), 64),
    "4c": (128, (128, 256), (24, 64), 64),
    "4d": (112, (144, 288), (32, 64), 64),
    "4e": (256, (160, 320), (32, 128), 128),
    "5a": (256, (160, 320), (32, 128), 128),
    "5b": (384, (192, 384), (48, 128), 128),
}
"""Filters of the branches, table 1 of the paper: 1x1; 1x1 then 3x3; 1x1 then 5x5; pooling then 1x1."""


class Inception(nn.Module):
    """Four branches side by side: (N, inputs, H, W) to (N, `outputs`, H, W)."""

    def __init__(self, inputs: int, name: str, settings: Inception2017Settings) -> None:
        super().__init__()
        one, (reduce3, three), (reduce5, five), pooled = MODULES[name]
        one, reduce3, three, reduce5, five, pooled = (
            _scaled(width, settings) for width in (one, reduce3, three, reduce5, five, pooled)
        )
        self.branch1 = _sequential(_convolution("conv", inputs, one, 1, settings))
        self.branch2 = _sequential(
            _convolution("reduce", inputs, reduce3, 1, settings)
            + _convolution("conv", reduce3, three, 3, settings)
        )
        self.branch3 = _sequential(
            _convolution("reduce", inputs, reduce5, 1, settings)
            + _convolution("conv", reduce5, five, 5, settings)
        )
        pool: Layers = [("pool", nn.MaxPool2d(3, stride=1, padding=1))]
        self.branch4 = _sequential(pool + _convolution("conv", inputs, pooled, 1, settings))
        self.concatenate = Concatenate()
        self.outputs = one + three + five + pooled

    def forward(self, maps: Tensor) -> Tensor:
        """Compute all branches and join them."""
        branches = (self.branch1, self.branch2, self.branch3, self.branch4)
        joined: Tensor = self.concatenate([branch(maps) for branch in branches])
        return joined


def build(image_shape: tuple[int, int, int], classes: int, settings: Inception2017Settings) -> nn.Module:
    """Build the network: images (N, C, H, W) in [0, 1] to log-probabilities (N, classes)."""
    f, f3 = _scaled(STEM, settings), _scaled(3 * STEM, settings)
    layers: Layers = [
        ("standardize", Standardize(image_shape[0])),
        *_convolution("conv1", image_shape[0], f, 7, settings, stride=2),
        ("pool1", _halving()),
        *_response_norm("pool1", settings),
        *_convolution("conv2_reduce", f, f, 1, settings),
        *_convolution("conv2", f, f3, 3, settings),
        *_response_norm("conv2", settings),
        ("pool2", _halving()),
    ]
    inputs = f3
    for name in MODULES:
        module = Inception(inputs, name, settings)
        layers.append((f"inception{name}", module))
        inputs = module.outputs
        if name in ("3b", "4e"):
            layers.append((f"pool{name[0]}", _halving()))
    layers += [
        ("mean", SpatialMean()),
        ("dropout", nn.Dropout(0.4)),
        ("fc", nn.Linear(inputs, classes)),
        ("log_softmax", nn.LogSoftmax(dim=1)),
    ]
    return _sequential(layers)


def _convolution(
    name: str, inputs: int, outputs: int, kernel: int, settings: Inception2017Settings, stride: int = 1
) -> Layers:
    norm = nn.BatchNorm2d(outputs) if settings.batch_norm else None
    convolution = nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2)
    return activated(name, convolution, "relu", norm)


def _response_norm(name: str, settings: Inception2017Settings) -> Layers:
    return [] if settings.batch_norm else [(f"{name}_lrn", nn.LocalResponseNorm(5))]


def _halving() -> nn.Module:
    return nn.MaxPool2d(3, stride=2, padding=1)


def _scaled(width: int, settings: Inception2017Settings) -> int:
    return max(1, round(width * settings.filters / STEM))


def _sequential(layers: Layers) -> nn.Sequential:
    return nn.Sequential(OrderedDict(layers))
