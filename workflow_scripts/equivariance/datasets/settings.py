"""The settings of one data set, checked against those that its source has."""

from collections.abc import Collection, Mapping
from typing import Any

from equivariance.errors import UserError, unknown

COMMON = {"source": "", "title": "", "stand_in_for": ""}  # every data set may have these


def resolve(source: str, settings: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Fill in `defaults`; raise UserError for a key that is in neither of them and COMMON."""
    valid = {**COMMON, **defaults}
    for key in settings:
        if key not in valid:
            raise UserError(unknown(f"setting of source {source!r}", str(key), valid))
    return {**valid, **settings}


def one_of(kind: str, given: Any, valid: Collection[str]) -> str:
    """Return `given` if it is valid; raise UserError with the valid names if it is not."""
    if given not in valid:
        raise UserError(unknown(kind, str(given), valid))
    return str(given)


def whole(kind: str, given: Any, least: int) -> int:
    """Return `given` if it is a whole number of at least `least`; raise UserError if it is not."""
    if isinstance(given, bool) or not isinstance(given, int) or given < least:
        raise UserError(f"{kind} is {given!r}; needed: a whole number of at least {least}")
    return given
