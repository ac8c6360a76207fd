"""Which layers are measured: names, calls and patterns."""

import pytest
from measured_networks import Net, conv, layers, measured
from torch import Tensor, nn

from equivariance.errors import UserError
from equivariance.measures.selection import name_list


def blocks() -> nn.Sequential:
    return nn.Sequential(
        nn.Sequential(conv(), nn.ReLU()), nn.Sequential(conv(4), nn.ReLU()), nn.Sequential(conv(4))
    )


def select(model: nn.Module | None = None, **changes: object) -> list[str]:
    return layers(measured(model or blocks(), **changes))


@pytest.mark.parametrize(
    "given, expected",
    [
        (None, ["0.0", "0.1", "1.0", "1.1", "2.0"]),
        ("0", ["0"]),
        ("0.1", ["0.1"]),
        (["1.0", "0.0"], ["0.0", "1.0"]),
        ({"0.0"}, ["0.0"]),
        ("0.*", ["0.0", "0.1"]),
        ("*.1", ["0.1", "1.1"]),
        ("[01]", ["0", "1"]),  # no default layer fits
        ("Sequential", ["Sequential"]),
        (["*", "0"], ["0.0", "0.1", "0", "1.0", "1.1", "2.0"]),
    ],
)
def test_names_are_layers_and_patterns_the_default_layers_that_fit(given, expected):
    assert select(layers=given) == expected


@pytest.mark.parametrize(
    "given, expected",
    [
        ("0", ["1.0", "1.1", "2.0"]),
        ("0.1", ["0.0", "1.0", "1.1", "2.0"]),
        (["0.*", "2"], ["1.0", "1.1"]),
        ("*.0", ["0.1", "1.1"]),
        ("Sequential", ["0.0", "0.1", "1.0", "1.1", "2.0"]),
    ],
)
def test_what_is_excluded_is_excluded_with_all_that_is_in_it(given, expected):
    assert select(exclude=given) == expected


def test_a_name_as_text_is_one_name():
    model = nn.Sequential(*[conv(3, 3, padding=1) for _ in range(12)])
    assert select(model, layers="10") == ["10"]
    assert "10" not in select(model, exclude="10")


@pytest.mark.parametrize("given", [5, [0], [None], [b"0"], b"0", nn.Conv2d(1, 1, 1), [nn.ReLU()]])
def test_what_is_no_name_is_named(given):
    for option in ("layers", "exclude"):
        with pytest.raises(UserError, match=f"{option}: .*; needed: the name of a layer"):
            select(**{option: given})
    assert name_list("layers", ("a", "b")) == ["a", "b"]
    assert name_list("layers", None) is None


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"layers": "0.2"}, "unknown layer '0.2'; valid: "),
        ({"layers": "x.*"}, r"unknown layer 'x\.\*'"),
        ({"layers": ""}, "unknown layer ''"),
        ({"exclude": "0.2"}, "exclude: unknown layer '0.2'"),
        ({"layers": []}, "no layer is left to measure"),
        ({"exclude": ["0", "1", "2"]}, "no layer is left to measure"),
        ({"layers": "0.0", "exclude": "0"}, "no layer is left to measure"),
    ],
)
def test_what_finds_no_layer_is_named(changes, message):
    with pytest.raises(UserError, match=message):
        select(**changes)


def test_each_call_of_a_module_can_be_chosen():
    model = Net(
        lambda net, x: net.act(net.second(net.act(net.first(x)))), first=conv(), second=conv(4), act=nn.ELU()
    )
    assert select(model) == ["first", "act", "second", "act:2"]
    assert select(model, layers="act") == ["act", "act:2"]
    assert select(model, layers="act:2") == ["act:2"]
    assert select(model, exclude="act:2") == ["first", "act", "second"]
    assert select(model, layers="act*") == ["act", "act:2"]
    with pytest.raises(UserError, match="unknown layer 'act:3'"):
        select(model, layers="act:3")


class Colons(nn.Module):
    """A network with modules whose names look like those of calls, of the root, and of patterns."""

    NAMES = ("relu", "relu:2", "relu", "relu::2", "relu", "[x]*", "Colons", "(Colons)")

    def __init__(self) -> None:
        super().__init__()
        for name in dict.fromkeys(self.NAMES):
            self.add_module(name, nn.ReLU() if name == "relu" else conv(3, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        for name in self.NAMES:
            x = self._modules[name](x)
        return x


def test_names_with_colons_are_told_from_calls_and_the_root_from_its_children():
    expected = ["relu", "relu:2", "relu:::2", "relu::2", "relu:::3", "[x]*", "Colons", "(Colons)"]
    assert select(Colons()) == expected
    for name in (*expected[1:], "((Colons))"):
        assert select(Colons(), layers=name) == [name]
    assert select(Colons(), layers="relu") == ["relu", "relu:::2", "relu:::3"]


def test_a_module_with_two_names_goes_by_the_first_and_the_other_leads_to_it():
    shared = conv(3, 3, padding=1)
    model = Net(lambda net, x: net.b(net.a(x)), a=shared, b=shared)
    assert select(model) == ["a", "a:2"]
    with pytest.raises(UserError, match="layer 'b' is another name of 'a'; use that name"):
        select(model, layers="b")


def test_chosen_layers_without_activations_are_named_with_the_reason():
    model = Net(
        lambda net, x: (net.table.weight, net.conv(x))[1], conv=conv(), table=nn.Linear(2, 2), unused=conv()
    )
    with pytest.raises(UserError, match="layer 'unused' was not called; choose other layers"):
        select(model, layers=["conv", "unused"])
    assert select(model, exclude="unused") == ["conv"]
