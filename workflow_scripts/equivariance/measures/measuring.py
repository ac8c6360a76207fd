"""Measure any network: the sweep with all that goes around it.

>>> import torch, torchvision
>>> from equivariance.measures.measuring import measure
>>> from equivariance.transformations.sets import build_set
>>> network = torchvision.models.resnet18()
>>> images = torch.rand(2, 3, 32, 32)
>>> rotations = build_set("rotations", {"rotations": {"count": 4}})
>>> table = measure(network, images, rotations, ["nv"])
>>> table.groupby("layer", sort=False)["value"].mean().head(2).index.to_list()
['conv1', 'bn1']
"""

import hashlib
import sys
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from tqdm import tqdm

from equivariance.checkpoint import load_checkpoint, remove_checkpoint, save_checkpoint
from equivariance.devices import free_memory
from equivariance.errors import Interrupted, UserError, listed
from equivariance.measures.images import check_holder, tiles
from equivariance.measures.names import MEAN_OF_CLASSES
from equivariance.measures.outputs import Choice
from equivariance.measures.planning import BOTH, COLUMNS, Group, Plan, Share, plan, shares
from equivariance.measures.resampling_floor import resampling_floors
from equivariance.measures.sample_counts import check_counts
from equivariance.measures.stratified import rows_by_class, with_means
from equivariance.measures.survey import Place
from equivariance.measures.sweep import Sweep, Transformations
from equivariance.measures.table_state import table_from_state, table_state
from equivariance.transformations.warp import Padding

FORMAT = 4  # of checkpoints
SAVE_EVERY = 60.0  # seconds
NO_MAPS = "has no feature maps"
SHARE_OF_MEMORY = 0.5  # of what is free, for the state of the measures


@dataclass(frozen=True)
class Report:
    """What one table of a measurement is of: measures, aggregations, and how many images, the first ones, or
    all (None)."""

    measures: str | Iterable[str] = "invariance"
    aggregations: str | Iterable[str] = ("before_mean",)
    samples: int | None = None


def measure(
    model: nn.Module,
    images: Any,
    transformations: Transformations,
    measures: str | Iterable[str] = "invariance",
    *,
    aggregations: str | Iterable[str] = ("before_mean",),
    labels: Any = None,
    layers: str | Collection[str] | None = None,
    exclude: str | Collection[str] = (),
    outputs: Mapping[str, Choice] | None = None,
    maps: Mapping[str, str] | None = None,
    preprocess: Callable[[Tensor], Tensor] | None = None,
    padding: Padding = "border",
    mask: bool = False,
    floor: bool = False,
    device: torch.device | str | None = None,
    autocast: torch.dtype | None = None,
    tile: int | None = None,
    memory: float | None = None,
    dtype: torch.dtype = torch.float32,
    checkpoint: str | Path | None = None,
    keep_checkpoint: bool = False,
    progress: bool = False,
    announce: Callable[[Plan], None] | None = None,
    shuffled: bool = True,
) -> pd.DataFrame:
    """Measure the layers of any network on images under a set of transformations.

    A **layer** is a call of a module that returns one row for each image. By default all modules without
    children count, and those with children that compute by themselves, as attention does; of a module that
    runs several times each call is a layer: `name`, `name:2`, ... A **unit** is a feature map of a layer that
    has some, whatever the order of its axes: a channel of (C, H, W) or (H, W, C), a feature of tokens (L, D).
    Of other layers it is a single number. **Left out** is what returns no row per image, what was not called,
    what standardises the input, and what did not run for every image; `table.attrs["left_out"]` has the
    reasons.

    - images: tensor or array (N, C, H, W), or anything with a length and items: images (C, H, W), Pillow's
      pictures, or tuples that begin with one; whole numbers are taken as 0..255 and divided by 255, floats as
      they are. They are visited in a fixed random order, which distances need; or as they come, where they
      are in a random order already (`shuffled=False`).
    - measures: names of measures or of families (`names`).
    - aggregations: from pixels to feature maps (`names.AGGREGATIONS`).
    - labels: classes (N,) for the stratified form: each class is measured by itself, then the finite values
      of the classes are averaged with equal weight.
    - layers: names of modules as in `named_modules()`, of calls, or patterns such as `layer1.*`, which stand
      for those of the default layers that fit.
    - exclude: names or patterns of what is not measured; a name stands for all that is in the module, too.
    - outputs: by name or pattern of a layer, which of its several outputs is its activation: an index, a key
      or an attribute, or a function of the output. By default the first that has a row for each image;
      `table.attrs["outputs"]` says which.
    - maps: by name or pattern of a layer, how its activations are laid out (`names.LAYOUTS`). By default
      this is found out: the axes of the images are followed through the network. Where that fails, a layer
      (A, B, C) is read as channels first, and left out of same-equivariance.
    - preprocess: applied to the transformed images, before the network.
    - padding: what is seen beyond an image or a feature map, `border` or `zeros`.
    - mask: leave out the pixels of feature maps that a transformation takes out of the map
      (same-equivariance).
    - floor: add what the identity network, pooled to each layer's resolution, has of the same-equivariance
      measures without a unit: `nvse_floor`, ...
    - device: where to run; by default where the model is.
    - autocast: run the network in torch.bfloat16 (or float16) where that is safe; sums stay in `dtype`.
    - tile: samples at a time; by default such that a CPU's cache holds a layer, or many on a GPU, and half as
      many where the memory of the GPU is full, again and again. A network
      that takes a fixed number of inputs needs a tile of that number over the number of transformations.
    - memory: bytes that the state of the measures may take, by default half of what is free. Where one pass
      over the images for all layers takes more, there are two passes, or several groups of layers, whichever
      is faster. `math.inf` stands for one pass at any price.
    - dtype: precision of short sums, float32 or float64; long ones are always float64, and so are all of a
      layer whose scale float32 cannot square.
    - checkpoint: file where the state is saved every minute; after an interruption, the same call
      resumes from there. It may be several files, with endings `.0`, `.1`, ...
    - keep_checkpoint: do not remove it at the end, so that nothing is lost where writing the results fails.
    - progress: show a bar on a terminal, or a line a minute elsewhere, on standard error.
    - announce: called with what will be done, before it is.

    Returns a row per layer, unit, measure and aggregation: layer, layer_index (place in the order of
    execution), kind, depth (0 first layer, 1 last), unit (index of the feature map, or of the unit in the
    flattened layer), measure, aggregation, value; with labels also class: `(mean)`, and each class as text.

    The network is left as it was, also after an error. Raises UserError for unknown names, for images, layers
    and networks that cannot be measured, and for too few images or transformations.
    """
    (table,) = measure_several(
        model,
        images,
        transformations,
        [Report(measures, aggregations)],
        labels=labels,
        layers=layers,
        exclude=exclude,
        outputs=outputs,
        maps=maps,
        preprocess=preprocess,
        padding=padding,
        mask=mask,
        floor=floor,
        device=device,
        autocast=autocast,
        tile=tile,
        memory=memory,
        dtype=dtype,
        checkpoint=checkpoint,
        keep_checkpoint=keep_checkpoint,
        progress=progress,
        announce=announce,
        shuffled=shuffled,
    )
    return table


def measure_several(
    model: nn.Module,
    images: Any,
    transformations: Transformations,
    reports: Sequence[Report],
    *,
    labels: Any = None,
    floor: bool = False,
    memory: float | None = None,
    checkpoint: str | Path | None = None,
    keep_checkpoint: bool = False,
    progress: bool = False,
    announce: Callable[[Plan], None] | None = None,
    shuffled: bool = True,
    **options: Any,
) -> list[pd.DataFrame]:
    """Measure a network for several reports, in the same passes of the network as far as that saves some.

    The options are those of `measure`. Returns the table of each report: the same, to the last bit, whatever
    other reports there are. With `shuffled=False` it is that of `measure` of the report's images alone.

    Raises UserError as `measure` does, and for a number of samples that there is not.
    """
    check_holder(images)
    if memory is not None and not (isinstance(memory, Real) and memory > 0):
        raise UserError(f"memory is {memory!r}; valid: a number of bytes above 0")
    samples = [len(images) if report.samples is None else report.samples for report in reports]
    for count in samples:
        if not 0 < count <= len(images):
            raise UserError(f"{count} samples of {len(images)} images; valid: from 1 to all of them")
    sweeps = [
        Sweep(model, transformations, report.measures, aggregations=report.aggregations, **options)
        for report in reports
    ]
    order = np.random.default_rng(0).permutation(len(images)) if shuffled else np.arange(len(images))
    place = np.argsort(order)  # of each image in that order
    strata = _strata(order, place, labels)
    counts = [[int((place[rows] < count).sum()) for rows in strata.values()] for count in samples]
    for sweep, of_report in zip(sweeps, counts, strict=True):
        for name, count in zip(strata, of_report, strict=True):
            if count:
                asked = [one.name for one in sweep.measures]
                check_counts(asked, count, len(sweep.matrices), f"class {name!r}" if name else "")
    sweeps = _inspected(sweeps, images, samples)
    run = _Run(sweeps, images, strata, counts, memory, checkpoint)
    if announce is not None:
        announce(plan(sweeps, run.shares, counts, labels is not None))
    found = run.tables(progress)
    for sweep, tables, incomplete in zip(sweeps, found, run.incomplete, strict=True):
        _check_found(sweep, tables, incomplete)
    whole = [pd.concat(tables, ignore_index=True) for tables in found]
    whole = [with_means(table) if labels is not None else table.drop(columns="class") for table in whole]
    if floor:
        also = {} if labels is None else {"class": MEAN_OF_CLASSES}
        for share in run.shares:
            readers = [(sweeps[report], samples[report]) for report in share.reports]
            floors_of = resampling_floors(readers, images, order.tolist())
            for report, floors in zip(share.reports, floors_of, strict=True):
                parts = (part.assign(**also) for part in floors)
                whole[report] = pd.concat([whole[report], *parts], ignore_index=True)
    if not keep_checkpoint:
        run.remove_checkpoints()
    for sweep, table, incomplete in zip(sweeps, whole, run.incomplete, strict=True):
        _describe(table, sweep, incomplete, options.get("layers") is None)
    return whole


def _inspected(sweeps: Sequence[Sweep], images: Any, samples: Sequence[int]) -> list[Sweep]:
    """Look at the network with the first images of each report: once for all that have a tile of them."""
    most = max(samples)
    first = sweeps[samples.index(most)]
    first.inspect(images, range(most))
    found = []
    for sweep, count in zip(sweeps, samples, strict=True):
        if sweep is not first and count >= first.tile:
            names = [one.name for one in sweep.measures]
            sweep = first.part(list(first.places), names, sweep.aggregations)
        else:
            sweep.inspect(images, range(count))
        found.append(sweep)
    return found


def _check_found(sweep: Sweep, tables: Sequence[pd.DataFrame], incomplete: Mapping[str, str]) -> None:
    """Raise UserError where a report has no table."""
    if incomplete.keys() >= sweep.places.keys():
        counts = [f"{call} {incomplete[call]}" for call in sweep.places]
        raise UserError(f"no layer ran for every image: {listed(counts)}")
    if not tables:
        asked = ", ".join(measure.name for measure in sweep.measures)
        reasons = sorted({_without_maps(place) for place in sweep.places.values()} - {NO_MAPS})
        others = f"; some {' and some '.join(reasons).replace('has ', 'have ')}" if reasons else ""
        raise UserError(f"no layer has feature maps, which {asked} needs{others}")


def _describe(table: pd.DataFrame, sweep: Sweep, incomplete: Mapping[str, str], by_default: bool) -> None:
    """Add what a table leaves out, by default of all layers, and which outputs of layers it is of."""
    survey = sweep.survey
    assert survey is not None
    found = {*table[["layer", "measure"]].drop_duplicates().itertuples(index=False, name=None)}
    left_out = dict(survey.left_out) if by_default else {}
    for call, place in sweep.places.items():
        if any((call, measure.name) not in found for measure in sweep.measures):
            left_out[call] = f"no same-equivariance: it {_without_maps(place)}"
    table.attrs["left_out"] = {**left_out, **incomplete}
    table.attrs["outputs"] = {call: way for call, way in survey.taken.items() if call in sweep.places}


def _without_maps(place: Place) -> str:
    """Say why a layer has no same-equivariance."""
    if place.layout.convention == "unknown":
        return "has axes of unknown meaning (set them with `maps`)"
    if len(place.shape) == 3 and place.shape[1] * place.shape[2] > 1:
        return "has positions that are not those of the image"
    return NO_MAPS


class _Run:
    """A measurement that can resume an interrupted one."""

    def __init__(
        self,
        sweeps: Sequence[Sweep],
        images: Any,
        strata: Mapping[str, Sequence[int]],
        counts: Sequence[Sequence[int]],
        memory: float | None,
        checkpoint: str | Path | None,
    ) -> None:
        self._sweeps = sweeps
        self._images = images
        self._strata = strata
        self._counts = counts  # images of each report in each stratum
        self._checkpoint = None if checkpoint is None else Path(checkpoint)
        self._digest = _fingerprint(sweeps, images, strata, counts) if checkpoint else ""
        self._position = 0  # transformed images that were measured
        self._saved = 0  # of these, in what is on the disk
        self._since = time.monotonic()
        self.incomplete: list[dict[str, str]] = [{} for _ in sweeps]
        self.shares = self._shares(memory)

    def _shares(self, memory: float | None) -> list[Share]:
        """Group reports and layers, or take the groups of the interrupted run: free memory changes between
        runs."""
        first = self._file(0)
        saved = load_checkpoint(first, self._digest) if first else None
        if saved is not None:
            return [
                Share(tuple(reports), tuple(Group(tuple(layers), members) for layers, members in groups))
                for reports, groups in saved["shares"]
            ]
        if memory is None:
            sweep = self._sweeps[0]
            free = free_memory(sweep.device) - sweep.pass_bytes
            memory = SHARE_OF_MEMORY * max(free, 0)
        return shares(self._sweeps, self._counts, memory)

    def tables(self, progress: bool) -> list[list[pd.DataFrame]]:
        """Measure each group on each stratum: the tables of each report, with the column class."""
        found: list[list[pd.DataFrame]] = [[] for _ in self._sweeps]
        every = len(self._sweeps[0].matrices)
        total = sum(
            sum(self._counts[share.reports[-1]]) * every * share.passes(self._sweeps) for share in self.shares
        )
        number = 0
        with _bar(total, progress) as bar:
            try:
                for share in self.shares:
                    for place, (name, rows) in enumerate(self._strata.items()):
                        counts = {one: self._counts[one][place] for one in share.reports}
                        counts = {one: count for one, count in counts.items() if count}
                        for group in share.groups:
                            tables = self._measured(group, rows, counts, self._file(number), bar)
                            number += 1
                            for report, table in tables.items():
                                if len(table):
                                    found[report].append(table.assign(**{"class": name}))
            except KeyboardInterrupt as interrupt:
                raise Interrupted(self._kept(total)) from interrupt
        return found

    def _measured(
        self,
        group: Group,
        rows: Sequence[int],
        counts: Mapping[int, int],
        file: Path | None,
        bar: "tqdm[Any]",
    ) -> dict[int, pd.DataFrame]:
        """Sweep over some images, again with half a tile where that does not fit into the memory of the GPU.

        Only some of the layers have seen a pass that was cut short, so that its sweep cannot go on.
        """
        before = self._position
        while True:
            try:
                return self._measure(group, rows, counts, file, bar, before)
            except torch.OutOfMemoryError as error:
                for sweep in self._sweeps:
                    sweep.use_half_the_tile(error)

    def _measure(
        self,
        group: Group,
        rows: Sequence[int],
        counts: Mapping[int, int],
        file: Path | None,
        bar: "tqdm[Any]",
        before: int,
    ) -> dict[int, pd.DataFrame]:
        """Sweep over some images, the first so many for each report, in ascending order, from where a stopped
        sweep saved its state and its tables."""
        if not counts:
            return {}
        sweeps = dict(zip(counts, group.sweeps([self._sweeps[report] for report in counts]), strict=True))
        largest = [*sweeps][-1]
        rows = rows[: counts[largest]]
        steps = group.steps(sweeps[largest])
        inputs = [len(rows) * len(members) for _, members in steps]  # of each step, from `before` on
        first, done = 0, 0
        tables: dict[int, pd.DataFrame] = {}
        saved = load_checkpoint(file, self._digest) if file else None
        if saved is not None:
            tables = {report: table_from_state(table) for report, table in saved["tables"].items()}
            for report in tables:
                self.incomplete[report] |= saved["incomplete"][report]
            first, done = saved["step"], saved["done"]
        for report in reversed([one for one in sweeps if one not in tables]):
            if saved is not None:
                sweeps[report].restore(saved["sweeps"][report])
            elif sweeps[report].needs_calibration:
                sweeps[report].calibrate(self._images, rows[: counts[report]])

        def reach(step: int, count: int) -> None:
            """Show that so many images of a step are done."""
            position = before + sum(inputs[:step]) + count * (len(steps[step][1]) if step < len(steps) else 0)
            bar.update(position - self._position)
            self._position = position

        def finish(count: int) -> None:
            """Make the tables of the reports that have no more than so many images."""
            for report, sweep in sweeps.items():
                if report not in tables and counts[report] <= count:
                    tables[report] = sweep.table()
                    self.incomplete[report] |= sweep.incomplete

        def save(step: int, done: int) -> None:
            if file:
                state = {
                    "shares": [
                        (list(share.reports), [(list(one.layers), one.members) for one in share.groups])
                        for share in self.shares
                    ],
                    "sweeps": {one: sweep.state() for one, sweep in sweeps.items() if one not in tables},
                    "tables": {report: table_state(table) for report, table in tables.items()},
                    "incomplete": {report: self.incomplete[report] for report in tables},
                }
                save_checkpoint(file, self._digest, {**state, "step": step, "done": done})
                self._since, self._saved = time.monotonic(), self._position

        reach(first, done)
        self._saved = self._position if saved is not None else self._saved
        for step in range(first, len(steps)):
            kind, members = steps[step]

            def after_tile(count: int, step: int = step, kind: str = kind, start: int = done) -> None:
                reach(step, start + count)
                if kind == BOTH and start + count < len(rows):
                    finish(start + count)
                if time.monotonic() - self._since > SAVE_EVERY:
                    save(step, start + count)

            others = [
                (sweep, counts[one] - done)
                for one, sweep in sweeps.items()
                if one != largest and one not in tables
            ]
            if done < len(rows):
                if kind == COLUMNS:
                    sweeps[largest].update_columns(self._images, members, rows[done:], after_tile, others)
                elif kind == BOTH:
                    sweeps[largest].update(self._images, rows[done:], after_tile, others)
                else:
                    sweeps[largest].update_rows(self._images, rows[done:], after_tile, others)
            if kind == COLUMNS:
                for sweep in sweeps.values():
                    sweep.end_columns()
            done = 0
        if len(tables) < len(sweeps):
            finish(len(rows))
            save(len(steps), 0)
        return tables

    def _file(self, number: int) -> Path | None:
        """The file of a group in a stratum."""
        return self._checkpoint and self._checkpoint.with_name(f"{self._checkpoint.name}.{number}")

    def _kept(self, total: int) -> str:
        if self._checkpoint is None:
            return "stopped; nothing is saved: no checkpoint was requested"
        if not self._saved:
            return "stopped; nothing is saved yet: checkpoints are written once a minute"
        return f"stopped; {self._saved / total:.0%} is saved: repeat the command to resume"

    def remove_checkpoints(self) -> None:
        """Remove what is no longer needed."""
        for number in range(len(self._strata) * sum(len(share.groups) for share in self.shares)):
            if file := self._file(number):
                remove_checkpoint(file)


class _Lines:
    """Standard error where it is no terminal: each state of a progress bar is a line."""

    def write(self, text: str) -> None:
        if text.strip():
            sys.stderr.write(text.strip("\r\n ") + "\n")

    def flush(self) -> None:
        sys.stderr.flush()


def _bar(total: int, progress: bool) -> "tqdm[Any]":
    is_terminal = sys.stderr.isatty()
    return tqdm(
        total=total,
        unit="image",
        unit_scale=True,
        disable=not progress,
        file=None if is_terminal else _Lines(),
        mininterval=1 if is_terminal else 60,
        maxinterval=10 if is_terminal else 60,
        delay=5 if is_terminal else 60,
    )


def _strata(order: np.ndarray, place: np.ndarray, labels: Any) -> dict[str, list[int]]:
    """Return the rows of each class, or all under the name "", in an order in which each has its place."""
    if labels is None:
        return {"": order.tolist()}
    by_class = rows_by_class(labels, len(order))
    return {name: sorted(rows, key=place.__getitem__) for name, rows in by_class.items()}


def _fingerprint(
    sweeps: Sequence[Sweep],
    images: Any,
    strata: Mapping[str, Sequence[int]],
    counts: Sequence[Sequence[int]],
) -> str:
    """Digest of what determines the result, as far as it can be seen: not what `preprocess` does."""
    described = [sweep.described() for sweep in sweeps]
    digest = hashlib.sha256(repr((FORMAT, described, strata, counts)).encode())
    for name, tensor in sweeps[0].model.state_dict().items():
        if isinstance(tensor, Tensor):
            digest.update(name.encode() + _bytes(tensor))
    digest.update(_bytes(next(tiles(images, 1))))
    return digest.hexdigest()


def _bytes(tensor: Tensor) -> bytes:
    return tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes()
