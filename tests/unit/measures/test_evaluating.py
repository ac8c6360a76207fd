"""A network of somebody else's is left as it was, to the last bit."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from measured_networks import Net, conv, measured, small
from torch import Tensor, nn

from equivariance.measures.evaluating import evaluating

CPU = torch.device("cpu")


class Merging(nn.Conv2d):
    """Adds to its weights in evaluation mode, as low-rank adapters do."""

    merged = False

    def train(self, mode: bool = True) -> nn.Module:
        if mode == self.merged:
            self.weight.data += -1.0 if mode else 1.0
            self.merged = not mode
        return super().train(mode)


class Replacing(nn.Module):
    """Merges a child into another in evaluation mode, for good."""

    def __init__(self) -> None:
        super().__init__()
        self.adapter, self.main = conv(), conv()

    def train(self, mode: bool = True) -> nn.Module:
        super().train(mode)
        if not mode and "adapter" in self._modules:
            self.main.weight.data.add_(self.adapter.weight)
            self.main.weight.requires_grad_(False)
            self.register_buffer("rank", torch.ones(1))
            del self.adapter
        return self

    def forward(self, x: Tensor) -> Tensor:
        return self.main(x)


class Counting(nn.Module):
    """Notes its passes in buffers, one in place and one anew."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = conv()
        self.register_buffer("passes", torch.zeros(1))
        self.register_buffer("missing", torch.full((1,), torch.nan).expand(3), persistent=False)
        self.register_buffer("more", torch.zeros(1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        self.passes += 1
        self.more = self.more + 1
        return self.conv(x)


class Failing(nn.Module):
    def __init__(self, error: BaseException, at: int) -> None:
        super().__init__()
        self.error, self.left = error, at

    def forward(self, x: Tensor) -> Tensor:
        self.left -= 1
        if not self.left:
            raise self.error
        return x


def mixed() -> nn.Module:
    model = nn.Sequential(Merging(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(), nn.ReLU()).train()
    model[1].eval()
    model[0].training = False  # by hand, so that it is not merged
    return model


def with_nan() -> nn.Module:
    model = nn.Sequential(Merging(3, 4, 3), nn.BatchNorm2d(4)).train()
    model[1].num_batches_tracked.fill_(3)
    model[1].weight.data[0] = torch.nan
    return model


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "batch norm": lambda: nn.Sequential(conv(), nn.BatchNorm2d(4), nn.Dropout()).train(),
    "merging child": lambda: nn.Sequential(Merging(3, 4, 3), nn.ReLU()).train(),
    "merging root": lambda: Merging(3, 4, 3).train(),
    "merged already": lambda: nn.Sequential(Merging(3, 4, 3)).eval(),
    "replacing root": lambda: Replacing().train(),
    "replacing child": lambda: nn.Sequential(Replacing(), nn.ReLU()).train(),
    "mixed modes": mixed,
    "missing weights": with_nan,
    "counting": lambda: Counting().train(),
    "weight norm": lambda: nn.Sequential(torch.nn.utils.parametrizations.weight_norm(conv())).train(),
    "spectral norm": lambda: nn.Sequential(torch.nn.utils.parametrizations.spectral_norm(conv())).train(),
    "old spectral norm": lambda: nn.Sequential(torch.nn.utils.spectral_norm(conv())).train(),
    "random, without effect": lambda: Net(lambda net, x: net.conv(x) + 0 * torch.rand(1), conv=conv()),
}


def state(model: nn.Module) -> list[Any]:
    """All of a network that its owner can see, as what can be compared."""
    tensors = [*model.named_parameters(), *model.named_buffers()]
    return [
        [(name, module.training) for name, module in model.named_modules()],
        [(name, id(tensor), tensor.requires_grad) for name, tensor in tensors],
        [tensor.detach().numpy().tobytes() for _, tensor in tensors],
        [None if tensor.grad is None else tensor.grad.tolist() for _, tensor in tensors],
        [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules()],
        [getattr(module, "merged", None) for module in model.modules()],
        torch.get_rng_state().tolist(),
    ]


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_is_left_as_it_was(name):
    model = NETWORKS[name]()
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    before = state(model)
    measured(model, ["nv", "nvse"])
    assert state(model) == before


@pytest.mark.parametrize("error", [RuntimeError("broken"), KeyboardInterrupt(), SystemExit()])
@pytest.mark.parametrize("at", [1, 2, 3, 4, 6])
@pytest.mark.parametrize("name", ["mixed modes", "replacing child", "counting"])
def test_a_network_is_left_as_it_was_after_an_error_at_any_point(name, at, error):
    model = nn.Sequential(NETWORKS[name](), Failing(error, at))
    before = state(model)
    if at == 1 and isinstance(error, RuntimeError):
        measured(model, tile=2)  # taken for a network that takes no small batch
    else:
        with pytest.raises(type(error)):
            measured(model, tile=2)
    assert state(model) == before


def test_within_it_nothing_is_in_training_and_no_gradient_is_kept():
    model = mixed()
    with evaluating(model, CPU):
        assert not any(module.training for module in model.modules())
        assert not torch.is_grad_enabled()
    assert torch.is_grad_enabled()


def test_the_mode_of_a_frozen_script_is_none_and_of_another_script_what_it_was():
    script = torch.jit.script(small().train())
    with evaluating(script, CPU):
        assert not script.training
    assert script.training
    with evaluating(torch.jit.freeze(torch.jit.script(small().eval())), CPU):
        pass


def test_compiled_code_is_not_used_within():
    model = torch.compile(small(), backend="eager")
    model(torch.rand(2, 3, 16, 16))
    calls = []
    handle = model._orig_mod[0].register_forward_hook(lambda *_: calls.append(1))
    with evaluating(model, CPU):
        model(torch.rand(2, 3, 16, 16))
    handle.remove()
    assert calls == [1]
