"""A small network of each family, for tests that hold for all of them."""

from typing import Any

import torch
from torch import nn

from equivariance.models import build

SMALL: dict[str, dict[str, Any]] = {
    "simple_conv": {"filters": 2, "hidden": 4},
    "all_convolutional": {"filters": 2, "batch_norm": True},
    "vgg16d": {"filters": 2, "hidden": 4, "batch_norm": True},
    "vgg_like": {"filters": 2, "hidden": 4},
    "resnet": {"filters": 2, "batch_norm": True},
    "feed_forward": {"hidden1": 4, "hidden2": 3},
    "ti_pooling": {
        "filters": 2,
        "hidden": 4,
        "transformations": {"rotations": {"count": 4}},
        "padding": "border",
    },
    "stn_simple_conv": {"filters": 2, "hidden": 4, "transformer": "affine", "localization_filters": 3},
    "stn_all_conv": {"filters": 2, "transformer": "rotation", "localization_filters": 3},
    "g_simple_conv": {"filters": 2, "hidden": 4, "activation": "elu", "batch_norm": True},
    "g_all_conv": {"filters": 2, "activation": "elu", "batch_norm": True},
    "lenet_2017": {"filters": 2, "hidden": 4},
    "all_conv_2017": {"filters": 2},
    "vgg16_2017": {"filters": 2, "hidden": 4},
    "resnet_2017": {"filters": 4},
    "inception_2017": {"filters": 4},
}

SIDE = {"vgg16_2017": 32}
"""Sides of the smallest images of a family, where 16 are too few."""


def small(family: str, image_shape: tuple[int, int, int] | None = None, **changes: Any) -> nn.Module:
    """A small network for 5 classes, with the same weights each time."""
    side = SIDE.get(family, 16)
    torch.manual_seed(0)
    return build(family, image_shape or (1, side, side), 5, {**SMALL[family], **changes})


def images_for(family: str, count: int = 3) -> torch.Tensor:
    """Images that the default small network takes."""
    side = SIDE.get(family, 16)
    return torch.rand(count, 1, side, side, generator=torch.Generator().manual_seed(1))
