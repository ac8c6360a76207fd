"""SimpleConv, the network most experiments of the thesis use (Quiroga 2020).

conv, conv, pool, conv, conv, pool, conv, linear, linear. Variants: batch normalisation, kernel size,
activation function, and convolutions with stride 2 in the place of max pooling.
"""

from collections import OrderedDict

from torch import nn

from equivariance.models.blocks import Layers, activated, too_small
from equivariance.models.settings import SimpleConvSettings
from equivariance.models.standardize import Standardize


class SimpleConv(nn.Sequential):
    """The layers in order, by name: images (N, C, H, W) in [0, 1] to log-probabilities (N, classes)."""

    def __init__(self, image_shape: tuple[int, int, int], classes: int, settings: SimpleConvSettings) -> None:
        layers: Layers = [("standardize", Standardize(image_shape[0]))]
        layers += features(image_shape[0], settings)
        layers += classifier(feature_count(image_shape, settings), classes, settings)
        super().__init__(OrderedDict(layers))


def build(image_shape: tuple[int, int, int], classes: int, settings: SimpleConvSettings) -> SimpleConv:
    """Build the network; raises UserError for images too small for its two downsamplings."""
    return SimpleConv(image_shape, classes, settings)


def features(channels: int, settings: SimpleConvSettings) -> Layers:
    """Make the convolutional part, after the standardization: (N, C, H, W) to (N, 4 filters, H/4, W/4)."""
    f, k = settings.filters, settings.kernel_size
    return [
        *_convolution("conv1", channels, f, k, settings),
        *_convolution("conv2", f, f, k, settings),
        ("pool1", _downsampling(f, settings)),
        *_convolution("conv3", f, 2 * f, k, settings),
        *_convolution("conv4", 2 * f, 2 * f, k, settings),
        ("pool2", _downsampling(2 * f, settings)),
        *_convolution("conv5", 2 * f, 4 * f, 3, settings),
    ]


def classifier(inputs: int, classes: int, settings: SimpleConvSettings) -> Layers:
    """Make the dense part: (N, 4 filters, H/4, W/4), which hold `inputs` values each, to (N, classes)."""
    norm = nn.BatchNorm1d(settings.hidden) if settings.batch_norm else None
    return [
        ("flatten", nn.Flatten()),
        *activated("fc1", nn.Linear(inputs, settings.hidden), settings.activation, norm),
        ("fc2", nn.Linear(settings.hidden, classes)),
        ("log_softmax", nn.LogSoftmax(dim=1)),
    ]


def feature_count(image_shape: tuple[int, int, int], settings: SimpleConvSettings) -> int:
    """Count the values of the last feature maps of one image.

    Max pooling halves a side rounding down, stride 2 rounding up. Raises UserError where nothing is left.
    """
    rounding = 0 if settings.downsampling == "max_pool" else 3
    height, width = ((side + rounding) // 4 for side in image_shape[1:])
    if height < 1 or width < 1:
        raise too_small("simple_conv", image_shape, 4)
    return 4 * settings.filters * height * width


def _convolution(name: str, inputs: int, outputs: int, kernel: int, settings: SimpleConvSettings) -> Layers:
    norm = nn.BatchNorm2d(outputs) if settings.batch_norm else None
    convolution = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)
    return activated(name, convolution, settings.activation, norm)


def _downsampling(channels: int, settings: SimpleConvSettings) -> nn.Module:
    """Halve the sides.

    The convolution has the name of the pooling it stands for, so that the profiles of the variants line up.
    Its kernel is 3 and its padding 1 whatever the kernel size of the others.
    """
    if settings.downsampling == "max_pool":
        return nn.MaxPool2d(2)
    return nn.Conv2d(channels, channels, 3, stride=2, padding=1)
