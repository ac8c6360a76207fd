"""The names that a configuration may use, without importing torch.

A measure is written `NAME[@PARAMETER]`, such as `nv`, `nd@32` or `anova@0.95`. In a table `_floor` may
follow: the resampling floor of the measure.
"""

from collections.abc import Iterable

from equivariance.errors import unknown
from equivariance.language import N_, _
from equivariance.measures.catalog import MEASURES, Name

FLOOR = "_floor"
"""Ends the name of a resampling floor: what the measure before it gives for the images themselves."""

MEAN_OF_CLASSES = "(mean)"
"""In the column `class` of a table: the mean over the classes. No class can have this name."""

LAYOUTS = ("channels_first", "channels_last", "tokens", "class_tokens", "vector")
"""How the activations of a layer can be said to be laid out; see `layout`."""

AGGREGATIONS = {
    "none": N_("each pixel"),
    "before_mean": N_("mean before dividing"),
    "before_max": N_("max before dividing"),
    "before_sum": N_("sum before dividing"),
    "after_mean": N_("mean after dividing"),
    "after_max": N_("max after dividing"),
    "after_sum": N_("sum after dividing"),
    "first_mean": N_("mean of the map before measuring"),
    "first_max": N_("max of the map before measuring"),
}
"""How a measure of feature maps (C, H, W) becomes one value per feature map, with the words for readers: over
H and W, of the numerator and the denominator before dividing, or of their quotient after; `first_*` pools the
feature maps over H and W before anything else, as in 2019. `before_mean` is the thesis' choice."""

FAMILY_OF = {name: row.family for name, row in MEASURES.items()}

FAMILIES: dict[str, tuple[str, ...]] = {
    family: tuple(row.name for row in MEASURES.values() if row.family == family and row.standard)
    for family in dict.fromkeys(FAMILY_OF.values())
}
"""The measures that the name of a family stands for. One sweep computes a family, and one file holds it."""


def base(measure: str) -> str:
    """Name a measure without its parameter.

    >>> base("nd@32")
    'nd'
    """
    return measure.partition("@")[0]


def parameter(measure: str) -> int | float | None:
    """Read the parameter of a measure.

    >>> parameter("nd@32"), parameter("anova@0.95"), parameter("nv")
    (32, 0.95, None)

    Raises ValueError where the measure takes none or the text is not valid.
    """
    name, at, text = measure.partition("@")
    if not at:
        return None
    taken = MEASURES[name].parameter
    if taken is None:
        raise ValueError(measure)
    return taken.read(text)


def mistake(measure: str) -> str:
    """Say what is wrong with the name of a measure, "" where nothing is.

    >>> mistake("nd@1"), mistake("nv@3")
    ("measure 'nd@1': invalid parameter; valid: a whole number of vectors from 2", "measure 'nv@3': nv takes no parameter")
    """  # noqa: E501
    name = base(measure)
    if name not in MEASURES:
        return unknown("measure", measure, MEASURES)
    try:
        parameter(measure)
    except ValueError:
        taken = MEASURES[name].parameter
        if taken is None:
            return f"measure {measure!r}: {name} takes no parameter"
        return f"measure {measure!r}: invalid parameter; valid: {taken.valid}"
    return ""


def parts(measure: str) -> tuple[str, ...]:
    """Name the numerator and the denominator of a measure, with its parameter; none for what is no ratio.

    >>> parts("nd@32")
    ('td@32', 'sd@32')
    """
    name, at, text = measure.partition("@")
    row = MEASURES.get(name)
    return tuple(f"{part}{at}{text}" for part in (row and row.ratio_of) or ())


def measure_name(measure: str) -> Name:
    """Name a measure with its parameter, or the floor of one; others are named as they are written.

    >>> measure_name("nd_keep@32").short
    'ND, whole maps, batches of 32'
    >>> measure_name("nvse_floor").full
    'resampling floor of the normalized variance of same-equivariance (NVSE)'
    """
    measured, floor, __ = measure.partition(FLOOR)
    if floor:
        full, short = measure_name(measured)
        return Name(
            _("resampling floor of the {measure}").format(measure=full),
            _("resampling floor of {measure}").format(measure=short),
        )
    row = MEASURES.get(base(measure))
    if row is None:
        return Name(measure.upper(), measure.upper())
    value = parameter(measure)
    words = "" if row.parameter is None or value is None else row.parameter.words(value)
    return Name(*(f"{_(text)}{words}" for text in row.display))


def is_normalized(measures: Iterable[str]) -> bool:
    """Whether all measures, or floors of some, are ratios whose value 1 means: a transformation changes as
    much as another sample does."""
    rows = [MEASURES.get(base(measure.partition(FLOOR)[0])) for measure in measures]
    return all(row is not None and row.scale == "normalized" for row in rows)
