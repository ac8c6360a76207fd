"""The VGG16 of the handshape study of 2017 (Quiroga et al. 2017): thirteen convolutions, an eighth as wide.

Blocks of 2, 2, 3, 3 and 3 convolutions with ELU, then a max pooling and batch normalization each; two hidden
linear layers, each before a dropout.
"""

from collections import OrderedDict

from torch import nn

from equivariance.models.blocks import Layers, activated, pooled_area, vgg_block
from equivariance.models.settings import VGG162017Settings
from equivariance.models.standardize import Standardize

PLAN = ((1, 2), (2, 2), (2, 3), (4, 3), (4, 3))
"""Filters, in multiples of the first block's, and number of convolutions of each block."""


def build(image_shape: tuple[int, int, int], classes: int, settings: VGG162017Settings) -> nn.Module:
    """Build the network: images (N, C, H, W) in [0, 1] to log-probabilities (N, classes).

    Raises UserError for images too small for its five poolings.
    """
    inputs = image_shape[0]
    layers: Layers = [("standardize", Standardize(inputs))]
    for block, (factor, convolutions) in enumerate(PLAN, start=1):
        outputs = factor * settings.filters
        layers += vgg_block(block, inputs, outputs, convolutions, batch_norm=False)
        layers.append((f"pool{block}_bn", nn.BatchNorm2d(outputs)))
        inputs = outputs
    values = inputs * pooled_area("vgg16_2017", image_shape, len(PLAN))
    layers += [
        ("flatten", nn.Flatten()),
        *activated("fc1", nn.Linear(values, settings.hidden), "elu"),
        ("dropout1", nn.Dropout(0.5)),
        *activated("fc2", nn.Linear(settings.hidden, settings.hidden), "elu"),
        ("dropout2", nn.Dropout(0.5)),
        ("fc3", nn.Linear(settings.hidden, classes)),
        ("log_softmax", nn.LogSoftmax(dim=1)),
    ]
    return nn.Sequential(OrderedDict(layers))
