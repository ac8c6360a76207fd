"""Same-equivariance: whether transforming the input transforms the feature maps in the same way.

With a(x) a feature map of a layer, B[i, j] = t_j^-1(a(t_j(x_i))): the transformation undone on the map. Where
the layer is equivariant B does not depend on j, so the measures of invariance, taken of B pixel by pixel,
measure same-equivariance: TVSE, SVSE, NVSE are TV, SV, NV of B (`variance`); TDSE, SDSE, NDSE are TD, SD, ND
of B (`distance`). The simple distance, which this module computes, needs no inverse:

    DSES = mean_ij sqrt(mean_hw (a(t_j(x_i)) - t_j(a(x_i)))^2)

per feature map, in units of the activation; `dses_normalize` divides both maps by their L2 norm (a map of
zeros stays) and takes their distance, from 0 to 2, which layers of different scale and size have in common.

Matrices are in units of the image's side, so that maps of any resolution are transformed by the same
fraction of theirs. Only layers with feature maps have these measures. Interpolation and what lies beyond the
border keep all but DSES above 0 even for the identity network: see `resampling_floor`.
"""

from collections.abc import Collection
from typing import Self

import torch
from torch import Tensor

from equivariance.errors import UserError
from equivariance.measures.accumulator import Accumulator, Setting
from equivariance.measures.kernels.resampling import map_distances
from equivariance.transformations.warp import inside


class SimpleDistanceAccumulator(Accumulator):
    """DSES of one layer: maps `dses` and `dses_normalize`, (C,) each; float64 sums per feature map."""

    STATE = ("_passes", "_sums")
    BY_ROWS = ("dses", "dses_normalize")

    def __init__(self, setting: Setting, wanted: Collection[str] | None = None) -> None:
        super().__init__(setting, wanted)
        if setting.identity is None or setting.matrices is None:
            raise UserError("dses needs the matrices of the transformations, the identity among them")
        self._matrices = setting.matrices
        self._identity = setting.identity
        self._sums = torch.zeros(0, dtype=torch.float64)  # (2, C)

    def _update_rows(self, block: Tensor) -> None:
        height, width = block.shape[3:]
        maps = block.to(self.setting.dtype)
        untransformed = maps[:, self._identity, None]  # (n, 1, C, H, W)
        expected = self.setting.resampler(height, width, inverse=False)(untransformed)
        pixels = maps.new_tensor(height * width)
        if self.setting.mask:
            valid = inside(self._matrices, height, width)[:, None]  # (T, 1, H, W)
            maps, expected = maps.where(valid, 0), expected.where(valid, 0)
            pixels = valid.sum((-2, -1)).clamp(min=1).to(maps)  # (T, 1)
        plain, normalized = _distances(maps.flatten(3), expected.flatten(3))  # (n, T, C) each
        sums = torch.stack([(plain / pixels.sqrt()), normalized]).double().mean(2).sum(1)  # (2, C)
        self._sums = self._sums + sums if self._sums.numel() else sums

    def _merge(self, other: Self) -> None:
        theirs = other._sums.to(self._matrices.device)
        self._sums = self._sums + theirs if self._sums.numel() else theirs.clone()

    def _compute(self) -> dict[str, Tensor]:
        plain, normalized = (self._sums / self._passes.count).cpu()
        return {"dses": plain, "dses_normalize": normalized}


def _distances(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Compute the Euclidean distances of maps (..., pixels), and of the maps divided by their norms."""
    if first.device.type == "cpu":
        plain, normalized = (first.new_empty(first.shape[:-1]) for _ in range(2))
        pixels = first.shape[-1]
        map_distances(
            first.reshape(-1, pixels).numpy(),
            second.reshape(-1, pixels).numpy(),
            plain.view(-1).numpy(),
            normalized.view(-1).numpy(),
        )
        return plain, normalized
    return (
        torch.linalg.vector_norm(first - second, dim=-1),
        torch.linalg.vector_norm(_unit(first) - _unit(second), dim=-1),
    )


def _unit(vectors: Tensor) -> Tensor:
    norms = torch.linalg.vector_norm(vectors, dim=-1, keepdim=True)
    return vectors / norms.where(norms > 0, 1)
