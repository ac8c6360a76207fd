"""Parameter counts against the table computed from the thesis' descriptions."""

import pytest
import torch

from equivariance.models import build
from equivariance.models.layers import parameter_count

IMAGES = {  # shape, classes, filters and hidden units at the thesis' widths
    "mnist": ((1, 28, 28), 10, 32, 64),
    "cifar10": ((3, 32, 32), 10, 128, 128),
    "lsa16": ((3, 32, 32), 16, 128, 64),
    "rwth": ((3, 32, 32), 23, 128, 128),
    "mnist, later widths": ((1, 28, 28), 10, 128, 128),
}


@pytest.mark.parametrize(
    ("dataset", "variant", "count"),
    [
        ("mnist", {}, 540_970),
        ("mnist", {"batch_norm": True}, 541_738),
        ("mnist", {"kernel_size": 5}, 656_170),
        ("mnist", {"kernel_size": 7}, 828_970),
        ("cifar10", {}, 6_412_298),
        ("cifar10", {"batch_norm": True}, 6_415_114),
        ("cifar10", {"kernel_size": 5}, 8_253_450),
        ("cifar10", {"kernel_size": 7}, 11_015_178),
        ("lsa16", {}, 4_314_832),
        ("lsa16", {"batch_norm": True}, 4_317_520),
        ("lsa16", {"kernel_size": 5}, 6_155_984),
        ("lsa16", {"kernel_size": 7}, 8_917_712),
        ("rwth", {}, 6_413_975),
        ("rwth", {"batch_norm": True}, 6_416_791),
        ("rwth", {"kernel_size": 5}, 8_255_127),
        ("rwth", {"kernel_size": 7}, 11_016_855),
        ("mnist, later widths", {}, 5_426_954),
        ("mnist, later widths", {"batch_norm": True}, 5_429_770),
    ],
)
def test_simple_conv_has_the_published_number_of_parameters(dataset: str, variant: dict, count: int) -> None:
    shape, classes, filters, hidden = IMAGES[dataset]
    with torch.device("meta"):
        network = build("simple_conv", shape, classes, {"filters": filters, "hidden": hidden, **variant})
    assert parameter_count(network) == count


def test_prelu_learns_one_slope_per_activation() -> None:
    plain, prelu = (
        build("simple_conv", (1, 16, 16), 10, {"filters": 4, "hidden": 8, "activation": activation})
        for activation in ("elu", "prelu")
    )
    assert parameter_count(prelu) == parameter_count(plain) + 6
