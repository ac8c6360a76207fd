"""Channels last: another layout in memory, and the same network."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from equivariance.models import build
from equivariance.training.data import DeviceImages
from equivariance.training.layout import channels_last, images_last, keep_layout
from equivariance.transformations.sets import build_set

CASES: dict[str, dict[str, Any]] = {
    "simple_conv": {"filters": 3, "hidden": 4},
    "all_convolutional": {"filters": 3, "batch_norm": True},
    "vgg16d": {"filters": 2, "hidden": 4},
    "resnet": {"filters": 3},
    "g_simple_conv": {"filters": 2, "hidden": 4},
    "stn_simple_conv": {"filters": 3, "hidden": 4, "transformer": "affine", "localization_filters": 3},
    "ti_pooling": {
        "filters": 2,
        "hidden": 4,
        "transformations": {"rotations": {"count": 4}},
        "padding": "border",
    },
}


def innermost(maps: Tensor) -> bool:
    """Whether channels are innermost, and that not only as there is one channel, or one pixel."""
    return maps.is_contiguous(memory_format=torch.channels_last) and not maps.is_contiguous()


@pytest.mark.parametrize("filters", [1, 4, 8])
def test_gradients_of_strided_pointwise_convolutions_are_right_in_single_precision(filters: int) -> None:
    # In it oneDNN computes; with nn.Conv2d it writes beyond its memory here, where a processor has AVX2.
    torch.manual_seed(0)
    model = build("resnet", (1, 8, 8), 3, {"filters": filters, "activation": "elu"})
    images = torch.rand(32, 1, 8, 8)
    model(images).square().sum().backward()
    expected = [parameter.grad.clone() for parameter in model.parameters()]
    channels_last(model)
    keep_layout(model)
    for _ in range(20):
        model.zero_grad()
        model(images_last(images)).square().sum().backward()
    torch.testing.assert_close([parameter.grad for parameter in model.parameters()], expected)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("family", CASES)
def test_a_network_computes_the_same_outputs_and_gradients(family: str, channels: int) -> None:
    torch.manual_seed(0)
    model = build(family, (channels, 16, 16), 3, CASES[family]).double()
    images = torch.rand(4, channels, 16, 16, dtype=torch.float64)
    outputs, gradients = [], []
    for last in (False, True):
        if last:
            channels_last(model)
            keep_layout(model)
            images = images_last(images)
        model.zero_grad()
        torch.manual_seed(1)  # dropout
        outputs.append(model(images))
        outputs[-1].square().sum().backward()
        gradients.append([parameter.grad.clone() for parameter in model.parameters()])
    torch.testing.assert_close(*outputs)
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("channels", [1, 3])
def test_maps_and_their_gradients_have_the_channels_innermost(channels: int) -> None:
    model = build("simple_conv", (channels, 16, 16), 3, CASES["simple_conv"])
    channels_last(model)
    keep_layout(model)
    found: dict[str, list[bool]] = {}

    def note(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: Any, output: Tensor) -> None:
            if output.dim() == 4:
                found[name] = [innermost(output)]
                output.register_hook(lambda gradient: found[name].append(innermost(gradient)))

        return hook

    for name, module in model.named_children():
        if name not in ("standardize", "conv5_act"):  # the gradient of the last map is converted after hooks
            module.register_forward_hook(note(name))
    data = DeviceImages(
        torch.randint(256, (4, channels, 16, 16), dtype=torch.uint8).numpy(),
        torch.tensor([0, 1, 2, 0]).numpy(),
        torch.device("cpu"),
    )
    quarters = build_set("quarters", {"rotations": {"count": 4}})
    model(data.batch(torch.arange(4), quarters.matrices)).sum().backward()
    assert len(found) == 11
    assert set(map(tuple, found.values())) == {(True, True)}
    filters = [parameter for parameter in model.parameters() if parameter.dim() == 4]
    assert all(parameter.grad.stride() == parameter.stride() for parameter in filters)
