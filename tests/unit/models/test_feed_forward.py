"""Feed-forward networks."""

import pytest
import torch
from torch import nn

from equivariance.errors import UserError
from equivariance.models import build
from equivariance.models.layers import layer_table


@pytest.mark.parametrize(
    ("hidden", "names"),
    [
        ({}, ["flatten", "fc1", "log_softmax"]),
        ({"hidden1": 7}, ["flatten", "fc1", "fc1_act", "fc2", "log_softmax"]),
        (
            {"hidden1": 7, "hidden2": 6},
            ["flatten", "fc1", "fc1_act", "fc2", "fc2_act", "fc3", "log_softmax"],
        ),
    ],
)
def test_there_are_none_one_or_two_hidden_layers(hidden: dict, names: list[str]) -> None:
    network = build("feed_forward", (1, 4, 4), 3, hidden)
    assert [layer.name for layer in layer_table(network)] == names


def test_b42_each_hidden_layer_has_its_own_width() -> None:
    network = build("feed_forward", (2, 4, 5), 3, {"hidden1": 7, "hidden2": 6})
    widths = [(m.in_features, m.out_features) for m in network.modules() if isinstance(m, nn.Linear)]
    assert widths == [(40, 7), (7, 6), (6, 3)]


def test_without_hidden_layers_it_is_softmax_regression() -> None:
    network = build("feed_forward", (1, 3, 3), 4, {})
    images = torch.rand(5, 1, 3, 3)
    scores = images.flatten(1) @ network.fc1.weight.T + network.fc1.bias
    torch.testing.assert_close(network(images).exp(), scores.softmax(dim=1))


def test_a_second_layer_needs_a_first() -> None:
    with pytest.raises(UserError, match="hidden2 is 6 without a first hidden layer; give hidden1"):
        build("feed_forward", (1, 3, 3), 4, {"hidden2": 6})


@pytest.mark.parametrize("width", [0, -1, True, 2.0, "7"])
def test_a_width_is_a_whole_number(width: object) -> None:
    with pytest.raises(UserError, match=r"hidden1 is .*; valid: a whole number, at least 1"):
        build("feed_forward", (1, 3, 3), 4, {"hidden1": width})
