"""Images on the device, and batches of transformed images made there."""

from collections.abc import Iterator

import numpy as np
import torch

from equivariance.training.layout import images_last
from equivariance.transformations.sets import TransformationSet
from equivariance.transformations.warp import Padding, warp


class DeviceImages:
    """Images (N, C, H, W) as uint8 and labels (N,) on a device: the whole data set, moved once.

    `padding` is what every transformation of them shows beyond the border of an image.
    """

    def __init__(
        self, images: np.ndarray, labels: np.ndarray, device: torch.device, padding: Padding = "border"
    ) -> None:
        """Move images and labels to the device."""
        self.padding = padding
        self.images = torch.from_numpy(np.ascontiguousarray(images)).to(device)  # (N, C, H, W) uint8
        self.labels = torch.from_numpy(np.ascontiguousarray(labels)).to(device)  # (N,) int64

    def __len__(self) -> int:
        return len(self.labels)

    def batch(
        self, rows: torch.Tensor, matrices: torch.Tensor | None = None, flipped: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Images of `rows` in [0, 1], each transformed by its own matrix (N, 3, 3) if there are matrices.

        Before that, images are mirrored (left and right exchanged) where `flipped` (N,) is true. In memory,
        the channels are innermost, see `layout`.
        """
        images = self.images[rows].float().div_(255)  # (N, C, H, W)
        if flipped is not None:
            images = torch.where(flipped[:, None, None, None], images.flip(3), images)
        return images_last(images if matrices is None else warp(images, matrices, self.padding))


def epoch_batches(
    data: DeviceImages,
    transformations: TransformationSet,
    batch_size: int,
    order: torch.Generator,
    draws: torch.Generator,
    random_flips: bool = False,
) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Batches of (images in [0, 1], labels, members) that cover the data once in random order.

    Each image is transformed by a member of the set, drawn uniformly and anew in each epoch. With
    `random_flips` it is mirrored before that with probability 1/2. The last batch may be smaller. A last
    batch of one image joins the batch before it: batch normalization cannot train on one value.
    """
    device = data.labels.device
    rows = torch.randperm(len(data), generator=order).to(device)
    members = torch.randint(len(transformations), (len(data),), generator=draws).to(device)
    matrices = transformations.matrices.to(device)  # (T, 3, 3)
    flips = torch.rand(len(data), generator=draws).to(device) < 0.5 if random_flips else None
    plain = len(transformations) == 1
    starts = list(range(0, len(data), batch_size))
    if len(starts) > 1 and len(data) - starts[-1] == 1:
        starts.pop()
    for start, stop in zip(starts, [*starts[1:], len(data)], strict=True):
        chosen = rows[start:stop]
        warps = None if plain else matrices[members[start:stop]]
        flipped = None if flips is None else flips[start:stop]
        yield data.batch(chosen, warps, flipped), data.labels[chosen], members[start:stop]
