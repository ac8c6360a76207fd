"""How large each source's images, classes and parts are, known before any data is there.

Estimates are made of these numbers; where a data set is prepared, its summary has the true ones.
"""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from equivariance.errors import UserError
from equivariance.files import read_json

RWTH_CLASSES = (529, 401, 349, 333, 321, 309, 197, 152, 113, 103, 88, 46, 37, 36, 30, 29, 24, 24, 23, 21, 18)
RWTH_RARE = (15, 15, 14, 13, 12, 11, 9, 9, 8, 7, 7, 7, 7, 6, 6, 5, 5, 5, 5, 4, 2, 2, 1, 1)
"""Images of each class of RWTH, in its annotation file; the second are those of the rarer classes."""

GRAY, COLOUR = 1, 3
SUBJECTS = 10  # of LSA16, and of the drawn hands
LSA16_IMAGES, LSA16_CLASSES = 800, 16


class Size(NamedTuple):
    """Shape of an image (channels, height, width), and numbers of classes and images."""

    shape: tuple[int, int, int]
    classes: int
    train: int
    test: int

    def images(self, part: str) -> int:
        """Images of a part, train or test."""
        return self.train if part == "train" else self.test


def size_of(name: str, settings: Mapping[str, Any], prepared: Path) -> Size:
    """Read the size of a data set from its summary in the folder `prepared`, else know it by its source.

    Of a person's own images nothing is known: raises UserError where these are not prepared.
    """
    summary = prepared / f"{name}.json"
    if summary.is_file():
        known = read_json(summary)
        channels, height, width = known["image_shape"]
        counts = (len(known["classes"]), known["train"]["images"], known["test"]["images"])
        return Size((channels, height, width), *counts)
    size = expected_size(settings)
    if size is None:
        raise UserError(
            f"data set {name!r}: its size is not known before it is prepared; make {summary} first"
        )
    return size


def expected_size(settings: Mapping[str, Any]) -> Size | None:
    """Know a data set's size by the settings of its source, the parts to a few images; None for `folder`."""
    source = settings["source"]
    module = import_module(f"equivariance.datasets.{source}")
    chosen = {**module.DEFAULTS, **settings}
    colour = (COLOUR, 32, 32)
    match source:
        case "mnist":
            return Size((GRAY, 28, 28), 10, 60_000, 10_000)
        case "cifar10":
            return Size(colour, 10, 50_000, 10_000)
        case "digits":
            return _split((GRAY, 16, 16), 10, 1797, chosen)
        case "natural_patches":
            classes = len(module.PHOTOGRAPHS)
            parts = (classes * chosen[f"{part}_per_class"] for part in ("train", "test"))
            return Size((COLOUR, chosen["image_size"], chosen["image_size"]), classes, *parts)
        case "drawn_hands":
            classes = len(module.HANDSHAPES)
            shape = (module.CHANNELS[chosen["appearance"]], 32, 32)
            return _split(shape, classes, classes * SUBJECTS * chosen["repetitions"], chosen)
        case "lsa16":
            return _split(colour, LSA16_CLASSES, LSA16_IMAGES, chosen)
        case "lsa16_schemes":
            images = LSA16_IMAGES * (module.ROTATIONS if chosen["position"] == "mr" else 1)
            shape = (module.CHANNELS[chosen["appearance"]], 32, 32)
            return _split(shape, LSA16_CLASSES, images, chosen)
        case "rwth":
            kept = [
                count for count in RWTH_CLASSES + RWTH_RARE if count >= chosen["minimum_images_per_class"]
            ]
            return _split(colour, len(kept), sum(kept), chosen)
    return None


def _split(shape: tuple[int, int, int], classes: int, images: int, chosen: Mapping[str, Any]) -> Size:
    by_subject = chosen.get("split") == "subject"
    share = len(chosen["test_subjects"]) / SUBJECTS if by_subject else chosen["test_fraction"]
    test = round(share * images)
    return Size(shape, classes, images - test, test)
