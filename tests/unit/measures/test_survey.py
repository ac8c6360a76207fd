"""What the look at a network finds: layers, what is left out and why, and what cannot be measured."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from measured_networks import IMAGES, Net, assert_nv, conv, layers, measured, transformed, values
from torch import Tensor, nn

from equivariance.errors import UserError
from equivariance.transformations.sets import build_set

WHOLE = "which contains it, is measured"


def tokens(x: Tensor) -> Tensor:
    return x.flatten(2).mT


def altered(function: Callable[[Tensor], Tensor]) -> nn.Module:
    """A network that does something between two layers."""
    return Net(lambda net, x: net.last(function(net.conv(x))), conv=conv(), last=nn.Identity())


# Which modules are layers


def test_attention_that_does_not_call_its_parts_is_a_layer():
    torch.manual_seed(0)
    for options in ({"batch_first": True}, {}):
        attention = nn.MultiheadAttention(4, 2, **options)
        turn = (lambda x: x) if options else (lambda x: x.transpose(0, 1))

        def forward(net: Any, x: Tensor, turn: Any = turn) -> Tensor:
            seen = turn(tokens(net.conv(x)))
            return net.attention(seen, seen, seen)[0]

        model = Net(forward, conv=conv(), attention=attention).eval()
        table = measured(model)
        assert layers(table) == ["conv", "attention"]
        assert table.attrs["left_out"] == {"attention.out_proj": f"was not called; 'attention', {WHOLE}"}
        maps = transformed(lambda x, model=model, turn=turn: turn(model(x)).mT.unflatten(2, (14, 14)))
        assert_nv(table, "attention", maps)


def test_the_layers_of_a_transformer_are_measured_and_not_its_fast_path():
    layer = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
    model = Net(
        lambda net, x: net.encoder(tokens(net.conv(x))), conv=conv(), encoder=nn.TransformerEncoder(layer, 2)
    )
    found = layers(measured(model))
    assert {"encoder.layers.0.self_attn", "encoder.layers.1.linear2", "encoder.layers.1.norm2"} <= {*found}


def test_a_table_without_images_is_left_out_and_the_others_are_measured():
    model = Net(
        lambda net, x: net.conv(x) + net.bias(torch.ones(1, 1, 1, 2)).permute(0, 3, 1, 2),
        conv=conv(),
        bias=nn.Linear(2, 4),
    )
    table = measured(model)
    assert layers(table) == ["conv"]
    assert table.attrs["left_out"] == {"bias": "returns (1, 1, 1, 4), not one row for each of 40 images"}


def test_a_table_with_as_many_rows_as_there_are_images_is_none_of_them():
    table = Net(lambda net, x: net.table(torch.ones(40, 3)), table=nn.Linear(3, 4))
    model = Net(lambda net, x: (net.table(x), net.conv(x))[1], conv=conv(), table=table)
    found = measured(model)
    assert layers(found) == ["conv"]
    reason = "has a shape that does not scale with the number of images"
    assert found.attrs["left_out"] == {"table.table": reason}


@pytest.mark.parametrize(
    "use",
    [
        lambda net, x: net.part.forward(x),
        lambda net, x: F.conv2d(x, net.part.weight, net.part.bias),
        lambda net, x: torch.vmap(lambda image: net.part(image[None])[0])(x),
        lambda net, x: torch.func.jvp(net.part, (x,), (x,))[0],
    ],
)
def test_a_network_whose_parts_cannot_be_seen_is_a_layer_itself(use):
    table = measured(Net(use, part=conv()))
    assert layers(table) == ["Net"]
    assert list(table.attrs["left_out"]) == ["part"]
    assert_nv(table, "Net", transformed(conv()))


@pytest.mark.parametrize(
    "model, expected",
    [
        (nn.Sequential(), "Sequential"),
        (nn.Identity(), "Identity"),
        (Net(lambda net, x: x), "Net"),
        (Net(lambda net, x: F.relu(x - 0.5)), "Net"),
    ],
)
def test_a_network_without_parts_is_a_layer_itself(model, expected):
    table = measured(model, ["nv", "nvse"])
    assert layers(table) == [expected]
    assert_nv(table, expected, transformed(model))


def test_a_module_that_calls_itself_counts_its_calls():
    class Recursive(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = conv(3, 3, padding=1)

        def forward(self, x: Tensor, depth: int = 0) -> Tensor:
            return x if depth == 3 else self(self.conv(x), depth + 1)

    model = Recursive()
    for wrapped, name in ((model, "conv"), (nn.Sequential(model), "0.conv")):
        table = measured(wrapped, tile=2)
        assert layers(table)[:3] == [name, f"{name}:2", f"{name}:3"]
        assert_nv(table, f"{name}:2", transformed(lambda x: model.conv(model.conv(x))))


def test_a_network_that_is_called_in_its_own_way_counts_its_calls_anew_in_each_pass():
    class Direct(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = conv()

        def __call__(self, x: Tensor) -> Tensor:  # no hook of the whole network runs
            return self.conv(x)

    table = measured(Direct(), tile=3)
    assert layers(table) == ["conv"]
    assert table.attrs["left_out"] == {}


def test_a_class_with_the_name_of_a_wrapper_of_torch_is_none():
    class DataParallel(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.module, self.head = conv(), conv(4, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.module(x))

    assert layers(measured(DataParallel())) == ["module", "head"]
    assert layers(measured(nn.DataParallel(nn.Sequential(conv(), nn.ReLU())))) == ["0", "1"]


def test_a_part_that_fails_and_is_caught_is_no_layer_but_its_parts_are():
    class Failing(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = conv(3, 3, 1)

        def forward(self, x: Tensor) -> Tensor:
            raise ValueError(self.conv(x).shape)

    def forward(net: Any, x: Tensor) -> Tensor:
        try:
            x = net.failing(x)
        except ValueError:
            x = net.other(x)
        return net.last(x)

    model = Net(forward, failing=Failing(), other=conv(), last=nn.ReLU())
    assert "failing" not in layers(measured(model))
    assert {"other", "last"} <= {*layers(measured(model))}


# Modes that a network enters by itself


def inference(net: Any, x: Tensor) -> Tensor:
    with torch.inference_mode():
        return net.conv(x)


def autocast(net: Any, x: Tensor) -> Tensor:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return net.conv(x)


def gradients(net: Any, x: Tensor) -> Tensor:
    with torch.enable_grad():
        return net.conv(x.requires_grad_())


@pytest.mark.parametrize("function, relative", [(inference, 1e-4), (autocast, 0.05), (gradients, 1e-4)])
def test_modes_that_a_network_enters_are_not_those_of_the_measures(function, relative):
    table = measured(Net(function, conv=conv()), ["nv", "nvse", "dses"])
    assert_nv(table, "conv", transformed(conv()), relative)


def test_a_network_and_preprocessing_may_work_in_place():
    images = IMAGES.clone()
    model = Net(lambda net, x: net.conv(x.mul_(2)), conv=conv())
    table = measured(model, images=images, preprocess=lambda x: x.sub_(0.5))
    assert_nv(table, "conv", transformed(lambda x: conv()((x - 0.5) * 2)))
    assert torch.equal(images, IMAGES)


# What one look does not show


def counted(act: Callable[[nn.Module, Tensor, int], Any]) -> nn.Module:
    """A network that does something else with each of its passes, of which three belong to the look."""

    def forward(net: Any, x: Tensor) -> Tensor:
        net.passes += 1
        act(net, x, net.passes)
        return net.conv(x)

    return Net(forward, conv=conv(), other=nn.Identity(), passes=0)


def test_layers_that_run_for_some_tiles_only_are_left_out_with_a_count():
    for act in (
        lambda net, x, number: number % 3 and net.other(x),  # not in the third pass
        lambda net, x, number: number > 4 and net.other(x),  # not in the look
    ):
        table = measured(counted(act), tile=2)
        assert layers(table) == ["conv"]
        (reason,) = table.attrs["left_out"].values()
        assert reason.endswith("of 40 transformed images") and reason.startswith("ran for ")
    with pytest.raises(UserError, match="no layer ran for every image: other ran for 32 of 40"):
        measured(counted(lambda net, x, number: number % 3 and net.other(x)), tile=2, layers="other")


@pytest.mark.parametrize("first, then", [(10, 20), (20, 10)])
@pytest.mark.parametrize("after", [1, 3, 5, 7])
@pytest.mark.parametrize("memory", [None, 1])
def test_a_shape_that_changes_is_an_error_and_no_value(first, then, after, memory):
    model = counted(lambda net, x, number: net.other(x.flatten(1)[:, : first if number <= after else then]))
    with pytest.raises(UserError, match=rf"layer 'other' returned .*\b{first}\).*\b{then}\)"):
        measured(model, tile=2, memory=memory)


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda x: x.mT, r"\(8, 3, 16, 16\).*\(8, 3, 16, 16\)"),
        (lambda x: x[:-1], r"and \(7, 3, 16, 16\) now"),
        (lambda x: x.flatten(1), r"and \(8, 768\) now"),
        (lambda x: None, "and NoneType now"),
        (lambda x: (x, x), "and tuple now"),
        (lambda x: x.double(), "returned torch.float32 for the first images and torch.float64 now"),
        (lambda x: x + 0j, "returned torch.complex64; needed: real numbers"),
    ],
)
def test_an_output_that_changes_is_an_error(change, message):
    model = counted(lambda net, x, number: net.other(x if number < 5 else change(x)))
    if "mT" in change.__code__.co_names:
        assert len(measured(model, tile=2, layers="other"))  # square: it cannot be seen
        return
    with pytest.raises(UserError, match=f"layer 'other' .*{message}"):
        measured(model, tile=2, layers="other")


def test_a_shape_that_changes_does_not_matter_where_it_is_excluded():
    model = counted(lambda net, x, number: net.other(x[:, :, : 8 + number]))
    assert layers(measured(model, tile=2, exclude="other")) == ["conv"]
    assert layers(measured(model, tile=2, layers="conv")) == ["conv"]


@pytest.mark.parametrize(
    "forward",
    [
        lambda net, x: net.head(net.conv(x).reshape(12, -1)),
        lambda net, x: net.head(net.conv(x).view(3, 4, 784).flatten(0, 1)),
    ],
)
def test_a_network_that_takes_a_fixed_number_is_measured_where_the_tile_fits(forward):
    torch.manual_seed(0)
    model = Net(forward, conv=conv(), head=nn.Linear(784, 5))
    for memory in (None, 1):
        table = measured(model, ["nv", "nd@8", "goodfellow_normal@0.8"], tile=3, memory=memory)  # 10 images
        assert_nv(table, "head", transformed(lambda x: model.head(conv()(x).flatten(1))))
    with pytest.raises(RuntimeError) as error:
        measured(model, tile=2)
    assert "takes a fixed number of inputs, set `tile` to that number / 4." in error.value.__notes__[0]


def test_a_network_that_regroups_any_number_is_measured_where_the_tile_fits():
    model = altered(lambda x: x.reshape(8, -1))
    table = measured(model, tile=2)
    assert_nv(table, "last", transformed(lambda x: conv()(x).flatten(1)))


def test_batches_of_one_are_measured_as_others():
    identity = build_set("none", {})
    squeezes = altered(lambda x: x.mean((2, 3)).squeeze())
    takes_one = altered(lambda x: x.squeeze(0).flatten()[None])
    for model, tile, units in ((squeezes, 3, 4), (squeezes, 1, 4), (takes_one, 1, 784)):
        table = measured(model, "sv", transformations=identity, tile=tile)
        assert len(values(table, "last", "sv")) == units


# Questions without an answer


RANDOM = {
    "dropout": lambda x: F.dropout(x, 0.5, True),
    "rare dropout": lambda x: F.dropout(x, 0.001, True),
    "noise": lambda x: x + torch.randn_like(x),
    "small noise": lambda x: x + 0.001 * torch.randn_like(x),
    "one random number": lambda x: x * (1 + 0.01 * torch.rand(1)),
}
OF_THE_BATCH = {
    "mean": lambda x: x - x.mean(0),
    "norm": lambda x: F.batch_norm(x, None, None, training=True),
    "largest": lambda x: x / x.amax(),
    "place": lambda x: x + torch.arange(len(x)).view(-1, 1, 1, 1),
    "the same noise": lambda x: x + torch.randn(x.shape, generator=torch.Generator().manual_seed(0)),
}


@pytest.mark.parametrize("name", RANDOM)
def test_random_results_are_no_question_but_layers_before_them_are(name):
    with pytest.raises(UserError, match="layer 'last' returns different values for the same images"):
        measured(altered(RANDOM[name]))
    assert_nv(measured(altered(RANDOM[name]), layers="conv"), "conv", transformed(conv()))
    at_the_end = Net(lambda net, x: RANDOM[name](net.conv(x)), conv=conv())
    with pytest.raises(UserError, match="layer 'Net' returns different values"):
        measured(at_the_end)


@pytest.mark.parametrize("name", OF_THE_BATCH)
def test_results_that_depend_on_the_batch_are_no_question_but_layers_before_them_are(name):
    with pytest.raises(UserError, match="the values of layer 'last' for an image depend on the other images"):
        measured(altered(OF_THE_BATCH[name]))
    with pytest.raises(UserError, match="depend on the other images"):
        measured(nn.Sequential(conv(), nn.BatchNorm2d(4, track_running_stats=False)))
    model = altered(OF_THE_BATCH[name])
    assert_nv(measured(model, exclude=["last", "Net"]), "conv", transformed(conv()))


def test_a_fixed_batch_with_statistics_of_the_batch_is_no_question():
    model = altered(lambda x: (x - x.mean(0)).reshape(8, 4, 14, 14))
    with pytest.raises(UserError, match="depend on the other images"):
        measured(model, tile=2)
