"""Watch the layers of a network while it runs.

A layer is a module by its name in `named_modules()`; the root, which has no name there, goes by its class. A
module that runs several times in one pass (the shared ReLU of a residual block) gives one activation per
call: `relu`, `relu:2`, `relu:3`, because each call is another place in the network. Where names of modules
have colons themselves, the mark has one more than any of them. Counting starts anew with each pass of the
whole network.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from equivariance.errors import UserError, unknown
from equivariance.measures.outputs import tensors

Receive = Callable[[str, Tensor], None]
Called = Callable[[str, str, Any], None]  # with the name of the call, that of the module, and its output


@contextmanager
def record(
    model: nn.Module, layers: Collection[str] | None = None, receive: Receive | None = None
) -> Iterator[dict[str, Tensor]]:
    """Record the outputs of `layers` (default: all leaf modules) of every forward pass in the body.

    Without `receive` the yielded dict holds, name by name in the order of execution, a detached copy of the
    latest output. With `receive(name, tensor)` each output is handed over while alive, before the next layer
    runs, and nothing is kept: what is reduced there cannot be changed by later layers that work in place or
    on a view. It must not be changed, nor kept without a copy. Of an output that holds several tensors, the
    first counts.

    The hooks are gone after the body, however it ends. Raises UserError for an unknown layer and for an
    output without a tensor.
    """
    activations: dict[str, Tensor] = {}

    def keep(name: str, activation: Tensor) -> None:
        activations[name] = activation.clone()

    hand_over = receive or keep

    def called(name: str, module: str, output: Any) -> None:
        _, first = next(tensors(output), (None, None))
        if first is None:
            raise UserError(
                f"layer {name!r} returns a {type(output).__name__}, not a tensor; choose other layers"
            )
        hand_over(name, first.detach())

    with watched(model, _modules(model, layers), called) as start, _before(unwrapped(model), start):
        yield activations


@contextmanager
def watched(
    model: nn.Module,
    modules: Mapping[str, nn.Module],
    called: Called,
    entered: Callable[[str], None] | None = None,
) -> Iterator[Callable[[], None]]:
    """Call `called` after each call of some modules, and `entered`, with a module's name, before.

    Yields what starts the count of calls anew, to be called before each pass but the first.
    """
    colons = max((len(run) for name in named(model) for run in re.findall(":+", name)), default=0)
    calls: Counter[str] = Counter()

    def after(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            calls[name] += 1
            number = calls[name]
            with _outside(output):
                called(name if number == 1 else f"{name}{':' * (colons + 1)}{number}", name, output)

        return hook

    with ExitStack() as hooks:
        for name, module in modules.items():
            if entered is not None:
                hooks.enter_context(_before(module, partial(entered, name)))
            # The method of `nn.Module`, because modules of TorchScript forbid theirs, although it works.
            hooks.callback(nn.Module.register_forward_hook(module, after(name)).remove)
        yield calls.clear


@contextmanager
def _before(module: nn.Module, call: Callable[[], None]) -> Iterator[None]:
    """Call something before each call of a module."""

    def hook(module: nn.Module, inputs: Any) -> None:
        call()

    handle = nn.Module.register_forward_pre_hook(module, hook)
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def _outside(output: Any) -> Iterator[None]:
    """Leave the modes that a network runs in, or enters by itself: they are not for what is done with its
    activations, which autocast would round."""
    _, tensor = next(tensors(output), (None, None))
    with torch.inference_mode(False), torch.no_grad():
        if tensor is None:
            yield
        else:
            with torch.autocast(tensor.device.type, enabled=False):
                yield


def unwrapped(model: nn.Module) -> nn.Module:
    """The network in what torch.compile and data parallelism wrap around one."""
    while type(model).__name__ in WRAPPERS and type(model).__module__.startswith("torch."):
        inner = getattr(model, WRAPPERS[type(model).__name__], None)
        if not isinstance(inner, nn.Module):
            break
        model = inner
    return model


WRAPPERS = {
    "OptimizedModule": "_orig_mod",  # by name: importing torch.compile takes a second
    "DataParallel": "module",
    "DistributedDataParallel": "module",
}


def children(module: nn.Module) -> dict[str, nn.Module]:
    """The modules in a module, by name, without those that compute its weights."""
    hidden = {"parametrizations"} if is_parametrized(module) else set()
    held = module._modules.items()  # with those that have two names, unlike `named_children`
    return {name: unwrapped(child) for name, child in held if child is not None and name not in hidden}


def leaf_names(model: nn.Module) -> list[str]:
    """List the modules without children, in the order of their definition."""
    return [name for name, module in named(model).items() if not children(module)]


def named(model: nn.Module) -> dict[str, nn.Module]:
    """Name every module, the root too, as `named_modules()` does, without wrappers and without modules that
    compute weights."""
    return _named(model)[0]


def other_names(model: nn.Module) -> dict[str, str]:
    """Return the name in `named` of each module that has others, by these."""
    return _named(model)[1]


def _named(model: nn.Module) -> tuple[dict[str, nn.Module], dict[str, str]]:
    names: dict[nn.Module, str] = {}
    others: dict[str, str] = {}

    def add(module: nn.Module, name: str) -> None:
        if module in names:
            others[name] = names[module]
            return
        names[module] = name
        for key, child in children(module).items():
            add(child, f"{name}.{key}" if name else key)

    add(unwrapped(model), "")
    root = type(unwrapped(model)).__name__
    while root in names.values():
        root = f"({root})"
    return (
        {name or root: module for module, name in names.items()},
        {other: name or root for other, name in others.items()},
    )


def _modules(model: nn.Module, layers: Collection[str] | None) -> dict[str, nn.Module]:
    modules = named(model)
    names = leaf_names(model) if layers is None else layers
    for name in names:
        if name not in modules:
            raise UserError(unknown("layer", name, modules))
    return {name: modules[name] for name in names}
