"""The axes of the images are followed through the operations of networks."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from equivariance.measures.axis_tracker import AxisTracker
from equivariance.measures.layout import Layout, by_axes

MAPS = ("channels_first", (4, 6, 5), (6, 5))  # of images (12, 4, 6, 5)


def images() -> Tensor:
    return torch.rand(12, 4, 6, 5, generator=torch.Generator().manual_seed(0))


def layout(operation) -> Layout | None:
    """How what an operation makes of images is laid out."""
    tracker = AxisTracker()
    x = images()
    with torch.no_grad(), tracker:
        tracker.begin(x)
        dims = tracker.dims(operation(x))
    return None if dims is None else by_axes(dims, tracker.images)


def found(operation) -> tuple[str, tuple[int, ...], tuple[int, int] | None]:
    """The convention, the shape and the size of the feature maps that an operation gives."""
    one = layout(operation)
    assert one is not None
    return one.convention, one.shape, one.map_size


ACTIVATIONS = [
    *(nn.CELU(), nn.ELU(), nn.GELU(), nn.GELU("tanh"), nn.Hardshrink(), nn.Hardsigmoid(), nn.Hardswish()),
    *(nn.Hardtanh(), nn.LeakyReLU(), nn.LogSigmoid(), nn.LogSoftmax(1), nn.Mish(), nn.PReLU(), nn.PReLU(4)),
    *(nn.ReLU(), nn.ReLU6(), nn.RReLU().eval(), nn.SELU(), nn.Sigmoid(), nn.SiLU(), nn.Softmax(1)),
    *(nn.Softmax2d(), nn.Softmin(1), nn.Softplus(), nn.Softshrink(), nn.Softsign(), nn.Tanh()),
    *(nn.Tanhshrink(), nn.Threshold(0.1, 0)),
]


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=str)
def test_an_activation_keeps_the_axes(activation):
    assert found(activation) == MAPS


IN_PLACE = ["celu", "elu", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu", "mish", "relu", "relu6"]


@pytest.mark.parametrize("name", [*IN_PLACE, "selu", "silu"])
def test_an_activation_in_place_keeps_the_axes(name):
    assert found(lambda x: getattr(functional, name)(x, inplace=True)) == MAPS


@pytest.mark.parametrize(
    "in_place",
    [
        lambda x: x.masked_fill_(x > 0.5, 0),
        lambda x: functional.threshold(x, 0.1, 0, inplace=True),
        lambda x: x.abs_(),
        lambda x: torch.empty_like(x).copy_(x),
    ],
)
def test_an_elementwise_operation_in_place_keeps_the_axes(in_place):
    assert found(in_place) == MAPS


def test_a_gated_unit_has_half_of_the_channels():
    assert found(nn.GLU(1)) == ("channels_first", (2, 6, 5), (6, 5))
    assert found(lambda x: nn.GLU()(x.movedim(1, 3))) == ("channels_last", (2, 6, 5), (6, 5))


@pytest.mark.parametrize("mode", ["nearest", "nearest-exact", "bilinear", "bicubic", "area"])
def test_maps_at_another_resolution_are_maps(mode):
    assert found(nn.Upsample(scale_factor=2, mode=mode)) == ("channels_first", (4, 12, 10), (12, 10))


def lost(x: Tensor) -> Tensor:
    """An operation that no rule is about."""
    return torch.fft.fft(x).real


def test_a_gate_does_not_say_what_the_axes_of_its_maps_are():
    torch.manual_seed(0)
    conv = nn.Conv2d(4, 3, 3, padding=1)

    def gated(x: Tensor) -> Tensor:
        return lost(x) * x.mean((2, 3), keepdim=True)

    assert layout(lost) is None
    assert layout(gated) is None
    assert found(lambda x: conv(gated(x))) == ("channels_first", (3, 6, 5), (6, 5))


def test_a_skip_connection_knows_what_is_added_to_it():
    weight = torch.rand(5, 5)
    assert found(lambda x: (x @ weight).flatten(2)) == ("channels_first", (4, 6, 5), None)
    for both in (lambda a, b: a + b, lambda a, b: b + a):
        tokens = found(lambda x, both=both: both(x.flatten(2), (x @ weight).flatten(2)))
        assert tokens == ("channels_first", (4, 6, 5), (6, 5))


def merged(x: Tensor) -> Tensor:
    """Patches of 2 x 1 pixels, merged: (N, 3, 5, 8)."""
    return x.reshape(-1, 4, 3, 2, 5).permute(0, 2, 4, 3, 1).flatten(3)


@pytest.mark.parametrize(
    "operation, expected",
    [
        (lambda x: x, ((8, 3, 5), (3, 5))),
        (lambda x: x.roll((-1, 2), (1, 2)).roll((1, -2), (1, 2)), ((8, 3, 5), (3, 5))),
        (lambda x: functional.pad(x, (0, 0, 0, 2, 0, 4))[:, :3, :5], ((8, 3, 5), (3, 5))),
        (lambda x: functional.pad(x, (0, 0, 1, 1, 1, 1)), ((8, 5, 7), (5, 7))),
        (lambda x: x[:, 1:-1], ((8, 1, 5), (1, 5))),
        (lambda x: x.roll(1, 1), ((8, 3, 5), None)),
        (lambda x: x.flip(2), ((8, 3, 5), None)),
    ],
)
def test_maps_of_merged_patches_are_moved_and_cut_as_others(operation, expected):
    assert found(lambda x: operation(merged(x)))[1:] == expected


def test_maps_of_merged_patches_are_resized_as_others():
    pool = nn.AvgPool2d((1, 2))
    assert found(lambda x: pool(merged(x).movedim(3, 1))) == ("channels_first", (8, 3, 2), (3, 2))


def test_the_patches_of_unfold_have_places():
    unfold = nn.Unfold((3, 2), padding=(1, 0), stride=(2, 1))
    assert found(unfold) == ("channels_first", (4 * 6, 3, 4), (3, 4))
    assert found(lambda x: unfold(x).transpose(1, 2)) == ("tokens", (4 * 6, 3, 4), (3, 4))


def test_folded_patches_are_maps():
    unfold, fold = nn.Unfold(3, padding=1), nn.Fold((6, 5), 3, padding=1)
    assert found(lambda x: fold(unfold(x))) == MAPS
