"""Handshapes of the German sign language in RWTH-PHOENIX-Weather (Koller et al. 2016).

Read by handshape_datasets. It does not give the clips; they are in the paths of the annotation file.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from equivariance.datasets.archives import temporary_folder
from equivariance.datasets.downloads import RemoteFile, fetch
from equivariance.datasets.handshapes import SIZE, read_by_library
from equivariance.datasets.image_set import ImageSet
from equivariance.datasets.pictures import resize
from equivariance.datasets.settings import one_of, resolve, whole
from equivariance.datasets.sizes import Size, split_size
from equivariance.datasets.splits import at_random, by_group_fraction, keep_frequent_classes

DEFAULTS: dict[str, Any] = {"split": "clip", "minimum_images_per_class": 15, "test_fraction": 0.2, "seed": 0}
SPLITS = ("clip", "random")
IMAGES_OF_CLASSES = (
    529, 401, 349, 333, 321, 309, 197, 152, 113, 103, 88, 46, 37, 36, 30, 29, 24, 24, 23, 21, 18, 15, 15,
    14, 13, 12, 11, 9, 9, 8, 7, 7, 7, 7, 6, 6, 5, 5, 5, 5, 4, 2, 2, 1, 1,
)  # fmt: skip
"""Images of each class, the largest first, counted in the annotation file."""

CONTENT = "ph2014-dev-set-handshape-annotations"
ANNOTATIONS = "3359-ph2014-MS-handshape-annotations.txt"
ARCHIVE = RemoteFile(
    # No checksum: the publisher gives none, and copies at a smaller size are in use.
    name="rwth/rwth.tar.gz",
    urls=(f"https://www-i6.informatik.rwth-aachen.de/ftp/pub/rwth-phoenix/2016/{CONTENT}.tar.gz",),
    how_by_hand=(
        f"Get {CONTENT}.tar.gz from https://www-i6.informatik.rwth-aachen.de/~koller/1miohands-data/"
    ),
)


def expected_size(settings: Mapping[str, Any]) -> Size:
    """See `sizes.expected_size`."""
    kept = [count for count in IMAGES_OF_CLASSES if count >= settings["minimum_images_per_class"]]
    return split_size((3, *SIZE), len(kept), sum(kept), settings["test_fraction"])


def load(settings: Mapping[str, Any], mirror: str | None, cache: Path) -> ImageSet:
    """Load RGB images (3, 32, 32), 3359 of 45 classes before rare classes are dropped; the groups are clips.

    Classes of fewer than `minimum_images_per_class` images are dropped and the others numbered anew.
    `split: clip` keeps each clip on one side; `random` is stratified and mixes frames of a clip.
    """
    chosen = resolve("rwth", settings, DEFAULTS)
    one_of("split of rwth", chosen["split"], SPLITS)
    minimum = whole("minimum_images_per_class", chosen["minimum_images_per_class"], 1)
    archive = fetch(ARCHIVE, mirror, cache)
    with temporary_folder(cache) as folder:
        home = folder / "rwth"
        home.mkdir()
        shutil.copyfile(archive, home / "rwth.tar.gz")  # a copy, as the library deletes it
        (home / "rwth_downloaded").touch()
        pictures, labels, _ = read_by_library("rwth", folder, archive)
        paths, names = _annotations(home / CONTENT / ANNOTATIONS)
    images = ImageSet(
        name="rwth",
        images=resize(pictures, SIZE),
        labels=labels,
        classes=tuple(sorted(set(names))),  # the library numbers the labels in this order
        groups=np.array([clip(path) for path in paths], dtype=np.str_),
        test=np.zeros(len(labels), dtype=np.bool_),
    )
    frequent = keep_frequent_classes(images, minimum)
    split = {"clip": by_group_fraction, "random": at_random}[chosen["split"]]
    return split(frequent, chosen["test_fraction"], chosen["seed"])


def clip(path: str) -> str:
    """Name the clip that an image is a frame of, .../<clip>/1/<frame>.png."""
    return PurePosixPath(path).parts[-3]


def _annotations(path: Path) -> tuple[list[str], list[str]]:
    """Read the images' paths and class names, in the library's order."""
    rows = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
    return [row[0] for row in rows], [row[1] for row in rows]
