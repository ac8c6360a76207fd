"""CIFAR10: the published archive, or copies of its images in folders."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equivariance.datasets import folder
from equivariance.datasets.archives import extracted
from equivariance.datasets.downloads import RemoteFile, fetch
from equivariance.datasets.image_set import ImageSet, Part
from equivariance.datasets.pickles import read_pickle
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
FOLDER = "cifar-10-batches-py"  # in the archive
BATCHES: dict[Part, tuple[str, ...]] = {
    "train": ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5"),
    "test": ("test_batch",),
}
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
    archive = fetch(ARCHIVE, mirror, cache)
    with extracted(archive, cache) as inside:
        try:
            classes = read_pickle(inside / FOLDER / "batches.meta")["label_names"]
            parts = {part: [_batch(inside / FOLDER / name) for name in BATCHES[part]] for part in BATCHES}
        except (OSError, UnpicklingError, LookupError, TypeError, ValueError) as error:
            raise UserError(
                f"{archive} does not contain CIFAR10 ({error}): replace it and run again"
            ) from error
    _check_classes(archive, classes)
    images, labels = (np.concatenate(of_all) for of_all in zip(*parts["train"], *parts["test"], strict=True))
    train = sum(len(of_batch) for _, of_batch in parts["train"])
    return ImageSet(
        name="cifar10",
        images=images,
        labels=labels,
        classes=CLASSES,
        groups=np.full(len(images), "", dtype=np.str_),
        test=np.arange(len(images)) >= train,
    )


def _batch(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images (n, 3, 32, 32) and labels (n,) of a file of the archive."""
    content = read_pickle(path)
    images, labels = np.asarray(content["data"]), np.array(content["labels"], dtype=np.int64)
    if images.dtype != np.uint8 or images.shape != (len(labels), 3 * 32 * 32):
        raise ValueError(f"{path.name} has {images.dtype} {images.shape} for {len(labels)} labels")
    return images.reshape(-1, 3, 32, 32), labels


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
