"""Inception-v3 (Szegedy et al. 2016) with published weights and a trained head: the transfer of 2017.

The features are the 2048 values of the last pooling. Layers have the names that they have in the file of
weights that torchvision publishes, and compute what torchvision's network does in evaluation mode. The
auxiliary classifier is left out.
"""

from collections import OrderedDict

from torch import Tensor, nn

from equivariance.errors import UserError
from equivariance.models.blocks import Concatenate, Layers, SpatialMean, activated
from equivariance.models.settings import InceptionTransferSettings
from equivariance.models.standardize import Standardize

SIDE = 299
"""Height and width of the images that the weights were learned from."""

FEATURES = 2048

Steps = list[tuple[str, str, nn.Module]]
"""Layers of a block: name, name of the layer whose output it takes ("" is the block's input), module."""


class ImageNetInput(Standardize):
    """Images (N, 1 or 3, H, W) in [0, 1] as the weights need them: (N, 3, 299, 299), in [-1, 1].

    A gray image is repeated for each channel; the whole image is resized. Mean and std are 0.5, the same as
    torchvision's preset for these weights (ImageNet's statistics) together with `transform_input`.
    """

    def __init__(self) -> None:
        super().__init__(3)
        self.mean.fill_(0.5)
        self.std.fill_(0.5)

    def set(self, mean: Tensor, std: Tensor) -> None:
        """Leave the statistics as they are, whatever the training images': the weights belong to these."""

    def forward(self, images: Tensor) -> Tensor:  # (N, C, H, W)
        """Resize, repeat and standardise."""
        resized = nn.functional.interpolate(images, (SIDE, SIDE), mode="bilinear", antialias=True)
        return super().forward(resized)  # the three means make three channels of one


class Mixed(nn.Module):
    """Branches of convolutions on one input; the outputs that no layer of the block takes are joined."""

    def __init__(self, steps: Steps) -> None:
        super().__init__()
        for name, _, module in steps:
            self.add_module(name, module)
        self.concatenate = Concatenate()
        self.sources = {name: source for name, source, _ in steps}
        self.ends = [name for name in self.sources if name not in self.sources.values()]

    def forward(self, maps: Tensor) -> Tensor:
        """Compute the layers one by one and join the ends."""
        values = {"": maps}
        for name, source in self.sources.items():
            values[name] = self.get_submodule(name)(values[source])
        joined: Tensor = self.concatenate([values[name] for name in self.ends])
        return joined


def build(image_shape: tuple[int, int, int], classes: int, settings: InceptionTransferSettings) -> nn.Module:
    """Build the network: images (N, C, H, W) in [0, 1] to log-probabilities (N, classes).

    The weights of the trunk are as random as the head's; `models.pretrained` loads the published ones,
    and a training freezes them. Raises UserError for images that have neither 1 nor 3 channels.
    """
    if image_shape[0] not in (1, 3):
        raise UserError(f"inception_transfer takes images of 1 or 3 channels; these have {image_shape[0]}")
    layers: Layers = [("standardize", ImageNetInput()), ("inception", _inception_v3())]
    if settings.hidden is None:
        layers.append(("fc1", nn.Linear(FEATURES, classes)))
    else:
        layers += activated("fc1", nn.Linear(FEATURES, settings.hidden), "elu")
        layers.append(("fc2", nn.Linear(settings.hidden, classes)))
    return nn.Sequential(OrderedDict([*layers, ("log_softmax", nn.LogSoftmax(dim=1))]))


def _inception_v3() -> nn.Module:
    """Make the trunk: images (N, 3, 299, 299) to features (N, 2048); on the right the sides of its maps."""
    layers: Layers = [
        ("Conv2d_1a_3x3", _convolution(3, 32, 3, stride=2)),  # 149
        ("Conv2d_2a_3x3", _convolution(32, 32, 3, padded=False)),  # 147
        ("Conv2d_2b_3x3", _convolution(32, 64, 3)),
        ("maxpool1", nn.MaxPool2d(3, stride=2)),  # 73
        ("Conv2d_3b_1x1", _convolution(64, 80, 1)),
        ("Conv2d_4a_3x3", _convolution(80, 192, 3, padded=False)),  # 71
        ("maxpool2", nn.MaxPool2d(3, stride=2)),  # 35
        ("Mixed_5b", _with_5x5(192, 32)),
        ("Mixed_5c", _with_5x5(256, 64)),
        ("Mixed_5d", _with_5x5(288, 64)),
        ("Mixed_6a", _to_17(288)),  # 17
        ("Mixed_6b", _with_7x7(768, 128)),
        ("Mixed_6c", _with_7x7(768, 160)),
        ("Mixed_6d", _with_7x7(768, 160)),
        ("Mixed_6e", _with_7x7(768, 192)),
        ("Mixed_7a", _to_8(768)),  # 8
        ("Mixed_7b", _with_forks(1280)),
        ("Mixed_7c", _with_forks(FEATURES)),
        ("mean", SpatialMean()),
    ]
    return nn.Sequential(OrderedDict(layers))


def _convolution(
    inputs: int, outputs: int, kernel: int | tuple[int, int], stride: int = 1, padded: bool = True
) -> nn.Module:
    """Convolution, normalization, ReLU; padded to keep the sides, but for a stride of 2."""
    height, width = (kernel, kernel) if isinstance(kernel, int) else kernel
    padding = (height // 2, width // 2) if padded and stride == 1 else 0
    layers: Layers = [
        ("conv", nn.Conv2d(inputs, outputs, (height, width), stride=stride, padding=padding, bias=False)),
        ("bn", nn.BatchNorm2d(outputs, eps=0.001)),
        ("act", nn.ReLU()),
    ]
    return nn.Sequential(OrderedDict(layers))


def _pooled(inputs: int, outputs: int) -> Steps:
    return [
        ("pool", "", nn.AvgPool2d(3, stride=1, padding=1)),
        ("branch_pool", "pool", _convolution(inputs, outputs, 1)),
    ]


def _with_5x5(inputs: int, pooled: int) -> Mixed:
    """Figure 5 of the paper, with its one 5x5 convolution kept."""
    return Mixed(
        [
            ("branch1x1", "", _convolution(inputs, 64, 1)),
            ("branch5x5_1", "", _convolution(inputs, 48, 1)),
            ("branch5x5_2", "branch5x5_1", _convolution(48, 64, 5)),
            ("branch3x3dbl_1", "", _convolution(inputs, 64, 1)),
            ("branch3x3dbl_2", "branch3x3dbl_1", _convolution(64, 96, 3)),
            ("branch3x3dbl_3", "branch3x3dbl_2", _convolution(96, 96, 3)),
            *_pooled(inputs, pooled),
        ]
    )


def _to_17(inputs: int) -> Mixed:
    """Halve the sides from 35."""
    return Mixed(
        [
            ("branch3x3", "", _convolution(inputs, 384, 3, stride=2)),
            ("branch3x3dbl_1", "", _convolution(inputs, 64, 1)),
            ("branch3x3dbl_2", "branch3x3dbl_1", _convolution(64, 96, 3)),
            ("branch3x3dbl_3", "branch3x3dbl_2", _convolution(96, 96, 3, stride=2)),
            ("pool", "", nn.MaxPool2d(3, stride=2)),
        ]
    )


def _with_7x7(inputs: int, reduced: int) -> Mixed:
    """Figure 6 of the paper: 7x7 convolutions as pairs of 1x7 and 7x1."""
    row, column = (1, 7), (7, 1)
    return Mixed(
        [
            ("branch1x1", "", _convolution(inputs, 192, 1)),
            ("branch7x7_1", "", _convolution(inputs, reduced, 1)),
            ("branch7x7_2", "branch7x7_1", _convolution(reduced, reduced, row)),
            ("branch7x7_3", "branch7x7_2", _convolution(reduced, 192, column)),
            ("branch7x7dbl_1", "", _convolution(inputs, reduced, 1)),
            ("branch7x7dbl_2", "branch7x7dbl_1", _convolution(reduced, reduced, column)),
            ("branch7x7dbl_3", "branch7x7dbl_2", _convolution(reduced, reduced, row)),
            ("branch7x7dbl_4", "branch7x7dbl_3", _convolution(reduced, reduced, column)),
            ("branch7x7dbl_5", "branch7x7dbl_4", _convolution(reduced, 192, row)),
            *_pooled(inputs, 192),
        ]
    )


def _to_8(inputs: int) -> Mixed:
    """Halve the sides from 17."""
    return Mixed(
        [
            ("branch3x3_1", "", _convolution(inputs, 192, 1)),
            ("branch3x3_2", "branch3x3_1", _convolution(192, 320, 3, stride=2)),
            ("branch7x7x3_1", "", _convolution(inputs, 192, 1)),
            ("branch7x7x3_2", "branch7x7x3_1", _convolution(192, 192, (1, 7))),
            ("branch7x7x3_3", "branch7x7x3_2", _convolution(192, 192, (7, 1))),
            ("branch7x7x3_4", "branch7x7x3_3", _convolution(192, 192, 3, stride=2)),
            ("pool", "", nn.MaxPool2d(3, stride=2)),
        ]
    )


def _with_forks(inputs: int) -> Mixed:
    """Figure 7 of the paper: two branches that end in a 1x3 and a 3x1 convolution side by side."""
    row, column = (1, 3), (3, 1)
    return Mixed(
        [
            ("branch1x1", "", _convolution(inputs, 320, 1)),
            ("branch3x3_1", "", _convolution(inputs, 384, 1)),
            ("branch3x3_2a", "branch3x3_1", _convolution(384, 384, row)),
            ("branch3x3_2b", "branch3x3_1", _convolution(384, 384, column)),
            ("branch3x3dbl_1", "", _convolution(inputs, 448, 1)),
            ("branch3x3dbl_2", "branch3x3dbl_1", _convolution(448, 384, 3)),
            ("branch3x3dbl_3a", "branch3x3dbl_2", _convolution(384, 384, row)),
            ("branch3x3dbl_3b", "branch3x3dbl_2", _convolution(384, 384, column)),
            *_pooled(inputs, 192),
        ]
    )
