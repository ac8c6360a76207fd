"""Whether two runs have the same settings, as far as results depend on them."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

WHERE = ("run", "mirror", "device", "language", "jobs", "measuring")
"""Sections that say what a run is called, and where and how it is made."""

PLACES = ("images", "path")
"""Keys of data sets that say where images are: manifests have the checksums of what they became."""

READ = ("title", "chapter", "question", "statement", "figure")
"""Keys that say how something is shown."""


def effective(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that results depend on: without `WHERE`, `PLACES` and `READ`, and the sources of texts."""
    kept = {name: value for name, value in settings.items() if name not in WHERE}
    for section, keys in (("experiments", ("source",)), ("claims", ("source",)), ("datasets", PLACES)):
        entries = kept.get(section) or {}
        kept[section] = {name: _without(one, keys) for name, one in entries.items() if one is not None}
    return {name: _without(value, READ) for name, value in kept.items()}


def portable(settings: Mapping[str, Any]) -> dict[str, Any]:
    """All settings but the places of files on the machine of the run."""
    kept = {name: value for name, value in settings.items() if name != "mirror"}
    kept["datasets"] = {name: _without(one, PLACES) for name, one in (kept.get("datasets") or {}).items()}
    return kept


def digest(settings: Mapping[str, Any]) -> str:
    """Digest of the settings that results depend on."""
    text = json.dumps(effective(settings), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def differing(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[str]:
    """The settings that results depend on and that differ, as dotted keys.

    >>> differing({"seeds": {"few": 1, "many": 3}}, {"seeds": {"few": 2, "many": 3}})
    ['seeds.few']
    """
    return list(_differing(effective(first), effective(second)))


def _differing(first: Any, second: Any, place: str = "") -> Iterator[str]:
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        for key in sorted({*first, *second}):
            yield from _differing(first.get(key), second.get(key), f"{place}.{key}".lstrip("."))
    elif first != second:
        yield place


def _without(value: Any, keys: tuple[str, ...]) -> Any:
    if not isinstance(value, Mapping):
        return value
    return {key: _without(one, keys) for key, one in value.items() if key not in keys}
