"""Frozen layers: their parameters and buffers do not change at all while other layers are trained."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

from torch import nn

from equivariance.errors import UserError


def learning_layers(model: nn.Module) -> dict[str, nn.Module]:
    """The modules that have parameters of their own, by name, in the order of their definition."""
    return {name: one for name, one in model.named_modules() if list(one.parameters(recurse=False))}


def matching_layers(model: nn.Module, patterns: Sequence[str]) -> list[str]:
    """Names of the layers that patterns choose: those whose name, or that of a module around them, matches.

    A pattern is a name in which * stands for any text and ? for any character. Raises UserError, with the
    names of the layers, for a pattern that matches no layer.
    """
    names = list(learning_layers(model))
    chosen = set()
    for pattern in patterns:
        found = {name for name in names if any(fnmatchcase(one, pattern) for one in _with_parents(name))}
        if not found:
            raise UserError(f"the pattern {pattern!r} matches no layer; the layers are {', '.join(names)}")
        chosen |= found
    return [name for name in names if name in chosen]


def freeze_all_but(model: nn.Module, patterns: Sequence[str]) -> None:
    """Freeze every layer that no pattern chooses.

    The parameters of a frozen layer have no gradient, so that nothing before the first trained layer is
    recorded for the backward pass. A frozen normalization uses its running statistics and does not update
    them, whatever mode the network is put into. Raises what `matching_layers` raises.
    """
    chosen = set(matching_layers(model, patterns))
    for name, module in model.named_modules():
        if name in chosen:
            continue
        for parameter in module.parameters(recurse=False):
            parameter.requires_grad_(False)
        if list(module.buffers(recurse=False)):
            module.register_forward_pre_hook(_in_evaluation)


def _in_evaluation(module: nn.Module, _: Any) -> None:
    module.eval()


def _with_parents(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts) + 1)]
