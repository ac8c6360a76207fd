"""VGG16D, the thesis' reduction of VGG16 (Simonyan and Zisserman 2015): ten convolutions in four blocks.

Blocks of 2, 2, 3 and 3 convolutions with ELU, then two hidden linear layers with ReLU behind dropout. The
name is the author's; the network that is usually called so has thirteen convolutions.
"""

from collections import OrderedDict

from torch import nn

from equivariance.models.blocks import Layers, activated, pooled_area, vgg_blocks
from equivariance.models.settings import VGG16DSettings
from equivariance.models.standardize import Standardize

CONVOLUTIONS = (2, 2, 3, 3)


def build(image_shape: tuple[int, int, int], classes: int, settings: VGG16DSettings) -> nn.Module:
    """Build the network: images (N, C, H, W) in [0, 1] to log-probabilities (N, classes).

    Raises UserError for images too small for its four poolings.
    """
    last = settings.filters * 2 ** (len(CONVOLUTIONS) - 1)
    values = last * pooled_area("vgg16d", image_shape, len(CONVOLUTIONS))
    layers: Layers = [("standardize", Standardize(image_shape[0]))]
    layers += vgg_blocks(image_shape[0], settings.filters, CONVOLUTIONS, settings.batch_norm)
    layers += [
        ("flatten", nn.Flatten()),
        ("dropout1", nn.Dropout(0.5)),
        *activated("fc1", nn.Linear(values, settings.hidden), "relu"),
        ("dropout2", nn.Dropout(0.5)),
        *activated("fc2", nn.Linear(settings.hidden, settings.hidden), "relu"),
        ("fc3", nn.Linear(settings.hidden, classes)),
        ("log_softmax", nn.LogSoftmax(dim=1)),
    ]
    return nn.Sequential(OrderedDict(layers))
