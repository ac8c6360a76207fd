"""The invariance measure of Goodfellow, Le, Saxe, Lee and Ng (2009), Measuring invariances in deep networks.

A unit fires for an input x where s a(x) > theta, with a sign s of -1 or +1. Over the samples x and the
transformations t,

    G = fraction of the untransformed samples x for which it fires           global
    L = fraction of all t(x) for which it fires, s = +1                      local, the thesis author's form
    L = mean over t and over the x that fire untransformed, of firing at t(x)    local, original form
    S = L / G                                                                larger = more invariant

The original form takes, for each unit, the sign with the larger S, and has L = G = 0 where no untransformed
sample fires. The author's form is about 1 for every unit whose distribution of activations is left alone by
the transformations, invariant or not; the original form tells such units apart.

Theta is meant to be exceeded by a fraction of about 1 - alpha of the samples; G is what really exceeds it:

    normal        theta = mu + sigma PhiInv(alpha)     mean and standard deviation (ddof=1) of s a(x)
    percentile    theta = v[floor(alpha N)]            v the N values s a(x), ascending

Thresholds come from untransformed samples only, as in the later of the author's two codes; the earlier took
all t(x). With N (1 - alpha) <= 1 the percentile is the largest value, which nothing exceeds: G = 0.

An activation that is NaN does not fire; a NaN among the untransformed ones makes all maps of the unit NaN.
"""

from collections.abc import Collection
from statistics import NormalDist
from typing import Any, Literal, Self

import torch
from torch import Tensor

from equivariance.errors import UserError
from equivariance.measures.accumulator import Accumulator, Setting
from equivariance.measures.kernels import goodfellow as kernels

Threshold = Literal["normal", "percentile"]

ALPHA = 0.99
SMALLEST_SIGMA = 1e-16


class GoodfellowAccumulator(Accumulator):
    """Thresholds and counts of firings of one layer: whole numbers, so that no order or cut changes them.

    Gives the maps `local` and `global`, from 0 to 1, and `threshold`, in the unit of s a, of the sign taken.
    Activations and thresholds are compared in the setting's dtype.

    For normal thresholds the calibration keeps three float64 numbers per unit, for percentiles the
    N - floor(alpha N) largest values for each sign.

    Raises UserError for a setting without an identity.
    """

    STATE = ("_passes", "_calibrated", "_held", "_thresholds", "_fired", "_firings")
    BY_ROWS = ("local", "global", "threshold")
    CALIBRATED = True

    def __init__(
        self,
        setting: Setting,
        wanted: Collection[str] | None = None,
        *,
        threshold: Threshold,
        original: bool,
        alpha: float = ALPHA,
    ) -> None:
        super().__init__(setting, wanted)
        if setting.identity is None:
            raise UserError("Goodfellow's measures need the identity among the transformations")
        self._identity = setting.identity
        self._kind = threshold
        self._original = original
        self._alpha = alpha
        self._signs = (1, -1) if original else (1,)
        self._calibrated = 0  # untransformed samples seen by calibrate
        self._held: tuple[Tensor, ...] = ()  # what the calibration needs until it is complete
        self._thresholds = torch.empty(0, dtype=setting.dtype)  # (signs, units), of s a
        self._fired = self._firings = torch.empty(0, dtype=torch.int64)  # (signs, units)

    @classmethod
    def unit_bytes(
        cls, dtype: torch.dtype, *, wanted: Collection[str] | None = None, samples: int = 0, **options: Any
    ) -> int:
        """Threshold and two counts for each sign, or what the calibration holds, where that is more."""
        signs = 2 if options["original"] else 1
        largest = signs * _kept(options.get("alpha", ALPHA), samples) * dtype.itemsize
        calibration = 3 * 8 if options["threshold"] == "normal" else largest
        return max(signs * (dtype.itemsize + 2 * 8), calibration)

    @torch.no_grad()
    def calibrate(self, rows: Tensor, total: int) -> None:
        """Take in untransformed activations (n, ...), some of `total`.

        The result depends on their order only by rounding, and not on how they are cut into pieces. Raises
        ValueError for more than `total` samples, or samples of another shape.
        """
        if not len(rows):
            return
        shape = tuple(rows.shape[1:]) if self._passes.layer is None else self._passes.layer
        if self._calibrated + len(rows) > total or tuple(rows.shape[1:]) != shape:
            raise ValueError(f"rows {tuple(rows.shape)}; expected: {total} samples of {shape} in all")
        self._passes.layer = shape
        self._calibrated += len(rows)
        rows = self._flat_units(rows.detach()[:, None]).squeeze(1)
        held = tuple(x.to(rows.device) for x in self._held)
        if self._kind == "normal":
            self._held = held or _no_sums(rows)
            _add_to_sums(rows, *self._held)
        else:
            kept = _kept(self._alpha, total)
            self._held = held or (rows.new_full((len(self._signs), kept, rows.shape[1]), -torch.inf),)
            _keep_largest(rows, self._signs, *self._held)
        if self._calibrated == total:
            self._thresholds = self._find_thresholds()
            self._held = ()
            self._fired = torch.zeros_like(self._thresholds, dtype=torch.int64)
            self._firings = torch.zeros_like(self._fired)

    def _find_thresholds(self) -> Tensor:
        if self._kind == "percentile":
            return self._held[0].amin(1)
        first, total, squares = self._held
        mean = first + total / self._calibrated
        m2 = (squares - total * total / self._calibrated).clamp(min=0)
        sigma = (m2 / max(self._calibrated - 1, 1)).sqrt().clamp(min=SMALLEST_SIGMA)
        deviation = sigma * NormalDist().inv_cdf(self._alpha)
        return torch.stack([sign * mean + deviation for sign in self._signs]).to(self.setting.dtype)

    @property
    def _is_ready(self) -> bool:
        return self._calibrated > 0 and not self._held

    def _check_ready(self) -> None:
        if not self._is_ready:
            raise ValueError("update before calibrate has seen all samples")

    def _update_rows(self, block: Tensor) -> None:
        counts = (self._thresholds, self._fired, self._firings)
        self._thresholds, self._fired, self._firings = (x.to(block.device) for x in counts)
        rows = self._flat_units(block)
        count = _count_on_cpu if rows.device.type == "cpu" else count_firings
        count(rows, self._identity, self._signs, self._thresholds, self._original, self._fired, self._firings)

    def merge(self, other: Self) -> None:
        """Take in what another accumulator has seen, after the same calibration; one may be untouched.

        Raises ValueError for different thresholds.
        """
        if not other._calibrated:
            return
        if not other._is_ready or (self._calibrated and not self._has_thresholds_of(other)):
            raise ValueError("the accumulators have different thresholds, or incomplete ones")
        if not self._calibrated:
            self._passes.layer = other._passes.layer
            self._calibrated = other._calibrated
            self._thresholds = other._thresholds.clone()
            self._fired, self._firings = torch.zeros_like(other._fired), torch.zeros_like(other._firings)
        super().merge(other)

    def _merge(self, other: Self) -> None:
        self._fired += other._fired.to(self._fired.device)
        self._firings += other._firings.to(self._firings.device)

    def _has_thresholds_of(self, other: Self) -> bool:
        mine, theirs = self._thresholds, other._thresholds.to(self._thresholds.device)
        same_shape = self._passes.layer == other._passes.layer and mine.shape == theirs.shape
        return (
            same_shape
            and mine.dtype == theirs.dtype
            and torch.allclose(mine, theirs, rtol=0, atol=0, equal_nan=True)
        )

    def _compute(self) -> dict[str, Tensor]:
        count, transformations = self._passes.count, self._passes.transformations
        samples = self._fired if self._original else torch.full_like(self._fired, count)
        local = self._firings.double() / (samples * transformations).clamp(min=1)
        fraction = self._fired.double() / count
        ratio = (local / fraction).nan_to_num(nan=0)  # a sign that never fires loses to one that does
        negative = ratio[-1] > ratio[0]
        maps = {"local": local, "global": fraction, "threshold": self._thresholds.double()}
        chosen = {name: x[-1].where(negative, x[0]) for name, x in maps.items()}
        broken = chosen["threshold"].isnan()
        return {
            name: x.masked_fill(broken, torch.nan).reshape(self._layer).cpu() for name, x in chosen.items()
        }


def _kept(alpha: float, total: int) -> int:
    """Count the largest of `total` values, of which v[floor(alpha N)] is the smallest."""
    return max(total - int(alpha * total), 1)


def _no_sums(rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Begin sums of differences from the first row, of which constant units have exactly 0."""
    first = rows[0].double()
    return first, torch.zeros_like(first), torch.zeros_like(first)


def _add_to_sums(rows: Tensor, first: Tensor, total: Tensor, squares: Tensor) -> None:
    """Add row by row: sums over blocks would depend on where the rows are cut, by their rounding."""
    for row in rows:
        difference = row - first  # float64, as first is
        total.add_(difference)
        squares.addcmul_(difference, difference)


def _keep_largest(rows: Tensor, signs: tuple[int, ...], kept: Tensor) -> None:
    if rows.device.type == "cpu":
        kernels.keep_largest(
            rows.contiguous().numpy(), torch.tensor(signs, dtype=rows.dtype).numpy(), kept.numpy()
        )
    else:
        keep_largest(rows, signs, kept)


def keep_largest(rows: Tensor, signs: tuple[int, ...], kept: Tensor) -> None:
    """Put the largest of sign * rows (n, U) and of `kept` (signs, k, U) into `kept`, on any device."""
    for sign, values in zip(signs, kept, strict=True):
        largest = torch.cat([values, sign * rows]).topk(len(values), dim=0).values
        values.copy_(largest.flip(0))  # ascending order is a heap too, for the kernel


def _count_on_cpu(
    block: Tensor,
    identity: int,
    signs: tuple[int, ...],
    thresholds: Tensor,
    only_firing: bool,
    fired: Tensor,
    firings: Tensor,
) -> None:
    kernels.count_firings(
        block.contiguous().numpy(),
        identity,
        torch.tensor(signs, dtype=block.dtype).numpy(),
        thresholds.numpy(),
        only_firing,
        fired.numpy(),
        firings.numpy(),
    )


def count_firings(
    block: Tensor,
    identity: int,
    signs: tuple[int, ...],
    thresholds: Tensor,
    only_firing: bool,
    fired: Tensor,
    firings: Tensor,
) -> None:
    """Add the firings of a block (n, T, U) to `fired` and `firings`, (signs, U), on any device.

    For each sign and unit, `fired` counts the samples that fire untransformed, and `firings` the firings
    under all transformations of all samples, or of those that fire untransformed (`only_firing`).
    """
    for index, sign in enumerate(signs):
        threshold = thresholds[index]
        fires = block > threshold if sign > 0 else block < -threshold  # (n, T, U)
        untransformed = fires[:, identity]
        fired[index] += untransformed.sum(0)
        counts = fires.sum(1)
        firings[index] += (counts * untransformed if only_firing else counts).sum(0)
