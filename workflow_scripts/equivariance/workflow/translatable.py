"""Texts to translate that are no `_("text")` in the code: those of the settings, and the names of measures.

Babel's `pybabel extract` calls these for the files that `babel.cfg` names; each finds texts as
(number of a line, name of a function, text, comments).
"""

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any, BinaryIO

import yaml
from babel.messages.extract import extract_python

Found = tuple[int, Any, Any, Any]

SHOWN = ("title", "chapter", "question", "statement", "note", "stand_in_for")
"""Keys of settings whose values readers see."""

IN_SENTENCES = ("source",)
"""And those that readers see where the value is a text of several words, and not a name."""


def settings(file: BinaryIO, keywords: Any, comment_tags: Any, options: Any) -> Iterator[Found]:
    """The texts of a YAML file that readers see."""
    for text in dict.fromkeys(_texts(yaml.safe_load(file))):
        yield 0, None, text, []


def measures(file: BinaryIO, keywords: Any, comment_tags: Any, options: Any) -> Iterator[Found]:
    """What the catalog of measures marks, and the names that it makes."""
    from equivariance.measures.catalog import MEASURES

    yield from extract_python(file, keywords, comment_tags, options)
    for text in dict.fromkeys(chain.from_iterable(row.display for row in MEASURES.values())):
        yield 0, None, text, []


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        yield from chain.from_iterable(map(_texts, value))
    if not isinstance(value, Mapping):
        return
    for key, item in value.items():
        if key == "panels":
            yield from item
        elif key in SHOWN or (key in IN_SENTENCES and " " in str(item)):
            yield str(item)
        else:
            yield from _texts(item)
