"""AllConvolutional and its form of 2017."""

import pytest
import torch
from small_networks import small

from equivariance.measures.recorder import record
from equivariance.models.layers import layer_table


def shapes(family: str, side: int) -> dict[str, tuple[int, ...]]:
    network = small(family, (1, side, side))
    with record(network) as activations:
        network(torch.rand(2, 1, side, side))
    return {name: tuple(tensor.shape[1:]) for name, tensor in activations.items()}


def test_layers_have_the_names_and_the_order_of_the_thesis() -> None:
    names = [layer.name for layer in layer_table(small("all_convolutional", batch_norm=False))]
    convolutions = [name for number in range(1, 9) for name in (f"conv{number}", f"conv{number}_act")]
    assert names == [*convolutions, "class_conv", "mean", "log_softmax"]


def test_batch_norm_stands_before_the_activation() -> None:
    names = [layer.name for layer in layer_table(small("all_convolutional", batch_norm=True))]
    assert names[:3] == ["conv1", "conv1_bn", "conv1_act"]


@pytest.mark.parametrize("family", ["all_convolutional", "stn_all_conv"])
def test_b38_the_1x1_convolution_keeps_the_size(family: str) -> None:
    found = shapes(family, 32)
    assert found["conv7"] == (4, 8, 8)
    assert found["conv8"] == (4, 8, 8)
    assert found["class_conv"] == (5, 8, 8)


def test_b38_holds_for_group_convolutions() -> None:
    assert shapes("g_all_conv", 32)["conv8"] == (16, 8, 8)


def test_strides_are_those_of_the_third_and_the_sixth_convolution() -> None:
    for family in ("all_convolutional", "all_conv_2017"):
        sides = [shape[1] for name, shape in shapes(family, 16).items() if name[:-1] == "conv"]
        assert sides == [16, 16, 8, 8, 8, 4, 4, 4][: len(sides)]


@pytest.mark.parametrize("family", ["all_convolutional", "stn_all_conv", "g_all_conv", "all_conv_2017"])
def test_b42_there_is_no_activation_function_on_the_scores(family: str) -> None:
    layers = [(layer.name, layer.kind) for layer in layer_table(small(family))]
    assert [*layers[-3:]] == [("class_conv", "conv"), ("mean", "pool"), ("log_softmax", "output")]
    network = small(family)
    with torch.no_grad():
        network.class_conv.bias.fill_(-100.0)
    with record(network) as activations:
        network(torch.rand(20, 1, 16, 16))
    assert activations["mean"].max() < -50
    torch.testing.assert_close(activations["mean"], activations["class_conv"].mean(dim=(2, 3)))


def test_in_2017_batch_norm_stands_after_the_activation_and_dropout_after_every_second() -> None:
    names = [layer.name for layer in layer_table(small("all_conv_2017"))]
    assert names[:7] == ["conv1", "conv1_act", "conv1_bn", "conv2", "conv2_act", "conv2_bn", "dropout1"]
    assert [names[i - 1] for i, name in enumerate(names) if name.startswith("dropout")] == [
        "conv2_bn", "conv4_bn", "conv6_bn",
    ]  # fmt: skip
