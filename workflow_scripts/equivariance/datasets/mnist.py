"""MNIST, read by torchvision."""

import gzip
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from equivariance.datasets.archives import temporary_folder
from equivariance.datasets.downloads import RemoteFile, fetch
from equivariance.datasets.image_set import ImageSet
from equivariance.datasets.settings import resolve
from equivariance.datasets.sizes import Size

DEFAULTS: dict[str, Any] = {}

HOSTS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
# md5 of the original, unpacked files, as hosts compress them in different ways.
UNPACKED_MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}


def expected_size(settings: Mapping[str, Any]) -> Size:
    """See `sizes.expected_size`."""
    return Size((1, 28, 28), 10, train=60_000, test=10_000)


def load(settings: Mapping[str, Any], mirror: str | None, cache: Path) -> ImageSet:
    """Load 60,000 + 10,000 gray images (1, 28, 28) of 10 digits, with the published split."""
    from torchvision.datasets import MNIST

    resolve("mnist", settings, DEFAULTS)
    with temporary_folder(cache) as folder:
        raw = folder / "MNIST" / "raw"  # where torchvision looks
        raw.mkdir(parents=True)
        for name, md5 in UNPACKED_MD5.items():
            file = RemoteFile(
                f"mnist/{name}.gz", tuple(f"{host}{name}.gz" for host in HOSTS), unpacked_md5=md5
            )
            with gzip.open(fetch(file, mirror, cache)) as packed, (raw / name).open("wb") as unpacked:
                shutil.copyfileobj(packed, unpacked)
        train, test = MNIST(folder, train=True), MNIST(folder, train=False)
    images = np.concatenate([train.data.numpy(), test.data.numpy()])[:, None]  # (N, 1, 28, 28)
    return ImageSet(
        name="mnist",
        images=images,
        labels=np.concatenate([train.targets.numpy(), test.targets.numpy()]).astype(np.int64),
        classes=tuple(str(digit) for digit in range(10)),
        groups=np.full(len(images), "", dtype=np.str_),
        test=np.arange(len(images)) >= len(train),
    )
