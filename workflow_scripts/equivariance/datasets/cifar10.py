"""CIFAR10: the published archive, read by torchvision, or copies of its images in folders."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from equivariance.datasets import folder
from equivariance.datasets.archives import extracted
from equivariance.datasets.downloads import RemoteFile, fetch
from equivariance.datasets.image_set import ImageSet, Part
from equivariance.datasets.picture_folders import listed
from equivariance.datasets.settings import resolve
from equivariance.datasets.sizes import Size
from equivariance.errors import UserError

# images: a folder or zip of train/<class>/* and test/<class>/*, looked for as the `path` of source `folder`;
# null is the published archive.
DEFAULTS: dict[str, Any] = {"images": None}

ARCHIVE = RemoteFile(
    name="cifar10/cifar-10-python.tar.gz",
    urls=("https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",),
    md5="c58f30108f718f92721af3b95e74349a",
    size=170_498_071,
)
# In the order of their labels; published lists have other orders too.
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


PER_CLASS: dict[Part, int] = {"train": 5000, "test": 1000}


def expected_size(settings: Mapping[str, Any]) -> Size:
    """See `sizes.expected_size`."""
    return Size((3, 32, 32), 10, train=50_000, test=10_000)


def load(settings: Mapping[str, Any], mirror: str | None, cache: Path) -> ImageSet:
    """Load 50,000 + 10,000 RGB images (3, 32, 32) of 10 classes, with the published split.

    Raises UserError where the archive, or the folder or zip `images`, does not have them.
    """
    images = resolve("cifar10", settings, DEFAULTS)["images"]
    return _from_archive(mirror, cache) if images is None else _from_copies(images, mirror, cache)


def _from_archive(mirror: str | None, cache: Path) -> ImageSet:
    from torchvision.datasets import CIFAR10

    archive = fetch(ARCHIVE, mirror, cache)
    with extracted(archive, cache) as inside:
        try:
            train, test = CIFAR10(str(inside), train=True), CIFAR10(str(inside), train=False)
        except RuntimeError as error:  # a file is missing, or its md5 is not the one that torchvision knows
            raise UserError(f"{archive} does not contain CIFAR10: replace it and run again") from error
    _check_classes(archive, train.classes)
    images = np.concatenate([train.data, test.data]).transpose(0, 3, 1, 2)  # (N, 3, 32, 32)
    return ImageSet(
        name="cifar10",
        images=np.ascontiguousarray(images),
        labels=np.array(train.targets + test.targets, dtype=np.int64),
        classes=CLASSES,
        groups=np.full(len(images), "", dtype=np.str_),
        test=np.arange(len(images)) >= len(train),
    )


def _from_copies(images: Any, mirror: str | None, cache: Path) -> ImageSet:
    """Read them in the order of classes and file names: that of the archive is not known."""
    if not isinstance(images, str) or not images:
        raise UserError(
            f"images is {images!r}; needed: a folder or a zip of train/<class>/* and test/<class>/*"
        )
    copies = folder.load({"path": images}, mirror, cache)
    _check_classes(images, copies.classes)
    if copies.images.shape[1:] != (3, 32, 32):
        height, width = copies.images.shape[2:]
        raise UserError(
            f"the images of {images} have {width} x {height} pixels; those of CIFAR10 have 32 x 32"
        )
    wrong = [
        f"{count:,} of {name} in {part}, not {expected:,}"
        for part, expected in PER_CLASS.items()
        for name, count in zip(CLASSES, np.bincount(copies.part(part)[1], minlength=10), strict=True)
        if count != expected
    ]
    if wrong:
        raise UserError(f"{images} has not the images of CIFAR10: {listed(wrong)}")
    return replace(copies, name="cifar10", copies=True)


def _check_classes(where: Path | str, classes: Sequence[str]) -> None:
    if tuple(classes) != CLASSES:
        raise UserError(f"{where} has the classes {', '.join(classes)}; expected: {', '.join(CLASSES)}")
