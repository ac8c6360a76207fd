"""Names, kinds and depths of layers."""

import pytest
from torch import nn

from equivariance.models import build
from equivariance.models.layers import kind_of, layer_table


def test_simple_conv_has_readable_kinds_without_the_input_layer() -> None:
    table = layer_table(build("simple_conv", (1, 16, 16), 10, {"filters": 2, "hidden": 3}))
    assert [layer.kind for layer in table] == [
        *["conv", "activation"] * 2,
        "pool",
        *["conv", "activation"] * 2,
        "pool",
        *["conv", "activation", "reshape", "linear", "activation", "linear", "output"],
    ]


def test_a_convolution_in_the_place_of_a_pooling_is_of_kind_conv() -> None:
    settings = {"filters": 2, "hidden": 3, "downsampling": "stride", "batch_norm": True}
    kinds = {layer.name: layer.kind for layer in layer_table(build("simple_conv", (1, 16, 16), 10, settings))}
    assert kinds["pool1"] == kinds["pool2"] == "conv"
    assert kinds["conv1_bn"] == kinds["fc1_bn"] == "norm"


def test_depth_runs_from_zero_to_one_in_equal_steps() -> None:
    table = layer_table(nn.Sequential(*(nn.ReLU() for _ in range(5))))
    assert [(layer.index, layer.depth) for layer in table] == [(0, 0), (1, 0.25), (2, 0.5), (3, 0.75), (4, 1)]


def test_leaves_of_nested_modules_have_their_full_name() -> None:
    block = nn.Sequential(nn.Conv2d(1, 1, 1), nn.ReLU())
    network = nn.ModuleDict({"stem": nn.BatchNorm2d(1), "block": block})
    assert [layer.name for layer in layer_table(network)] == ["stem", "block.0", "block.1"]


def test_a_network_of_one_layer_has_depth_zero() -> None:
    assert [layer.depth for layer in layer_table(nn.Sequential(nn.ReLU()))] == [0]


@pytest.mark.parametrize(
    ("module", "kind"),
    [
        (nn.ConvTranspose2d(1, 1, 1), "conv"),
        (nn.Linear(1, 1), "linear"),
        (nn.GELU(), "activation"),
        (nn.AdaptiveAvgPool2d(1), "pool"),
        (nn.AvgPool2d(2), "pool"),
        (nn.BatchNorm1d(1), "norm"),
        (nn.InstanceNorm2d(1), "norm"),
        (nn.GroupNorm(1, 1), "norm"),
        (nn.Unflatten(1, (1, 1)), "reshape"),
        (nn.Softmax(dim=1), "output"),
        (nn.Dropout(), "other"),
    ],
)
def test_modules_of_torch_have_the_kind_of_their_class(module: nn.Module, kind: str) -> None:
    assert kind_of(module) == kind


def test_a_class_can_say_its_kind() -> None:
    class SpatialMean(nn.Module):
        layer_kind = "pool"

    assert kind_of(SpatialMean()) == "pool"
