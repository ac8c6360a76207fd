"""Transform images: one batched call, one matrix per image.

The value at p of the transformed image is the value at M^-1 p of the given one, interpolated between the
centres of the four nearest pixels (bilinear) or taken from the nearest one. Where M^-1 p is off the image,
`border` repeats the nearest pixel of the edge and `zeros` takes 0 (black, for images that are not
standardised yet). The centre of the transformation is the exact centre of the image, for even and odd
sizes.
"""

from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

Padding = Literal["border", "zeros"]
Interpolation = Literal["bilinear", "nearest"]


def warp(
    images: Tensor,
    matrices: Tensor,
    padding: Padding = "border",
    interpolation: Interpolation = "bilinear",
) -> Tensor:
    """Transform images (N, C, H, W) by matrices (N, 3, 3), or all by one (1, 3, 3).

    The images may be feature maps of any resolution. The result has their shape, dtype and device; half
    precision is sampled in float32, as coordinates need more digits than it has. Raises ValueError for
    other shapes or whole numbers.
    """
    if not images.is_floating_point() or images.dim() != 4:
        raise ValueError(f"images are {images.dtype} {tuple(images.shape)}; needed: floats (N, C, H, W)")
    count, _, height, width = images.shape
    if len(matrices) not in (1, count):
        raise ValueError(f"{len(matrices)} matrices for {count} images; needed: one each, or a single one")
    dtype = torch.promote_types(images.dtype, torch.float32)
    columns, rows = source_points(matrices, height, width)
    grid = columns.to(images.device, dtype) + rows.to(images.device, dtype)  # (N, H, W, 2)
    warped = grid_sample(
        images.to(dtype),
        grid.expand(count, -1, -1, -1),
        mode=interpolation,
        padding_mode=padding,
        align_corners=False,
    )
    return warped.to(images.dtype)


def inside(matrices: Tensor, height: int, width: int) -> Tensor:
    """Mark the pixels whose value needs no padding, bool (N, H, W).

    For those, M^-1 p lies between the centres of the outermost pixels. From there to the edge of the image,
    bilinear values already depend on what is assumed beyond it.
    """
    columns, rows = source_points(matrices, height, width)
    sides = torch.tensor([width, height], dtype=torch.float64, device=columns.device)
    slack = 1e-6  # rounding in the matrices must not drop the border of an exact quarter turn
    return ((columns + rows).abs() <= (1 - 1 / sides) + slack).all(dim=-1)


def source_points(matrices: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Compute M^-1 p, x before y, at each pixel centre p, from -1 to 1 along each side as grid_sample has it.

    In two parts, by column (N, 1, W, 2) and by row (N, H, 1, 2), whose sum is the points. Only the sum is as
    large as the images, so that float64 costs nothing here.
    """
    device = matrices.device
    longer = max(height, width)
    half_sides = torch.tensor([width, height], dtype=torch.float64, device=device) / longer
    # Without the check of inv, which would make a GPU wait.
    inverses = torch.linalg.inv_ex(matrices.double()).inverse[:, :2] / half_sides[:, None]  # (N, 2, 3)
    to_x, to_y, offset = inverses[:, None, None].unbind(-1)  # (N, 1, 1, 2) each
    x = (2 * torch.arange(width, dtype=torch.float64, device=device) + 1 - width) / longer
    y = (2 * torch.arange(height, dtype=torch.float64, device=device) + 1 - height) / longer
    return to_x * x[:, None], to_y * y[:, None, None] + offset
