"""SimpleConv: layers, variants, sizes."""

import pytest
import torch
from torch import nn

from equivariance.errors import UserError
from equivariance.models import build
from equivariance.models.layers import layer_table

PLAIN = [
    *["conv1", "conv1_act", "conv2", "conv2_act", "pool1"],
    *["conv3", "conv3_act", "conv4", "conv4_act", "pool2"],
    *["conv5", "conv5_act", "flatten", "fc1", "fc1_act", "fc2", "log_softmax"],
]
ACTIVATIONS = {"elu": nn.ELU, "relu": nn.ReLU, "prelu": nn.PReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}


def small(image_shape: tuple[int, int, int] = (1, 16, 16), classes: int = 10, **variant: object) -> nn.Module:
    return build("simple_conv", image_shape, classes, {"filters": 4, "hidden": 8, **variant})


def shapes(network: nn.Module, images: torch.Tensor) -> dict[str, tuple[int, ...]]:
    found, values = {}, images
    for name, module in network.named_children():
        values = module(values)
        found[name] = tuple(values.shape[1:])
    return found


def test_it_has_the_seventeen_layers_of_the_thesis_by_name() -> None:
    assert [layer.name for layer in layer_table(small())] == PLAIN


def test_batch_norm_stands_between_each_layer_with_an_activation_and_that_activation() -> None:
    names = [layer.name for layer in layer_table(small(batch_norm=True))]
    expected = [
        name for p in PLAIN for name in ([p.replace("_act", "_bn"), p] if p.endswith("_act") else [p])
    ]
    assert names == expected


@pytest.mark.parametrize("batch_norm", [False, True])
def test_the_input_is_standardised_first(batch_norm: bool) -> None:
    assert next(iter(small(batch_norm=batch_norm).named_children()))[0] == "standardize"


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
@pytest.mark.parametrize("downsampling", ["max_pool", "stride"])
@pytest.mark.parametrize("batch_norm", [False, True])
def test_the_output_is_a_distribution_over_the_classes(
    activation: str, downsampling: str, batch_norm: bool
) -> None:
    network = small((3, 16, 16), 7, activation=activation, downsampling=downsampling, batch_norm=batch_norm)
    output = network(torch.rand(5, 3, 16, 16))
    assert output.shape == (5, 7)
    torch.testing.assert_close(output.exp().sum(dim=1), torch.ones(5))


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_the_activation_function_is_the_one_asked_for(activation: str) -> None:
    network = small(activation=activation)
    found = [m for name, m in network.named_children() if name.endswith("_act")]
    assert [type(module) for module in found] == [ACTIVATIONS[activation]] * 6
    assert len({id(module) for module in found}) == 6


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_no_layer_works_in_place(activation: str) -> None:
    network = small(activation=activation, batch_norm=True)
    values = torch.rand(3, 1, 16, 16)
    for module in network.children():
        before = values.clone()
        after = module(values)
        assert torch.equal(values, before)
        values = after


@pytest.mark.parametrize("downsampling", ["max_pool", "stride"])
@pytest.mark.parametrize("kernel_size", [3, 5, 7])
@pytest.mark.parametrize("side", [16, 28, 32])
def test_b39_each_downsampling_halves_the_sides_for_every_kernel_size(
    downsampling: str, kernel_size: int, side: int
) -> None:
    network = small((1, side, side), downsampling=downsampling, kernel_size=kernel_size)
    found = shapes(network, torch.rand(1, 1, side, side))
    assert found["conv2"] == (4, side, side)
    assert found["pool1"] == (4, side // 2, side // 2)
    assert found["pool2"] == (8, side // 4, side // 4)
    assert found["conv5"] == (16, side // 4, side // 4)


@pytest.mark.parametrize("kernel_size", [3, 5, 7])
def test_the_last_convolution_is_three_by_three_for_every_kernel_size(kernel_size: int) -> None:
    network = small(kernel_size=kernel_size)
    kernels = [network.get_submodule(f"conv{i}").kernel_size[0] for i in range(1, 6)]
    assert kernels == [kernel_size] * 4 + [3]


@pytest.mark.parametrize("downsampling", ["max_pool", "stride"])
@pytest.mark.parametrize("size", [(16, 24), (30, 13), (32, 22)])
def test_oblong_and_odd_images_are_taken(downsampling: str, size: tuple[int, int]) -> None:
    network = small((1, *size), downsampling=downsampling)
    assert network(torch.rand(2, 1, *size)).shape == (2, 10)


def test_both_downsamplings_have_the_same_layer_names() -> None:
    assert [layer.name for layer in layer_table(small(downsampling="stride"))] == PLAIN


def test_images_too_small_are_refused() -> None:
    with pytest.raises(UserError, match="3x16 are too small for simple_conv; valid: at least 4x4"):
        small((1, 3, 16))
