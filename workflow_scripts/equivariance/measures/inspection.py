"""The layers of a network, before anything is measured."""

import math
from collections.abc import Callable, Collection, Mapping
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn

from equivariance.measures.outputs import Choice
from equivariance.measures.recorder import named
from equivariance.measures.sweep import Sweep
from equivariance.reserved import NONE
from equivariance.transformations.sets import build_set

COLUMNS = ("layer", "kind", "module", "layout", "shape", "units", "bytes", "left_out")


def list_layers(
    model: nn.Module,
    images: Any,
    *,
    layers: str | Collection[str] | None = None,
    exclude: str | Collection[str] = (),
    outputs: Mapping[str, Choice] | None = None,
    maps: Mapping[str, str] | None = None,
    preprocess: Callable[[Tensor], Tensor] | None = None,
    device: torch.device | str | None = None,
    tile: int | None = None,
) -> pd.DataFrame:
    """List what `measure` would measure of a network and what it would leave out; takes what that takes.

    The images may be a few, and noise. Returns a row per layer in the order of execution, then, where none
    are named by `layers`, one for each that is left out: layer, kind, module (its class), layout (of its
    output, see `layout`), shape (for one image, as feature maps C x H x W or units), units (how many values a
    measure has of it), bytes (of its output for one image), left_out (why it is, "" for what is measured).
    """
    sweep = Sweep(
        model,
        build_set(NONE, {}),
        "sv",
        layers=layers,
        exclude=exclude,
        outputs=outputs,
        maps=maps,
        preprocess=preprocess,
        device=device,
        tile=tile,
    )
    sweep.inspect(images)
    modules = named(sweep.model)
    rows = [
        {
            "layer": call,
            "kind": place.kind,
            "module": _class_name(modules[place.module]),
            "layout": place.layout.convention,
            "shape": "x".join(map(str, place.shape)),
            "units": place.units,
            "bytes": math.prod(place.shape) * place.itemsize,
            "left_out": "",
        }
        for call, place in sweep.places.items()
    ]
    assert sweep.survey is not None
    left_out = sweep.survey.left_out if layers is None else {}
    for name, reason in left_out.items():
        module = _class_name(modules[name]) if name in modules else ""
        rows.append({**dict.fromkeys(COLUMNS, ""), "layer": name, "module": module, "left_out": reason})
    return pd.DataFrame(rows, columns=COLUMNS)


def _class_name(module: nn.Module) -> str:
    """The class of a module; an exported one may say of which it was by an attribute `layer_class`."""
    own = getattr(module, "layer_class", None)
    return own if isinstance(own, str) else type(module).__name__
