"""A clear error for a full disk."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from equivariance.errors import UserError

NOTHING = 2**16  # bytes of a disk: so few are none


def is_full(error: BaseException) -> bool:
    """Tell whether an error means that no space is left, on the disk or in the user's quota."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def check_writable(*folders: Path) -> None:
    """Raise UserError for a folder in which nothing can be written, or that cannot be made."""
    for folder in folders:
        there = next(one for one in (folder, *folder.absolute().parents) if one.exists())
        if not (there.is_dir() and os.access(there, os.W_OK)):
            raise UserError(
                f"{folder} cannot be written ({there.absolute()} is no folder that you may write to): run"
                " from another folder, or with --directory"
            )


@contextmanager
def explain_full_disk(folder: Path) -> Iterator[None]:
    """Raise UserError, naming the folder, where its disk is full; pass other errors on.

    Libraries that write a file wrap the error of the system, or stumble over it: an error while nothing is
    free is taken as one of these.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        if is_full(error) or shutil.disk_usage(folder).free < NOTHING:
            raise UserError(
                f"the disk that holds {folder} is full: free some space, or put this folder on another disk,"
                " and run again; no unfinished file is left"
            ) from error
        raise
