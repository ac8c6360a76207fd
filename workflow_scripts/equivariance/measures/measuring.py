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
from equivariance.measures.planning import BOTH, COLUMNS, Group, Plan, groups, plan
from equivariance.measures.resampling_floor import resampling_floor
from equivariance.measures.sample_counts import check_counts
from equivariance.measures.stratified import rows_by_class, with_means
from equivariance.measures.survey import Place
from equivariance.measures.sweep import Sweep, Transformations
from equivariance.measures.table_state import table_from_state, table_state
from equivariance.transformations.warp import Padding

FORMAT = 3  # of checkpoints
SAVE_EVERY = 60.0  # seconds
NO_MAPS = "has no feature maps"
SHARE_OF_MEMORY = 0.5  # of what is free, for the state of the measures


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
      they are. They are visited in a fixed random order, which distances need.
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
    - tile: samples at a time; by default such that a CPU's cache holds a layer, or many on a GPU. A network
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
    check_holder(images)
    if memory is not None and not (isinstance(memory, Real) and memory > 0):
        raise UserError(f"memory is {memory!r}; valid: a number of bytes above 0")
    sweep = Sweep(
        model,
        transformations,
        measures,
        aggregations=aggregations,
        layers=layers,
        exclude=exclude,
        outputs=outputs,
        maps=maps,
        preprocess=preprocess,
        padding=padding,
        mask=mask,
        device=device,
        autocast=autocast,
        tile=tile,
        dtype=dtype,
    )
    strata = _strata(len(images), labels)
    asked = [one.name for one in sweep.measures]
    for name, rows in strata.items():
        check_counts(asked, len(rows), len(sweep.matrices), f"class {name!r}" if name else "")
    sweep.inspect(images)
    survey = sweep.survey
    assert survey is not None
    run = _Run(sweep, images, strata, memory, checkpoint)
    if announce is not None:
        announce(plan(sweep, run.groups, strata, labels is not None))
    tables = run.tables(progress)
    if run.incomplete.keys() >= sweep.places.keys():
        counts = [f"{call} {run.incomplete[call]}" for call in sweep.places]
        raise UserError(f"no layer ran for every image: {listed(counts)}")
    if not tables:
        reasons = sorted({_without_maps(place) for place in sweep.places.values()} - {NO_MAPS})
        others = f"; some {' and some '.join(reasons).replace('has ', 'have ')}" if reasons else ""
        raise UserError(f"no layer has feature maps, which {', '.join(asked)} needs{others}")
    table = pd.concat(tables, ignore_index=True)
    table = table.drop(columns="class") if labels is None else with_means(table)
    if floor:
        every = [row for of_class in strata.values() for row in of_class]
        also = {} if labels is None else {"class": MEAN_OF_CLASSES}
        floors = (found.assign(**also) for found in resampling_floor(sweep, images, every))
        table = pd.concat([table, *floors], ignore_index=True)
    if not keep_checkpoint:
        run.remove_checkpoints()
    found = {*table[["layer", "measure"]].drop_duplicates().itertuples(index=False, name=None)}
    left_out = {} if layers is not None else dict(survey.left_out)
    for call, place in sweep.places.items():
        if any((call, name) not in found for name in asked):
            left_out[call] = f"no same-equivariance: it {_without_maps(place)}"
    table.attrs["left_out"] = left_out | run.incomplete
    table.attrs["outputs"] = {call: way for call, way in survey.taken.items() if call in sweep.places}
    return table


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
        sweep: Sweep,
        images: Any,
        strata: Mapping[str, Sequence[int]],
        memory: float | None,
        checkpoint: str | Path | None,
    ) -> None:
        self._sweep = sweep
        self._images = images
        self._strata = strata
        self._checkpoint = None if checkpoint is None else Path(checkpoint)
        self._digest = _fingerprint(sweep, images, strata) if checkpoint else ""
        self._position = 0  # transformed images that were measured
        self._saved = 0  # of these, in what is on the disk
        self._since = time.monotonic()
        self.incomplete: dict[str, str] = {}
        self.groups = self._groups(memory)

    def _groups(self, memory: float | None) -> list[Group]:
        """Group the layers, or take those of the interrupted run: free memory changes between runs."""
        first = self._file(0)
        saved = load_checkpoint(first, self._digest) if first else None
        if saved is not None:
            return [Group(tuple(layers), members) for layers, members in saved["groups"]]
        most = max(map(len, self._strata.values()))
        if memory is None:
            free = free_memory(self._sweep.device) - self._sweep.pass_bytes
            memory = SHARE_OF_MEMORY * max(free, 0)
        return groups(self._sweep, most, memory)

    def tables(self, progress: bool) -> list[pd.DataFrame]:
        """Measure each group on each stratum: tables with the column class."""
        found: list[pd.DataFrame] = []
        inputs = sum(map(len, self._strata.values())) * len(self._sweep.matrices)
        total = inputs * sum(group.passes(self._sweep) for group in self.groups)
        with _bar(total, progress) as bar:
            try:
                for name, rows in self._strata.items():
                    for group in self.groups:
                        table = self._measure(group, rows, self._file(len(found)), bar)
                        found.append(table.assign(**{"class": name}))
            except KeyboardInterrupt as interrupt:
                raise Interrupted(self._kept(total)) from interrupt
        return [table for table in found if len(table)]

    def _measure(
        self, group: Group, rows: Sequence[int], file: Path | None, bar: "tqdm[Any]"
    ) -> pd.DataFrame:
        """Sweep over some images, from where a stopped sweep saved its state or its table."""
        sweep = self._sweep.part(group.layers)
        steps = group.steps(sweep)
        inputs = [len(rows) * len(members) for _, members in steps]  # of each step
        before = self._position
        first, done = 0, 0
        saved = load_checkpoint(file, self._digest) if file else None
        finished = saved is not None and "table" in saved
        if finished:
            first = len(steps)
        elif saved is not None:
            sweep.restore(saved["sweep"])
            first, done = saved["step"], saved["done"]
        elif sweep.needs_calibration:
            sweep.calibrate(self._images, rows)

        def reach(step: int, count: int) -> None:
            """Show that so many images of a step are done."""
            position = before + sum(inputs[:step]) + count * (len(steps[step][1]) if step < len(steps) else 0)
            bar.update(position - self._position)
            self._position = position

        def save(**state: Any) -> None:
            if file:
                layers = [(list(one.layers), one.members) for one in self.groups]
                save_checkpoint(file, self._digest, {**state, "groups": layers})
                self._since, self._saved = time.monotonic(), self._position

        reach(first, done)
        self._saved = self._position if saved is not None else self._saved
        if saved is not None and finished:
            self.incomplete |= saved["incomplete"]
            return table_from_state(saved["table"])
        for step in range(first, len(steps)):
            kind, members = steps[step]

            def after_tile(count: int, step: int = step, start: int = done) -> None:
                reach(step, start + count)
                if time.monotonic() - self._since > SAVE_EVERY:
                    save(sweep=sweep.state(), step=step, done=start + count)

            if done < len(rows):
                if kind == COLUMNS:
                    sweep.update_columns(self._images, members, rows[done:], after_tile)
                elif kind == BOTH:
                    sweep.update(self._images, rows[done:], after_tile)
                else:
                    sweep.update_rows(self._images, rows[done:], after_tile)
            if kind == COLUMNS:
                sweep.end_columns()
            done = 0
        table = sweep.table()
        self.incomplete |= sweep.incomplete
        save(table=table_state(table), incomplete=sweep.incomplete)
        return table

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
        for number in range(len(self._strata) * len(self.groups)):
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


def _strata(count: int, labels: Any) -> dict[str, Sequence[int]]:
    """Return the rows of each class, or all under the name "", in a fixed random order."""
    order = np.random.default_rng(0).permutation(count)
    if labels is None:
        return {"": order.tolist()}
    place = np.argsort(order)  # of each image in that order
    return {name: sorted(rows, key=place.__getitem__) for name, rows in rows_by_class(labels, count).items()}


def _fingerprint(sweep: Sweep, images: Any, strata: Mapping[str, Sequence[int]]) -> str:
    """Digest of what determines the result, as far as it can be seen: not what `preprocess` does."""
    digest = hashlib.sha256(repr((FORMAT, sweep.described(), strata)).encode())
    for name, tensor in sweep.model.state_dict().items():
        if isinstance(tensor, Tensor):
            digest.update(name.encode() + _bytes(tensor))
    digest.update(_bytes(next(tiles(images, 1))))
    return digest.hexdigest()


def _bytes(tensor: Tensor) -> bytes:
    return tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes()
