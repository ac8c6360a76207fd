"""Measures by name, with the accumulators that compute them."""

from collections.abc import Iterable
from importlib import import_module

from equivariance.errors import UserError, unknown
from equivariance.measures.accumulator import Measure, Source
from equivariance.measures.catalog import MEASURES
from equivariance.measures.names import FAMILIES, base, mistake, parameter


def resolve(names: str | Iterable[str]) -> list[Measure]:
    """Look up measures by their own names or by that of a family, each once.

    Raises UserError for an unknown name, or for none at all.
    """
    asked = [names] if isinstance(names, str) else list(() if names is None else names)
    if not asked:
        raise UserError(f"no measures; valid: {', '.join((*FAMILIES, *MEASURES))}")
    measures = [measure for name in asked for measure in FAMILIES.get(name, (name,))]
    return [_measure(name) for name in dict.fromkeys(measures)]


def _measure(name: str) -> Measure:
    if not isinstance(name, str) or base(name) not in MEASURES:
        raise UserError(unknown("measure", name, (*FAMILIES, *MEASURES)))
    if wrong := mistake(name):
        raise UserError(wrong)
    row, value = MEASURES[base(name)], parameter(name)
    module, _, accumulator = row.accumulator.partition(".")
    options = row.options
    if row.parameter is not None and value is not None:
        options = (*options, (row.parameter.option, value))
    found = getattr(import_module(f"equivariance.measures.{module}"), accumulator)
    maps = [MEASURES[part].map for part in row.ratio_of or (row.name,)]
    return Measure(name, Source(found, options, row.view), *maps)
