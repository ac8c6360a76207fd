"""The sweep: each image under each transformation goes through the network once, for all measures together.

Images are taken a tile of a few samples at a time; while the network runs, each layer's activations are
reduced by the accumulators and never kept, so that memory does not grow with the number of samples.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Protocol

import pandas as pd
import torch
from torch import Tensor, nn

from equivariance.devices import half
from equivariance.errors import UserError
from equivariance.measures import outputs as layer_outputs
from equivariance.measures.aggregation import aggregation_names
from equivariance.measures.arguments import check_model, check_options, usable_device
from equivariance.measures.axis_tracker import AxisTracker
from equivariance.measures.evaluating import evaluating
from equivariance.measures.images import tiles, to_float
from equivariance.measures.layer import LayerMeasures
from equivariance.measures.recorder import named, unwrapped, watched
from equivariance.measures.registry import resolve
from equivariance.measures.reproducibility import probe_batch
from equivariance.measures.selection import name_list, selected
from equivariance.measures.setting import Setting
from equivariance.measures.survey import FixedBatch, Place, Survey, Surveyor
from equivariance.measures.views import spatial
from equivariance.transformations.sets import identities_among
from equivariance.transformations.warp import Padding, warp

CPU_INPUTS = 200  # of one pass of the network: the activations of one layer still fit into the cache
GPU_INPUTS = 2048  # a GPU wants few large operations
COLUMN_INPUTS = 192  # of a pass under some of the transformations: with more, more is seen twice at the ends
CALIBRATION_INPUTS = 64
LARGEST_OUTPUT = 2**28  # bytes of a layer in one pass, where a tile of one sample is not larger
OUTPUTS_AT_ONCE = 4  # outputs of the largest size that a pass of a network holds, about
SWEEP_FACTOR = 1.2  # about how much longer measuring takes than the inspection's last pass
FEW = 3  # inputs of a small pass: a number that few axes have by chance
COLUMNS = ("layer", "layer_index", "kind", "depth", "unit", "measure", "aggregation", "value")

Receive = Callable[[str, Tensor], None]
Done = Callable[[int], None]
"""Called after each tile with the number of images so far in this call."""
Take = Callable[[LayerMeasures, Tensor], None]
Others = Sequence[tuple["Sweep", int]]
"""Sweeps, each with how many images it is shown."""


class Transformations(Protocol):
    """Anything with matrices (T, 3, 3), such as a `TransformationSet`."""

    @property
    def matrices(self) -> Tensor:
        """The matrices, (T, 3, 3)."""


class Sweep:
    """The state of a sweep, which can be cut anywhere over the samples: update, merge, state, table.

    Takes what `measuring.measure` takes. Where a measure needs thresholds (`needs_calibration`), `calibrate`
    comes first, with all images, also where the sweep is cut in parts.

    `update` needs one pass over the images. For U units in all layers and T transformations it keeps
    28 x T x U bytes (40 with float64 sums) for the measures of variance and 16 x T x U (32) for distances
    with batches of 4, whatever the number of samples, besides the activations of one tile. With two passes
    (`update_rows`; `update_columns` and `end_columns`) it keeps J in the place of T, for J transformations at
    a time.
    """

    def __init__(
        self,
        model: nn.Module,
        transformations: Transformations,
        measures: str | Iterable[str] = "invariance",
        *,
        aggregations: str | Iterable[str] = ("before_mean",),
        layers: str | Collection[str] | None = None,
        exclude: str | Collection[str] = (),
        outputs: Mapping[str, layer_outputs.Choice] | None = None,
        maps: Mapping[str, str] | None = None,
        preprocess: Callable[[Tensor], Tensor] | None = None,
        padding: Padding = "border",
        mask: bool = False,
        device: torch.device | str | None = None,
        autocast: torch.dtype | None = None,
        tile: int | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        check_options(transformations, tile, autocast, preprocess, {"outputs": outputs, "maps": maps})
        if dtype not in (torch.float32, torch.float64):
            raise UserError(f"dtype is {dtype}; valid: torch.float32, torch.float64")
        check_model(model)
        self.model = unwrapped(model)
        floats = [p for p in (*model.parameters(), *model.buffers()) if p.is_floating_point()]
        like = floats[0] if floats else torch.empty(0)
        self.measures = resolve(measures)
        self.aggregations = aggregation_names(aggregations)
        self._transformations = transformations
        self._layers = name_list("layers", layers)
        self._exclude = name_list("exclude", exclude) or []
        self._outputs = dict(outputs or {})
        self._maps = dict(maps or {})
        self._preprocess = preprocess
        self.device = like.device if device is None else usable_device(device)
        self._images_dtype = like.dtype
        self._autocast = autocast
        self.matrices = transformations.matrices.to(self.device)  # (T, 3, 3)
        identities = identities_among(self.matrices)
        self.setting = Setting(
            dtype=dtype,
            identity=int(identities[0]) if len(identities) else None,
            matrices=self.matrices,
            padding=padding,
            mask=mask,
        )
        self._shared: dict[str, Any] = {  # with every sweep made from this one
            **{"aggregations": self.aggregations, "padding": padding, "mask": mask},
            **{"device": self.device, "dtype": dtype},
        }
        self._inputs = CPU_INPUTS if self.device.type == "cpu" else GPU_INPUTS
        self._tile = tile
        self._tile_is_given = tile is not None
        self._calibration_inputs = CALIBRATION_INPUTS
        self._states: dict[str, LayerMeasures] = {}
        self._later: Sequence[Sweep] = ()  # see `follow`
        self._tables: dict[str, pd.DataFrame] = {}  # of layers whose state was given back
        self.survey: Survey | None = None
        self.seconds_per_input = 0.0  # estimated
        self.pass_bytes = 0  # of a pass of the network, estimated
        self.places: dict[str, Place] = {}  # of the layers that are measured
        self._uncalled: frozenset[str] = frozenset()  # modules that did not run in the inspection
        self._shown = 0  # inputs that the network saw
        self._seen: Counter[str] = Counter()  # of these, by layers, and by calls that the inspection missed
        self._uncalibrated: set[str] = set()  # layers that did not see all images when they were calibrated
        LayerMeasures(self.measures, self.aggregations, self.setting)  # refuses what does not fit together

    @property
    def tile(self) -> int:
        """How many samples go through the network at a time."""
        return self._tile or max(1, self._inputs // len(self.matrices))

    def use_half_the_tile(self, error: torch.OutOfMemoryError) -> None:
        """Take half as many samples at a time from now on, where the memory of the GPU is full.

        Values agree as those of any two ways of cutting the work do. Raises the error where that cannot be:
        one sample is all there is, the user gave the tile, or the network takes a fixed number of inputs.
        """
        if self._tile_is_given or (self.survey is not None and self.survey.fixed_batch):
            raise error
        self._tile = half(self.tile, "the sweep", error)
        self._calibration_inputs = min(CALIBRATION_INPUTS, self._tile * len(self.matrices))

    def with_model(self, model: nn.Module, measures: Iterable[str]) -> "Sweep":
        """Make an empty sweep of another network that sees its inputs as this one does."""
        return Sweep(model, self._transformations, measures, tile=self.tile, **self._shared)

    def part(
        self,
        layers: Collection[str],
        measures: str | Iterable[str] | None = None,
        aggregations: str | Iterable[str] | None = None,
    ) -> "Sweep":
        """Make an empty sweep of some of this one's layers, which it has inspected already, with its measures
        and aggregations or others."""
        part = Sweep(
            self.model,
            self._transformations,
            [measure.name for measure in self.measures] if measures is None else measures,
            layers=list(layers),
            outputs=self._outputs,
            maps=self._maps,
            preprocess=self._preprocess,
            autocast=self._autocast,
            tile=self._tile,
            **self._shared | ({} if aggregations is None else {"aggregations": aggregations}),
        )
        part._tile_is_given = self._tile_is_given
        part._calibration_inputs = self._calibration_inputs
        part.setting = self.setting  # it keeps what is costly for all layers and sweeps
        part.survey = self.survey
        part.seconds_per_input, part.pass_bytes = self.seconds_per_input, self.pass_bytes
        part._uncalled = self._uncalled
        part.places = {call: self.places[call] for call in layers}
        return part

    @property
    def needs_calibration(self) -> bool:
        """Whether a measure needs `calibrate` before the first `update`."""
        return any(measure.source.accumulator.CALIBRATED for measure in self.measures)

    @property
    def needs_rows(self) -> bool:
        """Whether a measure needs `update_rows`, in two passes."""
        return self._empty().needs_rows

    @property
    def needs_columns(self) -> bool:
        """Whether a measure needs `update_columns`, in two passes."""
        return self._empty().needs_columns

    def state_bytes(self, call: str, members: int, samples: int) -> int:
        """Bytes kept of a layer, in two passes with so many members open, or in one with all."""
        state = self._empty(call)
        for later in self._later:
            state.follow(later._empty(call))
        return state.state_bytes(self.places[call].shape, members, samples)

    def follow(self, later: Sequence["Sweep"]) -> None:
        """Leave to others what they would take in alike in one pass, until this one has seen its last image.

        The others are of the same layers, and are shown the images of this one and perhaps more. They come
        first in `calibrate` and `restore`, and last among the `others` of `update`.
        """
        self._later = tuple(later)

    def inspect(self, images: Any, rows: Sequence[int] | None = None) -> dict[str, Place]:
        """Find the layers, when they run, and their shapes, with the first images, of all or of some rows.

        Measures nothing. Raises UserError for layers that cannot be measured, and a network that is random.
        """
        while self.survey is None:
            try:
                with self._evaluating():
                    survey = self._survey(next(tiles(images, self.tile, rows)))
            except torch.OutOfMemoryError as error:
                self.use_half_the_tile(error)
                continue
            calls = selected(survey, self._layers, self._exclude)
            # Of a network that has some fault the rest is measured only where the user says what the rest is.
            asked = calls if self._layers is not None or self._exclude else survey.faults
            for call in asked:
                if call in survey.faults:
                    raise UserError(f"{survey.faults[call]}; choose other layers with `layers` or `exclude`")
            self.survey = survey
            self._uncalled = survey.uncalled if self._layers is None else frozenset()
            self.places = {call: survey.places[call] for call in calls}
        return self.places

    def _survey(self, tile: Tensor) -> Survey:
        surveyor = Surveyor(self.model, self._run, self._maps, self._outputs)
        whole = self._transformed(tile, self.matrices)
        inputs = whole if len(whole) > 1 else torch.cat([whole, whole])
        few = probe_batch(inputs, FEW if len(inputs) > FEW else len(inputs) + 1)
        try:
            largest = surveyor.try_out(few)
        except torch.OutOfMemoryError:
            raise
        except Exception:  # a network may raise anything; if it is not the size of the batch, it will again
            return self._inspect(surveyor, _filled(whole, (self._tile or 0) * len(self.matrices)), None)
        if self._tile is None:
            self._tile = max(1, min(self.tile, LARGEST_OUTPUT // max(largest * len(self.matrices), 1)))
        self.pass_bytes = OUTPUTS_AT_ONCE * largest * self.tile * len(self.matrices)
        try:
            return self._inspect(surveyor, inputs[: max(self.tile * len(self.matrices), 2)], few)
        except FixedBatch:
            return self._inspect(surveyor, _filled(whole, (self._tile or 0) * len(self.matrices)), None)

    def _inspect(self, surveyor: Surveyor, inputs: Tensor, few: Tensor | None) -> Survey:
        try:
            survey = surveyor.inspect(inputs, few)
        except Exception as error:
            error.add_note(
                f"The network received {len(inputs)} transformed images {tuple(inputs.shape[1:])}. If "
                f"it takes a fixed number of inputs, set `tile` to that number / {len(self.matrices)}."
            )
            raise
        self.seconds_per_input = SWEEP_FACTOR * surveyor.seconds_per_input
        return survey

    def calibrate(self, images: Any, rows: Sequence[int] | None = None) -> None:
        """Find the thresholds of all measures that have some, from the untransformed images."""
        total = len(images) if rows is None else len(rows)
        if self.setting.identity is None:
            raise UserError("thresholds need the identity among the transformations")
        identity = self.matrices[self.setting.identity :][:1]
        self.inspect(images)
        seen: Counter[str] = Counter()

        def receive(call: str, activation: Tensor) -> None:
            seen[call] += len(activation)
            self._state(call).calibrate(activation, total)

        fixed = self.survey.fixed_batch if self.survey else None
        with self._watching(receive) as start:
            for tile in tiles(images, fixed or self._calibration_inputs, rows):
                start()
                self._show(self._transformed(tile, identity))
        self._uncalibrated = {call for call in self.places if seen[call] != total}

    def update(
        self, images: Any, rows: Sequence[int] | None = None, done: Done | None = None, others: Others = ()
    ) -> None:
        """Take in images, those of some rows or all, as `measure` does.

        The network runs in evaluation mode and without gradients, and is left as it was found: hooks, device,
        and the mode of each module.

        `others` are sweeps of the same layers with numbers of images, in ascending order: to each are shown
        the first so many of the images, in the same passes of the network, as if it were shown them alone.
        """
        self._sweep(images, rows, done, lambda state, block: state.update(block), self.matrices, others)

    def update_rows(
        self, images: Any, rows: Sequence[int] | None = None, done: Done | None = None, others: Others = ()
    ) -> None:
        """Take in images, in two passes, for what is compared within a sample."""
        self._sweep(images, rows, done, lambda state, block: state.update_rows(block), self.matrices, others)

    def update_columns(
        self,
        images: Any,
        members: range,
        rows: Sequence[int] | None = None,
        done: Done | None = None,
        others: Others = (),
    ) -> None:
        """Take in images under some consecutive transformations, in two passes, for what is compared over
        samples. All images come, then `end_columns`; then come the next members, in order from 0."""
        matrices = self.matrices[members.start : members.stop]
        self._sweep(
            images, rows, done, lambda state, block: state.update_columns(block, members), matrices, others
        )

    def end_columns(self) -> None:
        """Fold what all images gave under the transformations of `update_columns`."""
        for state in self._states.values():
            state.end_columns()

    def _sweep(
        self,
        images: Any,
        rows: Sequence[int] | None,
        done: Done | None,
        take: Take,
        matrices: Tensor,
        others: Others,
    ) -> None:
        self.inspect(images)
        chosen = range(len(images)) if rows is None else rows
        readers: Others = [*others, (self, len(chosen))]
        count = len(matrices)
        shown: list[tuple[Sweep, bool]] = []  # the sweeps that a pass is for, and whether it is their last

        def receive(call: str, activation: Tensor) -> None:
            block = activation.unflatten(0, (-1, count))
            for sweep, is_last in shown:
                sweep._take_in(call, block, take, is_last)

        finished = 0
        with self._watching(receive) as start:
            for tile in tiles(images, self.images_at_once(count), chosen):
                parts = [(sweep, min(most - finished, len(tile)), most) for sweep, most in readers]
                # Where a sweep ends within a tile it sees a pass of its own: the number of inputs of a pass
                # can change the last bits.
                for length in sorted({length for _, length, _ in parts if length > 0}):
                    shown[:] = [
                        (sweep, finished + length == most) for sweep, own, most in parts if own == length
                    ]
                    start()
                    self._show(self._transformed(tile[:length], matrices))
                    for sweep, _ in shown:
                        sweep._shown += self._real
                        sweep._seen.update(self._calls)
                finished += len(tile)
                if done is not None:
                    done(finished)

    def _take_in(self, call: str, block: Tensor, take: Take, is_last: bool) -> None:
        """Take in what a layer gave; a sweep that follows others gives back the layer's state at the end."""
        if call in self._uncalibrated:
            return
        state = self._state(call)
        if is_last:
            state.catch_up()
        take(state, block)
        if is_last and self._later:
            self._tables[call] = self._table(call)
            del self._states[call]

    def images_at_once(self, count: int) -> int:
        """How many images go through the network at a time, each under so many of the transformations."""
        if count == len(self.matrices):
            return self.tile
        fixed = None if self.survey is None else self.survey.fixed_batch
        return max(1, (fixed or min(self.tile * len(self.matrices), COLUMN_INPUTS)) // count)

    @contextmanager
    def _evaluating(self) -> Iterator[None]:
        with ExitStack() as stack:
            stack.enter_context(evaluating(self.model, self.device))
            if self._autocast is not None:
                stack.enter_context(torch.autocast(self.device.type, dtype=self._autocast))
            yield

    @contextmanager
    def _watching(self, receive: Receive) -> Iterator[Callable[[], None]]:
        """Hand the layers' activations to `receive`, laid out, and leave the network as it was found. Yields
        what is to be called before each pass."""
        modules = named(self.model)
        names = {place.module for place in self.places.values()} | self._uncalled
        watched_modules = {name: modules[name] for name in names}
        known = {} if self.survey is None else self.survey.places

        def called(call: str, module: str, output: Any) -> None:
            place = self.places.get(call)
            if place is not None:
                receive(call, place.activation(call, output, self._padded)[: self._real])
            if place is not None or call not in known:
                self._calls[call] += self._real

        with self._evaluating(), watched(self.model, watched_modules, called) as start:
            yield start

    def _transformed(self, tile: Tensor, matrices: Tensor) -> Tensor:
        """Images (n, C, H, W) under all matrices: inputs (n * T, C, H, W), sample by sample."""
        images = to_float(tile.to(self.device), self._images_dtype)
        return warp(
            images.repeat_interleave(len(matrices), dim=0),
            matrices.repeat(len(images), 1, 1),
            padding=self.setting.padding,
        )

    def _show(self, inputs: Tensor) -> None:
        """Run the network.

        One that takes a fixed number of inputs sees the last repeated up to it, and others never see fewer
        than in the inspection: some give another shape for one input, or refuse it.
        """
        self._real = len(inputs)
        least = (self.survey and self.survey.fixed_batch) or FEW
        inputs = _filled(inputs, least)
        self._padded = len(inputs)
        self._calls: Counter[str] = Counter()
        self._run(inputs, None)

    def _run(self, inputs: Tensor, tracker: AxisTracker | None) -> None:
        images: Any = inputs
        if tracker is not None:
            tracker.begin(inputs)
        if self._preprocess is not None:
            images = self._preprocess(inputs)
            if tracker is not None:
                tracker.assume(images)
        self.model(images)

    def _empty(self, call: str = "") -> LayerMeasures:
        place = self.places.get(call)
        wide = place is not None and place.wide
        setting = self.setting.with_dtype(torch.float64) if wide else self.setting
        maps = spatial if place is None else place.layout.maps
        return LayerMeasures(self.measures, self.aggregations, setting, call, maps)

    def _state(self, call: str) -> LayerMeasures:
        if call not in self._states:
            state = self._states[call] = self._empty(call)
            for later in self._later:
                if call not in later._uncalibrated:
                    state.follow(later._state(call))
        return self._states[call]

    def merge(self, other: "Sweep") -> None:
        """Take in what another sweep of the same network, transformations, layers and measures has seen."""
        if self.described() != other.described():
            raise ValueError("the sweeps have different measures, transformations or layers")
        self.survey, self.places = self.survey or other.survey, self.places or other.places
        for call, state in other._states.items():
            self._state(call).merge(state)
        self._seen.update(other._seen)
        self._shown += other._shown
        self._uncalibrated |= other._uncalibrated

    def state(self) -> dict[str, Any]:
        """Return all that was seen, as tensors and plain values that torch.save and torch.load take.

        A sweep that loads it has to inspect the network by itself.
        """
        return {
            "layers": {call: state.state() for call, state in self._states.items()},
            "seen": dict(self._seen),
            "shown": self._shown,
            "uncalibrated": sorted(self._uncalibrated),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Load what `state()` returned of a sweep made in the same way."""
        for call, saved in state["layers"].items():
            self._state(call).restore(saved)
        self._seen = Counter(state["seen"])
        self._shown = state["shown"]
        self._uncalibrated = {*state["uncalibrated"]}

    @property
    def incomplete(self) -> dict[str, str]:
        """Layers that did not run for every input, and how often they did: they are left out."""
        calls = dict.fromkeys([*self.places, *self._seen])
        return {
            call: f"ran for {self._seen[call]} of {self._shown} transformed images"
            for call in calls
            if self._seen[call] != self._shown or call not in self.places or call in self._uncalibrated
        }

    def compute(self) -> dict[str, dict[tuple[str, str], Tensor]]:
        """Return the values, float64, by layer and by measure and aggregation.

        With the aggregation `none` they have the layer's own shape. Measures that a layer does not have are
        missing there, and so are layers that did not run for every image.
        """
        return {
            call: {(measure, how): values for measure, how, values in self._states[call].compute()}
            for call in self._complete()
        }

    def table(self) -> pd.DataFrame:
        """Return the values as `measure` does; no row where no layer has any of the measures."""
        frames = [
            self._tables[call] if call in self._tables else self._table(call) for call in self._complete()
        ]
        frames = [frame for frame in frames if len(frame)]
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=COLUMNS)

    def _table(self, call: str) -> pd.DataFrame:
        place = self.places[call]
        found = self._states[call].table()
        found = found.assign(layer=call, layer_index=place.index, kind=place.kind, depth=place.depth)
        return found[list(COLUMNS)]

    def _complete(self) -> list[str]:
        if not self._states and not self._tables:
            raise UserError("no images to measure with")
        incomplete = self.incomplete
        return [
            call
            for call in self.places
            if (call in self._states or call in self._tables) and call not in incomplete
        ]

    def described(self) -> str:
        """Describe what is measured and how: a text that is the same for sweeps that can be merged."""
        setting = self.setting
        return repr((
            *(self.measures, self.aggregations, self._layers, self._exclude, self._maps),
            *({name: str(how) for name, how in self._outputs.items()}, self.matrices.tolist()),
            *(setting.dtype, setting.padding, setting.mask, self._autocast),
        ))  # fmt: skip


def _filled(inputs: Tensor, least: int) -> Tensor:
    """Repeat the last of inputs (N, C, H, W) up to a least number."""
    missing = least - len(inputs)
    return inputs if missing <= 0 else torch.cat([inputs, inputs[-1:].expand(missing, *inputs.shape[1:])])
