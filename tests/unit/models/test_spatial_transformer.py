"""Spatial transformers."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from small_networks import small
from torch import nn

from equivariance.errors import UserError
from equivariance.measures.recorder import record
from equivariance.models import build
from equivariance.models.layers import layer_table
from equivariance.models.spatial_transformer import RotationMatrix, SpatialTransformer, Warp
from equivariance.transformations.affine import rotation
from equivariance.transformations.warp import warp

FAMILIES = ["stn_simple_conv", "stn_all_conv"]
HEADS = ["affine", "rotation"]
entries = st.floats(-1, 1, width=32)


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("size", [(16, 16), (17, 12)])
def test_at_the_start_it_is_the_identity(head: str, size: tuple[int, int]) -> None:
    images = torch.randn(4, 3, *size)
    torch.manual_seed(0)
    warped = SpatialTransformer((3, *size), head, 4, 8)(images)  # type: ignore[arg-type]
    torch.testing.assert_close(warped, images, rtol=0, atol=1e-5)


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("family", FAMILIES)
def test_at_the_start_the_network_is_the_one_behind_it(family: str, head: str) -> None:
    network = small(family, transformer=head).eval()
    own = {"stn_simple_conv": "simple_conv", "stn_all_conv": "all_convolutional"}[family]
    plain = build(
        own, (1, 16, 16), 5, {"filters": 2, **({"hidden": 4} if own == "simple_conv" else {})}
    ).eval()
    weights = network.state_dict()
    plain.load_state_dict({name: w for name, w in weights.items() if not name.startswith("transformer")})
    images = torch.rand(3, 1, 16, 16)
    torch.testing.assert_close(network(images), plain(images), rtol=0, atol=1e-5)


@given(entries, entries)
def test_b43_the_rotation_is_a_rotation_for_any_two_numbers(a: float, b: float) -> None:
    if math.hypot(a, b) < 1e-6:
        return
    matrix = RotationMatrix()(torch.tensor([[a, b]], dtype=torch.float64))[0]
    linear = matrix[:, :2]
    torch.testing.assert_close(linear @ linear.T, torch.eye(2, dtype=torch.float64))
    torch.testing.assert_close(torch.linalg.det(linear), torch.ones((), dtype=torch.float64))
    assert torch.equal(matrix[:, 2], torch.zeros(2, dtype=torch.float64))
    assert math.isclose(math.atan2(matrix[1, 0], matrix[0, 0]), math.atan2(b, a), abs_tol=1e-9)


def test_b43_six_tenths_and_eight_tenths_do_not_zoom() -> None:
    matrix = RotationMatrix()(torch.tensor([[0.6, 0.8]]))
    torch.testing.assert_close(matrix, torch.tensor([[[0.6, -0.8, 0.0], [0.8, 0.6, 0.0]]]))


@pytest.mark.parametrize("family", FAMILIES)
def test_b43_what_is_learned_has_no_hidden_default(family: str) -> None:
    settings = {"filters": 2, **({"hidden": 4} if family == "stn_simple_conv" else {})}
    with pytest.raises(UserError, match=f"{family}: transformer missing"):
        build(family, (1, 16, 16), 5, settings)
    with pytest.raises(UserError, match="transformer is 'none'; valid: affine, rotation"):
        build(family, (1, 16, 16), 5, {**settings, "transformer": "none"})


def test_all_angles_can_be_learned() -> None:
    network = SpatialTransformer((1, 8, 8), "rotation", 2, 4)
    for turns in range(8):
        angle = 2 * math.pi * turns / 8
        with torch.no_grad():
            network.localization.fc2.bias.copy_(torch.tensor([math.cos(angle), math.sin(angle)]))
        matrix = network.localization(torch.rand(1, 1, 8, 8))[0].detach()
        found = math.atan2(matrix[1, 0], matrix[0, 0])
        # tanh bends an angle by a few degrees, and keeps the eighths of a turn
        assert math.isclose(math.cos(found - angle), 1, abs_tol=1e-6)


def test_a_quarter_turn_turns_the_pixels() -> None:
    images = torch.rand(2, 3, 6, 6)
    quarter = RotationMatrix()(torch.tensor([[0.0, 1.0]])).expand(2, -1, -1)
    warped = Warp()(images, quarter)
    torch.testing.assert_close(warped, images.rot90(1, (2, 3)), rtol=0, atol=1e-5)


@pytest.mark.parametrize("turns", [0.05, 0.2, -0.3])
def test_rotations_are_rigid_in_images_that_are_not_square(turns: float) -> None:
    images = torch.rand(2, 1, 12, 20)
    angle = torch.tensor([[math.cos(2 * math.pi * turns), math.sin(2 * math.pi * turns)]])
    warped = Warp()(images, RotationMatrix()(angle).expand(2, -1, -1))
    expected = warp(images, rotation(turns)[None], padding="zeros")
    torch.testing.assert_close(warped, expected, rtol=0, atol=1e-4)


def test_half_precision_is_sampled_in_more_digits() -> None:
    images = torch.rand(1, 1, 32, 32).bfloat16()
    identity = torch.eye(2, 3, dtype=torch.bfloat16)[None]
    warped = Warp()(images, identity)
    assert warped.dtype == torch.bfloat16
    torch.testing.assert_close(warped, images)


@pytest.mark.parametrize("head", HEADS)
def test_the_matrix_is_learned(head: str) -> None:
    torch.manual_seed(0)
    network = SpatialTransformer((1, 8, 8), head, 2, 4)  # type: ignore[arg-type]
    network(torch.rand(3, 1, 8, 8)).square().sum().backward()
    assert network.localization.fc2.bias.grad.abs().max() > 0
    assert network.localization.fc2.weight.grad.abs().max() > 0


def test_the_localization_network_has_named_layers() -> None:
    names = [layer.name for layer in layer_table(small("stn_all_conv"))]
    assert names[:13] == [
        *(f"transformer.localization.{name}" for name in (
            "conv1", "pool1", "conv1_act", "conv2", "pool2", "conv2_act", "flatten",
            "fc1", "fc1_act", "fc2", "fc2_act", "matrix",
        )),
        "transformer.warp",
    ]  # fmt: skip
    assert names[13] == "conv1"


def test_the_image_that_is_warped_is_the_standardised_one() -> None:
    network = small("stn_simple_conv").eval()
    network.standardize.set(torch.tensor([0.4]), torch.tensor([0.2]))
    with torch.no_grad():
        network.transformer.localization.fc2.bias[2] = 4.0  # beyond the border
    with record(network, ["transformer.warp"]) as found:
        network(torch.rand(2, 1, 16, 16))
    assert found["transformer.warp"].abs().max() == 0


def test_widths_of_the_localization_network_are_settings() -> None:
    network = small("stn_simple_conv", localization_filters=5, localization_hidden=7)
    linear = [m for m in network.transformer.modules() if isinstance(m, nn.Linear)]
    assert [(m.in_features, m.out_features) for m in linear] == [(5 * 16, 7), (7, 6)]
