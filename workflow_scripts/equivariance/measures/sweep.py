"""One pass over samples x transformations, for all measures together.

Each image t(x) goes through the network once. Images go in tiles, a few samples under all transformations;
the output of every layer is reduced while it is alive, so that memory does not grow with the number of
samples.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from tqdm import tqdm

from equivariance.errors import UserError
from equivariance.measures.accumulator import Accumulator, Scratch
from equivariance.measures.aggregation import aggregate
from equivariance.measures.images import tiles, to_float
from equivariance.measures.recorder import leaf_names, module_name, named, record, trace
from equivariance.measures.registry import resolve
from equivariance.models.layers import kind_of
from equivariance.transformations.warp import Padding, warp


class Transformations(Protocol):
    """Anything with matrices (T, 3, 3), such as a `TransformationSet`."""

    @property
    def matrices(self) -> Tensor:
        """The matrices, (T, 3, 3)."""


@dataclass(frozen=True)
class Place:
    """A layer's kind, its place in the order of execution, and its depth from 0 (first) to 1 (last)."""

    kind: str
    index: int
    depth: float


class Sweep:
    """The state of a sweep, which can be cut anywhere over the samples: update, merge, compute, table.

    Takes what `measure` takes. For U units in all layers and T transformations the variance family keeps
    28 x T x U bytes (40 with float64 tiles), whatever the number of samples; all layers share one scratch of
    the size of a tile of the largest.
    """

    def __init__(
        self,
        model: nn.Module,
        transformations: Transformations,
        measures: str | Iterable[str] = "variance",
        *,
        layers: Collection[str] | None = None,
        preprocess: Callable[[Tensor], Tensor] | None = None,
        padding: Padding = "border",
        device: torch.device | str | None = None,
        tile: int = 2,
        dtype: torch.dtype = torch.float32,
        progress: bool = False,
    ) -> None:
        if tile < 1:
            raise UserError(f"a tile of {tile} samples; valid: at least 1")
        if dtype not in (torch.float32, torch.float64):
            raise UserError(f"sums in {dtype}; valid: torch.float32, torch.float64")
        floats = [p for p in (*model.parameters(), *model.buffers()) if p.is_floating_point()]
        like = floats[0] if floats else torch.empty(0)
        self._model = model
        self._measures = resolve(measures)
        self._layers = _measurable(model) if layers is None else list(layers)
        self._all_must_run = layers is not None
        self._preprocess = preprocess
        self._padding = padding
        self._device = like.device if device is None else torch.device(device)
        self._images_dtype = like.dtype
        self._tile = tile
        self._dtype = dtype
        self._progress = progress
        self._matrices = transformations.matrices.to(self._device)  # (T, 3, 3)
        self._inputs = 0  # how many the network has before it
        self._scratch = Scratch()
        self._states: dict[str, dict[type[Accumulator], Accumulator]] = {}
        self._places: dict[str, Place] = {}

    def update(self, images: Any) -> None:
        """Take in images, as `measure` does.

        The network runs in evaluation mode and without gradients, and is left as it was found: hooks, device,
        and the mode of each module.
        """
        with ExitStack() as stack:
            stack.enter_context(torch.no_grad())
            stack.enter_context(_evaluating(self._model, self._device))
            stack.enter_context(record(self._model, self._layers, self._receive))
            bar = stack.enter_context(tqdm(total=len(images), unit="image", disable=not self._progress))
            for tile in tiles(images, self._tile):
                if self._places:
                    self._forward(tile)
                else:
                    self._places = self._forward_traced(tile)
                bar.update(len(tile))

    def _forward(self, tile: Tensor) -> None:
        images = to_float(tile.to(self._device), self._images_dtype)  # (n, C, H, W)
        transformed = warp(
            images.repeat_interleave(len(self._matrices), dim=0),  # (n * T, C, H, W), sample by sample
            self._matrices.repeat(len(images), 1, 1),
            padding=self._padding,
        )
        self._inputs = len(transformed)
        self._model(transformed if self._preprocess is None else self._preprocess(transformed))

    def _forward_traced(self, tile: Tensor) -> dict[str, Place]:
        """Run the first tile and see what ran when."""
        leaves = _measurable(self._model)
        with trace(self._model, [*leaves, *(name for name in self._layers if name not in leaves)]) as calls:
            self._forward(tile)
        missing = {*self._layers} - {module_name(call) for call in calls}
        if missing and self._all_must_run:
            raise UserError(f"layers did not run: {', '.join(sorted(missing))}")
        return _places(self._model, calls, leaves)

    def _receive(self, name: str, activation: Tensor) -> None:
        if activation.shape[:1] != (self._inputs,):
            raise UserError(
                f"layer {name!r} gives {tuple(activation.shape)}, whose first dimension is not the images'; "
                "choose other layers"
            )
        block = activation.unflatten(0, (-1, len(self._matrices)))  # (n, T, ...)
        if name not in self._states:
            kinds = dict.fromkeys(measure.accumulator for measure in self._measures)
            self._states[name] = {kind: kind(dtype=self._dtype, scratch=self._scratch) for kind in kinds}
        # A sample at a time stays in the cache of a CPU; a GPU wants few large operations.
        for part in block.split(1 if block.device.type == "cpu" else len(block)):
            for accumulator in self._states[name].values():
                accumulator.update(part)

    def merge(self, other: "Sweep") -> None:
        """Take in what another sweep of the same network, transformations, layers and measures has seen."""
        if self._measures != other._measures or not torch.equal(self._matrices.cpu(), other._matrices.cpu()):
            raise ValueError("the sweeps have different measures or transformations")
        if not other._states:
            return
        if not self._states:
            self._places = other._places
            self._states = {
                name: {kind: kind(dtype=self._dtype, scratch=self._scratch) for kind in states}
                for name, states in other._states.items()
            }
        if self._places != other._places or self._states.keys() != other._states.keys():
            raise ValueError("the sweeps have different layers")
        for name, states in self._states.items():
            for kind, accumulator in states.items():
                accumulator.merge(other._states[name][kind])

    def compute(self) -> dict[str, dict[str, Tensor]]:
        """Give each layer's maps, by layer and name (`tv`, `sv`), of the layer's own shape, float64."""
        if not self._states:
            raise UserError("no images to measure with")
        return {
            name: {key: values for state in states.values() for key, values in state.compute().items()}
            for name, states in self._states.items()
        }

    def table(self, aggregations: Iterable[str] = ("before_mean",)) -> pd.DataFrame:
        """Give the values as `measure` does."""
        aggregations = list(aggregations)
        frames = []
        for name, maps in self.compute().items():
            place = self._places[name]
            for measure in self._measures:
                denominator = None if measure.denominator is None else maps[measure.denominator]
                for aggregation in aggregations:
                    values = aggregate(maps[measure.numerator], denominator, aggregation).flatten().numpy()
                    columns = {
                        "layer": name,
                        "layer_index": place.index,
                        "kind": place.kind,
                        "depth": place.depth,
                        "unit": np.arange(len(values)),
                        "measure": measure.name,
                        "aggregation": aggregation,
                        "value": values,
                    }
                    frames.append(pd.DataFrame(columns))
        return pd.concat(frames, ignore_index=True)


def measure(
    model: nn.Module,
    images: Any,
    transformations: Transformations,
    measures: str | Iterable[str] = "variance",
    *,
    aggregations: Iterable[str] = ("before_mean",),
    layers: Collection[str] | None = None,
    preprocess: Callable[[Tensor], Tensor] | None = None,
    padding: Padding = "border",
    device: torch.device | str | None = None,
    tile: int = 2,
    dtype: torch.dtype = torch.float32,
    progress: bool = False,
) -> pd.DataFrame:
    """Measure the layers of any network on images under a set of transformations.

    - images: tensor or array (N, C, H, W), or anything with a length and items (C, H, W), or tuples that
      begin with one; whole numbers are taken as 0..255 and divided by 255, floats as they are.
    - measures: names of measures or of families (`names.FAMILIES`).
    - aggregations: from pixels to feature maps (`names.AGGREGATIONS`).
    - layers: names from `named_modules()`; by default all modules without children but a standardising input
      layer.
    - preprocess: applied to the transformed images, before the network.
    - padding: what is seen beyond the image, `border` or `zeros`.
    - device: where to run; by default where the model is.
    - tile: samples at a time; one or two are fastest on a CPU (the cache), more on a GPU.
    - dtype: precision of short sums, float32 or float64; long ones are always float64.

    Returns a row per layer, unit, measure and aggregation: layer, layer_index (place in the order of
    execution), kind, depth (0 first layer, 1 last), unit (index of the feature map, or of the unit in the
    flattened layer), measure, aggregation, value. Of a module that runs several times, each call is a layer:
    `name`, `name:2`, ...

    Raises UserError for unknown names and for images or layers that cannot be measured.
    """
    sweep = Sweep(
        model,
        transformations,
        measures,
        layers=layers,
        preprocess=preprocess,
        padding=padding,
        device=device,
        tile=tile,
        dtype=dtype,
        progress=progress,
    )
    sweep.update(images)
    return sweep.table(aggregations)


def _measurable(model: nn.Module) -> list[str]:
    modules = named(model)
    return [name for name in leaf_names(model) if kind_of(modules[name]) != "input"]


def _places(model: nn.Module, calls: list[str], leaves: list[str]) -> dict[str, Place]:
    """Number the calls of leaves; a module with children lies where the last leaf in it does."""
    modules = named(model)
    last = max(sum(module_name(call) in leaves for call in calls) - 1, 1)
    places = {}
    index = -1
    for call in calls:
        index += module_name(call) in leaves
        places[call] = Place(kind_of(modules[module_name(call)]), index, index / last)
    return places


@contextmanager
def _evaluating(model: nn.Module, device: torch.device) -> Iterator[None]:
    """Put the model into evaluation mode on the device, and everything back afterwards."""
    modes = [(module, module.training) for module in model.modules()]
    home = next((tensor.device for tensor in (*model.parameters(), *model.buffers())), device)
    try:
        model.eval().to(device)
        yield
    finally:
        model.to(home)
        for module, mode in modes:
            module.training = mode
