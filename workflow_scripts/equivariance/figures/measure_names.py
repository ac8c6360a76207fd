"""The names a reader sees for measures and for the ways to make one value of a feature map."""

from collections.abc import Iterable
from typing import NamedTuple

from equivariance.measures.names import MODULE_OF, base, parameter

FLOOR = "_floor"
"""Ends the name of a resampling floor: what the measure before it gives for the images themselves."""


class Name(NamedTuple):
    """The name of a measure in running text, and the one in a legend."""

    full: str
    short: str


_VARIANTS = {
    "": "",
    "_keep": ", whole maps",
    "_normalize": ", normalized maps",
    "_normalize_keep": ", whole normalized maps",
}
_DISTANCES = {
    "td": Name("transformational distance (TD)", "TD"),
    "sd": Name("sample distance (SD)", "SD"),
    "nd": Name("normalized distance (ND)", "ND"),
    "tdse": Name("transformational distance of same-equivariance (TDSE)", "TDSE"),
    "sdse": Name("sample distance of same-equivariance (SDSE)", "SDSE"),
    "ndse": Name("normalized distance of same-equivariance (NDSE)", "NDSE"),
}
_FIRINGS = {
    "": Name("Goodfellow's measure", "Goodfellow"),
    "_local": Name("local firing rate of Goodfellow's measure (L)", "Goodfellow L"),
    "_global": Name("global firing rate of Goodfellow's measure (G)", "Goodfellow G"),
    "_threshold": Name("threshold of Goodfellow's measure", "Goodfellow threshold"),
}
_THRESHOLDS = {
    f"{threshold}{inputs}": f", {threshold} threshold{words}"
    for threshold in ("normal", "percentile")
    for inputs, words in (("", ""), ("_original", ", near-maximal inputs only"))
}

MEASURES: dict[str, Name] = {
    "tv": Name("transformational variance (TV)", "TV"),
    "sv": Name("sample variance (SV)", "SV"),
    "nv": Name("normalized variance (NV)", "NV"),
    "anova": Name("share of units that analysis of variance (ANOVA) finds to vary", "ANOVA"),
    "anova_uncorrected": Name(
        "share of units that analysis of variance (ANOVA) finds to vary, without Bonferroni's correction",
        "ANOVA, uncorrected",
    ),
    "eta_squared": Name("share of the variance that the transformations explain (η²)", "η²"),
    "tvse": Name("transformational variance of same-equivariance (TVSE)", "TVSE"),
    "svse": Name("sample variance of same-equivariance (SVSE)", "SVSE"),
    "nvse": Name("normalized variance of same-equivariance (NVSE)", "NVSE"),
    "dses": Name("simple distance of same-equivariance (DSES)", "DSES"),
    "dses_normalize": Name(
        "simple distance of same-equivariance (DSES), normalized maps", "DSES, normalized maps"
    ),
    **{
        f"{name}{variant}": Name(f"{full}{words}", f"{short}{words}")
        for name, (full, short) in _DISTANCES.items()
        for variant, words in _VARIANTS.items()
    },
    **{
        f"goodfellow_{threshold}{part}": Name(f"{full}{words}", f"{short}{words}")
        for threshold, words in _THRESHOLDS.items()
        for part, (full, short) in _FIRINGS.items()
    },
}

AGGREGATIONS = {
    "none": "each pixel",
    **{
        f"{when}_{how}": f"{how} {words}"
        for when, words in (("before", "before dividing"), ("after", "after dividing"))
        for how in ("mean", "max", "sum")
    },
    "first_mean": "mean of the map before measuring",
    "first_max": "max of the map before measuring",
}


def measure_name(measure: str) -> Name:
    """Name a measure with its parameter, or the floor of one; others are named as they are written.

    >>> measure_name("nd_keep@32").short
    'ND, whole maps, batches of 32'
    >>> measure_name("nvse_floor").full
    'resampling floor of the normalized variance of same-equivariance (NVSE)'
    """
    if measure.endswith(FLOOR):
        full, short = measure_name(measure.removesuffix(FLOOR))
        return Name(f"resampling floor of the {full}", f"resampling floor of {short}")
    name = base(measure)
    if name not in MEASURES:
        return Name(measure.upper(), measure.upper())
    value = _parameter(name, parameter(measure))
    return Name(*(f"{text}{value}" for text in MEASURES[name]))


def is_normalized(measures: Iterable[str]) -> bool:
    """Whether all measures are quotients whose value 1 means: a transformation does what a sample does."""
    return all(measure.startswith(("nv", "nd")) for measure in measures)


def _parameter(name: str, value: int | float | None) -> str:
    if value is None:
        return ""
    if MODULE_OF[name] == "goodfellow":
        return f", α = {value:g}"
    return f", {100 * value:g} %" if name.startswith("anova") else f", batches of {value}"
