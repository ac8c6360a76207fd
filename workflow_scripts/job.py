"""What every script of the workflow does around its work: a log, and one line for what a person can mend."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from equivariance.errors import UserError


@contextmanager
def job(log: str) -> Iterator[None]:
    """Log to the file of the job; end with the text of a UserError alone, without its traceback."""
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s %(message)s",
        datefmt="%Y-%m-%d %H:%M:%S",
        handlers=[logging.FileHandler(log, mode="w", encoding="utf-8")],
        force=True,
    )
    try:
        yield
    except UserError as error:
        logging.error("%s", error)
        sys.exit(f"error: {error}")
    except BaseException:
        logging.exception("unexpected error, not caused by configuration or data")
        raise
