"""Run any network in evaluation mode, eagerly, and leave it as it was."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import torch
from torch import nn


@contextmanager
def evaluating(model: nn.Module, device: torch.device) -> Iterator[None]:
    """Put a network into evaluation mode on a device, without gradients and without compiled code, which
    would skip hooks; afterwards every mode, device, parameter and buffer is what it was, and so is the state
    of torch's random numbers, also after an error."""
    with ExitStack() as stack:
        stack.enter_context(torch.random.fork_rng([device] if device.type == "cuda" else []))
        stack.enter_context(torch.no_grad())
        if "torch._dynamo" in sys.modules:  # else nothing was compiled, and the import takes a second
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        stack.enter_context(_restored(model))
        if any(map(_mode, model.modules())):
            with suppress(NotImplementedError):  # an exported program, whose mode is a part of it
                model.eval()
        stack.enter_context(_on(model, device))
        yield


@contextmanager
def _restored(model: nn.Module) -> Iterator[None]:
    """Undo what evaluation mode does, which is more than a flag for adapters that merge weights, and what the
    passes do to buffers."""
    modules = [*model.modules()]
    modes = [_mode(module) for module in modules]
    own = [module for module in modules if _changes_mode_by_itself(module)]
    holders = [
        (holder, dict(holder))
        for module in modules
        if not isinstance(module, torch.jit.ScriptModule)
        for holder in (module._parameters, module._buffers, module._modules)
    ] + [(module.__dict__, dict(module.__dict__)) for module in own]
    weights = model.parameters() if own else ()
    values = [
        (tensor, tensor.requires_grad, tensor.detach().clone())
        for tensor in (*model.buffers(), *weights)
        if tensor.layout == torch.strided and not tensor.is_quantized
    ]
    try:
        yield
    finally:
        for holder, held in holders:
            if [*holder] != [*held] or any(holder[name] is not value for name, value in held.items()):
                holder.clear()  # so that the order is the same too
                holder.update(held)
        with torch.no_grad():
            for tensor, requires_grad, value in values:
                if not ((tensor == value) | ((tensor != tensor) & (value != value))).all():
                    tensor.copy_(value)  # in place: others may hold the tensor too
                if tensor.requires_grad != requires_grad:
                    tensor.requires_grad_(requires_grad)
        for module, mode in zip(modules, modes, strict=True):
            if mode is not None and _mode(module) != mode:
                module.training = mode


def _mode(module: nn.Module) -> bool | None:
    """Whether a module is in training mode; None where it has no mode, as frozen TorchScript."""
    return getattr(module, "training", None)


def _changes_mode_by_itself(module: nn.Module) -> bool:
    overridden = any(
        getattr(type(module), name, None) is not getattr(nn.Module, name) or name in module.__dict__
        for name in ("train", "eval")
    )
    return overridden and not isinstance(module, torch.jit.ScriptModule | torch.fx.GraphModule)


@contextmanager
def _on(model: nn.Module, device: torch.device) -> Iterator[None]:
    """Move a network to a device, and each of its tensors back to its own."""
    homes = {tensor.device for tensor in (*model.parameters(), *model.buffers())}
    if homes <= {device}:
        yield
        return
    before = [
        (holder, name, None if tensor is None else tensor.device)
        for module in model.modules()
        for holder in (module._parameters, module._buffers)
        for name, tensor in holder.items()
    ]
    try:
        model.to(device)
        yield
    finally:
        if len(homes) == 1:
            model.to(next(iter(homes)))
        else:
            for holder, name, home in before:
                tensor = holder.get(name)
                if tensor is not None and home is not None:
                    tensor.data = tensor.data.to(home)
