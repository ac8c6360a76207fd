"""Pictures of any kind and size to arrays of one shape."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image


def to_array(picture: "Image", channels: int, size: tuple[int, int] | None = None) -> NDArray[np.uint8]:
    """Convert a picture of any mode to uint8 (channels, height, width), resized to (height, width) if given.

    One channel is gray, three are RGB. Pixels are averaged where a picture shrinks, interpolated where it
    grows.
    """
    from PIL.Image import Resampling

    picture = picture.convert({1: "L", 3: "RGB"}[channels])
    if size is not None and picture.size != size[::-1]:  # Pillow's sizes are (width, height)
        picture = picture.resize(size[::-1], Resampling.BILINEAR)
    return np.atleast_3d(np.asarray(picture, dtype=np.uint8)).transpose(2, 0, 1)  # (C, H, W)


def resize(images: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Resize RGB images (N, H, W, 3) to (N, 3, height, width)."""
    from PIL import Image

    return np.stack([to_array(Image.fromarray(image), 3, size) for image in images])
