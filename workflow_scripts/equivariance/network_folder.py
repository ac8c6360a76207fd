"""A trained network on disk: a folder with its weights, their description and the history of the training.

The folder holds::

    weights.safetensors   the final weights and buffers
    savepoints/           weights at per cents of the epochs, `30.safetensors`, for networks that keep them
    history.csv           one row per epoch
    model.json            settings, metrics, seconds, versions, and checksums of all these; written last
"""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from equivariance.errors import UserError
from equivariance.files import damaged, read_sealed, sha256, write_sealed
from equivariance.reserved import FINAL

DESCRIPTION = "model.json"


def weights_file(folder: Path, savepoint: str = FINAL) -> Path:
    """The file of a savepoint: `final`, or per cent of the epochs as text."""
    return folder / ("weights.safetensors" if savepoint == FINAL else f"savepoints/{savepoint}.safetensors")


def write_description(folder: Path, description: Mapping[str, Any]) -> None:
    """Write `model.json`: the description, with the checksums of all other files that are in the folder."""
    files = [file for file in folder.rglob("*") if file.is_file() and file.name != DESCRIPTION]
    checksums = {file.relative_to(folder).as_posix(): sha256(file) for file in files}
    write_sealed(folder / DESCRIPTION, {**description, "sha256_by_file": checksums})


@contextmanager
def new_network(folder: Path) -> Iterator[Path]:
    """Yield a folder beside `folder` to write a network to; on success its files move to `folder`.

    The description comes last, and what an older network left is removed. Each file is whole at any time,
    also where two processes make the same network, one of which an interrupted run left behind.
    """
    building = folder.with_name(f".{folder.name}.{uuid4().hex}")
    try:
        yield building
        names = [file.relative_to(building) for file in building.rglob("*") if file.is_file()]
        for name in sorted(names, key=lambda name: name.name == DESCRIPTION):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (building / name).replace(folder / name)
        for file in [*folder.rglob("*")]:
            if file.is_file() and file.relative_to(folder) not in names:
                file.unlink(missing_ok=True)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def checked_file(folder: Path, name: str) -> Path:
    """A file of a network. Raises UserError where it is missing, or is another than when it was written."""
    file, known = folder / name, _checksums(folder).get(name)
    if not file.is_file() or sha256(file) != known:
        raise damaged(folder, f"{name} is {'changed' if file.is_file() else 'missing'}")
    return file


def checked_weights(folder: Path, savepoint: str = FINAL) -> Path:
    """The file with the weights of a savepoint. Raises UserError for a savepoint that was not kept, and what
    `checked_file` raises."""
    percents = sorted(int(Path(name).stem) for name in _checksums(folder) if name.startswith("savepoints/"))
    kept = [FINAL, *map(str, percents)]
    if savepoint not in kept:
        raise UserError(f"{folder} has no savepoint {savepoint!r}; it has {', '.join(kept)}")
    return checked_file(folder, weights_file(Path(), savepoint).as_posix())


def _checksums(folder: Path) -> dict[str, str]:
    if not (folder / DESCRIPTION).is_file():
        raise UserError(f"{folder} contains no finished network ({DESCRIPTION} is missing); train it again")
    checksums: dict[str, str] = read_sealed(folder / DESCRIPTION)["sha256_by_file"]
    return checksums
