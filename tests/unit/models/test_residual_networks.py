"""ResNet and the bottlenecks of 2017."""

import pytest
import torch
from small_networks import small
from torch import nn

from equivariance.errors import UserError
from equivariance.measures.recorder import record
from equivariance.models.layers import layer_table
from equivariance.models.resnet_2017 import PooledShortcut


def recorded(network: nn.Module, side: int = 16) -> dict[str, torch.Tensor]:
    layers = [name for name, _ in network.named_modules() if name]
    with record(network, layers) as activations:
        network(torch.rand(2, 1, side, side))
    return activations


@pytest.mark.parametrize(("depth", "blocks"), [(18, (2, 2, 2, 2)), (34, (3, 4, 6, 3))])
def test_b41_a_depth_is_the_number_of_layers_with_weights_on_the_longest_way(
    depth: int, blocks: tuple[int, ...]
) -> None:
    network = small("resnet", depth=depth)
    found = [name for name, _ in network.named_children() if name.startswith("stage")]
    expected = [f"stage{s}_block{b}" for s, n in enumerate(blocks, 1) for b in range(1, n + 1)]
    assert found == expected
    weighted = [
        name
        for name, module in network.named_modules()
        if isinstance(module, nn.Conv2d | nn.Linear) and "shortcut" not in name
    ]
    assert len(weighted) == depth


@pytest.mark.parametrize("depth", [32, 50, "18", True])
def test_b41_there_is_no_other_depth(depth: object) -> None:
    with pytest.raises(UserError, match=r"depth is .*; valid: 18, 34"):
        small("resnet", depth=depth)


@pytest.mark.parametrize("family", ["resnet", "resnet_2017"])
def test_b41_a_shortcut_without_weights_is_no_layer(family: str) -> None:
    network = small(family)
    assert not [m for m in network.modules() if isinstance(m, nn.Identity | nn.ParameterList)]
    assert not [name for name, _ in network.named_modules() if "identity" in name.lower()]
    shortcuts = [
        name for name, _ in network.named_children() if hasattr(network.get_submodule(name), "shortcut")
    ]
    with_layer = [name for name in shortcuts if network.get_submodule(name).shortcut is not None]
    assert (
        with_layer
        == {
            "resnet": ["stage2_block1", "stage3_block1", "stage4_block1"],
            "resnet_2017": ["stage2_block1", "stage4_block1"],
        }[family]
    )


@pytest.mark.parametrize("family", ["resnet", "resnet_2017"])
def test_sums_are_layers_of_both_branches(family: str) -> None:
    network = small(family).eval()
    kinds = {layer.name: layer.kind for layer in layer_table(network)}
    found = recorded(network)
    blocks = [name for name, _ in network.named_children() if name.startswith("stage")]
    assert [name for name, kind in kinds.items() if kind == "add"] == [f"{block}.add" for block in blocks]
    for before, block in zip(["stem_act" if family == "resnet" else "stem", *blocks], blocks, strict=False):
        way = found.get(f"{block}.shortcut", found[before])
        torch.testing.assert_close(found[f"{block}.add"], found[f"{block}.residual"] + way)


def test_the_activation_comes_after_the_sum() -> None:
    found = recorded(small("resnet").eval())
    expected = nn.functional.elu(found["stage2_block1.add"])
    torch.testing.assert_close(found["stage2_block1"], expected)


def test_stages_halve_the_sides_and_double_the_filters() -> None:
    found = recorded(small("resnet").eval(), side=28)
    assert found["stem"].shape[1:] == (2, 28, 28)
    sizes = [tuple(found[f"stage{stage}_block2"].shape[1:]) for stage in range(1, 5)]
    assert sizes == [(2, 28, 28), (4, 14, 14), (8, 7, 7), (16, 4, 4)]


def test_convolutions_have_no_bias() -> None:
    network = small("resnet", batch_norm=False)
    assert {type(m.bias) for m in network.modules() if isinstance(m, nn.Conv2d)} == {type(None)}


@pytest.mark.parametrize("side", [16, 15])
def test_the_network_of_2017_has_nine_bottlenecks_in_five_groups(side: int) -> None:
    found = recorded(small("resnet_2017").eval(), side)
    blocks = {name: tuple(t.shape[1:]) for name, t in found.items() if name[-7:-1] == "_block"}
    expected = [(4, side, side)] * 3 + [(8, 8, 8)] * 3 + [(16, 4, 4)] * 3
    assert list(blocks.values()) == expected
    middle = [found[f"{name}.residual.conv1"].shape[1] for name in blocks]
    assert middle == [1, 1, 1, 2, 4, 4, 4, 8, 8]


def test_a_shortcut_of_2017_is_a_mean_with_channels_of_zeros() -> None:
    maps = torch.rand(2, 3, 5, 4)
    made = PooledShortcut(3, 6)(maps)
    assert made.shape == (2, 6, 3, 2)
    assert made[:, [0, 4, 5]].abs().max() == 0
    torch.testing.assert_close(made[:, 1:4, 0, 0], maps[:, :, :2, :2].mean(dim=(2, 3)))
    torch.testing.assert_close(made[:, 1:4, 2, 1], maps[:, :, 4:, 2:].mean(dim=(2, 3)))
