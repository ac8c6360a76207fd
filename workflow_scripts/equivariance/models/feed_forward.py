"""Feed-forward networks of linear layers: none, one or two hidden ones.

Two hidden layers are the FFNet of the thesis; one of 128 units and none (softmax regression) are the
baselines of the handshape study of 2017 (Quiroga et al. 2017).
"""

from collections import OrderedDict
from math import prod

from torch import nn

from equivariance.models.blocks import Layers, activated
from equivariance.models.settings import FeedForwardSettings
from equivariance.models.standardize import Standardize


def build(image_shape: tuple[int, int, int], classes: int, settings: FeedForwardSettings) -> nn.Module:
    """Build the network: images (N, C, H, W) in [0, 1] to log-probabilities (N, classes)."""
    hidden = [width for width in (settings.hidden1, settings.hidden2) if width is not None]
    layers: Layers = [("standardize", Standardize(image_shape[0])), ("flatten", nn.Flatten())]
    inputs = prod(image_shape)
    for number, width in enumerate(hidden, start=1):
        layers += activated(f"fc{number}", nn.Linear(inputs, width), settings.activation)
        inputs = width
    layers += [(f"fc{len(hidden) + 1}", nn.Linear(inputs, classes)), ("log_softmax", nn.LogSoftmax(dim=1))]
    return nn.Sequential(OrderedDict(layers))
