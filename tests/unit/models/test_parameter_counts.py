"""Parameter counts against the table computed from the thesis' descriptions."""

import pytest
import torch

from equivariance.models import build
from equivariance.models.layers import parameter_count

IMAGES = {  # shape, classes, filters and hidden units at the thesis' widths
    "mnist": ((1, 28, 28), 10, 32, 64),
    "cifar10": ((3, 32, 32), 10, 128, 128),
    "lsa16": ((3, 32, 32), 16, 128, 64),
    "rwth": ((3, 32, 32), 23, 128, 128),
    "mnist, later widths": ((1, 28, 28), 10, 128, 128),
}


@pytest.mark.parametrize(
    ("dataset", "variant", "count"),
    [
        ("mnist", {}, 540_970),
        ("mnist", {"batch_norm": True}, 541_738),
        ("mnist", {"kernel_size": 5}, 656_170),
        ("mnist", {"kernel_size": 7}, 828_970),
        ("cifar10", {}, 6_412_298),
        ("cifar10", {"batch_norm": True}, 6_415_114),
        ("cifar10", {"kernel_size": 5}, 8_253_450),
        ("cifar10", {"kernel_size": 7}, 11_015_178),
        ("lsa16", {}, 4_314_832),
        ("lsa16", {"batch_norm": True}, 4_317_520),
        ("lsa16", {"kernel_size": 5}, 6_155_984),
        ("lsa16", {"kernel_size": 7}, 8_917_712),
        ("rwth", {}, 6_413_975),
        ("rwth", {"batch_norm": True}, 6_416_791),
        ("rwth", {"kernel_size": 5}, 8_255_127),
        ("rwth", {"kernel_size": 7}, 11_016_855),
        ("mnist, later widths", {}, 5_426_954),
        ("mnist, later widths", {"batch_norm": True}, 5_429_770),
    ],
)
def test_simple_conv_has_the_published_number_of_parameters(dataset: str, variant: dict, count: int) -> None:
    shape, classes, filters, hidden = IMAGES[dataset]
    with torch.device("meta"):
        network = build("simple_conv", shape, classes, {"filters": filters, "hidden": hidden, **variant})
    assert parameter_count(network) == count


E20 = [  # family, data set, widths, without and with batch normalization
    ("all_convolutional", "mnist", {"filters": 16}, 38_570, 38_986),
    ("all_convolutional", "cifar10", {"filters": 64}, 610_058, 611_722),
    ("all_convolutional", "lsa16", {"filters": 64}, 610_832, 612_496),
    ("all_convolutional", "rwth", {"filters": 128}, 2_435_863, 2_439_191),
    ("vgg16d", "mnist", {"filters": 16, "hidden": 64}, 490_810, 492_154),
    ("vgg16d", "cifar10", {"filters": 64, "hidden": 512}, 8_952_138, 8_957_514),
    ("vgg16d", "lsa16", {"filters": 64, "hidden": 32}, 7_702_416, 7_707_792),
    ("vgg16d", "rwth", {"filters": 64, "hidden": 512}, 8_958_807, 8_964_183),
    ("resnet", "mnist", {"filters": 64}, 11_163_210, 11_172_810),
    ("resnet", "cifar10", {"filters": 64}, 11_164_362, 11_173_962),
    ("resnet", "lsa16", {"filters": 64}, 11_167_440, 11_177_040),
    ("resnet", "rwth", {"filters": 64}, 11_171_031, 11_180_631),
    ("resnet", "mnist", {"filters": 64, "depth": 34}, 21_263_946, 21_280_970),
    ("resnet", "cifar10", {"filters": 64, "depth": 34}, 21_265_098, 21_282_122),
]


@pytest.mark.parametrize(("family", "dataset", "settings", "plain", "normalized"), E20)
def test_the_other_networks_of_the_thesis_have_the_published_number_of_parameters(
    family: str, dataset: str, settings: dict, plain: int, normalized: int
) -> None:
    assert count(family, dataset, **settings) == plain
    assert count(family, dataset, **settings, batch_norm=True) == normalized


@pytest.mark.parametrize(
    ("dataset", "filters", "expected"), [("mnist", 32, 152_906), ("cifar10", 96, 1_369_738)]
)
def test_all_convolutional_has_that_of_the_later_widths(dataset: str, filters: int, expected: int) -> None:
    assert count("all_convolutional", dataset, filters=filters) == expected


def count(family: str, dataset: str, **settings: object) -> int:
    """Parameters of the network for a data set."""
    shape, classes, *_ = IMAGES[dataset]
    with torch.device("meta"):
        return parameter_count(build(family, shape, classes, settings))


# Sums of inputs x outputs x kernel + outputs over the layers, added up by hand.
BY_HAND = [
    ("feed_forward", "mnist", {"hidden1": 64, "hidden2": 32}, 50_240 + 2_080 + 330),
    ("feed_forward", "mnist", {"hidden1": 128}, 100_480 + 1_290),
    ("feed_forward", "lsa16", {}, 3_072 * 16 + 16),
    (
        "vgg_like",
        "mnist",
        {"filters": 16, "hidden": 64},
        160 + 2_320 + 4_640 + 9_248 + 18_496 + 36_928 + 73_856 + 147_584 + 960 + 8_256 + 128 + 650,
    ),
    (
        "g_simple_conv",
        "mnist",
        {"filters": 8, "hidden": 32},
        80 + 2_312 + 2_312 + 4_624 + 18_464 + 50_208 + 64 + 330,
    ),
    (
        "g_simple_conv",
        "mnist",
        {"filters": 8, "hidden": 32, "batch_norm": True},
        80 + 2_312 + 2_312 + 4_624 + 18_464 + 50_208 + 64 + 330 + 2 * (8 + 8 + 8 + 16 + 32),
    ),
    ("g_all_conv", "mnist", {"filters": 8}, 80 + 2_312 * 2 + 4_624 + 9_232 * 3 + 1_040 + 170),
    (
        "lenet_2017",
        "lsa16",
        {"filters": 32, "hidden": 512},
        896 + 18_496 + 73_856 + 295_168 + 960 + 524_800 + 8_208,
    ),
    (
        "all_conv_2017",
        "lsa16",
        {"filters": 96},
        2_688 + 83_040 * 2 + 166_080 + 331_968 * 2 + 37_056 + 3_088 + 2_112,
    ),
    (
        "vgg16_2017",
        "lsa16",
        {"filters": 32, "hidden": 512},
        10_144 + 55_424 + 110_784 + 369_024 + 442_752 + 832 + 66_048 + 262_656 + 8_208,
    ),
    (
        "resnet_2017",
        "lsa16",
        {"filters": 64},
        1_792 + 4_640 * 3 + 15_808 + 54_016 * 2 + 62_336 + 214_528 * 2 + 512 + 4_112,
    ),
    # GoogLeNet without auxiliary classifiers has 6,998,552 for 1000 classes
    ("inception_2017", "cifar10", {"filters": 64}, 6_998_552 - 1024 * 1000 - 1000 + 1024 * 10 + 10),
]


@pytest.mark.parametrize(("family", "dataset", "settings", "expected"), BY_HAND)
def test_networks_outside_the_table_have_as_many_as_their_layers_say(
    family: str, dataset: str, settings: dict, expected: int
) -> None:
    assert count(family, dataset, **settings) == expected


@pytest.mark.parametrize(("transformer", "outputs"), [("affine", 6), ("rotation", 2)])
def test_a_spatial_transformer_adds_its_localization_network(transformer: str, outputs: int) -> None:
    localization = 800 + 6_416 + 25_120 + 32 * outputs + outputs
    simple = count("stn_simple_conv", "mnist", filters=32, hidden=64, transformer=transformer)
    assert simple == 540_970 + localization
    convolutional = count("stn_all_conv", "mnist", filters=16, batch_norm=True, transformer=transformer)
    assert convolutional == 38_986 + localization


def test_ti_pooling_has_the_parameters_of_simple_conv() -> None:
    spec = {"rotations": {"count": 8}}
    settings = {"filters": 32, "hidden": 64, "transformations": spec, "padding": "border"}
    network = build("ti_pooling", (1, 28, 28), 10, settings)
    assert parameter_count(network) == 540_970


def test_prelu_learns_one_slope_per_activation() -> None:
    plain, prelu = (
        build("simple_conv", (1, 16, 16), 10, {"filters": 4, "hidden": 8, "activation": activation})
        for activation in ("elu", "prelu")
    )
    assert parameter_count(prelu) == parameter_count(plain) + 6
