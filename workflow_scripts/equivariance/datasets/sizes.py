"""How large the images, classes and parts of a data set are, known before any data is there.

Estimates of the work use these numbers. Once a data set is prepared, its summary has the true ones.
"""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from equivariance.errors import UserError
from equivariance.files import read_json


class Size(NamedTuple):
    """Shape of an image (channels, height, width), number of classes, and numbers of images."""

    shape: tuple[int, int, int]
    classes: int
    train: int
    test: int

    def images(self, part: str) -> int:
        """Images of a part, train or test."""
        return self.train if part == "train" else self.test


def size_of(name: str, settings: Mapping[str, Any], prepared: Path) -> Size:
    """Read the size of a data set from its summary in the folder `prepared`; without one, expect it.

    Raises UserError where there is neither a summary nor an expectation, as for a folder of images.
    """
    summary = prepared / f"{name}.json"
    if summary.is_file():
        known = read_json(summary)
        channels, height, width = known["image_shape"]
        counts = (len(known["classes"]), known["train"]["images"], known["test"]["images"])
        return Size((channels, height, width), *counts)
    size = expected_size(settings)
    if size is None:
        raise UserError(f"data set {name!r}: its size is unknown until it is prepared; make {summary} first")
    return size


def expected_size(settings: Mapping[str, Any]) -> Size | None:
    """Tell a data set's size from the settings of its source, its parts to a few images; None if unknown."""
    source = import_module(f"equivariance.datasets.{settings['source']}")
    size: Size | None = source.expected_size({**source.DEFAULTS, **settings})
    return size


def split_size(shape: tuple[int, int, int], classes: int, images: int, test_share: float) -> Size:
    """Make the size of a data set with a share of its images in the test part."""
    test = round(test_share * images)
    return Size(shape, classes, images - test, test)
