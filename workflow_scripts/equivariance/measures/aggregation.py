"""From the values of single units to those of feature maps."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from equivariance.errors import UserError, unknown
from equivariance.measures.names import AGGREGATIONS


def aggregation_names(aggregations: str | Iterable[str]) -> list[str]:
    """List the names of aggregations, each once; one alone can be a text. Raises UserError for none."""
    names = [aggregations] if isinstance(aggregations, str) else list(dict.fromkeys(aggregations or ()))
    if not names:
        raise UserError(f"no aggregations; valid: {', '.join(AGGREGATIONS)}")
    return names


def divide(numerator: Tensor, denominator: Tensor) -> Tensor:
    """Divide elementwise where 0/0 is 1 and x/0 is infinite: a dead unit is neither invariant nor variant.

    Not greater than 0 counts as 0; NaN stays NaN.
    """
    ratio = numerator / denominator
    zero = denominator <= 0
    ratio[zero & (numerator <= 0)] = 1
    ratio[zero & (numerator > 0)] = torch.inf
    return ratio


def aggregate(numerator: Tensor, denominator: Tensor | None, aggregation: str) -> Tensor:
    """Compute a measure's values from its maps, by one of `names.AGGREGATIONS`.

    Only maps of shape (C, H, W) are aggregated, to (C,); others are divided and otherwise left as they are.
    `before_*` reduces numerator and denominator over H and W, then divides; mean and sum give the same ratio.
    `after_*` divides per pixel, then reduces the finite values; NaN where there is none.
    """
    if aggregation not in AGGREGATIONS:
        raise UserError(unknown("aggregation", aggregation, AGGREGATIONS))
    when, _, how = aggregation.partition("_")
    spatial = numerator.dim() == 3 and when != "none"
    if spatial and when == "before":
        numerator = _REDUCE[how](numerator)
        denominator = None if denominator is None else _REDUCE[how](denominator)
    values = numerator.clone() if denominator is None else divide(numerator, denominator)
    return _reduce_finite(values, how) if spatial and when == "after" else values


_REDUCE: dict[str, Callable[[Tensor], Tensor]] = {
    "mean": lambda maps: maps.mean((1, 2)),
    "max": lambda maps: maps.amax((1, 2)),
    "sum": lambda maps: maps.sum((1, 2)),
}


def _reduce_finite(values: Tensor, how: str) -> Tensor:
    finite = values.isfinite()
    count = finite.sum((1, 2))
    kept = values.where(finite, -torch.inf if how == "max" else 0)
    reduced = kept.sum((1, 2)) / count if how == "mean" else _REDUCE[how](kept)
    return reduced.where(count > 0, torch.nan)
