"""VGG16D, VGGLike, and LeNet and VGG16 of 2017."""

import pytest
from small_networks import small
from torch import nn

from equivariance.models.layers import layer_table


def convolutions(network: nn.Module) -> list[int]:
    """Filters of each convolution."""
    return [module.out_channels for module in network.modules() if isinstance(module, nn.Conv2d)]


def names(family: str, **settings: object) -> list[str]:
    return [layer.name for layer in layer_table(small(family, **settings))]


def test_b40_vgg16d_has_ten_convolutions_in_blocks_of_two_two_three_three() -> None:
    assert convolutions(small("vgg16d")) == [2, 2, 4, 4, 8, 8, 8, 16, 16, 16]


def test_b40_vgg16d_has_elu_in_the_convolutions_and_relu_in_the_linear_layers() -> None:
    network = small("vgg16d")
    acts = {name: type(m) for name, m in network.named_modules() if name.endswith("_act")}
    assert {kind for name, kind in acts.items() if name.startswith("conv")} == {nn.ELU}
    assert {kind for name, kind in acts.items() if name.startswith("fc")} == {nn.ReLU}


def test_b40_vgg16d_normalizes_after_the_activation_and_drops_before_the_hidden_linear_layers() -> None:
    found = names("vgg16d")
    assert found[:7] == [
        *["conv1_1", "conv1_1_act", "conv1_1_bn", "conv1_2", "conv1_2_act", "conv1_2_bn", "pool1"],
    ]
    assert found[-9:] == [
        *["flatten", "dropout1", "fc1", "fc1_act", "dropout2", "fc2", "fc2_act", "fc3", "log_softmax"],
    ]


def test_vgg_like_is_always_normalized() -> None:
    found = names("vgg_like")
    assert convolutions(small("vgg_like")) == [2, 2, 4, 4, 8, 8, 16, 16]
    assert sum(name.endswith("_bn") for name in found) == 9
    assert found[:3] == ["conv1_1", "conv1_1_act", "conv1_1_bn"]
    assert found[-5:] == ["fc1", "fc1_bn", "fc1_act", "fc2", "log_softmax"]


def test_vgg16_of_2017_has_thirteen_convolutions_and_normalizes_each_block() -> None:
    found = names("vgg16_2017")
    assert convolutions(small("vgg16_2017")) == [2] * 2 + [4] * 5 + [8] * 6
    assert [name for name in found if name.endswith("bn")] == [f"pool{i}_bn" for i in range(1, 6)]
    assert found[found.index("flatten") :] == [
        *["flatten", "fc1", "fc1_act", "dropout1", "fc2", "fc2_act", "dropout2", "fc3", "log_softmax"],
    ]


def test_lenet_of_2017_normalizes_after_the_pooling() -> None:
    assert convolutions(small("lenet_2017")) == [2, 4, 8, 16]
    assert names("lenet_2017")[:4] == ["conv1", "conv1_act", "pool1", "pool1_bn"]


@pytest.mark.parametrize("family", ["vgg_like", "lenet_2017", "vgg16_2017"])
def test_convolutions_have_elu(family: str) -> None:
    network = small(family)
    acts = [type(m) for name, m in network.named_modules() if name.startswith("conv") and "_act" in name]
    assert set(acts) == {nn.ELU}
