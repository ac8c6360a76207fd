"""GoogLeNet."""

import pytest
import torch
from small_networks import small
from torch import nn

from equivariance.measures.recorder import record
from equivariance.models.inception_2017 import MODULES
from equivariance.models.layers import layer_table


def recorded(network: nn.Module, side: int) -> dict[str, torch.Tensor]:
    layers = [name for name, _ in network.named_modules() if name]
    with record(network, layers) as activations:
        network(torch.rand(2, 1, side, side))
    return activations


def test_modules_have_the_widths_and_the_sizes_of_the_paper() -> None:
    found = recorded(small("inception_2017", filters=64), 32)
    channels = {name: found[f"inception{name}"].shape[1] for name in MODULES}
    assert list(channels.values()) == [256, 480, 512, 512, 512, 528, 832, 832, 1024]
    sides = [found[name].shape[2] for name in ("conv1", "pool1", "pool2", "pool3", "pool4")]
    assert sides == [16, 8, 4, 2, 1]
    assert found["mean"].shape == (2, 1024)


def test_the_branches_are_joined_in_order() -> None:
    found = recorded(small("inception_2017").eval(), 16)
    branches = [found[f"inception3a.branch{number}"] for number in range(1, 5)]
    assert torch.equal(found["inception3a"], torch.cat(branches, dim=1))
    assert torch.equal(found["inception3a.concatenate"], found["inception3a"])


@pytest.mark.parametrize("batch_norm", [False, True])
def test_batch_norm_takes_the_place_of_response_normalization(batch_norm: bool) -> None:
    network = small("inception_2017", batch_norm=batch_norm)
    names = [layer.name for layer in layer_table(network) if layer.kind == "norm"]
    convolutions = [name for name, m in network.named_modules() if isinstance(m, nn.Conv2d)]
    assert len(convolutions) == 3 + 6 * len(MODULES)
    assert names == ([f"{name}_bn" for name in convolutions] if batch_norm else ["pool1_lrn", "conv2_lrn"])
