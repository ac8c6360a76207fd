"""CIFAR10, read by torchvision."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from equivariance.datasets.archives import extracted
from equivariance.datasets.downloads import RemoteFile, fetch
from equivariance.datasets.image_set import ImageSet
from equivariance.datasets.settings import resolve
from equivariance.datasets.sizes import Size
from equivariance.errors import UserError

DEFAULTS: dict[str, Any] = {}

ARCHIVE = RemoteFile(
    name="cifar10/cifar-10-python.tar.gz",
    urls=("https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",),
    md5="c58f30108f718f92721af3b95e74349a",
    size=170_498_071,
)
# In the order of their labels; published lists have other orders too.
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def expected_size(settings: Mapping[str, Any]) -> Size:
    """See `sizes.expected_size`."""
    return Size((3, 32, 32), 10, train=50_000, test=10_000)


def load(settings: Mapping[str, Any], mirror: str | None, cache: Path) -> ImageSet:
    """Load 50,000 + 10,000 RGB images (3, 32, 32) of 10 classes, with the published split."""
    from torchvision.datasets import CIFAR10

    resolve("cifar10", settings, DEFAULTS)
    archive = fetch(ARCHIVE, mirror, cache)
    with extracted(archive, cache) as folder:
        try:
            train, test = CIFAR10(str(folder), train=True), CIFAR10(str(folder), train=False)
        except RuntimeError as error:  # a file is missing, or its md5 is not the one that torchvision knows
            raise UserError(f"{archive} does not contain CIFAR10: replace it and run again") from error
    if tuple(train.classes) != CLASSES:
        raise UserError(f"{archive} has the classes {train.classes}; expected: {', '.join(CLASSES)}")
    images = np.concatenate([train.data, test.data]).transpose(0, 3, 1, 2)  # (N, 3, 32, 32)
    return ImageSet(
        name="cifar10",
        images=np.ascontiguousarray(images),
        labels=np.array(train.targets + test.targets, dtype=np.int64),
        classes=CLASSES,
        groups=np.full(len(images), "", dtype=np.str_),
        test=np.arange(len(images)) >= len(train),
    )
