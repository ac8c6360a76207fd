"""Sets of transformations by name, at the sizes of the thesis: standard library only."""

from equivariance.errors import UserError, unknown
from equivariance.transformations.parameters import Spec, set_size

NAMED: dict[str, Spec] = {
    "none": {},
    "rotation": {"rotations": {"count": 49}},
    "scale": {"scales": {"steps": 8, "smallest": 0.5, "largest": 1.25}},
    "translation": {"translations": {"steps": 6, "largest": 0.15}},
    "combined": {
        "rotations": {"count": 8},
        "scales": {"steps": 1, "smallest": 0.5, "largest": 1.25},
        "translations": {"steps": 1, "largest": 0.15},
    },
}

# What grows when a set is asked for with another number of members.
_GROWS = {
    "rotation": ("rotations", "count", 2),
    "scale": ("scales", "steps", 1),
    "translation": ("translations", "steps", 1),
    "combined": ("rotations", "count", 2),
}  # fmt: skip


def named_spec(name: str, count: int | None = None) -> Spec:
    """Return the spec of a named set, with `count` members instead of its own number.

    The range stays as it is; in the combined set the number of rotations changes.

    >>> named_spec("scale", 13)
    {'scales': {'steps': 2, 'smallest': 0.5, 'largest': 1.25}}

    Raises UserError for an unknown name, and for a number that the set cannot have.
    """
    if name not in NAMED:
        raise UserError(unknown("set of transformations", name, NAMED))
    spec = NAMED[name]
    if count is None or count == set_size(spec):
        return spec
    if name not in _GROWS:
        raise UserError(f"the set {name!r} has 1 member, not {count}")
    family, parameter, least = _GROWS[name]

    def grown(steps: int) -> Spec:
        return {**spec, family: {**spec[family], parameter: steps}}

    # The number of members is linear in what grows.
    first = set_size(grown(least))
    each = set_size(grown(least + 1)) - first
    steps = max(least, least + (count - first) // each)
    below, above = set_size(grown(steps)), set_size(grown(steps + 1))
    if count != below:
        nearest = f"{below}" if count < below else f"{below} or {above}"
        raise UserError(f"the set {name!r} cannot have {count} members; nearest: {nearest}")
    return grown(steps)
