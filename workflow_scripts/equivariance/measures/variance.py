"""The variance measures of the thesis, and the analysis of variance, which needs nothing more.

With A[i, j] the activation of a unit for sample i under transformation j, n samples and m transformations:

    TV = (1/n) sum_i std_j A[i, j]    transformational variance
    SV = (1/m) sum_j std_i A[i, j]    sample variance
    NV = TV / SV                      normalised variance

Means of standard deviations (ddof=1), not deviations of means. NV is 0 for an invariant unit, about 1 where
transforming the input moves the unit as much as changing the sample does, and has no upper bound.
"""

from collections.abc import Collection
from typing import Any, Self

import torch
from torch import Tensor

from equivariance.measures.accumulator import Accumulator, Setting
from equivariance.measures.anova import analyse, f_critical, sums_of_squares
from equivariance.measures.moments import Moments, add_standard_deviations

CONFIDENCE = 0.99
ANOVA = ("anova", "anova_uncorrected", "eta_squared")


class VarianceAccumulator(Accumulator):
    """TV, SV and ANOVA of one layer: maps `tv`, `sv`, `anova` (1 where rejected among the layer's units, else
    0), `anova_uncorrected` (1 where rejected by itself) and `eta_squared`.

    Keeps mean and M2 over samples for each unit and transformation, in two passes for each that is open. With
    float32 tiles, activations whose squares leave the range of float32 need float64 (see `precision`).
    """

    STATE = ("_passes", "_tv_sum", "_over_samples", "_sv_sum", "_mean", "_m2_of_means", "_within")
    BY_ROWS = ("tv",)
    BY_COLUMNS = ("sv", *ANOVA)

    def __init__(
        self, setting: Setting, wanted: Collection[str] | None = None, *, confidence: float = CONFIDENCE
    ) -> None:
        super().__init__(setting, wanted)
        self._confidence = confidence
        self._tv_sum = _nothing()  # (U,)
        self._over_samples = self._no_moments()
        # Of the folded transformations, (U,) each: the sum of the standard deviations over the samples, and
        # of the means over the samples their mean and M2; SSW.
        self._sv_sum = self._mean = self._m2_of_means = self._within = _nothing()

    def _no_moments(self) -> Moments:
        return Moments(self.setting.dtype, self.setting.scratch)  # of (T, U), or of (J, U) in two passes

    @classmethod
    def cell_bytes(cls, dtype: torch.dtype, **options: Any) -> int:
        """Mean and M2 in float64, pilot and two sums in the precision of the tiles."""
        return 16 + 3 * dtype.itemsize

    @classmethod
    def unit_bytes(
        cls, dtype: torch.dtype, *, wanted: Collection[str] | None = None, samples: int = 0, **options: Any
    ) -> int:
        """A sum for TV, one for SV, three numbers for the analysis of variance."""
        maps = {*cls.BY_ROWS, *cls.BY_COLUMNS} if wanted is None else {*wanted}
        return 8 * (("tv" in maps) + ("sv" in maps) + 3 * (not maps.isdisjoint(ANOVA)))

    def _update(self, block: Tensor) -> None:
        rows = self._flat_units(block)
        self._compare_transformations(rows)
        self._over_samples.update(rows)

    def _update_rows(self, block: Tensor) -> None:
        self._compare_transformations(self._flat_units(block))

    def _update_columns(self, block: Tensor) -> None:
        self._over_samples.update(self._flat_units(block))

    def _compare_transformations(self, rows: Tensor) -> None:
        self._tv_sum = _zeros_or(self._tv_sum, rows)
        add_standard_deviations(rows, self._tv_sum, self.setting.scratch)

    def _fold(self) -> None:
        """Add up the open transformations; the means as Welford did."""
        means, m2 = self._over_samples.mean(), self._over_samples.m2()
        if "sv" in self.wanted:
            self._sv_sum = _zeros_or(self._sv_sum, means) + self._over_samples.std_sum()
        if not self.wanted.isdisjoint(ANOVA):
            folded = self._passes.start - len(means)
            if not folded:
                self._mean, self._m2_of_means, self._within = (torch.zeros_like(means[0]) for _ in range(3))
            for count, (mean, within) in enumerate(zip(means, m2, strict=True), folded + 1):
                delta = mean - self._mean
                self._mean += delta / count
                self._m2_of_means += delta * (mean - self._mean)
                self._within += within
        self._over_samples = self._no_moments()

    def _merge(self, other: Self) -> None:
        self._over_samples.merge(other._over_samples)
        # Of both there are only sums of TV: what is folded is not merged with anything.
        self._add_sums(other, "_tv_sum", "_sv_sum", "_mean", "_m2_of_means", "_within")

    def _compute(self) -> dict[str, Tensor]:
        one_pass, samples = bool(self._passes.samples), self._passes.count
        maps = {}
        if "tv" in self.wanted:
            maps["tv"] = self._tv_sum / samples
        if "sv" in self.wanted:
            total = self._over_samples.std_sum() if one_pass else self._sv_sum
            maps["sv"] = total / self._groups
        if not self.wanted.isdisjoint(ANOVA):
            if one_pass:
                squares = sums_of_squares(self._over_samples.mean(), self._over_samples.m2(), samples)
            else:
                squares = samples * self._m2_of_means, self._within
            f, maps["eta_squared"] = analyse(*squares, self._groups, samples)
            maps["anova"] = self._rejected(f, tests=f.numel())
            maps["anova_uncorrected"] = self._rejected(f, tests=1)
        return {name: values.reshape(self._layer).cpu() for name, values in maps.items()}

    @property
    def _groups(self) -> int:
        return self._passes.transformations or self._passes.start

    def _rejected(self, f: Tensor, tests: int) -> Tensor:
        groups, samples = self._groups, self._passes.count
        if groups < 2 or samples < 2:
            return torch.zeros_like(f)
        critical = f_critical(self._confidence, tests, groups - 1, groups * (samples - 1))
        return torch.where(f.isnan(), f, (f > critical).double())


def _nothing() -> Tensor:
    return torch.zeros(0, dtype=torch.float64)


def _zeros_or(sums: Tensor, rows: Tensor) -> Tensor:
    """Return the sums, or zeros for units (..., U) where there are none yet."""
    return sums if len(sums) else rows.new_zeros(rows.shape[-1], dtype=torch.float64)
