"""The families of networks: their settings, and what is special about each, without torch.

A family is a module `equivariance.models.<family>` with `build(image_shape, classes, settings)`, and a frozen
dataclass here. Its fields are the settings (names, types, defaults); its class attributes tell the rest of
the program what is special about it. To add a family, write the module and its class
here, and add it to `FAMILIES`.
"""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, ClassVar, Literal, NamedTuple, get_args, get_origin

from equivariance.errors import UserError, unknown
from equivariance.transformations.parameters import Spec, set_size

Activation = Literal["elu", "relu", "prelu", "tanh", "sigmoid"]
Transformer = Literal["affine", "rotation"]


class PublishedWeights(NamedTuple):
    """Weights that networks of a family start from, see `models.pretrained`."""

    name: str  # of an entry of torchvision's weights
    trunk: str  # the module that they are for
    head: tuple[str, ...]  # patterns of the layers that learn; all others keep the published weights


@dataclass(frozen=True)
class Family:
    """What may be special about a family of networks; these are the usual values."""

    needs_set: ClassVar[bool] = False
    """Transforms images itself: takes `transformations` and `padding` of its training as settings, and is
    trained on untransformed images."""

    path_per_transformation: ClassVar[bool] = False
    """Runs the same layers once for each member of that set; tables show the mean over these paths."""

    published: ClassVar[PublishedWeights | None] = None


@dataclass(frozen=True)
class SimpleConvSettings(Family):
    """Five convolutions, two downsamplings by 2, two linear layers."""

    filters: int  # of the first convolution; the others have 1, 2, 2 and 4 times as many
    hidden: int  # units of the first linear layer
    kernel_size: int = 3  # of the first four convolutions; the fifth is always 3x3
    activation: Activation = "elu"
    batch_norm: bool = False
    downsampling: Literal["max_pool", "stride"] = "max_pool"

    def __post_init__(self) -> None:
        if self.kernel_size % 2 == 0:
            raise UserError(
                f"kernel_size is {self.kernel_size}; valid: odd numbers, which keep the size of the maps"
            )


@dataclass(frozen=True)
class AllConvolutionalSettings(Family):
    """Nine convolutions, two of them with stride 2, and a mean over space."""

    filters: int  # of the first three convolutions; the others have twice as many
    activation: Activation = "elu"
    batch_norm: bool = False


@dataclass(frozen=True)
class VGG16DSettings(Family):
    """Ten convolutions, four poolings, three linear layers."""

    filters: int  # of the first block; doubled from block to block
    hidden: int  # units of both hidden linear layers
    batch_norm: bool = False


@dataclass(frozen=True)
class VGGLikeSettings(Family):
    """Eight convolutions, four poolings, two linear layers."""

    filters: int  # of the first block; doubled from block to block
    hidden: int  # units of the hidden linear layer


@dataclass(frozen=True)
class ResNetSettings(Family):
    """Four stages of residual blocks, and a mean over space."""

    filters: int  # of the stem and the first stage; doubled from stage to stage
    depth: Literal[18, 34] = 18
    activation: Activation = "elu"
    batch_norm: bool = False


@dataclass(frozen=True)
class FeedForwardSettings(Family):
    """Linear layers alone; without hidden layers it is softmax regression."""

    hidden1: int | None = None  # units of the first hidden layer
    hidden2: int | None = None
    activation: Activation = "elu"

    def __post_init__(self) -> None:
        if self.hidden1 is None and self.hidden2 is not None:
            raise UserError(f"hidden2 is {self.hidden2} without a first hidden layer; give hidden1")


@dataclass(frozen=True, kw_only=True)
class TIPoolingSettings(SimpleConvSettings):
    """SimpleConv's, and the set over whose members its features are pooled."""

    needs_set = True
    path_per_transformation = True

    transformations: Spec  # such as {rotations: {count: 8}}, see `transformations.parameters`
    padding: Literal["border", "zeros"]  # beyond the border of an image: its last pixels, or black

    def __post_init__(self) -> None:
        super().__post_init__()
        set_size(self.transformations)


@dataclass(frozen=True, kw_only=True)
class STNSimpleConvSettings(SimpleConvSettings):
    """SimpleConv's, and those of the spatial transformer before it."""

    transformer: Transformer
    localization_filters: int = 16  # of both convolutions of its localization network
    localization_hidden: int = 32


@dataclass(frozen=True, kw_only=True)
class STNAllConvSettings(AllConvolutionalSettings):
    """AllConvolutional's, and those of the spatial transformer before it."""

    transformer: Transformer
    localization_filters: int = 16  # of both convolutions of its localization network
    localization_hidden: int = 32


@dataclass(frozen=True)
class GSimpleConvSettings(Family):
    """Five group convolutions, two poolings, two linear layers, the first of them always normalized."""

    filters: int  # features of the first three convolutions, in four rotations each
    hidden: int  # units of the first linear layer
    activation: Activation = "relu"
    batch_norm: bool = False  # of the convolutions


@dataclass(frozen=True)
class GAllConvSettings(Family):
    """Eight group convolutions, two of them with stride 2, one to the classes, and a mean over space."""

    filters: int  # features of the first three convolutions, in four rotations each
    activation: Activation = "relu"
    batch_norm: bool = False


@dataclass(frozen=True)
class LeNet2017Settings(Family):
    """Four convolutions, four poolings, two linear layers."""

    filters: int  # of the first convolution; doubled from one to the next
    hidden: int  # units of the first linear layer


@dataclass(frozen=True)
class AllConv2017Settings(Family):
    """Eight convolutions, two of them with stride 2, and a mean over space."""

    filters: int  # of the first three convolutions; the others have twice as many


@dataclass(frozen=True)
class VGG162017Settings(Family):
    """Thirteen convolutions, five poolings, three linear layers."""

    filters: int  # of the first block; the others have 2, 2, 4 and 4 times as many
    hidden: int  # units of both hidden linear layers


@dataclass(frozen=True)
class ResNet2017Settings(Family):
    """Nine bottlenecks and a mean over space."""

    filters: int  # of the stem, and of the outputs of the first bottlenecks


@dataclass(frozen=True)
class Inception2017Settings(Family):
    """GoogLeNet with all widths in proportion to the first convolution's."""

    filters: int  # of the first convolution; 64 in the paper
    batch_norm: bool = False


@dataclass(frozen=True)
class InceptionTransferSettings(Family):
    """Inception-v3 with published weights, and a head on its features: one linear layer, or two."""

    published = PublishedWeights("Inception_V3_Weights.IMAGENET1K_V1", trunk="inception", head=("fc*",))

    head: Literal["linear", "network"]
    hidden: int | None = None  # units of the first layer of the head "network"

    def __post_init__(self) -> None:
        if self.head == "network" and self.hidden is None:
            raise UserError("the head network has a hidden layer; give hidden")
        if self.head == "linear" and self.hidden is not None:
            raise UserError(f"hidden is {self.hidden}, but the head linear has no hidden layer; leave it out")


FAMILIES: dict[str, type[Family]] = {
    "simple_conv": SimpleConvSettings,
    "all_convolutional": AllConvolutionalSettings,
    "vgg16d": VGG16DSettings,
    "vgg_like": VGGLikeSettings,
    "resnet": ResNetSettings,
    "feed_forward": FeedForwardSettings,
    "ti_pooling": TIPoolingSettings,
    "stn_simple_conv": STNSimpleConvSettings,
    "stn_all_conv": STNAllConvSettings,
    "g_simple_conv": GSimpleConvSettings,
    "g_all_conv": GAllConvSettings,
    "lenet_2017": LeNet2017Settings,
    "all_conv_2017": AllConv2017Settings,
    "vgg16_2017": VGG162017Settings,
    "resnet_2017": ResNet2017Settings,
    "inception_2017": Inception2017Settings,
    "inception_transfer": InceptionTransferSettings,
}


def read_settings(family: str, values: Mapping[str, Any]) -> Any:
    """Make the settings of `family`, an instance of its dataclass, from plain values.

    Raises UserError for an unknown family, an unknown or missing setting, or a value of the wrong type or
    range.
    """
    if family not in FAMILIES:
        raise UserError(unknown("family of models", family, FAMILIES))
    known = {field.name: field for field in fields(FAMILIES[family])}
    for name in values:
        if name not in known:
            raise UserError(unknown(f"setting of {family}", name, known))
    missing = [name for name, field in known.items() if field.default is MISSING and name not in values]
    if missing:
        raise UserError(f"{family}: {', '.join(missing)} missing; settings: {', '.join(known)}")
    for name, value in values.items():
        valid = _why_not(value, known[name].type)
        if valid:
            raise UserError(f"{family}: {name} is {value!r}; valid: {valid}")
    return FAMILIES[family](**values)


def _why_not(value: Any, expected: Any) -> str:
    """Name the valid values if `value` is not one of them, else return an empty text."""
    if get_origin(expected) is Literal:
        return "" if value in get_args(expected) else ", ".join(map(str, get_args(expected)))
    if expected is bool:
        return "" if isinstance(value, bool) else "true, false"
    if expected == Spec:
        spec = isinstance(value, Mapping) and all(isinstance(one, Mapping) for one in value.values())
        return "" if spec else "families of transformations, such as {rotations: {count: 8}}"
    if value is None and expected == int | None:
        return ""
    whole = isinstance(value, int) and not isinstance(value, bool) and value > 0
    return "" if whole else "a whole number, at least 1"
