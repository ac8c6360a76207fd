"""What a finite set of transformations contains, in numbers: standard library only.

A set is the product of up to three families. A spec (an entry of the configuration) gives the sizes and
ranges:

    {"rotations": {"count": 8}, "scales": {"steps": 1, "smallest": 0.5, "largest": 1.25}}

The empty spec is the identity alone.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from itertools import product
from typing import Any, NamedTuple

from equivariance.errors import UserError, unknown

Spec = Mapping[str, Mapping[str, Any]]

DIRECTIONS = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1))


class Parameters(NamedTuple):
    """One transformation: scale by (sx, sy), then rotate, then translate."""

    turns: float = 0.0  # counter-clockwise on the screen, in turns
    sx: float = 1.0  # above 1 enlarges
    sy: float = 1.0
    dx: float = 0.0  # to the right, as a fraction of the image's longer side
    dy: float = 0.0  # down


@dataclass(frozen=True)
class Rotations:
    """`count` evenly spaced rotations that span `turn` of a full turn, 0 among them.

    A full turn leaves its end point out, since -180 and 180 degrees are one rotation: k / count of a turn,
    from above -1/2 to 1/2 at most. A part of a turn goes from -turn/2 to turn/2 with both ends, and needs
    an odd count to have the 0.
    """

    count: int
    turn: float = 1.0

    def __post_init__(self) -> None:
        _whole("rotations: count", self.count, least=2)
        if not 0 < self.turn <= 1:
            raise UserError(f"rotations: turn is {self.turn}; valid: above 0, at most 1 (a full turn)")
        if self.turn < 1 and self.count % 2 == 0:
            raise UserError(
                f"rotations: count is {self.count}; a turn of {self.turn} needs an odd count to contain 0"
            )

    def members(self) -> list[Parameters]:
        """List the rotations in ascending order of the angle."""
        steps = range(-((self.count - 1) // 2), self.count // 2 + 1)
        intervals = self.count if self.turn == 1 else self.count - 1
        return [Parameters(turns=self.turn * k / intervals) for k in steps]


@dataclass(frozen=True)
class Scales:
    """Factors `smallest` .. 1 and 1 .. `largest`, in `steps` equal steps each, and the identity.

    Each factor s gives (1, s), (s, 1) and (s, s). `smallest` = 1 means no shrinking, `largest` = 1 no
    enlarging.
    """

    steps: int
    smallest: float
    largest: float

    def __post_init__(self) -> None:
        _whole("scales: steps", self.steps, least=1)
        if not 0 < self.smallest <= 1:
            raise UserError(f"scales: smallest is {self.smallest}; valid: above 0, at most 1")
        if not 1 <= self.largest < math.inf:
            raise UserError(f"scales: largest is {self.largest}; valid: at least 1")
        if self.smallest == self.largest:
            raise UserError("scales: smallest and largest are both 1; leave scales out for the identity")

    def members(self) -> list[Parameters]:
        """List the scalings, the identity first."""
        down, up = (1 - self.smallest) / self.steps, (self.largest - 1) / self.steps
        factors = [self.smallest + k * down for k in range(self.steps)] if down else []
        factors += [1 + k * up for k in range(1, self.steps + 1)] if up else []
        pairs = [pair for s in factors for pair in ((1.0, s), (s, 1.0), (s, s))]
        return [Parameters(), *(Parameters(sx=sx, sy=sy) for sx, sy in pairs)]


@dataclass(frozen=True)
class Translations:
    """Distances k * largest / steps of the longer side, k = 1 .. steps, in 8 directions, and the identity.

    A diagonal translation moves by the distance along both axes.
    """

    steps: int
    largest: float

    def __post_init__(self) -> None:
        _whole("translations: steps", self.steps, least=1)
        if not 0 < self.largest < 1:
            raise UserError(
                f"translations: largest is {self.largest}; valid: above 0, below 1 (the longer side)"
            )

    def members(self) -> list[Parameters]:
        """List the translations, the identity first."""
        distances = [self.largest * k / self.steps for k in range(1, self.steps + 1)]
        return [Parameters(), *(Parameters(dx=d * i, dy=d * j) for d in distances for i, j in DIRECTIONS)]


Family = Rotations | Scales | Translations
FAMILIES: dict[str, Callable[..., Family]] = {
    "rotations": Rotations,
    "scales": Scales,
    "translations": Translations,
}


def members(spec: Spec) -> list[Parameters]:
    """List the members of the set that `spec` describes; rotations vary slowest, translations fastest.

    Raises UserError for an unknown family or parameter, a missing one, or one out of its range.
    """
    rotations, scales, translations = _families(spec)
    return [
        Parameters(r.turns, s.sx, s.sy, t.dx, t.dy) for r, s, t in product(rotations, scales, translations)
    ]


def set_size(spec: Spec) -> int:
    """Count the members of the set that `spec` describes; raises what `members` raises."""
    rotations, scales, translations = _families(spec)
    return len(rotations) * len(scales) * len(translations)


def _families(spec: Spec) -> list[list[Parameters]]:
    for name in spec:
        if name not in FAMILIES:
            raise UserError(unknown("family of transformations", name, FAMILIES))
    return [_read(name, spec[name]).members() if name in spec else [Parameters()] for name in FAMILIES]


def _read(name: str, values: Mapping[str, Any]) -> Family:
    known = {field.name: field for field in fields(FAMILIES[name])}  # type: ignore[arg-type]
    for key in values:
        if key not in known:
            raise UserError(unknown(f"parameter of {name}", key, known))
    missing = [key for key, field in known.items() if field.default is MISSING and key not in values]
    if missing:
        raise UserError(f"{name}: {', '.join(missing)} missing; needed with {', '.join(known)}")
    for key, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise UserError(f"{name}: {key} is {value!r}; valid: a number")
    return FAMILIES[name](**values)


def _whole(what: str, value: float, least: int) -> None:
    if not isinstance(value, int) or value < least:
        raise UserError(f"{what} is {value}; valid: a whole number, at least {least}")
