"""A person's own images: a folder or zip of train/<class>/* and test/<class>/*, read by torchvision."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from equivariance.datasets.archives import extracted
from equivariance.datasets.downloads import RemoteFile, fetch
from equivariance.datasets.image_set import ImageSet
from equivariance.datasets.pictures import to_array
from equivariance.datasets.settings import resolve, whole
from equivariance.errors import UserError, unknown

if TYPE_CHECKING:
    from torchvision.datasets import ImageFolder

# path: absolute, or within the mirror, or within the working directory; image_size: [height, width], or as
# they are; channels: 3 (RGB) or 1 (gray).
DEFAULTS: dict[str, Any] = {"path": None, "image_size": None, "channels": 3}


def load(settings: Mapping[str, Any], mirror: str | None, cache: Path) -> ImageSet:
    """Load images (C, H, W) of the classes that the folder `train` has.

    Raises UserError where there are no images, where a class is in `test` alone, where an image cannot be
    read, and where sizes differ and no `image_size` is given.
    """
    chosen = resolve("folder", settings, DEFAULTS)
    channels = chosen["channels"]
    if channels not in (1, 3):
        raise UserError(f"channels is {channels!r}; valid: 1 (gray), 3 (RGB)")
    size = _size(chosen["image_size"])
    with _opened(chosen["path"], mirror, cache) as (where, root):
        train, test = (_images(where, root, part) for part in ("train", "test"))
        for name in test.classes:
            if name not in train.class_to_idx:
                raise UserError(
                    f"{where}: test has an {unknown('class', name, train.classes)} (those of train)"
                )
        samples = train.samples + [
            (path, train.class_to_idx[test.classes[label]]) for path, label in test.samples
        ]
        images = _read(where, root, [path for path, _ in samples], channels, size)
    return ImageSet(
        name="folder",
        images=images,
        labels=np.array([label for _, label in samples], dtype=np.int64),
        classes=tuple(train.classes),
        groups=np.full(len(samples), "", dtype=np.str_),
        test=np.arange(len(samples)) >= len(train),
        source="folder",
        stand_in_for=chosen["stand_in_for"],
    )


def _size(given: Any) -> tuple[int, int] | None:
    if given is None:
        return None
    if not isinstance(given, list | tuple) or len(given) != 2:
        raise UserError(f"image_size is {given!r}; needed: [height, width]")
    return whole("height of image_size", given[0], 1), whole("width of image_size", given[1], 1)


@contextmanager
def _opened(given: Any, mirror: str | None, cache: Path) -> Iterator[tuple[Path, Path]]:
    """Give the path of the data, for messages, and the folder in which `train` lies."""
    if not isinstance(given, str) or not given:
        raise UserError("a data set of source 'folder' needs `path`: a folder or a zip of train/<class>/*")
    where = _found(given, mirror, cache)
    if where.is_dir():
        yield where, _above_train(where, where)
    else:
        with extracted(where, cache) as folder:
            yield where, _above_train(where, folder)


def _found(given: str, mirror: str | None, cache: Path) -> Path:
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
        f"there is no folder or zip at {' nor at '.join(str(place.absolute()) for place in places)}"
    )


def _above_train(where: Path, folder: Path) -> Path:
    """Find train: at the top, or in the only folder there, as zips of a folder have it."""
    inside = [path for path in folder.iterdir() if path.is_dir() and path.name != "__MACOSX"]
    for candidate in (folder, *(inside if len(inside) == 1 else [])):
        if (candidate / "train").is_dir():
            return candidate
    raise UserError(f"{where} has no folder `train`; needed: train/<class>/* and test/<class>/*")


def _images(where: Path, root: Path, part: str) -> "ImageFolder":
    from torchvision.datasets import ImageFolder

    try:
        return ImageFolder(str(root / part))
    except FileNotFoundError as error:  # no folder, no class, or a class without images
        reason = str(error).replace(f"{root}/", "")
        raise UserError(f"{where}: no images for every class of `{part}`: {reason}") from error


def _read(
    where: Path, root: Path, paths: list[str], channels: int, size: tuple[int, int] | None
) -> NDArray[np.uint8]:
    from PIL import Image

    images: list[NDArray[np.uint8]] = []
    for path in paths:
        try:
            with Image.open(path) as picture:
                image = to_array(picture, channels, size)
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise UserError(
                f"{where}: {Path(path).relative_to(root)} cannot be read as an image: {error}"
            ) from error
        if images and image.shape != images[0].shape:
            first, other = (f"{shape[2]}x{shape[1]}" for shape in (images[0].shape, image.shape))
            raise UserError(
                f"{where}: images differ in size ({Path(paths[0]).relative_to(root)} is {first},"
                f" {Path(path).relative_to(root)} is {other}); give image_size: [height, width]"
            )
        images.append(image)
    return np.stack(images)
