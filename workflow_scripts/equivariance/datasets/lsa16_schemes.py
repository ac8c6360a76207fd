"""LSA16 under the preprocessing schemes of the 2017 study: the position of the hand, and its appearance."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from equivariance.datasets.archives import extracted
from equivariance.datasets.downloads import RemoteFile, fetch
from equivariance.datasets.handshapes import (
    SIZE,
    SUBJECT_SPLIT,
    SUBJECT_SPLITS,
    split_by_settings,
    test_share,
)
from equivariance.datasets.image_set import ImageSet
from equivariance.datasets.lsa16 import CLASSES, IMAGES, class_names
from equivariance.datasets.pictures import to_array
from equivariance.datasets.settings import one_of, resolve
from equivariance.datasets.sizes import Size, split_size
from equivariance.errors import UserError

if TYPE_CHECKING:
    from PIL.Image import Image

DEFAULTS: dict[str, Any] = {"position": "original", "appearance": "rgb", **SUBJECT_SPLIT}

POSITIONS = ("original", "nr", "mr")  # as photographed; turned upright; 16 turned copies of the original
CHANNELS = {"rgb": 3, "rgb_resized": 3, "rgb_black_background": 3, "gray": 1, "bw": 1, "bw_contour": 1}
ROTATIONS = 16  # copies in mr, 22.5 degrees apart
FOLDER = "normal_experiments/datasets/lsa32x32"
ARCHIVE = RemoteFile(
    # No checksum: the host makes the archive anew from time to time.
    name="convolutional_handshape/master.zip",
    urls=("https://github.com/midusi/convolutional_handshape/archive/refs/heads/master.zip",),
    how_by_hand="Download https://github.com/midusi/convolutional_handshape as a zip",
)


def expected_size(settings: Mapping[str, Any]) -> Size:
    """See `sizes.expected_size`."""
    images = IMAGES * (ROTATIONS if settings["position"] == "mr" else 1)
    return split_size((CHANNELS[settings["appearance"]], *SIZE), CLASSES, images, test_share(settings))


def load(settings: Mapping[str, Any], mirror: str | None, cache: Path) -> ImageSet:
    """Load 800 images (C, 32, 32), 12,800 in position mr; RGB has 3 channels, gray, mask and contour have 1.

    Split as LSA16. The 16 copies of a photograph in mr are always in the same part.
    """
    from PIL import Image, UnidentifiedImageError

    chosen = resolve("lsa16_schemes", settings, DEFAULTS)
    position = one_of("position of lsa16_schemes", chosen["position"], POSITIONS)
    appearance = one_of("appearance of lsa16_schemes", chosen["appearance"], CHANNELS)
    one_of("split of lsa16_schemes", chosen["split"], SUBJECT_SPLITS)
    if (position, appearance) == ("nr", "rgb_resized"):
        raise UserError("lsa16_schemes has rgb_resized in the positions original and mr only; nr has rgb")
    archive = fetch(ARCHIVE, mirror, cache)
    scheme = f"{FOLDER}/{'original' if position == 'mr' else position}/{appearance}/"
    with extracted(archive, cache, only=scheme) as root:
        # The archive has one folder at its root, named for the branch.
        files = sorted(root.glob(f"*/{scheme}[0-9][0-9]_[0-9][0-9]_*.png"))
        if not files:
            raise UserError(f"{archive} contains no images in {scheme}: replace it and run again")
        try:
            pictures = [
                Image.open(file).convert("RGB" if CHANNELS[appearance] == 3 else "L") for file in files
            ]
        except (UnidentifiedImageError, OSError) as error:
            raise UserError(
                f"{archive} contains an image that cannot be read ({error}): replace it and run again"
            ) from error
    numbers = [file.stem.split("_") for file in files]  # class, subject, repetition, perhaps an angle
    photographs = ImageSet(
        name="lsa16_schemes",
        images=np.stack([to_array(picture, CHANNELS[appearance], SIZE) for picture in pictures]),
        labels=np.array([int(number[0]) - 1 for number in numbers], dtype=np.int64),
        classes=class_names(),
        groups=np.array([str(int(number[1])) for number in numbers], dtype=np.str_),
        test=np.zeros(len(files), dtype=np.bool_),
    )
    split = split_by_settings(photographs, chosen)
    return _with_rotations(split, pictures) if position == "mr" else split


def _with_rotations(images: ImageSet, pictures: "list[Image]") -> ImageSet:
    """Turn every picture, in its own resolution, by 16 angles; the corners are black, as they are in all of
    them. The copies of a picture follow each other."""
    from PIL.Image import Resampling

    channels = images.images.shape[1]
    turned = [
        to_array(picture.rotate(360 * step / ROTATIONS, Resampling.BILINEAR), channels, SIZE)
        for picture in pictures
        for step in range(ROTATIONS)
    ]
    return replace(
        images,
        images=np.stack(turned),
        labels=images.labels.repeat(ROTATIONS),
        groups=images.groups.repeat(ROTATIONS),
        test=images.test.repeat(ROTATIONS),
    )
