"""Operations that a traced network does as in training, whatever `eval()` says.

A trace (torch.export, torch.fx) keeps of `training` what it was when the trace was made: dropout that was on
stays on, and the network returns another result on each run.
"""

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import fx, nn
from torch._ops import OpOverload

FLAGS = ("training", "train", "use_input_stats")
RATES = ("p", "dropout", "dropout_p")  # of what dropout sets to zero


def training_operations(model: nn.Module) -> list[str]:
    """Name what the traced parts of a network do as in training, each once: `dropout in 'head.drop'`.

    Besides dropout that is on, and norms that take the statistics of the batch although they have running
    ones, that is any drawing of random numbers. Of a program of torch.export, give the `graph_module`. A
    network without traced parts has none: there `eval()` decides.
    """
    found = []
    for name, module in model.named_modules():
        graph = getattr(module, "graph", None)
        for node in graph.nodes if isinstance(graph, fx.Graph) else ():
            kind = _kind(node)
            if kind:
                path = _path(node) or name
                found.append(f"{kind} in {path!r}" if path else kind)
    return list(dict.fromkeys(found))


def _kind(node: fx.Node) -> str | None:
    """Say what a node does as in training, if it does."""
    if node.op not in ("call_function", "call_method"):
        return None
    name = str(getattr(node.target, "__name__", node.target)).partition(".")[0]
    overloads = _overloads(node, name)
    given = _arguments(node, overloads)
    flags = [given[flag] for flag in FLAGS if flag in given]
    rate = next((given[rate] for rate in RATES if rate in given), None)
    if flags:
        on = flags[0] is not False and rate != 0
    elif "dropout_p" in given:
        on = rate != 0
    else:
        on = name.startswith("_batch_norm_with_update") or any(
            torch.Tag.nondeterministic_seeded in overload.tags for overload in overloads
        )
    if not on:
        return None
    if "_norm" in name and given.get("running_mean") is None:  # `eval()` would change nothing
        return None
    for kind in ("batch_norm", "instance_norm", "rrelu", "dropout"):
        if kind in name:
            return kind.replace("_", " ")
    return "dropout" if flags or "dropout_p" in given else "random numbers"


def _overloads(node: fx.Node, name: str) -> list[OpOverload]:
    """Find the operation of aten, in all its forms where the node does not say which; none for Python."""
    if isinstance(node.target, OpOverload):
        return [node.target]
    packet = None if inspect.isfunction(node.target) else getattr(torch.ops.aten, name, None)
    return [getattr(packet, form) for form in packet.overloads()] if packet else []


def _arguments(node: fx.Node, overloads: list[OpOverload]) -> Mapping[str, Any]:
    """Return what a node is called with by name, defaults too; nothing where that cannot be told."""
    for overload in overloads:
        known = overload._schema.arguments
        given = dict(zip((one.name for one in known), node.args, strict=False)) | node.kwargs
        defaults = {one.name: one.default_value for one in known if one.has_default_value()}
        if {*given} <= {one.name for one in known} <= {*given, *defaults} and len(node.args) <= len(known):
            return defaults | given
    if inspect.isfunction(node.target):
        try:
            bound = inspect.signature(node.target).bind(*node.args, **node.kwargs)
        except TypeError:
            return {}
        bound.apply_defaults()
        return bound.arguments
    return {}


def _path(node: fx.Node) -> str:
    """Name the module that a node was in, without the number of the call (`relu@1`)."""
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    return str(stack[-1][0]).partition("@")[0] if stack else ""
