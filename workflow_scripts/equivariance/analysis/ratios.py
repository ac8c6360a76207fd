"""What a ratio is made of, by name."""

from equivariance.measures.names import RATIOS, base


def parts(measure: str) -> tuple[str, ...]:
    """Name the numerator and the denominator of a measure with its parameter; none for what is no ratio.

    >>> parts("nd@32")
    ('td@32', 'sd@32')
    """
    suffix = measure.removeprefix(base(measure))
    return tuple(f"{part}{suffix}" for part in RATIOS.get(base(measure), ()))
