"""Errors that a person can mend, and how they are worded."""

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """A mistake in what a person gave: the text says what is wrong, where, and what is valid.

    Entry points print the text alone, without a traceback.
    """


def unknown(kind: str, given: object, valid: Iterable[str]) -> str:
    """Say that `given` is no `kind`, and list the valid names, the nearest first.

    >>> unknown("model", "simple_cnv", ["vgg16d", "simple_conv"])
    "unknown model 'simple_cnv'; valid: simple_conv, vgg16d"
    """
    names = sorted(valid)
    near = get_close_matches(str(given), names, n=len(names) or 1, cutoff=0.6)
    rest = [name for name in names if name not in near]
    return f"unknown {kind} {given!r}; valid: {', '.join(near + rest) or '(none)'}"
