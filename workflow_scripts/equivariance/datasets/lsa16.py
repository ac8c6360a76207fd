"""LSA16: 16 handshapes of the Argentinian sign language, upright and segmented (Ronchetti et al. 2016).

Read by handshape_datasets. That library needs two archives, this version and a larger one with background;
here its folder is made as after its own unpacking, with this version alone.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from equivariance.datasets.archives import extract, temporary_folder
from equivariance.datasets.downloads import RemoteFile, fetch
from equivariance.datasets.handshapes import (
    SIZE,
    SUBJECT_SPLIT,
    SUBJECT_SPLITS,
    read_by_library,
    split_by_settings,
    test_share,
)
from equivariance.datasets.image_set import ImageSet
from equivariance.datasets.pictures import resize
from equivariance.datasets.settings import one_of, resolve
from equivariance.datasets.sizes import Size, split_size
from equivariance.errors import UserError

DEFAULTS: dict[str, Any] = {**SUBJECT_SPLIT}

IMAGES, CLASSES = 800, 16
VERSION = "lsa32x32_nr_rgb_black_background"
ARCHIVE = RemoteFile(
    name=f"lsa16/{VERSION}.zip",
    urls=(f"https://facundoq.github.io/datasets/lsa16/data/{VERSION}.zip",),
    sha256="87b4f8691ba41d88eecdffd8a837879c58320b296105e9ebafec7aaa7af8bac3",
    size=655_994,
    how_by_hand="Get the file from the data set's page, https://facundoq.github.io/datasets/lsa16",
)


def expected_size(settings: Mapping[str, Any]) -> Size:
    """See `sizes.expected_size`."""
    return split_size((3, *SIZE), CLASSES, IMAGES, test_share(settings))


def load(settings: Mapping[str, Any], mirror: str | None, cache: Path) -> ImageSet:
    """Load 800 RGB images (3, 32, 32): 16 classes, 10 subjects, 5 repetitions; the groups are the subjects.

    `split: subject` tests on `test_subjects` (numbers from 1), `random` on a stratified `test_fraction`.
    """
    chosen = resolve("lsa16", settings, DEFAULTS)
    one_of("split of lsa16", chosen["split"], SUBJECT_SPLITS)
    archive = fetch(ARCHIVE, mirror, cache)
    with temporary_folder(cache) as folder:
        home = folder / "lsa16"
        (home / "lsa16_images" / VERSION).mkdir(parents=True)
        extract(archive, home / "lsa16_images" / VERSION)
        for step in ("downloaded", "preprocessed"):
            (home / f"lsa16_{step}").touch()
        pictures, labels, metadata = read_by_library("lsa16", folder, archive)
    if not len(pictures):
        raise UserError(f"{archive} contains no images: replace it and run again")
    images = ImageSet(
        name="lsa16",
        images=resize(pictures, SIZE),
        labels=labels,
        classes=class_names(),
        groups=np.array([str(int(subject) + 1) for subject in metadata["subjects"]], dtype=np.str_),
        test=np.zeros(len(labels), dtype=np.bool_),
    )
    return split_by_settings(images, chosen)


def class_names() -> tuple[str, ...]:
    """The library's names of the handshapes, in the order of their labels."""
    from handshape_datasets.datasets.lsa16 import labels

    return tuple(labels)
