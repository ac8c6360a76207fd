"""What the sources of handshapes share: the library that reads two of them, and their two kinds of split."""

import logging
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equivariance.datasets.image_set import ImageSet
from equivariance.datasets.splits import at_random, by_group
from equivariance.disk import is_full
from equivariance.errors import UserError

SIZE = (32, 32)
SUBJECT_SPLIT = {"split": "subject", "test_subjects": (9, 10), "test_fraction": 0.2, "seed": 0}
SUBJECT_SPLITS = ("subject", "random")
SUBJECTS = 10  # of LSA16, and of the drawn hands


def split_by_settings(images: ImageSet, settings: Mapping[str, Any]) -> ImageSet:
    """Split images whose groups are numbers of subjects: by subject or, as older studies did, at random."""
    if settings["split"] == "random":
        return at_random(images, settings["test_fraction"], settings["seed"])
    subjects = settings["test_subjects"]
    if isinstance(subjects, str) or not isinstance(subjects, Collection):
        raise UserError(f"test_subjects is {subjects!r}; needed: a list of subjects")
    return by_group(images, [str(subject) for subject in subjects])


def test_share(settings: Mapping[str, Any]) -> float:
    """The share of the images that `split_by_settings` puts into the test part, about."""
    by_subject = settings["split"] == "subject"
    return len(settings["test_subjects"]) / SUBJECTS if by_subject else settings["test_fraction"]


def read_by_library(
    name: str, folder: Path, archive: Path
) -> tuple[NDArray[np.uint8], NDArray[np.int64], dict[str, Any]]:
    """Read the files of the data set `name`, out of `archive`, with handshape_datasets, from `folder`/`name`.

    The library downloads unless the files that mark the download as done are there. Returns images
    (N, H, W, 3), labels (N,) and the library's other data on them. Raises UserError where the files are not
    as it expects.
    """
    import handshape_datasets

    with _keep_logging_settings():
        try:
            images, metadata = handshape_datasets.load(name, folderpath=folder)
        except (OSError, AssertionError, IndexError, ValueError, SyntaxError) as error:
            if is_full(error):
                raise
            reason = (str(error).splitlines() or [type(error).__name__])[0].replace(f"{folder}/", "")
            raise UserError(
                f"{archive} does not contain {name} as handshape_datasets expects it ({reason}): replace it"
                " and run again"
            ) from error
    return images, metadata["y"].astype(np.int64), metadata


@contextmanager
def _keep_logging_settings() -> Iterator[None]:
    """Undo what the library does to the program's logging: it shows debug messages of every package."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    root.addHandler(logging.NullHandler())  # so that the library's basicConfig does nothing
    root.setLevel(logging.WARNING)
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
