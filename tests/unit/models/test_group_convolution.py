"""Group convolutions over p4 and the networks made of them."""

import pytest
import torch
from small_networks import small
from torch import Tensor, nn
from torch.nn.functional import conv2d

from equivariance.measures.recorder import record
from equivariance.models.group_convolution import TURNS, P4BatchNorm, P4Conv, RotationMax
from equivariance.models.layers import kind_of


def turned(maps: Tensor) -> Tensor:
    """What a quarter turn of the image does to maps over p4."""
    return maps.unflatten(1, (-1, TURNS)).roll(1, dims=2).flatten(1, 2).rot90(1, (2, 3))


def quarter(images: Tensor) -> Tensor:
    return images.rot90(1, (2, 3))


@pytest.mark.parametrize("kernel_size", [1, 3, 5])
@pytest.mark.parametrize(("stride", "size"), [(1, (8, 8)), (1, (7, 10)), (2, (9, 9)), (2, (7, 11))])
def test_a_turn_of_the_input_turns_the_output_and_its_rotations(
    kernel_size: int, stride: int, size: tuple[int, int]
) -> None:
    torch.manual_seed(0)
    first = P4Conv(2, 3, kernel_size, stride, over_p4=False)
    images = torch.randn(2, 2, *size)
    torch.testing.assert_close(first(quarter(images)), turned(first(images)), rtol=0, atol=1e-5)
    second = P4Conv(3, 2, kernel_size, stride)
    maps = torch.randn(2, 12, *size)
    torch.testing.assert_close(second(turned(maps)), turned(second(maps)), rtol=0, atol=1e-5)


def test_each_rotation_is_a_convolution_with_the_turned_filter() -> None:
    layer = P4Conv(2, 3, over_p4=False)
    images = torch.randn(1, 2, 6, 6)
    output = layer(images)
    for feature in range(3):
        for r in range(TURNS):
            filters = layer.weight[feature, :, 0].rot90(r, (1, 2))[None]
            expected = conv2d(images, filters, layer.bias[feature : feature + 1], padding=1)
            torch.testing.assert_close(output[:, TURNS * feature + r], expected[:, 0])


def test_over_p4_it_is_the_sum_over_the_group() -> None:
    """[f * psi](r) = sum over s of f(s) convolved with psi(r^-1 s), turned by r (Cohen and Welling 2016, eq.
    11)."""
    layer = P4Conv(2, 1)
    maps = torch.randn(1, 8, 5, 5)
    output = layer(maps)
    for r in range(TURNS):
        expected = layer.bias[0].expand(1, 5, 5).clone()
        for inputs in range(2):
            for s in range(TURNS):
                filters = layer.weight[0, inputs, (s - r) % TURNS].rot90(r, (0, 1))[None, None]
                expected = expected + conv2d(maps[:, [TURNS * inputs + s]], filters, padding=1)[0]
        torch.testing.assert_close(output[:, r], expected)


def test_weights_start_as_those_of_an_ordinary_convolution_of_as_many_inputs() -> None:
    torch.manual_seed(0)
    layer, plain = P4Conv(4, 50), nn.Conv2d(16, 50, 3)
    assert layer.weight.numel() == plain.weight.numel()
    assert layer.weight.abs().max() <= 1 / 12  # 1 / sqrt(16 x 9)
    assert abs(layer.weight.std() / plain.weight.std() - 1) < 0.05


def test_batch_norm_has_one_statistic_for_all_rotations_of_a_feature() -> None:
    torch.manual_seed(0)
    norm = P4BatchNorm(3)
    maps = torch.randn(4, 12, 5, 6) * 3 + torch.arange(12.0)[:, None, None]
    made = norm(maps)
    by_feature = made.unflatten(1, (3, TURNS)).transpose(0, 1).flatten(1)
    torch.testing.assert_close(by_feature.mean(dim=1), torch.zeros(3), rtol=0, atol=1e-5)
    torch.testing.assert_close(by_feature.std(dim=1), torch.ones(3), rtol=0, atol=2e-3)
    assert norm.running_mean.shape == (3,)
    assert made.shape == maps.shape
    by_rotation = made.unflatten(1, (3, TURNS)).mean(dim=(0, 3, 4))
    assert (by_rotation.diff(dim=1) > 0).all()  # the rotations keep their differences


def test_the_maximum_over_the_rotations_turns_with_the_image() -> None:
    maps = torch.randn(2, 8, 6, 6)
    pooled = RotationMax()(maps)
    assert pooled.shape == (2, 2, 6, 6)
    assert torch.equal(pooled[:, 1], maps[:, 4:].amax(dim=1))
    assert torch.equal(RotationMax()(turned(maps)), quarter(pooled))


@pytest.mark.parametrize(("family", "side"), [("g_simple_conv", 16), ("g_all_conv", 17)])
@pytest.mark.parametrize("batch_norm", [False, True])
def test_a_turn_of_the_image_turns_every_layer_of_the_networks(
    family: str, side: int, batch_norm: bool
) -> None:
    network = small(family, (2, side, side), batch_norm=batch_norm)
    network(torch.rand(20, 2, side, side))  # gives the normalizations something to normalize by
    network.eval()
    images = torch.rand(3, 2, side, side)
    with record(network) as plain:
        network(images)
    with record(network) as after:
        network(quarter(images))
    over_p4 = True
    for name, maps in plain.items():
        if maps.dim() != 4:
            break
        assert maps.std() > 1e-3
        over_p4 = over_p4 and name != "rotation_max"
        expected = turned(maps) if over_p4 and name != "standardize" else quarter(maps)
        torch.testing.assert_close(after[name], expected, rtol=0, atol=1e-5)
    assert not over_p4


def test_with_odd_sides_the_output_of_g_all_conv_is_invariant_to_quarter_turns() -> None:
    network = small("g_all_conv", (1, 17, 17)).eval()
    images = torch.rand(3, 1, 17, 17) * 100
    output = network(images)
    assert output.std(dim=0).max() > 1e-3  # it does depend on the image
    for turns in range(1, 4):
        torch.testing.assert_close(network(images.rot90(turns, (2, 3))), output, rtol=1e-5, atol=1e-5)


def test_with_even_sides_a_stride_of_two_is_not_exact() -> None:
    network = small("g_all_conv", (1, 16, 16)).eval()
    images = torch.rand(3, 1, 16, 16) * 100
    assert (network(quarter(images)) - network(images)).abs().max() > 1e-3


@pytest.mark.parametrize("family", ["g_simple_conv", "g_all_conv"])
def test_maps_over_p4_are_feature_maps_with_four_channels_a_feature(family: str) -> None:
    network = small(family)
    with record(network) as activations:
        network(torch.rand(2, 1, 16, 16))
    convolutions = [m for m in network.modules() if isinstance(m, P4Conv)]
    factors = {"g_simple_conv": [1, 1, 1, 2, 4], "g_all_conv": [1, 1, 1, 2, 2, 2, 2, 2]}[family]
    assert [m.weight.shape[0] for m in convolutions] == [2 * factor for factor in factors]
    assert {kind_of(m) for m in convolutions} == {"conv"}
    for number, factor in enumerate(factors, start=1):
        assert activations[f"conv{number}"].shape[1] == TURNS * 2 * factor
    assert activations["rotation_max"].shape[1] == 2 * factors[-1]


def test_b42_the_second_convolution_is_not_overwritten() -> None:
    network = small("g_all_conv")
    strides = [m.stride for m in network.modules() if isinstance(m, P4Conv)]
    assert strides == [1, 1, 2, 1, 1, 2, 1, 1]
