"""AllConvolutional: convolutions alone, two of them with stride 2 (Springenberg et al. 2015, All-CNN-C).

Nine convolutions, the last of which gives one map per class; its mean is the score, so that there is no
activation function on it. The thesis adds batch normalization as a variant and leaves dropout out.
"""

from collections import OrderedDict

from torch import nn

from equivariance.models.blocks import Layers, SpatialMean, activated
from equivariance.models.settings import AllConvolutionalSettings
from equivariance.models.standardize import Standardize

PLAN = ((1, 3, 1), (1, 3, 1), (1, 3, 2), (2, 3, 1), (2, 3, 1), (2, 3, 2), (2, 3, 1), (2, 1, 1))
"""Filters in multiples of the first convolution's, kernel and stride of each convolution but the last."""


def build(image_shape: tuple[int, int, int], classes: int, settings: AllConvolutionalSettings) -> nn.Module:
    """Build the network: images (N, C, H, W) in [0, 1] to log-probabilities (N, classes)."""
    standardize: Layers = [("standardize", Standardize(image_shape[0]))]
    return nn.Sequential(OrderedDict(standardize + layers(image_shape[0], classes, settings)))


def layers(channels: int, classes: int, settings: AllConvolutionalSettings) -> Layers:
    """Make all layers after the standardization: (N, channels, H, W) to (N, classes)."""
    found: Layers = []
    inputs = channels
    for number, (factor, kernel, stride) in enumerate(PLAN, start=1):
        outputs = factor * settings.filters
        convolution = nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2)
        norm = nn.BatchNorm2d(outputs) if settings.batch_norm else None
        found += activated(f"conv{number}", convolution, settings.activation, norm)
        inputs = outputs
    return [
        *found,
        ("class_conv", nn.Conv2d(inputs, classes, 1)),
        ("mean", SpatialMean()),
        ("log_softmax", nn.LogSoftmax(dim=1)),
    ]
