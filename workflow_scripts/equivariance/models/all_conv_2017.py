"""The AllConv of the handshape study of 2017 (Quiroga et al. 2017).

Six convolutions of f, f, f, 2 f, 2 f and 2 f filters, the third and the sixth with stride 2, and two 1x1
ones. Each but the last has ELU and then batch normalization; dropout follows every second 3x3 convolution.
"""

from collections import OrderedDict

from torch import nn

from equivariance.models.blocks import Layers, SpatialMean, activated
from equivariance.models.settings import AllConv2017Settings
from equivariance.models.standardize import Standardize

PLAN = ((1, 3, 1), (1, 3, 1), (1, 3, 2), (2, 3, 1), (2, 3, 1), (2, 3, 2), (2, 1, 1))
"""Filters in multiples of the first convolution's, kernel and stride of each convolution but the last."""


def build(image_shape: tuple[int, int, int], classes: int, settings: AllConv2017Settings) -> nn.Module:
    """Build the network: images (N, C, H, W) in [0, 1] to log-probabilities (N, classes)."""
    inputs = image_shape[0]
    layers: Layers = [("standardize", Standardize(inputs))]
    for number, (factor, kernel, stride) in enumerate(PLAN, start=1):
        outputs = factor * settings.filters
        convolution = nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2)
        layers += activated(f"conv{number}", convolution, "elu", nn.BatchNorm2d(outputs), "after")
        if number % 2 == 0:
            layers.append((f"dropout{number // 2}", nn.Dropout(0.5)))
        inputs = outputs
    layers += [
        ("class_conv", nn.Conv2d(inputs, classes, 1)),
        ("mean", SpatialMean()),
        ("log_softmax", nn.LogSoftmax(dim=1)),
    ]
    return nn.Sequential(OrderedDict(layers))
