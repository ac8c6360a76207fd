"""A user's own images: a folder or zip of train/<class>/* and test/<class>/*.

Images may be at any depth below the folder of their class, as for torchvision's ImageFolder; `pictures` says
how they are read. Hidden files and folders are ignored. What is left out is logged.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from equivariance.datasets.archives import extracted
from equivariance.datasets.downloads import RemoteFile, fetch
from equivariance.datasets.image_set import ImageSet
from equivariance.datasets.picture_checks import Remedies, check_pictures
from equivariance.datasets.picture_folders import PictureFolder, find_pictures, is_hidden
from equivariance.datasets.settings import resolve, whole
from equivariance.datasets.sizes import Size
from equivariance.errors import UserError, listed, unknown

# path: absolute, or within the mirror, or within the working directory; image_size: [height, width], or as
# they are; channels: 3 (RGB) or 1 (gray); skip_damaged: leave out images that cannot be read, instead of
# stopping.
DEFAULTS: dict[str, Any] = {"path": None, "image_size": None, "channels": 3, "skip_damaged": False}

PARTS = ("train", "test")
REMEDIES = Remedies(skip="skip_damaged: true", size="image_size: [height, width]")


def expected_size(settings: Mapping[str, Any]) -> Size | None:
    """Not known before the folder is read."""
    return None


def load(settings: Mapping[str, Any], mirror: str | None, cache: Path) -> ImageSet:
    """Load images (C, H, W) of the classes that the folder `train` has.

    Raises UserError where there are no images, where a class is in `test` alone, where images cannot be read
    (all of them are named), and where sizes differ and no `image_size` is given.
    """
    chosen = resolve("folder", settings, DEFAULTS)
    channels, skip_damaged = chosen["channels"], chosen["skip_damaged"]
    if channels not in (1, 3):
        raise UserError(f"channels is {channels!r}; valid: 1 (gray), 3 (RGB)")
    if not isinstance(skip_damaged, bool):
        raise UserError(f"skip_damaged is {skip_damaged!r}; valid: true, false")
    size = _size(chosen["image_size"])
    with _opened(chosen["path"], mirror, cache) as (where, root):
        train, test = (_found(where, root, part) for part in PARTS)
        for name in test.classes:
            if name not in train.classes:
                raise UserError(
                    f"{where}: test has an {unknown('class', name, train.classes)} (those of train)"
                )
        both = _joined(root, train, test)
        checked = check_pictures(
            both, both.files, channels, size, REMEDIES, skip_damaged=skip_damaged, keep=True, where=where
        )
    remarks = checked.remarks()
    if outside := [file for part in (train, test) for file, name in part.files.items() if not name]:
        remarks.append(f"left out: {len(outside):,} in no class ({both.names(outside)})")
    if untested := [name for name in train.classes if name not in test.classes]:
        remarks.append(f"no test images of {listed(untested)}, so that no accuracy is of them")
    if remarks:
        logging.warning("%s: %s", where, "; ".join(remarks))
    placed = [name.split("/", 1) for name in checked.files.values()]
    return ImageSet(
        name="folder",
        images=np.stack(checked.pixels),
        labels=np.array([train.classes.index(name) for _, name in placed], dtype=np.int64),
        classes=tuple(train.classes),
        groups=np.full(len(placed), "", dtype=np.str_),
        test=np.array([part == "test" for part, _ in placed]),
    )


def _size(given: Any) -> tuple[int, int] | None:
    if given is None:
        return None
    if not isinstance(given, list | tuple) or len(given) != 2:
        raise UserError(f"image_size is {given!r}; needed: [height, width]")
    return whole("height of image_size", given[0], 1), whole("width of image_size", given[1], 1)


@contextmanager
def _opened(given: Any, mirror: str | None, cache: Path) -> Iterator[tuple[Path, Path]]:
    """Give the path of the data, for messages, and the folder that contains `train`."""
    if not isinstance(given, str) or not given:
        raise UserError("a data set of source 'folder' needs `path`: a folder or a zip of train/<class>/*")
    where = _path(given, mirror, cache)
    if where.is_dir():
        yield where, _above_train(where, where)
    else:
        with extracted(where, cache) as folder:
            yield where, _above_train(where, folder)


def _path(given: str, mirror: str | None, cache: Path) -> Path:
    """Look in the mirror first, then from the working directory; an absolute path is taken as it is."""
    path = Path(given).expanduser()
    web = mirror is not None and mirror.startswith(("http://", "https://"))
    places = (
        [path] if path.is_absolute() or mirror is None or web else [Path(mirror).expanduser() / path, path]
    )
    for place in places:
        if place.exists():
            return place
    if web and path.suffix.lower() == ".zip" and not path.is_absolute():
        return fetch(RemoteFile(name=path.as_posix()), mirror, cache)
    raise UserError(
        f"there is no folder or zip at {' or at '.join(str(place.absolute()) for place in places)}"
    )


def _above_train(where: Path, folder: Path) -> Path:
    """Find train: at the top, or in the only folder there, as zips of a folder have it."""
    inside = [path for path in folder.iterdir() if path.is_dir() and not is_hidden(path)]
    for candidate in (folder, *(inside if len(inside) == 1 else [])):
        if (candidate / "train").is_dir():
            return candidate
    raise UserError(f"{where} has no folder `train`; needed: train/<class>/* and test/<class>/*")


def _found(where: Path, root: Path, part: str) -> PictureFolder:
    if not (root / part).is_dir():
        raise UserError(f"{where} has no folder `{part}`; needed: train/<class>/* and test/<class>/*")
    found = find_pictures(root / part)
    if not found.classes or set(found.classes) - set(found.files.values()):
        reasons = [*found.by_reason(found.broken), *found.left_out()]
        raise UserError(
            f"{where}: no images for every class of `{part}`: {', '.join(reasons) or 'it has no folders'}"
        )
    return found


def _joined(root: Path, train: PictureFolder, test: PictureFolder) -> PictureFolder:
    """Join both parts, with `part/class` for a class; images in no class are left out."""
    parts = (("train", train), ("test", test))
    return PictureFolder(
        root,
        files={file: f"{part}/{name}" for part, found in parts for file, name in found.files.items() if name},
        broken=train.broken | test.broken,
        others=train.others + test.others,
        hidden=train.hidden + test.hidden,
    )
