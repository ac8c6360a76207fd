"""Measures by name.

A new family is a file with its accumulators and a tuple `MEASURES`, and a line in `names.FAMILIES`.
"""

from collections.abc import Iterable
from importlib import import_module

from equivariance.errors import UserError, unknown
from equivariance.measures.accumulator import Measure
from equivariance.measures.names import FAMILIES, FAMILY_OF


def family(name: str) -> tuple[Measure, ...]:
    """Load the measures of a family."""
    measures: tuple[Measure, ...] = import_module(f"equivariance.measures.{name}").MEASURES
    return measures


def resolve(names: str | Iterable[str]) -> list[Measure]:
    """Look up measures by their own names or by that of a family, each once.

    Raises UserError for an unknown name, or for none at all.
    """
    given = [names] if isinstance(names, str) else list(names)
    valid = (*FAMILY_OF, *FAMILIES)
    if not given:
        raise UserError(f"no measure given; valid: {', '.join(valid)}")
    found: dict[str, Measure] = {}
    for name in given:
        if name not in valid:
            raise UserError(unknown("measure", name, valid))
        members = family(FAMILY_OF.get(name, name))
        found |= {measure.name: measure for measure in members if name in (measure.name, *FAMILIES)}
    return list(found.values())
