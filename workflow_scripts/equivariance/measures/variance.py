"""The variance measures of the thesis, and the analysis of variance, which needs nothing more.

With A[i, j] the activation of a unit for sample i under transformation j, n samples and m transformations:

    TV = (1/n) sum_i std_j A[i, j]    transformational variance
    SV = (1/m) sum_j std_i A[i, j]    sample variance
    NV = TV / SV                      normalised variance

Means of standard deviations (ddof=1), not deviations of means. NV is 0 for an invariant unit, about 1 where
transforming the input moves the unit as much as changing the sample does, and has no upper bound.
"""

from typing import Any, Self

import torch
from torch import Tensor

from equivariance.measures.accumulator import Accumulator, Measure, Setting, Source
from equivariance.measures.anova import analyse, f_critical
from equivariance.measures.moments import Moments

CONFIDENCE = 0.99


class VarianceAccumulator(Accumulator):
    """TV, SV and ANOVA of one layer. Keeps mean and M2 over samples for each transformation and unit.

    With float32 tiles, activations whose squares leave the range of float32 (spreads below 1e-18 or above
    1e18) need `dtype=torch.float64`.
    """

    STATE = ("_samples", "_shape", "_tv_sum", "_over_samples")

    def __init__(self, setting: Setting, *, confidence: float = CONFIDENCE) -> None:
        super().__init__(setting)
        self._confidence = confidence
        self._samples = 0
        self._shape: tuple[int, ...] = ()
        self._tv_sum = torch.zeros(0, dtype=torch.float64)  # (units,)
        self._over_samples = Moments(setting.dtype, setting.scratch)  # of (T, units)

    @classmethod
    def cell_bytes(cls, dtype: torch.dtype, **options: Any) -> int:
        """Mean and M2 in float64, pilot and two sums in the precision of the tiles."""
        return 16 + 3 * dtype.itemsize

    @torch.no_grad()
    def update(self, block: Tensor) -> None:
        """Take in a block (n, T, ...), complete in T."""
        rows = block.reshape(*block.shape[:2], -1).to(self.setting.dtype)  # (n, T, units)
        if not self._samples:
            self._shape = tuple(block.shape[2:])
            self._tv_sum = rows.new_zeros(rows.shape[-1], dtype=torch.float64)
        self._over_samples.update(rows, self._tv_sum)
        self._samples += len(block)

    @torch.no_grad()
    def merge(self, other: Self) -> None:
        """Take in the samples of another."""
        if not other._samples:
            return
        if self._samples:
            self._tv_sum += other._tv_sum.to(self._tv_sum.device)
        else:
            self._shape, self._tv_sum = other._shape, other._tv_sum.clone()
        self._over_samples.merge(other._over_samples)
        self._samples += other._samples

    @torch.no_grad()
    def compute(self) -> dict[str, Tensor]:
        """Give the maps `tv`, `sv`, `anova` (1 where rejected among the layer's units, else 0),
        `anova_uncorrected` (1 where rejected by itself) and `eta_squared`."""
        if not self._samples:
            raise ValueError("no samples were taken in")
        f, eta_squared = analyse(self._over_samples.mean(), self._over_samples.m2(), self._samples)
        maps = {
            "tv": self._tv_sum / self._samples,
            "sv": self._over_samples.mean_std(),
            "anova": self._rejected(f, tests=f.numel()),
            "anova_uncorrected": self._rejected(f, tests=1),
            "eta_squared": eta_squared,
        }
        return {name: values.reshape(self._shape).cpu() for name, values in maps.items()}

    def _rejected(self, f: Tensor, tests: int) -> Tensor:
        groups = self._over_samples.rows_shape[0]
        if groups < 2 or self._samples < 2:
            return torch.zeros_like(f)
        critical = f_critical(self._confidence, tests, groups - 1, groups * (self._samples - 1))
        return torch.where(f.isnan(), f, (f > critical).double())


def measure(name: str, parameter: float | None = None, view: str = "activations") -> Measure:
    """Define tv, sv, nv, anova (parameter: confidence), anova_uncorrected or eta_squared."""
    options = () if parameter is None else (("confidence", parameter),)
    source = Source(VarianceAccumulator, options, view)
    return Measure(name, source, "tv", "sv") if name == "nv" else Measure(name, source, name)
