"""How many samples and transformations measures need, without importing torch."""

from collections.abc import Iterable

from equivariance.errors import UserError
from equivariance.measures.catalog import MEASURES
from equivariance.measures.names import base


def check_counts(measures: Iterable[str], samples: int, transformations: int, where: str = "") -> None:
    """Raise UserError where there are too few samples or transformations for one of the measures.

    `where` says which samples, such as "class 'cat'". Names may have a parameter (`nd@32`).
    """
    names = list(measures)
    counts = (
        ("sample", samples, f" in {where}" if where else ""),
        ("transformation", transformations, ""),
    )
    for what, count, place in counts:
        if not count:
            raise UserError(f"no {what}s to measure{place}")
        comparing = [name for name in names if f"{what}s" in MEASURES[base(name)].compares]
        if count < 2 and comparing:
            verb, need = ("compares", "needs") if len(comparing) == 1 else ("compare", "need")
            raise UserError(f"1 {what}{place}; {', '.join(comparing)} {verb} {what}s and {need} at least 2")
