"""Finished work, kept under the name of what determines it, so that it is done once.

A job that trains or measures writes several networks or tables. If it stops halfway, if jobs are cut in
another way because an experiment was added, or if another run wants the same, what is finished is taken from
here. Files of the results are hard links to those of the store, which takes no room of its own. A file that
only the store has is one that no run has any more.

    results/store/<digest>/            the files of a network or of a table
    results/store/<digest>/sha256.json their checksums; without them an entry does not count
"""

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from equivariance.disk import explain_full_disk
from equivariance.errors import UserError
from equivariance.files import read_json, sha256, write_json

CHECKSUMS = "sha256.json"

log = logging.getLogger(__name__)


def digest_of(*parts: Any) -> str:
    """Name of what is determined by these values, which JSON can hold."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:24]


def keep(store: Path, digest: str, folder: Path, names: Collection[str]) -> None:
    """Keep files of a folder, given by their names there."""
    entry, building = store / digest, store / f".{digest}.{uuid4().hex}"
    try:
        for name in names:
            _link(folder / name, building / name)
        write_json(building / CHECKSUMS, {name: sha256(building / name) for name in names})
        shutil.rmtree(entry, ignore_errors=True)  # it was damaged, or it would have been taken
        with suppress(OSError):  # another job was faster
            building.rename(entry)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def take(store: Path, digest: str, folder: Path, last: str = "") -> bool:
    """Put the files of an entry into a folder, the file `last` after the others; say whether there was a
    whole entry."""
    entry = store / digest
    try:
        checksums = dict(read_json(entry / CHECKSUMS))
        damaged = [name for name in checksums if sha256(entry / name) != checksums[name]]
    except (OSError, UserError, TypeError, ValueError):  # it is not there, or its checksums are damaged
        return False
    if damaged:
        log.warning("%s is damaged (%s) and is not used", entry, ", ".join(damaged))
        return False
    try:
        for name in sorted(checksums, key=lambda name: name == last):
            _link(entry / name, folder / name)
    except FileNotFoundError:  # another job makes the entry anew
        return False
    return True


def _link(source: Path, target: Path) -> None:
    """Link a file, whole or not at all, with the time of now; copy it where the disk has no links."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{uuid4().hex}")
    try:
        try:
            os.link(source, temporary)
        except OSError:
            with explain_full_disk(target.parent):
                shutil.copyfile(source, temporary)
        os.utime(temporary)  # results are younger than what they are made from
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)  # also left where the target was a link to the same file
