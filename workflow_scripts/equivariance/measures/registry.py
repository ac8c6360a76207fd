"""Measures by name.

A module of measures has a function `measure(name, parameter)` that gives the `Measure` of a name without its
parameter; a new module is a file and its lines in `names`.
"""

from collections.abc import Iterable
from dataclasses import replace
from importlib import import_module

from equivariance.errors import UserError, unknown
from equivariance.measures.accumulator import Measure
from equivariance.measures.names import FAMILIES, FAMILY_OF, MEMBERS, MODULE_OF, base, mistake, parameter


def resolve(names: str | Iterable[str]) -> list[Measure]:
    """Look up measures by their own names or by that of a family, each once.

    Raises UserError for an unknown name, or for none at all.
    """
    given = [names] if isinstance(names, str) else list(() if names is None else names)
    if not given:
        raise UserError(f"no measure given; valid: {', '.join((*FAMILIES, *FAMILY_OF))}")
    listed = [measure for name in given for measure in MEMBERS.get(name, (name,))]
    return [_measure(name) for name in dict.fromkeys(listed)]


def _measure(name: str) -> Measure:
    if not isinstance(name, str) or base(name) not in FAMILY_OF:
        raise UserError(unknown("measure", name, (*FAMILIES, *FAMILY_OF)))
    if wrong := mistake(name):
        raise UserError(wrong)
    module = import_module(f"equivariance.measures.{MODULE_OF[base(name)]}")
    found: Measure = module.measure(base(name), parameter(name))
    return replace(found, name=name)
