"""Layers of networks of timm, of many families, have feature maps wherever there are places of the image."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

import pytest
import timm
import torch

from equivariance.measures.sweep import Sweep
from equivariance.transformations.sets import build_set

pytestmark = pytest.mark.slow
ROTATIONS = build_set("rotations", {"rotations": {"count": 2}})


class Family(NamedTuple):
    """A small network, the side of its images, how it is built, and the layers that have no feature maps."""

    name: str
    side: int
    options: Mapping[str, Any] = {}
    without: tuple[str, ...] = ()


ATTENTION = ("*.attn_drop", "*.softmax", "*.talking_head?", "*.proj_l", "*.proj_w")  # of places to places
SHIFTED = ("*.blocks.1.attn.*",)  # windows that are not those of the image
PADDED = ("*.attn.qkv", "*.attn.proj", "*.attn.proj_drop")  # windows that the maps do not fill
MIXED = ("*.mlp_tokens.*", "*.linear_tokens", "*.gate.proj", "*.drop_path")  # sums over all places

FAMILIES = [
    Family("beit_base_patch16_224", 224, {"depth": 1}),
    Family("caformer_s18", 64),
    Family("cait_xxs24_224", 224, {"depth": 1}, ATTENTION),
    Family("coat_tiny", 224, {"serial_depths": (1, 1, 1, 1), "parallel_depth": 1}),
    Family("convit_tiny", 224, {"depth": 2, "local_up_to_layer": 1}, (*ATTENTION, "*.pos_proj")),
    Family("convnext_atto", 64, {"depths": (1, 1, 1, 1)}),
    Family("crossvit_tiny_240", 240, {"depth": ((1, 1, 0),)}),
    Family("davit_tiny", 64, {"depths": (1, 1, 1, 1)}, PADDED),
    Family("deit_tiny_distilled_patch16_224", 64, {"img_size": 64, "depth": 1}),
    Family("edgenext_xx_small", 64, {}, ATTENTION),
    Family("efficientformer_l1", 224, {"depths": (1, 1, 1, 1)}),
    Family("efficientformerv2_s0", 224, {}, ATTENTION),
    Family("eva02_tiny_patch14_224", 56, {"img_size": 56, "depth": 1}),
    Family("gmlp_ti16_224", 64, {"img_size": 64}, MIXED),
    Family("hiera_tiny_224", 224, {"stages": (1, 1, 1, 1)}),
    Family("levit_128s", 224),
    Family("mixer_s16_224", 64, {"img_size": 64}, MIXED),
    Family("mobilenetv3_small_050", 64),
    Family("mobilevit_xxs", 64),
    Family("mobilevitv2_050", 64),
    Family("nest_tiny", 112, {"img_size": 112}),
    Family("pit_ti_224", 224, {"depth": (1, 1, 1)}),
    Family("poolformer_s12", 64),
    Family("pvt_v2_b0", 64, {"depths": (1, 1, 1, 1)}),
    Family("resmlp_12_224", 64, {"img_size": 64}, MIXED),
    Family("resnetv2_18", 64),
    Family("samvit_base_patch16_224", 224, {"depth": 2, "global_attn_indexes": (1,)}),
    Family("swiftformer_xs", 224),
    Family(
        "swin_tiny_patch4_window7_224",
        64,
        {"img_size": 64, "depths": (2, 2, 2, 2)},
        (*ATTENTION, *PADDED),
    ),
    Family("swinv2_cr_tiny_224", 64, {"img_size": 64, "depths": (2, 2, 2, 2)}, (*ATTENTION, *SHIFTED)),
    Family(
        "swinv2_tiny_window8_256",
        64,
        {"img_size": 64, "depths": (2, 2, 2, 2)},
        (*ATTENTION, *SHIFTED),
    ),
    Family("test_coatnet", 160),
    Family("test_maxvit", 160),
    Family("tiny_vit_5m_224", 224, {"depths": (1, 1, 1, 1)}),
    Family("tnt_s_patch16_224", 224, {"depth": 1}, ATTENTION),
    Family("twins_svt_small", 224, {"depths": (1, 1, 1, 1)}),
    Family("visformer_tiny", 224, {}, ATTENTION),
    Family("vit_relpos_small_patch16_224", 64, {"img_size": 64, "depth": 1}),
    Family("vit_tiny_patch16_224", 64, {"img_size": 64, "depth": 1}),
    Family("vit_tiny_r_s16_p8_224", 64, {"img_size": 64, "depth": 1}),
    Family("volo_d1_224", 96, {"img_size": 96}),
    Family("xcit_nano_12_p16_224", 224, {"depth": 1}, (*ATTENTION, "pos_embed")),
]


@pytest.mark.parametrize("family", FAMILIES, ids=[family.name for family in FAMILIES])
def test_layers_with_places_have_feature_maps(family):
    model = timm.create_model(family.name, **family.options)
    places = Sweep(model, ROTATIONS, ["nv"]).inspect(torch.rand(2, 3, family.side, family.side))
    without = [
        call
        for call, place in places.items()
        if sum(length > 1 for length in place.layout.native) > 1 and not place.layout.has_maps
    ]
    assert not [call for call in without if not any(fnmatchcase(call, one) for one in family.without)]
