"""A clear error for a full disk."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from equivariance.errors import UserError


def is_full(error: BaseException) -> bool:
    """Tell whether an error means that no space is left, on the disk or in the user's quota."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def explain_full_disk(folder: Path) -> Iterator[None]:
    """Raise UserError, naming the folder, where its disk is full; pass other errors on."""
    try:
        yield
    except OSError as error:
        if is_full(error):
            raise UserError(
                f"the disk that holds {folder} is full: free some space, or put this folder on another disk,"
                " and run again; no unfinished file is left"
            ) from error
        raise
