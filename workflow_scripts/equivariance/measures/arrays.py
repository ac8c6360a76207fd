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

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from equivariance.errors import UserError
from equivariance.measures.accumulator import Setting
from equivariance.measures.layer import LayerMeasures
from equivariance.measures.registry import resolve
from equivariance.measures.strata import rows_by_class, with_means
from equivariance.transformations.sets import identities_among


def measure_arrays(
    blocks: ArrayLike | Iterable[ArrayLike],
    measures: str | Iterable[str] = ("tv", "sv", "nv"),
    *,
    aggregations: Iterable[str] = ("none",),
    identity: int | None = None,
    matrices: ArrayLike | None = None,
    labels: ArrayLike | None = None,
    padding: str = "border",
    mask: bool = False,
) -> pd.DataFrame:
    """Measure representations given as numbers A[i, j, ...], of sample i under transformation j.

    - blocks: an array (samples, transformations, units) or (samples, transformations, C, H, W), or an
      iterable of such arrays that differ in the number of samples only: what does not fit into memory can be
      given piece by piece. Samples should come in random order, which distances need.
    - measures: names of measures or families (`names`).
    - aggregations: from pixels to feature maps (`names.AGGREGATIONS`), for units (C, H, W).
    - identity: index of the untransformed column; Goodfellow's measures need it, and to go through the blocks
      twice.
    - matrices: the transformations (T, 3, 3), which same-equivariance needs; the identity among them is
      found.
    - labels: classes (samples,) for the stratified form; needs a single array.

    Computes in float64. Returns a row per unit, measure and aggregation: unit (index of the feature map, or
    in the flattened units), measure, aggregation, value; with labels also class: `(mean)` and each class as
    text.

    Raises UserError for unknown names and for blocks that do not fit together.
    """
    whole = None if _is_iterable(blocks) else _block(blocks)
    if labels is not None:
        if whole is None:
            raise UserError("the stratified form needs a single array, not an iterable of blocks")
        strata = {name: whole[rows] for name, rows in rows_by_class(labels, len(whole)).items()}
    setting = _setting(identity, matrices, padding, mask)
    resolved, aggregations = resolve(measures), list(aggregations)

    def table(given: Iterable[Any]) -> pd.DataFrame:
        return _table(LayerMeasures(resolved, aggregations, setting), given, setting)

    if labels is not None:
        return with_means(
            pd.concat([table([part]).assign(**{"class": name}) for name, part in strata.items()])
        )
    return table(blocks if whole is None else [whole])  # type: ignore[arg-type]


def _table(layer: LayerMeasures, blocks: Iterable[Any], setting: Setting) -> pd.DataFrame:
    if layer.needs_calibration:
        if iter(blocks) is blocks:
            raise UserError("thresholds need a first pass over the blocks; give an array or a list of them")
        if setting.identity is None:
            raise UserError("thresholds need the untransformed column; give its index as identity")
        total = sum(len(np.asarray(block)) for block in blocks)
        for block in _checked(blocks, setting):
            layer.calibrate(block[:, setting.identity], total)
    seen = 0
    for block in _checked(blocks, setting):
        seen += len(block)
        layer.update(block)
    if not seen:
        raise UserError("no samples to measure")
    table = layer.table()
    if table.empty:
        raise UserError("no measure applies; same-equivariance needs blocks (samples, T, C, H, W)")
    return table


def _checked(blocks: Iterable[Any], setting: Setting) -> Iterator[Tensor]:
    """Give the blocks that have samples, where all fit together and to the transformations."""
    shape = None
    for block in map(_block, blocks):
        if shape not in (None, block.shape[1:]):
            raise UserError(f"blocks of {tuple(shape)} and of {tuple(block.shape[1:])} do not fit together")
        shape = block.shape[1:]
        if setting.matrices is not None and len(setting.matrices) != shape[0]:
            raise UserError(f"{len(setting.matrices)} matrices for {shape[0]} transformations")
        if setting.identity is not None and not 0 <= setting.identity < shape[0]:
            raise UserError(f"identity is {setting.identity}; valid: 0 to {shape[0] - 1}")
        if len(block):
            yield block


def _setting(identity: int | None, matrices: ArrayLike | None, padding: Any, mask: bool) -> Setting:
    if matrices is None:
        return Setting(torch.float64, identity)
    given = torch.from_numpy(np.asarray(matrices, dtype=np.float64))
    if given.dim() != 3 or given.shape[1:] != (3, 3):
        raise UserError(f"matrices have the shape {tuple(given.shape)}; needed: (T, 3, 3)")
    same = identities_among(given)
    found = int(same[0]) if len(same) else identity
    return Setting(torch.float64, found, given, padding, mask)


def _is_iterable(blocks: Any) -> bool:
    """Whether blocks are several: an iterator, or a sequence of arrays (of three dimensions or more)."""
    if isinstance(blocks, np.ndarray | Tensor):
        return False
    if isinstance(blocks, Sequence):
        return bool(blocks) and np.ndim(blocks[0]) >= 3
    return not hasattr(blocks, "__array__")


def _block(block: Any) -> Tensor:
    # Writable, because torch knows no other tensors; it is not written to.
    array: NDArray[np.float64] = np.require(block, np.float64, ["C", "W"])
    if array.ndim < 2:
        raise UserError(f"a block has the shape {array.shape}; needed: (samples, transformations, units)")
    return torch.from_numpy(array if array.ndim > 2 else array[..., None])
