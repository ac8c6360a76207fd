"""Where images come from and how they are split: one module per source, the same result from all.

Importing this package is cheap; a source is imported, with the libraries that read it, when it is asked for.
"""

from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from equivariance.errors import UserError, unknown

if TYPE_CHECKING:
    from equivariance.datasets.image_set import ImageSet

SOURCES = (
    "cifar10",
    "digits",
    "drawn_hands",
    "folder",
    "lsa16",
    "lsa16_schemes",
    "mnist",
    "natural_patches",
    "rwth",
)


def prepare(name: str, settings: Mapping[str, Any], mirror: str | None, cache: Path) -> "ImageSet":
    """Load the data set `name` from the source that its settings name.

    Archives are looked for in `mirror` (a folder or an http(s) URL, or None), then in the folder `cache`, and
    are else downloaded into `cache`. Raises UserError for settings the source does not know, for data that
    cannot be had or read, and for a full disk.
    """
    from equivariance.datasets.disk import said_if_full

    source = str(settings.get("source", "(none)"))
    if source not in SOURCES:
        raise UserError(f"data set {name!r}: {unknown('source', source, SOURCES)}")
    with said_if_full(cache):
        cache.mkdir(parents=True, exist_ok=True)
        try:
            images: ImageSet = import_module(f"equivariance.datasets.{source}").load(settings, mirror, cache)
        except UserError as error:
            raise UserError(f"data set {name!r}: {error}") from error
    return replace(images, name=name)
