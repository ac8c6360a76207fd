"""The list of a network's layers says what would be measured, and what would be left out."""

import pytest
import torch
from measured_networks import IMAGES, Net, conv, layers, measured, small
from torch import Tensor, nn

from equivariance.errors import UserError
from equivariance.measures.inspection import COLUMNS, list_layers


def test_each_layer_has_a_row():
    table = list_layers(small(), IMAGES)
    assert tuple(table) == COLUMNS
    assert table.drop(columns="left_out").values.tolist() == [
        ["0", "conv", "Conv2d", "channels_first", "4x14x14", 4, 3136],
        ["1", "activation", "ReLU", "channels_first", "4x14x14", 4, 3136],
        ["2", "pool", "MaxPool2d", "channels_first", "4x7x7", 4, 784],
        ["3", "reshape", "Flatten", "vector", "196", 196, 784],
        ["4", "linear", "Linear", "vector", "5", 5, 20],
    ]
    assert set(table["left_out"]) == {""}


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_few_images_are_enough(count):
    assert list_layers(small(), IMAGES[:count]).equals(list_layers(small(), IMAGES))


def test_what_is_left_out_follows_with_its_reason():
    def forward(net: Net, x: Tensor) -> Tensor:
        net.text(x)
        return net.attention(*[net.conv(x).flatten(2).mT] * 3)[0]

    model = Net(
        forward,
        conv=conv(),
        attention=nn.MultiheadAttention(4, 1, batch_first=True),
        text=Net(lambda net, x: "text"),
        unused=nn.ReLU(),
    )
    table = list_layers(model, IMAGES).set_index("layer")
    assert dict(table["left_out"]) == {
        "conv": "",
        "attention": "",
        "text": "returns a str, not a tensor",
        "attention.out_proj": "was not called; 'attention', which contains it, is measured",
        "unused": "was not called",
    }
    assert table["module"]["attention.out_proj"] == "NonDynamicallyQuantizableLinear"
    assert table["units"]["attention"] == 4
    assert table["units"]["unused"] == ""


def test_it_lists_what_is_measured():
    options = {"exclude": "3", "maps": {"2": "vector"}, "preprocess": lambda x: x * 2}
    listed = list_layers(small(), IMAGES, **options).set_index("layer")
    table = measured(small(), **options)
    assert list(listed.index) == layers(table)
    assert dict(listed["units"]) == dict(table.groupby("layer").size())
    assert listed["layout"]["2"] == "vector"


def test_shared_modules_have_a_row_for_each_call_and_halves_half_the_bytes():
    act = nn.ReLU()
    model = nn.Sequential(conv(), act, conv(4), act).half()
    assert list(list_layers(model, IMAGES)["layer"]) == ["0", "1", "2", "1:2"]
    assert list_layers(model, IMAGES)["bytes"][0] == 4 * 14 * 14 * 2
    assert list(list_layers(model, IMAGES, layers="1")["layer"]) == ["1", "1:2"]


def test_mistakes_are_those_of_measuring():
    for changes, message in (
        ({"layers": "5"}, "unknown layer '5'"),
        ({"maps": {"0": "grid"}}, "unknown layout 'grid'"),
        ({"outputs": {"0": "logits"}}, "layer '0' returns a Tensor, which has no 'logits'"),
    ):
        with pytest.raises(UserError, match=message):
            list_layers(small(), IMAGES, **changes)
    with pytest.raises(UserError, match="no images"):
        list_layers(small(), torch.zeros(0, 3, 8, 8))
