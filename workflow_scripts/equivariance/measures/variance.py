"""The variance measures of the thesis.

With A[i, j] the activation of a unit for sample i under transformation j, n samples and m transformations:

    TV = (1/n) sum_i std_j A[i, j]    transformational variance
    SV = (1/m) sum_j std_i A[i, j]    sample variance
    NV = TV / SV                      normalised variance

Means of standard deviations (ddof=1), not deviations of means. NV is 0 for an invariant unit, about 1 where
transforming the input moves the unit as much as changing the sample does, and has no upper bound.
"""

from typing import Self

import torch
from torch import Tensor

from equivariance.measures.accumulator import Measure, Scratch
from equivariance.measures.moments import Moments, std_along


class VarianceAccumulator:
    """TV and SV of one layer. Keeps mean and M2 over samples for each transformation and unit, and TV's sum.

    With float32 tiles, activations whose squares leave the range of float32 (spreads below 1e-18 or above
    1e18) need `dtype=torch.float64`.
    """

    def __init__(self, dtype: torch.dtype = torch.float32, scratch: Scratch | None = None) -> None:
        self._dtype = dtype
        self._scratch = scratch or Scratch()
        self._samples = 0
        self._shape: torch.Size = torch.Size()
        self._tv_sum = torch.zeros(0, dtype=torch.float64)  # (units,)
        self._over_samples = Moments(dtype, self._scratch)  # of (T, units)

    @torch.no_grad()
    def update(self, block: Tensor) -> None:
        """Take in a block (n, T, ...), complete in T."""
        rows = block.reshape(*block.shape[:2], -1).to(self._dtype)  # (n, T, units)
        deviations = std_along(rows, 1, self._scratch).double().sum(0)  # (units,)
        if self._samples:
            self._tv_sum += deviations
        else:
            self._shape, self._tv_sum = block.shape[2:], deviations
        self._over_samples.update(rows)
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
        """Give the maps `tv` and `sv` of the layer's shape, float64."""
        if not self._samples:
            raise ValueError("no samples were taken in")
        maps = {"tv": self._tv_sum / self._samples, "sv": self._over_samples.mean_std()}
        return {name: values.reshape(self._shape).cpu() for name, values in maps.items()}


MEASURES = (
    Measure("tv", VarianceAccumulator, "tv"),
    Measure("sv", VarianceAccumulator, "sv"),
    Measure("nv", VarianceAccumulator, "tv", "sv"),
)
