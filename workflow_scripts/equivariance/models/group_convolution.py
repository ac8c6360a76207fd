"""Convolutions on the group p4 of translations and quarter turns (Cohen and Welling 2016).

Feature maps over p4 are (N, 4 F, H, W): feature f under rotation r is channel 4 f + r, so that they are
feature maps like any other. A quarter turn of the image counter-clockwise turns each map and moves it from
rotation r to r + 1 modulo 4. That is exact to rounding where the sampling is symmetric about the centre:
stride 2 needs odd sides, a pooling by 2 even ones.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

TURNS = 4


class P4Conv(nn.Module):
    """Convolution of images (N, C, H, W), or of maps over p4 (N, 4 F, H, W), to maps over p4.

    Each filter is learned once and applied in four rotations; over p4 its rotation axis turns with it. The
    sides keep their size at stride 1. Weights start as those of torch.nn.Conv2d.
    """

    layer_kind = "conv"

    def __init__(
        self, inputs: int, features: int, kernel_size: int = 3, stride: int = 1, over_p4: bool = True
    ) -> None:
        super().__init__()
        rotations = TURNS if over_p4 else 1
        self.stride = stride
        self.weight = nn.Parameter(torch.empty(features, inputs, rotations, kernel_size, kernel_size))
        self.bias = nn.Parameter(torch.empty(features))
        bound = 1 / math.sqrt(self.weight[0].numel())
        nn.init.uniform_(self.weight, -bound, bound)
        nn.init.uniform_(self.bias, -bound, bound)

    def forward(self, maps: Tensor) -> Tensor:
        """Compute the maps over p4 (N, 4 features, H / stride, W / stride)."""
        turned = [self.weight.roll(r, dims=2).rot90(r, dims=(3, 4)) for r in range(TURNS)]
        filters = torch.stack(turned, dim=1)  # (features, 4, inputs, rotations, k, k)
        return conv2d(
            maps,
            filters.flatten(2, 3).flatten(0, 1),
            self.bias.repeat_interleave(TURNS),
            stride=self.stride,
            padding=self.weight.shape[-1] // 2,
        )


class P4BatchNorm(nn.BatchNorm2d):
    """Batch normalization of maps over p4, with one mean and variance per feature for its four rotations."""

    def forward(self, input: Tensor) -> Tensor:
        """Normalize (N, 4 features, H, W)."""
        one_map = input.unflatten(1, (-1, TURNS)).flatten(2, 3)  # (N, features, 4 H, W)
        return super().forward(one_map).reshape(input.shape)


class RotationMax(nn.Module):
    """Maximum over the four rotations: (N, 4 F, H, W) to (N, F, H, W), which turn with the image."""

    layer_kind = "pool"

    def forward(self, maps: Tensor) -> Tensor:
        """Compute the maximum."""
        return maps.unflatten(1, (-1, TURNS)).amax(dim=2)
