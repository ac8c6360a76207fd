"""Checkpoints, from which an interrupted training or measurement resumes."""

import hashlib
import shutil
from pathlib import Path
from typing import Any

import torch

from equivariance.errors import UserError
from equivariance.files import atomic_path, sha256


def save_checkpoint(file: Path, digest: str, state: dict[str, Any]) -> None:
    """Write a checkpoint of the work that `digest` stands for, whole or not at all.

    Raises UserError where it cannot be written, as on a full disk.
    """
    try:
        with atomic_path(file) as temporary:
            torch.save({"digest": digest, **state}, temporary)
            seal = bytes.fromhex(sha256(temporary))
            with temporary.open("ab") as end:  # torch reads the file as well with it as without
                end.write(seal)
    except RuntimeError as error:  # in which torch wraps the errors of the system
        free = shutil.disk_usage(file.parent).free
        raise UserError(f"{file} cannot be written; {free / 2**20:,.0f} MiB of its disk are free") from error


def load_checkpoint(file: Path, digest: str) -> dict[str, Any] | None:
    """Read the checkpoint of the work that `digest` stands for, or None where there is none.

    Raises UserError for a file that is damaged or belongs to a run with other settings.
    """
    if not file.is_file():
        return None
    remedy = "delete it to start over"
    try:
        _check(file)
        state = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:
        # torch's own text would have one switch off the check against foreign code.
        raise UserError(f"{file} is not a readable checkpoint; {remedy}") from error
    if not isinstance(state, dict) or state.get("digest") != digest:
        raise UserError(f"{file} belongs to a run with other settings or other code; {remedy}")
    return state


def remove_checkpoint(file: Path) -> None:
    """Remove a checkpoint that is no longer needed. Its folder stays: others may be using it."""
    file.unlink(missing_ok=True)


def _check(file: Path) -> None:
    """Raise ValueError where the checksum at the end is another: torch would go on with changed weights."""
    checksum = hashlib.sha256()
    left = file.stat().st_size - checksum.digest_size
    with file.open("rb") as opened:
        while left > 0 and (block := opened.read(min(left, 2**20))):
            checksum.update(block)
            left -= len(block)
        if opened.read() != checksum.digest():
            raise ValueError("its checksum is another")
