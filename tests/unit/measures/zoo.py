"""Networks of torchvision with random weights, and what is known of their layers."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
import torchvision
from reference_computation import Network
from torch import nn


def built(name: str, **options: Any) -> Callable[[], nn.Module]:
    """Say how to build a network."""

    def build() -> nn.Module:
        torch.manual_seed(0)
        return torchvision.models.get_model(name, weights=None, **options).eval()

    return build


RESNET18 = Network(
    built("resnet18"),
    (64, 64),
    layers=4 + 8 * 6 + 3 * 2 + 2,  # the stem, blocks whose ReLU runs twice, 3 shortcuts, the end
    axes={"fc": "NC", "*": "NCHW"},
)

DENSENET121 = Network(
    built("densenet121"),
    (64, 64),
    layers=4 + (6 + 12 + 24 + 16) * 6 + 3 * 4 + 2,  # the stem, dense layers, transitions, the end
    axes={"classifier": "NC", "*": "NCHW"},
)

CONVNEXT_TINY = Network(
    built("convnext_tiny"),
    (64, 64),
    layers=2 + 18 * 8 + 3 * 2 + 4,  # the stem, blocks, downsampling, the end
    axes={"features.*.block.[1-5]": "NHWC", "classifier.[12]": "NC", "*": "NCHW"},
)

SWIN_T = Network(
    built("swin_t"),
    (48, 48),  # its windows of 7 do not divide the maps, which are padded
    layers=3 + 12 * 10 + 3 * 2 + 5,  # the stem, blocks, patch merging, the end
    axes={
        "features.0.0": "NCHW",
        "features.*": "NHWC",
        "norm": "NHWC",
        "permute": "NCHW",
        "avgpool": "NCHW",
        "flatten": "NC",
        "head": "NC",
    },
    wholes=("*.attn",),
    uncalled=("*.attn.qkv", "*.attn.proj"),
)

SWIN_V2_T = replace(
    SWIN_T,
    build=built("swin_v2_t"),
    sides=(64, 64),
    shared=("*.attn.cpb_mlp.*",),  # the bias of relative positions, the same for all images
)

VIT_B_16 = Network(
    built("vit_b_16", image_size=64),
    (64, 64),
    layers=2 + 12 * 9 + 2,
    axes={"conv_proj": "NCHW", "encoder.*": "NLD", "heads.head": "NC"},
    wholes=("*.self_attention",),
    uncalled=("*.self_attention.out_proj",),
)

EFFICIENTNET_B0 = Network(
    built("efficientnet_b0"),
    (64, 64),
    # The stem, a block that does not expand and 15 that do, 9 skip connections with stochastic depth, the
    # last convolution, the end.
    layers=3 + 10 + 15 * 13 + 9 + 3 + 3,
    axes={"classifier.*": "NC", "*": "NCHW"},
    uncalled=("features.[1-7].0.stochastic_depth",),  # of blocks without a skip connection
)

INCEPTION_V3 = Network(
    built("inception_v3", init_weights=True),  # with the default, images hardly reach the last layer
    (75, 75),
    layers=94 * 2 + 2 + 3,  # convolutions with their normalisation, pooling, the end
    axes={"fc": "NC", "*": "NCHW"},
    uncalled=("AuxLogits.*",),  # only in training
)

DEEPLABV3_RESNET50 = Network(
    built("deeplabv3_resnet50", weights_backbone=None, num_classes=3),
    (48, 48),
    layers=4 + 16 * 9 + 4 * 2 + 4 * 3 + 4 + 4 + 4,  # ResNet-50, four rates, pooling, projection, the end
    axes={"*": "NCHW"},
)

ZOO = {
    "resnet18": RESNET18,
    "densenet121": DENSENET121,
    "convnext_tiny": CONVNEXT_TINY,
    "swin_t": SWIN_T,
    "swin_v2_t": SWIN_V2_T,
    "vit_b_16": VIT_B_16,
    "efficientnet_b0": EFFICIENTNET_B0,
    "inception_v3": INCEPTION_V3,
    "deeplabv3_resnet50": DEEPLABV3_RESNET50,
}

OBLONG = {
    "resnet18": replace(RESNET18, sides=(32, 48)),
    "convnext_tiny": replace(CONVNEXT_TINY, sides=(32, 64)),
    "swin_t": replace(SWIN_T, sides=(48, 32)),
}
"""Some of them, with images that are not square."""
