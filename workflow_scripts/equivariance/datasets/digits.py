"""The 8x8 handwritten digits that scikit-learn ships, at 16x16 with a margin: a small stand-in for MNIST."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from equivariance.datasets.image_set import ImageSet
from equivariance.datasets.settings import resolve
from equivariance.datasets.sizes import Size, split_size
from equivariance.datasets.splits import at_random

DEFAULTS = {"test_fraction": 0.2, "seed": 0}
SIZE = (12, 12)
MARGIN = 2  # black on each side, as around MNIST's digits: what moves past the border is then background


def expected_size(settings: Mapping[str, Any]) -> Size:
    """See `sizes.expected_size`."""
    return split_size((1, 16, 16), 10, 1797, settings["test_fraction"])


def load(settings: Mapping[str, Any], mirror: str | None, cache: Path) -> ImageSet:
    """Load 1797 gray images (1, 16, 16) of 10 digits, with a random stratified split. Needs no file."""
    from PIL import Image
    from sklearn.datasets import load_digits

    from equivariance.datasets.pictures import to_array

    chosen = resolve("digits", settings, DEFAULTS)
    digits = load_digits()
    gray = np.rint(digits.images * (255 / 16)).astype(np.uint8)  # (N, 8, 8): pixels are 0 .. 16
    enlarged = np.stack([to_array(Image.fromarray(image), 1, SIZE) for image in gray])  # (N, 1, 12, 12)
    sides = (MARGIN, MARGIN)
    images = ImageSet(
        name="digits",
        images=np.pad(enlarged, ((0, 0), (0, 0), sides, sides)),
        labels=digits.target.astype(np.int64),
        classes=tuple(str(digit) for digit in digits.target_names),
        groups=np.full(len(gray), "", dtype=np.str_),
        test=np.zeros(len(gray), dtype=np.bool_),
    )
    return at_random(images, chosen["test_fraction"], chosen["seed"])
