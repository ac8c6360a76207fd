"""Images of one data set in the shape of another, for networks that were trained on the other one."""

import numpy as np
from numpy.typing import NDArray

from equivariance.errors import UserError


def adapt(images: NDArray[np.uint8], shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Change images (N, C, H, W) to a shape (channels, height, width); those that have it stay as they are.

    Three channels become one by their mean, one becomes three by repetition. Sides are interpolated
    bilinearly, and averaged over where they shrink. Raises UserError for other changes of the channels.
    """
    if images.shape[1:] == tuple(shape):
        return images
    import torch  # here, as preparing data does not need it
    from torch.nn.functional import interpolate

    given, wanted = images.shape[1], shape[0]
    if given != wanted and {given, wanted} != {1, 3}:
        raise UserError(
            f"images with {given} channels, but the network takes {wanted}; only 1 and 3 can be converted"
        )
    values = torch.from_numpy(images).float()
    if given != wanted:
        values = values.mean(1, keepdim=True).expand(-1, wanted, -1, -1)
    if values.shape[2:] != tuple(shape[1:]):
        values = interpolate(values, size=shape[1:], mode="bilinear", antialias=True)
    return values.round().clamp(0, 255).to(torch.uint8).numpy()
