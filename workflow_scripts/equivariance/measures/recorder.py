"""Watch the layers of a network while it runs.

A layer is a module by its name in `named_modules()`; the root, which has no name there, goes by its class. A
module that runs several times in one pass (the shared ReLU of a residual block) gives one activation per
call: `relu`, `relu:2`, `relu:3`, because each call is another place in the network. Counting starts anew with
each pass of the whole network.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import Tensor, nn

from equivariance.errors import UserError, unknown

Receive = Callable[[str, Tensor], None]


@contextmanager
def record(
    model: nn.Module, layers: Collection[str] | None = None, receive: Receive | None = None
) -> Iterator[dict[str, Tensor]]:
    """Record the outputs of `layers` (default: all leaf modules) of every forward pass in the body.

    Without `receive` the yielded dict holds, name by name in the order of execution, a detached copy of the
    latest output. With `receive(name, tensor)` each output is handed over while alive, before the next layer
    runs, and nothing is kept: what is reduced there cannot be changed by later layers that work in place or
    on a view. It must not be changed, nor kept without a copy. Of an output that is a tuple, the first tensor
    counts.

    The hooks are gone after the body, however it ends. Raises UserError for an unknown layer and for an
    output without a tensor.
    """
    activations: dict[str, Tensor] = {}

    def keep(name: str, activation: Tensor) -> None:
        activations[name] = activation.clone()

    hand_over = receive or keep

    def called(name: str, output: Any) -> None:
        hand_over(name, _tensor(name, output).detach())

    with _watched(model, _modules(model, layers), called):
        yield activations


@contextmanager
def trace(model: nn.Module, layers: Collection[str] | None = None) -> Iterator[list[str]]:
    """List the calls of `layers` (default: all leaf modules) in the body, in the order of execution."""
    calls: list[str] = []
    with _watched(model, _modules(model, layers), lambda name, _: calls.append(name)):
        yield calls


def module_name(call: str) -> str:
    """Name the module of a call: `layer1.relu` for `layer1.relu:2`."""
    return call.partition(":")[0]


def leaf_names(model: nn.Module) -> list[str]:
    """List the modules without children, in the order of their definition."""
    return [name for name, module in named(model).items() if not any(module.children())]


def named(model: nn.Module) -> dict[str, nn.Module]:
    """Name every module, the root too."""
    return {name or type(model).__name__: module for name, module in model.named_modules()}


def _modules(model: nn.Module, layers: Collection[str] | None) -> dict[str, nn.Module]:
    modules = named(model)
    names = leaf_names(model) if layers is None else layers
    for name in names:
        if name not in modules:
            raise UserError(unknown("layer", name, modules))
    return {name: modules[name] for name in names}


@contextmanager
def _watched(
    model: nn.Module, modules: dict[str, nn.Module], called: Callable[[str, Any], None]
) -> Iterator[None]:
    calls: Counter[str] = Counter()

    def hook(name: str) -> Callable[..., None]:
        def after(module: nn.Module, inputs: Any, output: Any) -> None:
            calls[name] += 1
            called(name if calls[name] == 1 else f"{name}:{calls[name]}", output)

        return after

    with ExitStack() as hooks:
        hooks.callback(model.register_forward_pre_hook(lambda *_: calls.clear()).remove)
        for name, module in modules.items():
            hooks.callback(module.register_forward_hook(hook(name)).remove)
        yield


def _tensor(name: str, output: Any) -> Tensor:
    first = output[0] if isinstance(output, tuple | list) and output else output
    if not isinstance(first, Tensor):
        raise UserError(f"layer {name!r} gives a {type(output).__name__}, not a tensor; choose other layers")
    return first
