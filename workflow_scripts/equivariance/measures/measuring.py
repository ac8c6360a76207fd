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
import math
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from tqdm import tqdm

from equivariance.checkpoint import load_checkpoint, remove_checkpoint, save_checkpoint
from equivariance.errors import UserError
from equivariance.measures.floor import resampling_floor
from equivariance.measures.images import tiles
from equivariance.measures.names import MEAN_OF_CLASSES
from equivariance.measures.recorder import module_name
from equivariance.measures.strata import rows_by_class, with_means
from equivariance.measures.sweep import Sweep, Transformations
from equivariance.transformations.warp import Padding

SAVE_EVERY = 60.0  # seconds
PIECE = 16  # tiles between looks at the clock


def measure(
    model: nn.Module,
    images: Any,
    transformations: Transformations,
    measures: str | Iterable[str] = "invariance",
    *,
    aggregations: Iterable[str] = ("before_mean",),
    labels: Any = None,
    layers: Collection[str] | None = None,
    preprocess: Callable[[Tensor], Tensor] | None = None,
    padding: Padding = "border",
    mask: bool = False,
    floor: bool = False,
    device: torch.device | str | None = None,
    autocast: torch.dtype | None = None,
    tile: int | None = None,
    memory: int | None = None,
    dtype: torch.dtype = torch.float32,
    checkpoint: Path | None = None,
    progress: bool = False,
) -> pd.DataFrame:
    """Measure the layers of any network on images under a set of transformations.

    - images: tensor or array (N, C, H, W), or anything with a length and items (C, H, W), or tuples that
      begin with one; whole numbers are taken as 0..255 and divided by 255, floats as they are. They are
      visited in a fixed random order, which distances need.
    - measures: names of measures or of families (`names`).
    - aggregations: from pixels to feature maps (`names.AGGREGATIONS`).
    - labels: classes (N,) for the stratified form: each class is measured by itself, then the finite values
      of the classes are averaged with equal weight.
    - layers: names from `named_modules()`; by default all modules without children but a standardising input
      layer.
    - preprocess: applied to the transformed images, before the network.
    - padding: what is seen beyond an image or a feature map, `border` or `zeros`.
    - mask: leave out the pixels of feature maps that a transformation takes out of the map
      (same-equivariance).
    - floor: add what the identity network, pooled to each layer's resolution, has of the same-equivariance
      measures without a unit: `nvse_floor`, ...
    - device: where to run; by default where the model is.
    - autocast: run the network in torch.bfloat16 (or float16) where that is safe; sums stay in `dtype`.
    - tile: samples at a time; by default such that a CPU's cache holds a layer, or many on a GPU.
    - memory: bytes that the state of the measures may take; layers are then measured in groups, with a pass
      over the images for each. By default all at once.
    - dtype: precision of short sums, float32 or float64; long ones are always float64.
    - checkpoint: file where the state is saved every minute; a call with the same arguments that was killed
      goes on from there.

    Returns a row per layer, unit, measure and aggregation: layer, layer_index (place in the order of
    execution), kind, depth (0 first layer, 1 last), unit (index of the feature map, or of the unit in the
    flattened layer), measure, aggregation, value; with labels also class: `(mean)` and each class as text. Of
    a module that runs several times, each call is a layer: `name`, `name:2`, ... Layers without feature maps
    have no same-equivariance: `table.attrs["left_out"]` names the layers that lack a measure.

    Raises UserError for unknown names and for images or layers that cannot be measured.
    """
    make = partial(
        Sweep,
        model,
        transformations,
        measures,
        aggregations=tuple(aggregations),
        preprocess=preprocess,
        padding=padding,
        mask=mask,
        device=device,
        autocast=autocast,
        tile=tile,
        dtype=dtype,
    )
    whole = make(layers=layers)
    places = whole.trace(images)
    groups = [layers] if memory is None else _groups(whole, memory)
    strata = _strata(len(images), labels)
    digest = _fingerprint(model, whole, groups, images, strata) if checkpoint else ""
    files: list[Path | None] = []
    tables = []
    with tqdm(total=len(groups) * sum(map(len, strata.values())), unit="image", disable=not progress) as bar:
        for name, rows in strata.items():
            for group in groups:
                file = checkpoint and checkpoint.with_name(f"{checkpoint.name}.{len(files)}")
                files.append(file)
                sweep = make(layers=group)
                sweep.places = places  # seen already
                _sweep_over(sweep, images, rows, file, digest, bar)
                tables.append(sweep.table().assign(**{"class": name}))
    tables = [table for table in tables if len(table)]
    if not tables:
        raise UserError("no layer has feature maps, which same-equivariance is measured on")
    table = pd.concat(tables, ignore_index=True)
    table = table.drop(columns="class") if labels is None else with_means(table)
    if floor:
        rows = [row for of_class in strata.values() for row in of_class]
        also = {} if labels is None else {"class": MEAN_OF_CLASSES}
        floors = (found.assign(**also) for found in resampling_floor(whole, images, rows))
        table = pd.concat([table, *floors], ignore_index=True)
    for file in filter(None, files):
        remove_checkpoint(file)
    found = {*table[["layer", "measure"]].drop_duplicates().itertuples(index=False, name=None)}
    table.attrs["left_out"] = [
        name for name in places if any((name, measure.name) not in found for measure in whole.measures)
    ]
    return table


def _sweep_over(
    sweep: Sweep, images: Any, rows: Sequence[int], file: Path | None, digest: str, bar: "tqdm[Any]"
) -> None:
    """Sweep over some images, from where a killed sweep saved its state."""
    done = 0
    saved = load_checkpoint(file, digest) if file else None
    if saved is not None:
        sweep.restore(saved["sweep"])
        done = saved["done"]
    elif sweep.needs_calibration:
        sweep.calibrate(images, rows)
    bar.update(done)
    last = time.monotonic()
    for start in range(done, len(rows), PIECE * sweep.tile):
        piece = rows[start : start + PIECE * sweep.tile]
        sweep.update(images, piece)
        bar.update(len(piece))
        if file and time.monotonic() - last > SAVE_EVERY:
            save_checkpoint(file, digest, {"sweep": sweep.state(), "done": start + len(piece)})
            last = time.monotonic()
    if file and len(rows) > done:
        save_checkpoint(file, digest, {"sweep": sweep.state(), "done": len(rows)})


def _strata(count: int, labels: Any) -> dict[str, Sequence[int]]:
    """Give the rows of each class, or all under the name "", in a fixed random order."""
    order = np.random.default_rng(0).permutation(count)
    if labels is None:
        return {"": order.tolist()}
    place = np.argsort(order)  # of each image in that order
    return {name: sorted(rows, key=place.__getitem__) for name, rows in rows_by_class(labels, count).items()}


def _groups(sweep: Sweep, memory: int) -> list[list[str]]:
    """Cut the layers, in the order of execution, into groups whose state takes at most `memory` bytes.

    A layer that takes more is a group of its own.
    """
    sizes: dict[str, int] = {}  # of a module over all its calls, which are measured together
    for call, place in sweep.places.items():
        size = sweep.cell_bytes * len(sweep.matrices) * math.prod(place.shape)
        sizes[module_name(call)] = sizes.get(module_name(call), 0) + size
    groups: list[list[str]] = []
    used = 0
    for module, size in sizes.items():
        if groups and used + size <= memory:
            groups[-1].append(module)
            used += size
        else:
            groups.append([module])
            used = size
    return groups


def _fingerprint(
    model: nn.Module, sweep: Sweep, groups: Sequence[Any], images: Any, strata: dict[str, Sequence[int]]
) -> str:
    """Digest of what determines the result, as far as it can be seen: not what `preprocess` does."""
    digest = hashlib.sha256(repr((sweep.described(), groups, strata)).encode())
    for name, tensor in model.state_dict().items():
        digest.update(
            name.encode() + tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes()
        )
    digest.update(next(tiles(images, 1)).contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
