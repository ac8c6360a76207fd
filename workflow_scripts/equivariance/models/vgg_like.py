"""VGGLike, of the author's measurements of 2018 and 2019: eight convolutions, always normalized.

Four blocks of two convolutions with ELU and batch normalization after it, a max pooling each, and one hidden
linear layer with batch normalization before its ReLU.
"""

from collections import OrderedDict

from torch import nn

from equivariance.models.blocks import Layers, activated, pooled_area, vgg_blocks
from equivariance.models.settings import VGGLikeSettings
from equivariance.models.standardize import Standardize

CONVOLUTIONS = (2, 2, 2, 2)


def build(image_shape: tuple[int, int, int], classes: int, settings: VGGLikeSettings) -> nn.Module:
    """Build the network: images (N, C, H, W) in [0, 1] to log-probabilities (N, classes).

    Raises UserError for images too small for its four poolings.
    """
    last = settings.filters * 2 ** (len(CONVOLUTIONS) - 1)
    values = last * pooled_area("vgg_like", image_shape, len(CONVOLUTIONS))
    layers: Layers = [("standardize", Standardize(image_shape[0]))]
    layers += vgg_blocks(image_shape[0], settings.filters, CONVOLUTIONS, batch_norm=True)
    hidden = settings.hidden
    layers += [
        ("flatten", nn.Flatten()),
        *activated("fc1", nn.Linear(values, hidden), "relu", nn.BatchNorm1d(hidden)),
        ("fc2", nn.Linear(hidden, classes)),
        ("log_softmax", nn.LogSoftmax(dim=1)),
    ]
    return nn.Sequential(OrderedDict(layers))
