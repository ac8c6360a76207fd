"""Whole or absent: every file of the project is written through this module.

A file appears under its final name only when all of it is on the disk. The temporary name is unique, because
a fixed one (`out.part`) lets two writers, or an orphan of a killed run, mix their bytes.
"""

import hashlib
import json
import os
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from stat import S_IMODE
from typing import Any
from uuid import uuid4

from equivariance.disk import explain_full_disk
from equivariance.errors import UserError

SEAL = "sha256"  # key of the checksum of a JSON file in itself

DAMAGED_ARCHIVE = (
    *(zipfile.BadZipFile, zlib.error, OSError, EOFError, KeyError, ValueError, TypeError, AttributeError),
    *(NotImplementedError, RuntimeError),  # of a changed version, compression or encryption
)
"""What reading an .npz raises that was changed or cut."""


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`, with its suffix, to write to; on success it becomes `path`.

    On any error the temporary file is removed and `path` is left as it was. Folders are made.
    Raises UserError where the disk is full.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{uuid4().hex}{path.suffix}")
    try:
        with explain_full_disk(path.parent):
            temporary.touch(exist_ok=False)
            mode = temporary.stat().st_mode  # that of any new file
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            temporary.chmod(S_IMODE(mode))  # some writers (safetensors) put a private file in its place
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | Path, value: Any) -> None:
    """Write JSON with sorted keys, whole or not at all."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True) + "\n")


def read_json(path: str | Path) -> Any:
    """Read a JSON file. Raises UserError where it is damaged, or not that of the checksum beside it."""
    check_checksum(path)
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise damaged(path, error) from error


def sha256(path: str | Path) -> str:
    """Checksum of a file."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def damaged(path: str | Path, reason: object) -> UserError:
    """Say that a file of the results is damaged, and what makes it again."""
    return UserError(f"{path} is damaged ({reason}): delete it and run the same command again")


def write_sealed(path: str | Path, value: Mapping[str, Any]) -> None:
    """Write JSON that has a checksum of itself, whole or not at all."""
    write_json(path, {**value, SEAL: _seal(value)})


def read_sealed(path: str | Path) -> dict[str, Any]:
    """Read what `write_sealed` wrote. Raises UserError where it was changed or is damaged."""
    value = read_json(path)
    if not isinstance(value, dict) or value.pop(SEAL, None) != _seal(value):
        raise damaged(path, "its checksum is another")
    return value


def write_checksum(path: str | Path) -> None:
    """Write the checksum of a file beside it, `<name>.sha256`, as `sha256sum` does."""
    path = Path(path)
    write_text(checksum_file(path), f"{sha256(path)}  {path.name}\n")


def check_checksum(path: str | Path) -> None:
    """Raise UserError where a file is not that of the checksum beside it; one without is anyone's own."""
    beside = checksum_file(Path(path))
    if beside.is_file() and beside.read_text(encoding="utf-8", errors="replace").split()[:1] != [
        sha256(path)
    ]:
        raise damaged(path, "its checksum is another")


def checksum_file(path: Path) -> Path:
    """The file with the checksum of another."""
    return path.with_name(f"{path.name}.sha256")


def _seal(value: Mapping[str, Any]) -> str:
    # As JSON has it: keys are text there, and tuples are lists.
    return hashlib.sha256(json.dumps(json.loads(json.dumps(value)), sort_keys=True).encode()).hexdigest()
