"""The sweep: each image under each transformation goes through the network once, for all measures together.

Images are taken a tile of a few samples at a time; while the network runs, each layer's activations are
reduced by the accumulators and never kept, so that memory does not grow with the number of samples.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import astuple, dataclass
from typing import Any, Protocol

import pandas as pd
import torch
from torch import Tensor, nn

from equivariance.errors import UserError
from equivariance.measures.accumulator import Setting
from equivariance.measures.images import tiles, to_float
from equivariance.measures.layer import LayerMeasures
from equivariance.measures.recorder import leaf_names, module_name, named, record, trace
from equivariance.measures.registry import resolve
from equivariance.models.layers import kind_of
from equivariance.transformations.sets import identities_among
from equivariance.transformations.warp import Padding, warp

CPU_INPUTS = 200  # of one pass of the network: the activations of one layer still fit into the cache
GPU_INPUTS = 2048  # a GPU wants few large operations
CALIBRATION_INPUTS = 64
COLUMNS = ("layer", "layer_index", "kind", "depth", "unit", "measure", "aggregation", "value")


class Transformations(Protocol):
    """Anything with matrices (T, 3, 3), such as a `TransformationSet`."""

    @property
    def matrices(self) -> Tensor:
        """The matrices, (T, 3, 3)."""


@dataclass(frozen=True)
class Place:
    """A layer's kind, its place in the order of execution, its depth from 0 (first) to 1 (last), and the
    shape of its activations."""

    kind: str
    index: int
    depth: float
    shape: tuple[int, ...]


class Sweep:
    """The state of a sweep, which can be cut anywhere over the samples: update, merge, state, table.

    Takes what `measuring.measure` takes. Where a measure needs thresholds (`needs_calibration`), `calibrate`
    comes first, with all images, also where the sweep is cut in parts.

    For U units in all layers and T transformations it keeps 28 x T x U bytes (40 with float64 tiles) for the
    measures of variance and 16 x T x U (32) for distances with batches of 4, whatever the number of samples,
    besides the activations of one tile.
    """

    def __init__(
        self,
        model: nn.Module,
        transformations: Transformations,
        measures: str | Iterable[str] = "invariance",
        *,
        aggregations: Iterable[str] = ("before_mean",),
        layers: Collection[str] | None = None,
        preprocess: Callable[[Tensor], Tensor] | None = None,
        padding: Padding = "border",
        mask: bool = False,
        device: torch.device | str | None = None,
        autocast: torch.dtype | None = None,
        tile: int | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        if tile is not None and tile < 1:
            raise UserError(f"a tile of {tile} samples; valid: at least 1")
        if dtype not in (torch.float32, torch.float64):
            raise UserError(f"sums in {dtype}; valid: torch.float32, torch.float64")
        floats = [p for p in (*model.parameters(), *model.buffers()) if p.is_floating_point()]
        like = floats[0] if floats else torch.empty(0)
        self.measures = resolve(measures)
        self.aggregations = list(aggregations)
        self._transformations = transformations
        self._model = model
        self._layers = _measurable(model) if layers is None else list(layers)
        self._all_must_run = layers is not None
        self._preprocess = preprocess
        self._device = like.device if device is None else torch.device(device)
        self._images_dtype = like.dtype
        self._autocast = autocast
        self.matrices = transformations.matrices.to(self._device)  # (T, 3, 3)
        identities = identities_among(self.matrices)
        self.setting = Setting(
            dtype=dtype,
            identity=int(identities[0]) if len(identities) else None,
            matrices=self.matrices,
            padding=padding,
            mask=mask,
        )
        inputs = CPU_INPUTS if self._device.type == "cpu" else GPU_INPUTS
        self.tile = tile or max(1, inputs // len(self.matrices))
        self._states: dict[str, LayerMeasures] = {}
        self.places: dict[str, Place] = {}
        self._new_state()  # refuses what does not fit together before anything runs

    def alike(self, model: nn.Module, measures: Iterable[str]) -> "Sweep":
        """Make an empty sweep of another network that sees its inputs as this one does."""
        return Sweep(
            model,
            self._transformations,
            measures,
            aggregations=self.aggregations,
            padding=self.setting.padding,
            mask=self.setting.mask,
            device=self._device,
            tile=self.tile,
            dtype=self.setting.dtype,
        )

    @property
    def needs_calibration(self) -> bool:
        """Whether a measure needs `calibrate` before the first `update`."""
        return any(measure.source.accumulator.CALIBRATED for measure in self.measures)

    @property
    def cell_bytes(self) -> int:
        """Bytes kept for each unit of a layer and transformation."""
        sources = {measure.source for measure in self.measures}
        return sum(
            source.accumulator.cell_bytes(self.setting.dtype, **dict(source.options)) for source in sources
        )

    def trace(self, images: Any) -> dict[str, Place]:
        """See which layers run when, and their shapes, with the first image. Measures nothing."""
        if not self.places:
            self.places = self._traced(next(tiles(images, 1)))
        return self.places

    def calibrate(self, images: Any, rows: Sequence[int] | None = None) -> None:
        """Find the thresholds of all measures that have some, from the untransformed images."""
        total = len(images) if rows is None else len(rows)
        if self.setting.identity is None:
            raise UserError("thresholds need the identity among the transformations")
        identity = self.matrices[self.setting.identity :][:1]
        self.trace(images)

        def receive(name: str, activation: Tensor) -> None:
            self._state(name).calibrate(activation, total)

        with self._running(receive):
            for tile in tiles(images, CALIBRATION_INPUTS, rows):
                self._forward(tile, identity)

    def update(self, images: Any, rows: Sequence[int] | None = None) -> None:
        """Take in images, those of some rows or all, as `measure` does.

        The network runs in evaluation mode and without gradients, and is left as it was found: hooks, device,
        and the mode of each module.
        """
        self.trace(images)
        count = len(self.matrices)
        with self._running(lambda name, block: self._state(name).update(block.unflatten(0, (-1, count)))):
            for tile in tiles(images, self.tile, rows):
                self._forward(tile, self.matrices)

    @contextmanager
    def _running(self, receive: Callable[[str, Tensor], None]) -> Iterator[None]:
        """Hand the layers' activations to `receive`, and leave the network as it was found."""

        def checked(name: str, activation: Tensor) -> None:
            if activation.shape[:1] != (self._inputs,):
                raise UserError(
                    f"layer {name!r} gives {tuple(activation.shape)}, whose first dimension is not the "
                    "images'; choose other layers"
                )
            receive(name, activation)

        with ExitStack() as stack:
            stack.enter_context(torch.no_grad())
            if self._autocast is not None:
                stack.enter_context(torch.autocast(self._device.type, dtype=self._autocast))
            stack.enter_context(_evaluating(self._model, self._device))
            stack.enter_context(record(self._model, self._layers, checked))
            yield

    def _forward(self, tile: Tensor, matrices: Tensor) -> None:
        images = to_float(tile.to(self._device), self._images_dtype)  # (n, C, H, W)
        transformed = warp(
            images.repeat_interleave(len(matrices), dim=0),  # (n * T, C, H, W), sample by sample
            matrices.repeat(len(images), 1, 1),
            padding=self.setting.padding,
        )
        self._inputs = len(transformed)
        self._model(transformed if self._preprocess is None else self._preprocess(transformed))

    def _traced(self, image: Tensor) -> dict[str, Place]:
        shapes: dict[str, tuple[int, ...]] = {}

        def receive(name: str, activation: Tensor) -> None:
            shapes[name] = tuple(activation.shape[1:])

        leaves = _measurable(self._model)
        watched = [*leaves, *(name for name in self._layers if name not in leaves)]
        with self._running(receive), trace(self._model, watched) as calls:
            self._forward(image, self.matrices[:1])
        missing = {*self._layers} - {module_name(call) for call in calls}
        if missing and self._all_must_run:
            raise UserError(f"layers did not run: {', '.join(sorted(missing))}")
        return _places(self._model, calls, leaves, shapes)

    def _new_state(self) -> LayerMeasures:
        return LayerMeasures(self.measures, self.aggregations, self.setting)

    def _state(self, name: str) -> LayerMeasures:
        if name not in self._states:
            self._states[name] = self._new_state()
        return self._states[name]

    def merge(self, other: "Sweep") -> None:
        """Take in what another sweep of the same network, transformations, layers and measures has seen."""
        if self.described() != other.described():
            raise ValueError("the sweeps have different measures, transformations or layers")
        self.places = self.places or other.places
        for name, state in other._states.items():
            self._state(name).merge(state)

    def state(self) -> dict[str, Any]:
        """Give all that was seen, as tensors and plain values that torch.save and torch.load take."""
        places = {name: astuple(place) for name, place in self.places.items()}
        return {"places": places, "layers": {name: state.state() for name, state in self._states.items()}}

    def restore(self, state: dict[str, Any]) -> None:
        """Take on what `state()` gave of a sweep made in the same way."""
        self.places = {name: Place(*place) for name, place in state["places"].items()}
        for name, saved in state["layers"].items():
            self._state(name).restore(saved)

    def compute(self) -> dict[str, dict[tuple[str, str], Tensor]]:
        """Give the values, float64, by layer and by measure and aggregation.

        With the aggregation `none` they have the layer's own shape. Measures that a layer does not have are
        missing there.
        """
        if not self._states:
            raise UserError("no images to measure with")
        return {
            name: {(measure, how): values for measure, how, values in state.compute()}
            for name, state in self._states.items()
        }

    def table(self) -> pd.DataFrame:
        """Give the values as `measure` does; no row where no layer has any of the measures."""
        if not self._states:
            raise UserError("no images to measure with")
        frames = []
        for name, state in self._states.items():
            place = self.places[name]
            found = state.table().assign(
                layer=name, layer_index=place.index, kind=place.kind, depth=place.depth
            )
            frames.append(found[list(COLUMNS)])
        frames = [frame for frame in frames if len(frame)]
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=COLUMNS)

    def described(self) -> str:
        """Say what is measured and how, in a text that is the same for sweeps that can be merged."""
        setting = self.setting
        return repr((
            *(self.measures, self.aggregations, self._layers, self.matrices.tolist()),
            *(setting.dtype, setting.padding, setting.mask, self._autocast),
        ))  # fmt: skip


def _measurable(model: nn.Module) -> list[str]:
    modules = named(model)
    return [name for name in leaf_names(model) if kind_of(modules[name]) != "input"]


def _places(
    model: nn.Module, calls: list[str], leaves: list[str], shapes: dict[str, tuple[int, ...]]
) -> dict[str, Place]:
    """Number the calls of leaves; a module with children lies where the last leaf in it does.

    Gives those calls that have a shape: what was seen of the others is only their place in the order.
    """
    modules = named(model)
    last = max(sum(module_name(call) in leaves for call in calls) - 1, 1)
    places = {}
    index = -1
    for call in calls:
        index += module_name(call) in leaves
        if call in shapes:
            places[call] = Place(kind_of(modules[module_name(call)]), index, index / last, shapes[call])
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
