"""SimpleConv with group convolutions over p4, one of the specialised models of 2018 (Quiroga et al. 2018).

Five group convolutions of f, f, f, 2 f and 4 f features, and a maximum over the rotations before the linear
layers. The maps are (N, 4 features, H, W), see `group_convolution`.
"""

from collections import OrderedDict

from torch import nn

from equivariance.models.blocks import Layers, activated, pooled_area
from equivariance.models.group_convolution import P4BatchNorm, P4Conv, RotationMax
from equivariance.models.settings import GSimpleConvSettings
from equivariance.models.standardize import Standardize


def build(image_shape: tuple[int, int, int], classes: int, settings: GSimpleConvSettings) -> nn.Module:
    """Build the network: images (N, C, H, W) in [0, 1] to log-probabilities (N, classes).

    Raises UserError for images too small for its two poolings.
    """

    def convolution(number: int, inputs: int, features: int) -> Layers:
        norm = P4BatchNorm(features) if settings.batch_norm else None
        layer = P4Conv(inputs, features, over_p4=number > 1)
        return activated(f"conv{number}", layer, settings.activation, norm)

    f, hidden = settings.filters, settings.hidden
    values = 4 * f * pooled_area("g_simple_conv", image_shape, 2)
    layers: Layers = [
        ("standardize", Standardize(image_shape[0])),
        *convolution(1, image_shape[0], f),
        *convolution(2, f, f),
        ("pool1", nn.MaxPool2d(2)),
        *convolution(3, f, f),
        *convolution(4, f, 2 * f),
        ("pool2", nn.MaxPool2d(2)),
        *convolution(5, 2 * f, 4 * f),
        ("rotation_max", RotationMax()),
        ("flatten", nn.Flatten()),
        *activated("fc1", nn.Linear(values, hidden), settings.activation, nn.BatchNorm1d(hidden)),
        ("fc2", nn.Linear(hidden, classes)),
        ("log_softmax", nn.LogSoftmax(dim=1)),
    ]
    return nn.Sequential(OrderedDict(layers))
