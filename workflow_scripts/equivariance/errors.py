"""Errors that users can correct, and their wording."""

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches


class UserError(Exception):
    """An error in what the user gave: the text says what is wrong, where, and what is valid.

    Entry points print the text alone, without a traceback.
    """


class Interrupted(KeyboardInterrupt):
    """An interrupt by the user: the text says what is saved, and how to resume."""


def unknown(kind: str, given: object, valid: Iterable[str], most: int | None = None) -> str:
    """Say that `given` is not a valid `kind`, and list at most `most` valid names, the nearest first.

    >>> unknown("model", "simple_cnv", ["vgg16d", "simple_conv"])
    "unknown model 'simple_cnv'; valid: simple_conv, vgg16d"
    """
    names = sorted(valid)
    near = get_close_matches(str(given), names, n=len(names) or 1, cutoff=0.6)
    rest = [name for name in names if name not in near]
    return f"unknown {kind} {given!r}; valid: {listed(near + rest, most) or '(none)'}"


def unknown_names(place: str, kind: str, given: Iterable[str], valid: Iterable[str]) -> Iterator[str]:
    """Say of each given name that is not a valid `kind` at which `place` of the settings it stands."""
    valid = list(valid)
    for name in given:
        if name not in valid:
            yield f"{place}: {unknown(kind, name, valid)}"


def listed(names: Sequence[str], most: int | None = 5) -> str:
    """Join names, at most `most` of them, and say how many more there are.

    >>> listed(["a", "b", "c"], most=2)
    'a, b and 1 more'
    """
    more = 0 if most is None else max(0, len(names) - most)
    return ", ".join(names[: len(names) - more]) + (f" and {more} more" if more else "")


def counted(number: int, noun: str) -> str:
    """Write a number with its noun.

    >>> counted(1, "image"), counted(1200, "class")
    ('1 image', '1,200 classes')
    """
    plural = "es" if noun.endswith("s") else "s"
    return f"{number:,} {noun}{plural if number != 1 else ''}"
