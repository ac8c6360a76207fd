"""Transform the feature maps of a layer by every member of a set, the same members again and again."""

import torch
from torch import Tensor

from equivariance.measures.kernels.resampling import resample
from equivariance.transformations.warp import Padding, source_points, warp


class Resampler:
    """Transforms feature maps (H, W) by matrices (T, 3, 3) as `transformations.warp` does, bilinearly.

    On a CPU the neighbours of each pixel and their weights are computed once: 32 bytes for each pixel and
    transformation, 48 in float64.
    """

    def __init__(
        self, matrices: Tensor, height: int, width: int, padding: Padding, dtype: torch.dtype
    ) -> None:
        self._matrices = matrices
        self._shape = (height, width)
        self._padding = padding
        self._dtype = dtype
        if matrices.device.type == "cpu":
            indices, weights = neighbours(matrices, height, width, padding)
            self._indices, self._weights = indices.int().numpy(), weights.to(dtype).numpy()

    def __call__(self, maps: Tensor) -> Tensor:
        """Transform maps (n, T, C, H, W), each by its matrix, or (n, 1, C, H, W), by all, to as many.

        Raises ValueError for other shapes.
        """
        count, sources, *shape = maps.shape
        members = len(self._matrices)
        if sources not in (1, members) or tuple(shape[1:]) != self._shape:
            raise ValueError(f"maps {tuple(maps.shape)} for {members} matrices and pixels {self._shape}")
        given = maps.to(self._dtype)
        if maps.device.type != "cpu":
            flat = given.expand(-1, members, *shape).reshape(-1, *shape)
            return warp(flat, self._matrices.repeat(count, 1, 1), self._padding).unflatten(
                0, (count, members)
            )
        out = torch.empty(count, members, *shape, dtype=self._dtype)
        resample(
            given.flatten(3).contiguous().numpy(),
            self._indices,
            self._weights,
            out.flatten(3).numpy(),
        )
        return out


def neighbours(matrices: Tensor, height: int, width: int, padding: Padding) -> tuple[Tensor, Tensor]:
    """Find the four pixels that each pixel is interpolated from, and their weights, (T, 4, H * W) each."""
    columns, rows = source_points(matrices, height, width)
    sides = torch.tensor([width, height], dtype=torch.float64)
    points = ((columns + rows + 1) * sides - 1) / 2  # (T, H, W, 2), x and y in pixels
    if padding == "border":
        points = points.clamp(torch.zeros(2, dtype=torch.float64), sides - 1)
    first = points.floor()
    fraction = points - first
    indices, weights = [], []
    for corner in ((0, 0), (1, 0), (0, 1), (1, 1)):
        at = first + torch.tensor(corner, dtype=torch.float64)
        weight = torch.where(torch.tensor(corner, dtype=torch.bool), fraction, 1 - fraction).prod(-1)
        seen = ((at >= 0) & (at < sides)).all(-1)
        x, y = at.clamp(torch.zeros(2, dtype=torch.float64), sides - 1).unbind(-1)
        indices.append(y * width + x)
        weights.append(weight * seen)
    return torch.stack(indices, 1).flatten(2), torch.stack(weights, 1).flatten(2)
