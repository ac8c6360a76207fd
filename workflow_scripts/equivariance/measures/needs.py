"""How many samples and transformations a measure needs to have an answer, without importing torch."""

from collections.abc import Iterable

from equivariance.errors import UserError
from equivariance.measures.names import base

_SAMPLES = ("sv", "nv", "sd", "nd", "anova", "eta_squared", "goodfellow")  # and their same-equivariance
_SAMPLES_ALONE = ("sv", "sd")
_UNTRANSFORMED_ALONE = ("_global", "_threshold")  # parts of Goodfellow's measures


def compares_samples(measure: str) -> bool:
    """Whether a measure is made of differences between samples: with one there are none.

    >>> compares_samples("nvse"), compares_samples("td@8")
    (True, False)
    """
    return base(measure).startswith(_SAMPLES)


def compares_transformations(measure: str) -> bool:
    """Whether a measure is made of differences between transformations: with one there are none.

    >>> compares_transformations("dses"), compares_transformations("sd_keep")
    (True, False)
    """
    name = base(measure)
    return not (name.startswith(_SAMPLES_ALONE) or name.endswith(_UNTRANSFORMED_ALONE))


def check_counts(measures: Iterable[str], samples: int, transformations: int, where: str = "") -> None:
    """Raise UserError where there are too few samples or transformations for one of the measures.

    `where` says which samples, such as "class 'cat'". Names may have a parameter (`nd@32`).
    """
    names = list(measures)
    of_class = f" in {where}" if where else ""
    _check(samples, "sample", of_class, [name for name in names if compares_samples(name)])
    compared = [name for name in names if compares_transformations(name)]
    _check(transformations, "transformation", "", compared)


def _check(count: int, what: str, where: str, compared: list[str]) -> None:
    if not count:
        raise UserError(f"no {what}s to measure{where}")
    if count < 2 and compared:
        verb, need = ("compares", "needs") if len(compared) == 1 else ("compare", "need")
        raise UserError(f"1 {what}{where}; {', '.join(compared)} {verb} {what}s and {need} at least 2")
