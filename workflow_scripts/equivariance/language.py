"""The language of what readers see: English is in the code, translations are in `translations/<code>.po`.

Texts for figures, tables and papers are given as `_("text")`, those that are translated only when they are
used as `N_("text")`. `make translations` gathers them into the files.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

FOLDER = Path(__file__).parent / "translations"

LANGUAGES = ("en", *sorted(file.stem for file in FOLDER.glob("*.po")))
"""Codes of the languages there are."""

_current: ContextVar[str] = ContextVar("language", default="en")


@contextmanager
def language(code: str) -> Iterator[None]:
    """Translate into a language for as long as the context lasts. Raises KeyError for an unknown one."""
    _catalog(code)
    token = _current.set(code)
    try:
        yield
    finally:
        _current.reset(token)


def current() -> str:
    """The code of the current language."""
    return _current.get()


def _(text: str) -> str:
    """A text in the current language; as it is where it has no translation."""
    return _catalog(_current.get()).gettext(text) if text else ""


def ngettext(one: str, many: str, count: int) -> str:
    """The text for a count, in the current language."""
    return _catalog(_current.get()).ngettext(one, many, count)


def N_(text: str) -> str:
    """Mark a text that is translated where it is used."""
    return text


def listed(names: Iterable[str]) -> str:
    """Names as a list in a sentence, apart by semicolons where one has a comma.

    >>> listed(["a", "b", "c"]), listed(["a, random", "b"])
    ('a, b and c', 'a, random; b')
    """
    *first, last = [*names] or [""]
    if any("," in name for name in (*first, last)):
        return "; ".join([*first, last])
    return _("{names} and {last}").format(names=", ".join(first), last=last) if first else last


@cache
def _catalog(code: str) -> NullTranslations:
    if code not in LANGUAGES:
        raise KeyError(code)
    if code == "en":
        return NullTranslations()
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    compiled = BytesIO()
    with (FOLDER / f"{code}.po").open("rb") as file:
        write_mo(compiled, read_po(file))
    compiled.seek(0)
    return GNUTranslations(compiled)
