"""The spatial transformer: a small network that says how to warp its input (Jaderberg et al. 2015).

Localization network of the thesis' author: convolutions 7x7 and 5x5 with a max pooling and ReLU each, a
hidden linear layer, and a linear layer that starts at the identity.
"""

from collections import OrderedDict
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import affine_grid, grid_sample, normalize

from equivariance.models.blocks import Layers, activated, pooled_area

IDENTITY = {"affine": (1.0, 0.0, 0.0, 0.0, 1.0, 0.0), "rotation": (3.0, 0.0)}
"""Bias of the last linear layer, whose weights start at 0. After tanh, (3, 0) still has a gradient."""


class AffineMatrix(nn.Module):
    """Six numbers (N, 6) as matrices (N, 2, 3)."""

    layer_kind = "reshape"

    def forward(self, entries: Tensor) -> Tensor:
        """Arrange by row."""
        return entries.unflatten(1, (2, 3))


class RotationMatrix(nn.Module):
    """Two numbers (N, 2), divided by their L2 norm, as cosine and sine of matrices (N, 2, 3) that only
    rotate."""

    def forward(self, entries: Tensor) -> Tensor:
        """Compute (c, -s, 0), (s, c, 0)."""
        cos, sin = normalize(entries, dim=1).unbind(dim=1)
        zero = torch.zeros_like(cos)
        return torch.stack([cos, -sin, zero, sin, cos, zero], dim=1).unflatten(1, (2, 3))


class Warp(nn.Module):
    """Sample images (N, C, H, W) at the points that matrices (N, 2, 3) send their own points to.

    As grid_sample has it, a side goes from -1 to 1 and its ends are edges of pixels, not centres. The linear
    part acts in pixels, so that a rotation is rigid in an image that is not square. Beyond the border the
    value is 0, which in a standardised image is the mean.
    """

    def forward(self, images: Tensor, matrices: Tensor) -> Tensor:
        """Warp each image by its own matrix."""
        dtype = torch.promote_types(images.dtype, torch.float32)  # coordinates need more digits than half has
        ratio = images.shape[2] / images.shape[3]
        aspect = matrices.new_tensor([[1.0, ratio, 1.0], [1.0 / ratio, 1.0, 1.0]], dtype=dtype)
        grid = affine_grid(matrices * aspect, list(images.shape), align_corners=False)
        return grid_sample(images.to(dtype), grid, align_corners=False).to(images.dtype)


class SpatialTransformer(nn.Module):
    """Warp standardised images (N, C, H, W) by a matrix that the localization network finds for each.

    At the start the matrix is the identity. Raises UserError for images too small for the two poolings.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        head: Literal["affine", "rotation"],
        filters: int,
        hidden: int,
    ) -> None:
        super().__init__()
        values = filters * pooled_area("a spatial transformer", image_shape, 2)
        last = nn.Linear(hidden, len(IDENTITY[head]))
        with torch.no_grad():
            last.weight.zero_()
            last.bias.copy_(torch.tensor(IDENTITY[head]))
        layers: Layers = [
            ("conv1", nn.Conv2d(image_shape[0], filters, 7, padding=3)),
            ("pool1", nn.MaxPool2d(2)),
            ("conv1_act", nn.ReLU()),
            ("conv2", nn.Conv2d(filters, filters, 5, padding=2)),
            ("pool2", nn.MaxPool2d(2)),
            ("conv2_act", nn.ReLU()),
            ("flatten", nn.Flatten()),
            *activated("fc1", nn.Linear(values, hidden), "relu"),
        ]
        if head == "affine":
            layers += [("fc2", last), ("matrix", AffineMatrix())]
        else:
            layers += [*activated("fc2", last, "tanh"), ("matrix", RotationMatrix())]
        self.localization = nn.Sequential(OrderedDict(layers))
        self.warp = Warp()

    def forward(self, images: Tensor) -> Tensor:
        """Compute the warped images."""
        warped: Tensor = self.warp(images, self.localization(images))
        return warped
