"""The tensors in what a layer gives, the ways to them, and what a person chooses."""

from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from measured_networks import Net, assert_nv, conv, layers, measured, transformed
from torch import Tensor, nn

from equivariance.errors import UserError
from equivariance.measures.outputs import chosen, described, follow, tensors

Pair = namedtuple("Pair", "first second")
ONE, TWO = torch.ones(2), torch.zeros(3)


@dataclass
class Record:
    hidden: Any = None
    more: Any = None


class ModelOutput(OrderedDict):
    """A dictionary whose keys are attributes."""

    def __getattr__(self, key: str) -> Any:
        if key not in self:
            raise AttributeError(key)
        return self[key]


@pytest.mark.parametrize(
    "output, ways",
    [
        (ONE, [""]),
        ((ONE, 3, TWO), ["[0]", "[2]"]),
        ([None, [TWO]], ["[1][0]"]),
        (Pair("text", TWO), ["[1]"]),
        ({"b": TWO, "a": {"c": ONE}}, ["['b']", "['a']['c']"]),
        (ModelOutput(logits=ONE), ["['logits']"]),
        (Record((ONE, TWO)), [".hidden[0]", ".hidden[1]"]),
        ({"x": [Record(more=(None, ONE))]}, ["['x'][0].more[1]"]),
        ([[[[[ONE]]]]], []),
        (None, []),
        ("text", []),
        (Record, []),
        (iter([ONE]), []),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, list) else str(len(value)),
)
def test_tensors_are_found_in_their_order_and_their_way_leads_to_them(output, ways):
    found = list(tensors(output))
    assert [described(path) for path, _ in found] == ways
    for path, tensor in found:
        assert follow(output, path) is tensor


def test_a_way_leads_nowhere_where_an_output_is_another():
    ((path, _),) = tensors({"a": (None, ONE)})
    for other in (None, {}, {"a": ()}, {"a": (1, 2)}, {"b": (None, ONE)}, ONE):
        assert follow(other, path) is None


@pytest.mark.parametrize(
    "output, how",
    [
        ((1, ONE), 1),
        ((1, ONE), -1),
        ({"a": ONE}, "a"),
        ({3: ONE}, 3),
        (Record(ONE), "hidden"),
        (Pair(ONE, 2), "first"),
        (ModelOutput(logits=ONE), "logits"),
        ({"a": {"b": ONE}}, lambda output: output["a"]["b"]),
        (torch.complex(torch.ones(2), torch.zeros(2)), "real"),
    ],
)
def test_an_index_a_key_an_attribute_or_a_function_chooses(output, how):
    assert torch.equal(chosen(output, how, "layer"), ONE)


@pytest.mark.parametrize(
    "output, how, message",
    [
        ((ONE,), 1, "layer 'x' returns a tuple of 1, which has no 1"),
        ({"a": ONE, "b": TWO}, "c", "layer 'x' returns a dict with 'a', 'b', which has no 'c'"),
        (Record(ONE), "hiden", "layer 'x' returns a Record with hidden, more, which has no 'hiden'"),
        (ONE, "logits", "layer 'x' returns a Tensor, which has no 'logits'"),
        (None, 0, "layer 'x' returns a NoneType, which has no 0"),
        ({"a": ONE}, None, "which has no None"),
        ({"a": [ONE]}, "a", "'a' gives a list for layer 'x'; needed: a tensor"),
        ([ONE], lambda output: 3, "the function gives a int for layer 'x'; needed: a tensor"),
        (
            [ONE],
            lambda output: output[4],
            "function for layer 'x', which returns a list of 1, raised IndexError",
        ),
        ([ONE], lambda output: 1 / 0, "raised ZeroDivisionError: division by zero"),
    ],
)
def test_a_choice_that_finds_no_tensor_is_named(output, how, message):
    with pytest.raises(UserError, match=message):
        chosen(output, how, "x")


def measure_output(wrap: Any, **changes: Any) -> Any:
    """Measure a block that wraps what its convolution gives."""
    block = Net(lambda net, x: wrap(net.conv(x)), conv=conv())
    model = Net(lambda net, x: (net.block(x), net.last(x))[1], block=block, last=nn.Identity())
    return measured(model, **{"layers": "block"} | changes)


@pytest.mark.parametrize(
    "wrap, way",
    [
        (lambda y: (y, 1), "[0]"),
        (lambda y: [None, y], "[1]"),
        (lambda y: Pair(None, y), "[1]"),
        (lambda y: {"count": 3, "maps": y}, "['maps']"),
        (lambda y: ModelOutput(logits=y), "['logits']"),
        (Record, ".hidden"),
        (lambda y: (None, {"k": [y]}), "[1]['k'][0]"),
        (lambda y: (y > 0, y), "[1]"),
        (lambda y: [y.mean(), y], "[1]"),
    ],
)
def test_of_several_outputs_the_first_with_a_row_for_each_image_is_measured(wrap, way):
    table = measure_output(wrap)
    assert_nv(table, "block", transformed(conv()))
    assert table.attrs["outputs"] == {"block": way}


@pytest.mark.parametrize(
    "wrap, reason",
    [
        (lambda y: None, "returns a NoneType, not a tensor"),
        (lambda y: (), "returns a tuple, not a tensor"),
        (lambda y: "text", "returns a str, not a tensor"),
        (lambda y: y.numpy(), "returns a ndarray, not a tensor"),
        (lambda y: list(y), r"returns \(4, 14, 14\), not one row for each of 40 images"),
        (lambda y: y.to_sparse(), "returns a tensor that is not dense"),
        (lambda y: y.flatten(1).to_sparse_csr(), "returns a tensor that is not dense"),
        (lambda y: torch.nested.nested_tensor(list(y)), "returns a tensor that is not dense"),
        (
            lambda y: torch.nested.as_nested_tensor(y, layout=torch.jagged),
            "returns a tensor that is not dense",
        ),
        (lambda y: y.int(), "returns torch.int32; supported: torch.float16"),
        (lambda y: y > 0, "returns torch.bool"),
        (lambda y: y + 0j, "returns torch.complex64"),
        (lambda y: y.to(torch.float8_e4m3fn), "returns torch.float8_e4m3fn"),
        (lambda y: torch.quantize_per_tensor(y, 0.1, 0, torch.qint8), "returns torch.qint8"),
        (lambda y: y[..., :0], r"returns an empty tensor \(40, 4, 14, 0\)"),
    ],
)
def test_an_output_without_numbers_to_measure_is_no_layer_and_others_are_measured(wrap, reason):
    assert layers(measure_output(wrap, layers=None)) == ["block.conv", "last"]
    with pytest.raises(UserError, match=f"layer 'block' {reason}"):
        measure_output(wrap)


def test_a_person_chooses_by_name_or_pattern_of_a_layer():
    def wrap(y: Tensor) -> Any:
        return {"first": y, "second": [y.abs().sqrt()]}

    for choice in (
        {"block": lambda output: output["second"][0]},
        {"bl*k": lambda output: output["second"][0]},
    ):
        table = measure_output(wrap, outputs=choice)
        assert_nv(table, "block", transformed(lambda x: conv()(x).abs().sqrt()))
        assert table.attrs["outputs"] == {}
    with pytest.raises(UserError, match="outputs: unknown layer 'blok'; valid: block"):
        measure_output(wrap, outputs={"blok": 0})
    with pytest.raises(UserError, match=r"layer 'block' returns \(3,\), not one row for each of 40 images"):
        measure_output(wrap, outputs={"block": lambda output: torch.zeros(3)})


def test_real_and_imaginary_parts_of_complex_activations_can_be_chosen():
    for part in ("real", "imag"):
        table = measure_output(torch.fft.fft2, outputs={"block": part})
        assert_nv(table, "block", transformed(lambda x, part=part: getattr(torch.fft.fft2(conv()(x)), part)))
