"""The "LeNet" of the handshape study of 2017 (Quiroga et al. 2017): four convolutions and a hidden layer.

Filters double from one convolution to the next; each has ELU, a max pooling and batch normalization, in this
order.
"""

from collections import OrderedDict

from torch import nn

from equivariance.models.blocks import Layers, activated, pooled_area
from equivariance.models.settings import LeNet2017Settings
from equivariance.models.standardize import Standardize

CONVOLUTIONS = 4


def build(image_shape: tuple[int, int, int], classes: int, settings: LeNet2017Settings) -> nn.Module:
    """Build the network: images (N, C, H, W) in [0, 1] to log-probabilities (N, classes).

    Raises UserError for images too small for its four poolings.
    """
    inputs = image_shape[0]
    layers: Layers = [("standardize", Standardize(inputs))]
    for number in range(1, CONVOLUTIONS + 1):
        outputs = settings.filters * 2 ** (number - 1)
        layers += [
            *activated(f"conv{number}", nn.Conv2d(inputs, outputs, 3, padding=1), "elu"),
            (f"pool{number}", nn.MaxPool2d(2)),
            (f"pool{number}_bn", nn.BatchNorm2d(outputs)),
        ]
        inputs = outputs
    values = inputs * pooled_area("lenet_2017", image_shape, CONVOLUTIONS)
    layers += [
        ("flatten", nn.Flatten()),
        *activated("fc1", nn.Linear(values, settings.hidden), "elu"),
        ("dropout", nn.Dropout(0.5)),
        ("fc2", nn.Linear(settings.hidden, classes)),
        ("log_softmax", nn.LogSoftmax(dim=1)),
    ]
    return nn.Sequential(OrderedDict(layers))
