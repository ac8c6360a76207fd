"""Activations of any layout are measured as the feature maps that they are."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from measured_networks import IMAGES, Net, assert_nv, conv, measured, transformed, values
from torch import Tensor, nn

from equivariance.errors import UserError
from equivariance.measures.layout import Layout, by_convention, by_shape
from equivariance.measures.sweep import Sweep
from equivariance.transformations.sets import build_set

CLASS, REGISTERS = torch.zeros(1, 1, 5), torch.ones(1, 4, 5)


def tokens(x: Tensor) -> Tensor:
    return x.flatten(2).mT


def with_others(x: Tensor, *others: Tensor) -> Tensor:
    return torch.cat([*(other.expand(len(x), -1, -1) for other in others), tokens(x)], 1)


def windows(x: Tensor) -> Tensor:
    return x.view(-1, 5, 4, 4, 4, 4).permute(0, 2, 4, 3, 5, 1).reshape(-1, 16, 5)


def network(function: Callable[[Tensor], Tensor]) -> nn.Module:
    return Net(lambda net, x: net.last(function(net.conv(x))), conv=conv(3, 5, 1), last=nn.Identity())


def layout(function: Callable[[Tensor], Tensor], **changes: Any) -> Layout:
    sweep = Sweep(network(function), build_set("none", {}), "sv", **changes)
    return sweep.inspect(IMAGES)["last"].layout


@pytest.mark.parametrize(
    "function, convention",
    [
        (lambda x: x, "channels_first"),
        (lambda x: x.permute(0, 2, 3, 1), "channels_last"),
        (lambda x: x.permute(0, 2, 3, 1).contiguous(), "channels_last"),
        (lambda x: x.mT, "channels_first"),
        (lambda x: x.transpose(0, 1), "channels_first"),
        (lambda x: x.flatten(0, 1), "channels_first"),
        (lambda x: x.flatten(2), "channels_first"),
        (tokens, "tokens"),
        (lambda x: tokens(x).transpose(0, 1), "tokens"),
        (windows, "windows"),
        (lambda x: tokens(x).flatten(0, 1), "windows"),
        (lambda x: x.unfold(2, 4, 4).unfold(3, 4, 4), "windows"),
        (lambda x: x.roll((3, 2), (2, 3)).roll((-3, -2), (2, 3)), "channels_first"),
        (lambda x: torch.einsum("nchw,dc->nhwd", x, torch.eye(5)), "channels_last"),
    ],
)
def test_a_layer_that_moves_values_about_has_those_of_the_layer_before_it(function, convention):
    table = measured(network(function), ["nv", "nvse", "dses_normalize"])
    for name in ("nv", "nvse", "dses_normalize"):
        assert len(values(table, "last", name)) == 5
        np.testing.assert_allclose(values(table, "last", name), values(table, "conv", name), rtol=1e-5)
    assert layout(function).convention == convention
    assert table.attrs["left_out"] == {}


@pytest.mark.parametrize(
    "function, convention, grid",
    [
        (lambda x: with_others(x, CLASS), "class_tokens", (1, 16, 16)),
        (lambda x: with_others(x, CLASS, REGISTERS), "class_tokens", (5, 16, 16)),
        (lambda x: with_others(x, CLASS, REGISTERS)[:, 1:], "class_tokens", (4, 16, 16)),
        (lambda x: with_others(x.flip(3).flip(3), REGISTERS), "class_tokens", (4, 16, 16)),
    ],
)
def test_tokens_beside_those_of_the_image_count_for_invariance_and_not_for_same_equivariance(
    function, convention, grid
):
    model = network(function)
    table = measured(model, ["nv", "nvse"])
    assert layout(function).convention == convention
    assert layout(function).grid == grid
    np.testing.assert_allclose(values(table, "last", "nvse"), values(table, "conv", "nvse"), rtol=1e-5)
    assert_nv(table, "last", transformed(model).mT[..., None])


@pytest.mark.parametrize(
    "function, shape, reason",
    [
        (lambda x: x.flip(3), (5, 16, 16), "has positions that are not those of the image"),
        (lambda x: x.roll(3, 2), (5, 16, 16), "has positions that are not those of the image"),
        (lambda x: x[:, :, 5:], (5, 11, 16), "has positions that are not those of the image"),
        (lambda x: torch.cat([x[..., 8:], x[..., :8]], 3), (5, 16, 16), "has positions that are not"),
        (lambda x: tokens(x)[:, :100], (5, 100, 1), "has positions that are not those of the image"),
        (lambda x: torch.fft.fft2(x).real, (5, 16, 16), "has axes of unknown meaning (set them"),
        (lambda x: x + x.mT, (5, 16, 16), "has axes of unknown meaning"),
        (lambda x: x.flatten(1), (1280,), "has no feature maps"),
        (lambda x: x.mean((2, 3)), (5,), "has no feature maps"),
        (lambda x: x.mean((2, 3), keepdim=True), (5, 1, 1), "has no feature maps"),
    ],
)
def test_layers_without_places_of_the_image_have_no_same_equivariance_and_the_reason_is_said(
    function, shape, reason
):
    model = network(function)
    table = measured(model, ["nv", "nvse"])
    assert not len(values(table, "last", "nvse"))
    assert table.attrs["left_out"]["last"].startswith(f"no same-equivariance: it {reason}")
    found = layout(function)
    assert found.shape == shape
    assert_nv(table, "last", transformed(lambda x: found.arrange(model(x))))


def test_layers_of_patches_have_the_maps_of_their_grid():
    found = layout(lambda x: F.unfold(x, 4, stride=4))
    assert (found.shape, found.map_size) == ((80, 4, 4), (4, 4))
    found = layout(lambda x: tokens(F.conv2d(x, torch.ones(7, 5, 4, 4), stride=4)))
    assert (found.shape, found.map_size) == ((7, 4, 4), (4, 4))


def test_an_image_drawn_from_a_vector_has_maps_again():
    torch.manual_seed(0)
    draw, up = nn.Linear(5, 4 * 9), nn.ConvTranspose2d(4, 2, 3, 2)
    found = layout(lambda x: up(draw(x.mean((2, 3))).view(-1, 4, 3, 3)))
    assert (found.convention, found.shape, found.has_maps) == ("channels_first", (2, 7, 7), True)


def test_images_that_preprocessing_permutes_are_followed():
    model = nn.Sequential(nn.Identity(), nn.Linear(3, 5))
    table = measured(model, ["nv", "nvse"], preprocess=lambda x: x.permute(0, 2, 3, 1))
    expected = measured(nn.Sequential(nn.Identity()), ["nv", "nvse"])
    for name in ("nv", "nvse"):
        np.testing.assert_allclose(values(table, "0", name), values(expected, "0", name), rtol=1e-5)
        assert len(values(table, "1", name)) == 5


# What a person says


def unordered(x: Tensor) -> Tensor:
    return torch.fft.fft2(tokens(x).unflatten(1, (16, 16)), dim=(1, 2)).real


@pytest.mark.parametrize(
    "function, convention, shape, map_size",
    [
        (unordered, "channels_last", (5, 16, 16), (16, 16)),
        (unordered, "channels_first", (16, 16, 5), (16, 5)),
        (unordered, "vector", (1280,), None),
        (lambda x: unordered(x).flatten(1, 2), "tokens", (5, 256, 1), (16, 16)),
        (lambda x: unordered(x).flatten(1, 2)[:, 5:], "tokens", (5, 251, 1), None),
        (lambda x: F.pad(unordered(x).flatten(1, 2), (0, 0, 1, 0)), "class_tokens", (5, 257, 1), (16, 16)),
        (lambda x: unordered(x).flatten(1, 2), "channels_first", (256, 5, 1), None),
    ],
)
def test_maps_says_how_activations_are_laid_out(function, convention, shape, map_size):
    found = layout(function, maps={"last": convention})
    assert (found.convention, found.shape, found.map_size) == (convention, shape, map_size)
    assert layout(function, maps={"l*t": convention}) == found
    model = network(function)
    table = measured(model, ["nv", "nvse"], maps={"last": convention})
    assert_nv(table, "last", transformed(lambda x: found.arrange(model(x))))
    assert bool(len(values(table, "last", "nvse"))) == (map_size is not None)


@pytest.mark.parametrize(
    "maps, message",
    [
        ({"last": "channels"}, "unknown layout 'channels'; valid: channels_"),
        ({"last": 3}, "unknown layout 3"),
        ({"last": "tokens"}, r"layer 'last' returns \(10, 5, 16, 16\) for 10 images, which is not tokens"),
        ({"lost": "tokens"}, "maps: unknown layer 'lost'; valid: last"),
        ({"lost.*": "tokens"}, r"maps: unknown layer 'lost\.\*'"),
    ],
)
def test_maps_that_do_not_fit_are_named(maps, message):
    with pytest.raises(UserError, match=message):
        layout(lambda x: x, maps=maps)


def test_tokens_of_images_that_are_not_square_are_a_grid_of_their_proportion():
    assert by_convention("tokens", (2, 12, 7), 2, (15, 20), "x").grid == (0, 3, 4)
    assert by_convention("tokens", (2, 13, 7), 2, (15, 20), "x").grid is None
    assert by_convention("class_tokens", (2, 13, 7), 2, (20, 15), "x").grid == (1, 4, 3)


def test_of_a_shape_alone_only_the_images_are_known():
    assert by_shape((), 4) is None
    assert by_shape((3, 4), 4) is None
    assert by_shape((4,), 4).shape == (1,)
    assert by_shape((4, 2, 3), 4).shape == (6,)
    found = by_shape((4, 2, 3, 5), 4)
    assert (found.convention, found.shape, found.has_maps) == ("unknown", (2, 3, 5), False)
