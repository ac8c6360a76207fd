"""The recorder sees what was there, and leaves nothing behind."""

import pytest
import torch
from torch import Tensor, nn

from equivariance.errors import UserError
from equivariance.measures.recorder import record


class Residual(nn.Module):
    """A block with one ReLU that runs twice, in place, as in torchvision's ResNet."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(2, 2, 3, padding=1), nn.Conv2d(2, 2, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv2(self.relu(self.conv1(x)))
        y += x
        return self.relu(y)


class Failing(nn.Module):
    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error

    def forward(self, x: Tensor) -> Tensor:
        raise self.error


def hooks(model: nn.Module) -> int:
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())


def test_leaf_modules_are_recorded_by_name_in_order_of_execution():
    model = nn.Sequential(nn.Linear(3, 4), nn.Sequential(nn.ELU(), nn.Linear(4, 2)))
    x = torch.randn(5, 3)
    with record(model) as activations:
        output = model(x)
    assert list(activations) == ["0", "1.0", "1.1"]
    assert torch.equal(activations["0"], model[0](x))
    assert torch.equal(activations["1.1"], output)
    assert not activations["0"].requires_grad


def test_chosen_layers_may_have_children():
    model = nn.Sequential(nn.Linear(3, 4), nn.Sequential(nn.ELU(), nn.Linear(4, 2)))
    with record(model, ["1"]) as activations:
        output = model(torch.randn(5, 3))
    assert list(activations) == ["1"]
    assert torch.equal(activations["1"], output)


def test_a_module_that_runs_twice_has_a_name_for_each_call_in_every_pass():
    model = Residual()
    calls: list[str] = []
    with record(model) as activations, record(model, receive=lambda name, _: calls.append(name)):
        model(torch.randn(1, 2, 4, 4))
        model(torch.randn(1, 2, 4, 4))
    assert list(activations) == ["conv1", "relu", "conv2", "relu:2"]
    assert calls == [*activations] * 2


def test_activations_are_those_at_the_moment_they_were_made():
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(inplace=True), nn.Flatten(), nn.ReLU(inplace=True))
    x = torch.randn(5, 3)
    received = {}
    with record(model) as kept, record(model, receive=lambda name, a: received.update({name: a.clone()})):
        model(x)
    expected = model[0](x)
    assert (expected < 0).any()
    assert torch.equal(kept["0"], expected)
    assert torch.equal(received["0"], expected)


def test_nothing_is_kept_where_activations_are_received():
    model = Residual()
    with record(model, receive=lambda *_: None) as activations:
        model(torch.randn(1, 2, 4, 4))
    assert activations == {}


@pytest.mark.parametrize("error", [RuntimeError("broken"), KeyboardInterrupt(), SystemExit()])
def test_no_hook_is_left_after_an_error_in_a_layer(error):
    model = nn.Sequential(nn.Linear(3, 4), Failing(error))
    with pytest.raises(type(error)), record(model):
        model(torch.randn(5, 3))
    assert hooks(model) == 0


def test_no_hook_is_left_after_success_nor_after_an_error_in_the_body_or_the_receiver():
    model = Residual()
    with record(model):
        assert hooks(model) > 0
    assert hooks(model) == 0
    with pytest.raises(KeyError), record(model):
        raise KeyError
    assert hooks(model) == 0

    def receive(name: str, activation: Tensor) -> None:
        raise MemoryError

    with pytest.raises(MemoryError), record(model, receive=receive):
        model(torch.randn(1, 2, 4, 4))
    assert hooks(model) == 0


def test_hooks_of_others_stay():
    model = Residual()
    model.conv1.register_forward_hook(lambda *_: None)
    with record(model):
        model(torch.randn(1, 2, 4, 4))
    assert hooks(model) == 1


def test_an_unknown_layer_is_an_error_with_the_nearest_names_and_no_hooks():
    model = Residual()
    with (
        pytest.raises(UserError, match="unknown layer 'conv'; valid: conv2, conv1"),
        record(model, ["conv1", "conv"]),
    ):
        raise AssertionError("the body must not run")
    assert hooks(model) == 0


def test_of_a_tuple_the_first_tensor_counts_and_no_tensor_is_an_error():
    class Pair(nn.Module):
        def forward(self, x: Tensor) -> tuple[Tensor, str]:
            return x, "more"

    class Text(nn.Module):
        def forward(self, x: Tensor) -> str:
            return "text"

    x = torch.randn(2)
    with record(model := Pair()) as activations:
        model(x)
    assert torch.equal(activations["Pair"], x)
    with pytest.raises(UserError, match="layer 'Text' returns a str"), record(model := Text()):
        model(x)
