"""Checks of the arguments of `measure` before a network runs."""

from collections.abc import Mapping
from numbers import Integral
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from equivariance.errors import UserError, listed
from equivariance.measures.training_mode import training_operations


def check_model(model: Any) -> None:
    """Raise UserError for what is no network, lacks its values, or was traced in training mode."""
    if not isinstance(model, nn.Module):
        raise UserError(f"the model is a {type(model).__name__}; needed: a torch.nn.Module")
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        if is_lazy(tensor):
            raise UserError(f"{name!r} of the model has no shape yet; run the model once, to initialise it")
        if tensor.is_meta:
            raise UserError(
                f"{name!r} of the model is on the device 'meta', without values; load its weights"
            )
    if training := training_operations(model):
        raise UserError(
            f"the model was traced in training mode ({listed(training)}); call eval() before tracing"
        )


def check_options(
    transformations: Any, tile: Any, autocast: Any, preprocess: Any, by_layer: Mapping[str, Any]
) -> None:
    """Raise UserError for options of `measure` of another type; those of `by_layer` are mappings, or None."""
    if not isinstance(getattr(transformations, "matrices", None), Tensor):
        raise UserError(
            f"transformations are a {type(transformations).__name__}; needed: a set with `matrices` "
            "(T, 3, 3), such as those of `build_set`"
        )
    if tile is not None and (not isinstance(tile, Integral) or tile < 1):
        raise UserError(f"tile is {tile!r}; valid: whole numbers from 1")
    if autocast not in (None, torch.float16, torch.bfloat16):
        raise UserError(f"autocast is {autocast!r}; valid: torch.bfloat16, torch.float16")
    if preprocess is not None and not callable(preprocess):
        raise UserError(f"preprocess is a {type(preprocess).__name__}; needed: a function of images")
    for option, given in by_layer.items():
        if given is not None and not isinstance(given, Mapping):
            raise UserError(f"{option}: a {type(given).__name__}; needed: a dictionary by names of layers")


def usable_device(device: torch.device | str) -> torch.device:
    """Return a device by its name. Raises UserError where nothing can be computed on it."""
    try:
        found = torch.device(device)
        torch.empty(1, device=found)
    except (RuntimeError, AssertionError, TypeError) as error:
        raise UserError(f"device {str(device)!r} cannot be used: {str(error).splitlines()[0]}") from error
    if found.type == "meta":
        raise UserError("device 'meta' cannot be used: it has no values")
    return found
