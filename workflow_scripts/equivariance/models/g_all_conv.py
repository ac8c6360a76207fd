"""AllConvolutional with group convolutions over p4, one of the specialised models of 2018 (Quiroga et al.
2018).

The maximum over the rotations comes before the convolution to the classes, which is an ordinary one. The maps
are (N, 4 features, H, W), see `group_convolution`. With odd sides that stay odd the output is exactly
invariant to quarter turns.
"""

from collections import OrderedDict

from torch import nn

from equivariance.models.all_convolutional import PLAN
from equivariance.models.blocks import Layers, SpatialMean, activated
from equivariance.models.group_convolution import P4BatchNorm, P4Conv, RotationMax
from equivariance.models.settings import GAllConvSettings
from equivariance.models.standardize import Standardize


def build(image_shape: tuple[int, int, int], classes: int, settings: GAllConvSettings) -> nn.Module:
    """Build the network: images (N, C, H, W) in [0, 1] to log-probabilities (N, classes)."""
    inputs = image_shape[0]
    layers: Layers = [("standardize", Standardize(inputs))]
    for number, (factor, kernel, stride) in enumerate(PLAN, start=1):
        features = factor * settings.filters
        convolution = P4Conv(inputs, features, kernel, stride, over_p4=number > 1)
        norm = P4BatchNorm(features) if settings.batch_norm else None
        layers += activated(f"conv{number}", convolution, settings.activation, norm)
        inputs = features
    layers += [
        ("rotation_max", RotationMax()),
        ("class_conv", nn.Conv2d(inputs, classes, 1)),
        ("mean", SpatialMean()),
        ("log_softmax", nn.LogSoftmax(dim=1)),
    ]
    return nn.Sequential(OrderedDict(layers))
