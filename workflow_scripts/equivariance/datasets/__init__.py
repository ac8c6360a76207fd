"""Where images come from and how they are split: one module per source, all with the same kind of result.

Importing this package is cheap. A source, with the libraries that it needs, is imported when it is used.
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
    "cifar10", "digits", "drawn_hands", "folder", "lsa16", "lsa16_schemes", "mnist", "natural_patches", "rwth"
)  # fmt: skip
"""A source is a module of this package with its name: `DEFAULTS` are its settings, `load` reads a data set,
`expected_size` tells how large it will be. To add a source, write the module and add its name here."""


def prepare(name: str, settings: Mapping[str, Any], mirror: str | None, cache: Path) -> "ImageSet":
    """Load the data set `name` from the source that its settings name.

    Archives are looked for in `mirror` (a folder or an http(s) URL, or None), then in the folder `cache`;
    otherwise they are downloaded into `cache`. Raises UserError for settings that the source does not have,
    for data that cannot be found or read, and for a full disk.
    """
    from equivariance.disk import explain_full_disk

    source = str(settings.get("source", "(none)"))
    if source not in SOURCES:
        raise UserError(f"data set {name!r}: {unknown('source', source, SOURCES)}")
    with explain_full_disk(cache):
        cache.mkdir(parents=True, exist_ok=True)
        try:
            images: ImageSet = import_module(f"equivariance.datasets.{source}").load(settings, mirror, cache)
        except UserError as error:
            raise UserError(f"data set {name!r}: {error}") from error
    if len(images.classes) < 2:
        raise UserError(
            f"data set {name!r} has one class ({', '.join(images.classes)}): networks tell at least two apart"
        )
    for part, chosen in (("train", ~images.test), ("test", images.test)):
        if not chosen.any():
            raise UserError(f"data set {name!r} has no images in its part {part}; both parts need some")
    return replace(images, name=name, source=source, stand_in_for=settings.get("stand_in_for", ""))
