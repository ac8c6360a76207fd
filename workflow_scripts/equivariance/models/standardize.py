"""The first layer of every network: scales images in [0, 1] to zero mean and unit variance per channel."""

import torch
from torch import Tensor, nn


class Standardize(nn.Module):
    """Compute (x - mean) / std per channel.

    The statistics are those of the training images alone, and are saved with the weights. Until they are set,
    mean 0 and std 1 leave the images as they are.
    """

    layer_kind = "input"
    mean: Tensor  # (C,)
    std: Tensor  # (C,)

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("std", torch.ones(channels))

    def set(self, mean: Tensor, std: Tensor) -> None:
        """Set mean and std, (C,) each. A constant channel (std 0) is only centred."""
        self.mean.copy_(mean)
        self.std.copy_(torch.where(std > 0, std, torch.ones_like(std)))

    def forward(self, images: Tensor) -> Tensor:  # (N, C, H, W)
        """Standardise images (N, C, H, W)."""
        return (images - self.mean[:, None, None]) / self.std[:, None, None]
