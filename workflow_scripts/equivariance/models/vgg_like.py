"""VGGLike, of the author's measurements of 2018 and 2019: eight convolutions, always normalized.

Four blocks of two convolutions with ELU and batch normalization after it, a max pooling each, and one hidden
linear layer with batch normalization before its ReLU.
"""

from collections import OrderedDict

from torch import nn

from equivariance.models.blocks import Layers, activated, pooled_area, vgg_block
from equivariance.models.settings import VGGLikeSettings
from equivariance.models.standardize import Standardize

BLOCKS = 4


def build(image_shape: tuple[int, int, int], classes: int, settings: VGGLikeSettings) -> nn.Module:
    """Build the network: images (N, C, H, W) in [0, 1] to log-probabilities (N, classes).

    Raises UserError for images too small for its four poolings.
    """
    layers: Layers = [("standardize", Standardize(image_shape[0]))]
    inputs = image_shape[0]
    for block in range(1, BLOCKS + 1):
        outputs = settings.filters * 2 ** (block - 1)
        layers += vgg_block(block, inputs, outputs, 2, batch_norm=True)
        inputs = outputs
    values = inputs * pooled_area("vgg_like", image_shape, BLOCKS)
    hidden = settings.hidden
    layers += [
        ("flatten", nn.Flatten()),
        *activated("fc1", nn.Linear(values, hidden), "relu", nn.BatchNorm1d(hidden)),
        ("fc2", nn.Linear(hidden, classes)),
        ("log_softmax", nn.LogSoftmax(dim=1)),
    ]
    return nn.Sequential(OrderedDict(layers))
