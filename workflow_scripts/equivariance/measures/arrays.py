"""The measures of invariance of anything that can be written as numbers: any model with latent
representations.

>>> import numpy as np
>>> from equivariance.measures.arrays import measure_arrays
>>> samples, transformations = np.arange(5.0), np.arange(4.0)
>>> block = (samples[:, None] + 2 * transformations)[..., None]  # one unit, of both effects
>>> table = measure_arrays(block, ["nv"])
>>> round(float(table["value"][0]), 3)  # 2 std(0..3) / std(0..4)
1.633
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from operator import index
from typing import Any

import pandas as pd
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from equivariance.errors import UserError
from equivariance.measures.accumulator import Measure, Setting
from equivariance.measures.aggregation import aggregation_names
from equivariance.measures.array_input import (
    is_several,
    pieces,
    read_array,
    read_block,
    read_samples,
    to_float64,
)
from equivariance.measures.layer import LayerMeasures
from equivariance.measures.registry import resolve
from equivariance.measures.sample_counts import check_counts
from equivariance.measures.stratified import rows_by_class, with_means
from equivariance.transformations.sets import identities_among


def measure_arrays(
    array: ArrayLike | Iterable[ArrayLike],
    measures: str | Iterable[str] = ("tv", "sv", "nv"),
    *,
    blocks: bool = False,
    aggregations: str | Iterable[str] = "none",
    identity: int | None = None,
    matrices: ArrayLike | None = None,
    labels: Any = None,
    padding: str = "border",
    mask: bool = False,
) -> pd.DataFrame:
    """Measure representations given as numbers A[i, j, ...], of sample i under transformation j.

    - array: one array (samples, transformations, units) or (samples, transformations, C, H, W): of numpy,
      torch or pandas, or a nested list. A single unit needs no dimension. A list or tuple is always one
      array, and its items are the samples. Samples should come in random order, which distances need.
      What does not fit into memory may lie in a file (numpy.memmap) or come block by block from a generator,
      or from anything else to go through that is no array. A block is an array as above, with a dimension
      for the units; blocks differ in the number of samples only.
    - measures: names of measures or families (`names`).
    - blocks: the items of a list or tuple are blocks, not samples.
    - aggregations: from pixels to feature maps (`names.AGGREGATIONS`), for units (C, H, W).
    - identity: index of the untransformed column; Goodfellow's measures need it, and to go through the blocks
      several times, which a generator cannot.
    - matrices: the transformations (T, 3, 3), which same-equivariance needs; the identity among them is
      found.
    - labels: classes (samples,) for the stratified form; needs a single array.

    Computes in float64, in which true is 1; NaN stays NaN. Returns a row per unit, measure and aggregation:
    unit (index of the feature map, or in the flattened units), measure, aggregation, value; with labels also
    class: `(mean)` and each class as text.

    Raises UserError for unknown names, for what is no array of real numbers, for blocks that do not fit
    together, and for fewer samples or transformations than the measures compare (`sample_counts`).
    """
    found = resolve(measures)
    setting = _setting(identity, matrices, padding, mask)
    make = partial(_table, found, aggregation_names(aggregations), setting)
    if blocks or is_several(array):
        if labels is not None:
            raise UserError("the stratified form needs a single array, not blocks")
        if not isinstance(array, Iterable):
            raise UserError(
                f"blocks are of type {type(array).__name__}; needed: a list of arrays, or a generator"
            )
        return make(partial(_from_blocks, array, setting), once=isinstance(array, Iterator))
    whole = read_samples(array)
    _check_fit(whole.shape[1], setting)
    strata = {"": range(len(whole))} if labels is None else rows_by_class(labels, len(whole))
    for name, rows in strata.items():  # before anything is computed
        check_counts(
            [measure.name for measure in found], len(rows), whole.shape[1], f"class {name!r}" if name else ""
        )
    tables = {name: make(partial(pieces, whole, rows), len(rows)) for name, rows in strata.items()}
    if labels is None:
        return tables[""]
    return with_means(pd.concat([table.assign(**{"class": name}) for name, table in tables.items()]))


def _table(
    measures: Sequence[Measure],
    aggregations: Sequence[str],
    setting: Setting,
    passes: Callable[[], Iterator[Tensor]],
    total: int | None = None,
    once: bool = False,
) -> pd.DataFrame:
    """Measure the samples, `total` where that is known, which each call of `passes` goes through anew, unless
    they can be read `once` only."""
    layer = LayerMeasures(measures, aggregations, setting)
    if layer.needs_calibration:
        if once:
            raise UserError(
                "thresholds need a first pass over the blocks; give an array, or a list with blocks=True"
            )
        if setting.identity is None:
            raise UserError("thresholds need the untransformed column; give its index as identity")
        total = sum(map(len, passes())) if total is None else total
        for block in _exactly(total, passes()):
            layer.calibrate(block[:, setting.identity], total)
    samples = transformations = 0
    for block in passes() if total is None else _exactly(total, passes()):
        samples, transformations = samples + len(block), block.shape[1]
        layer.update(block)
    check_counts([measure.name for measure in measures], samples, transformations)
    table = layer.table()
    if table.empty:
        raise UserError("no measure applies; same-equivariance needs blocks (samples, T, C, H, W)")
    return table


def _exactly(total: int, blocks: Iterator[Tensor]) -> Iterator[Tensor]:
    """Return the blocks of a later pass, in which there must be as many samples as in the first."""
    seen = 0
    for block in blocks:
        seen += len(block)
        if seen <= total:
            yield block
    if seen != total:
        raise UserError(f"the blocks had {total} samples at first, then {seen}; needed: the same each time")


def _from_blocks(blocks: Iterable[Any], setting: Setting) -> Iterator[Tensor]:
    """Return the blocks that have samples, where all fit together and to the transformations."""
    shape = None
    for number, given in enumerate(blocks):
        block = read_block(given, number)
        if shape not in (None, block.shape[1:]):
            raise UserError(f"blocks of {tuple(shape)} and of {tuple(block.shape[1:])} do not fit together")
        shape = block.shape[1:]
        _check_fit(shape[0], setting)
        yield from pieces(block)


def _check_fit(transformations: int, setting: Setting) -> None:
    if setting.matrices is not None and len(setting.matrices) != transformations:
        raise UserError(f"{len(setting.matrices)} matrices for {transformations} transformations")
    if setting.identity is not None and not 0 <= setting.identity < transformations:
        raise UserError(f"identity is {setting.identity}; valid: 0 to {transformations - 1}")


def _setting(identity: int | None, matrices: ArrayLike | None, padding: Any, mask: bool) -> Setting:
    if identity is not None:
        try:
            identity = index(identity)
        except TypeError as error:
            raise UserError(f"identity is {identity!r}; needed: the index of a transformation") from error
    if matrices is None:
        return Setting(torch.float64, identity, None, padding, mask)
    given = to_float64(read_array(matrices, "matrices"))
    if given.dim() != 3 or given.shape[1:] != (3, 3):
        raise UserError(f"matrices have the shape {tuple(given.shape)}; needed: (T, 3, 3)")
    regular = given.isfinite().all(2).all(1) & (torch.linalg.det(given) != 0)
    if not regular.all():
        number = int((~regular).nonzero()[0])
        raise UserError(f"matrices[{number}] has no inverse; needed: invertible matrices")
    same = identities_among(given).flatten().tolist()
    if same and identity is not None and identity not in same:
        raise UserError(f"identity is {identity}, but the identity among the matrices is number {same[0]}")
    return Setting(torch.float64, same[0] if same else identity, given, padding, mask)
