"""The names that a configuration may use, without importing torch.

A measure may take a parameter behind an `@`, where `PARAMETERS` has one for it: `nd@32`, `anova@0.95`,
`goodfellow_normal@0.999`.
"""

from equivariance.errors import unknown

_DISTANCES = ("", "_keep", "_normalize", "_normalize_keep")
_GOODFELLOW = (
    "goodfellow_normal",
    "goodfellow_percentile",
    "goodfellow_normal_original",
    "goodfellow_percentile_original",
)
_PARTS = ("", "_local", "_global", "_threshold")  # a Goodfellow measure, and what it is made of

# The measures of each module of this package.
MODULES: dict[str, tuple[str, ...]] = {
    "variance": ("tv", "sv", "nv", "anova", "anova_uncorrected", "eta_squared"),
    "distance": tuple(f"{name}{variant}" for variant in _DISTANCES for name in ("td", "sd", "nd")),
    "goodfellow": tuple(f"{name}{part}" for name in _GOODFELLOW for part in _PARTS),
    "same_equivariance": (
        *("tvse", "svse", "nvse"),
        *(f"{name}{variant}" for variant in _DISTANCES for name in ("tdse", "sdse", "ndse")),
        *("dses", "dses_normalize"),
    ),
}  # fmt: skip

# Modules whose measures one sweep computes together, and one file holds.
FAMILIES: dict[str, tuple[str, ...]] = {
    "invariance": ("variance", "distance", "goodfellow"),
    "same_equivariance": ("same_equivariance",),
}

# What the name of a family stands for where measures are asked for.
MEMBERS: dict[str, tuple[str, ...]] = {
    "invariance": (
        *("tv", "sv", "nv", "td", "sd", "nd", "anova", "eta_squared"),
        *("goodfellow_normal", "goodfellow_percentile_original"),  # the author's form and the original
    ),
    "same_equivariance": (
        *("tvse", "svse", "nvse", "tdse_keep", "sdse_keep", "ndse_keep", "dses", "dses_normalize"),
    ),
}

MODULE_OF = {measure: module for module, measures in MODULES.items() for measure in measures}
FAMILY_OF = {
    measure: family
    for family, modules in FAMILIES.items()
    for module in modules
    for measure in MODULES[module]
}  # fmt: skip

# Measures that are a ratio of two others: numerator and denominator.
RATIOS: dict[str, tuple[str, str]] = {
    "nv": ("tv", "sv"),
    "nvse": ("tvse", "svse"),
    **{f"nd{variant}": (f"td{variant}", f"sd{variant}") for variant in _DISTANCES},
    **{f"ndse{variant}": (f"tdse{variant}", f"sdse{variant}") for variant in _DISTANCES},
    **{name: (f"{name}_local", f"{name}_global") for name in _GOODFELLOW},
}

# In the column `class` of a table: the mean over the classes. No class may be called so.
LAYOUTS = ("channels_first", "channels_last", "tokens", "class_tokens", "vector")
"""How the activations of a layer may be said to be laid out; see `layout`."""

MEAN_OF_CLASSES = "(mean)"

# How a measure of feature maps (C, H, W) becomes one value per feature map: over H and W, of the numerator
# and the denominator before dividing, or of their quotient after; `first_*` pools the feature maps over H and
# W before anything else, as in 2019. `before_mean` is the thesis' choice.
AGGREGATIONS = (
    "none",
    "before_mean",
    "before_max",
    "before_sum",
    "after_mean",
    "after_max",
    "after_sum",
    "first_mean",
    "first_max",
)


def base(measure: str) -> str:
    """Name a measure without its parameter.

    >>> base("nd@32")
    'nd'
    """
    return measure.partition("@")[0]


def parameter(measure: str) -> int | float | None:
    """Read the parameter of a measure: a number of vectors for distances, else a probability.

    >>> parameter("nd@32"), parameter("anova@0.95"), parameter("nv")
    (32, 0.95, None)

    Raises ValueError where the measure takes none or the text is not valid.
    """
    name, at, text = measure.partition("@")
    if not at:
        return None
    if name in ("anova", "anova_uncorrected") or name.startswith("goodfellow"):
        if 0 < float(text) < 1:
            return float(text)
    elif name[:2] in ("td", "sd", "nd") and int(text) >= 2:
        return int(text)
    raise ValueError(measure)


def mistake(measure: str) -> str:
    """Say what is wrong with the name of a measure, "" where nothing is.

    >>> mistake("nd@1")
    "measure 'nd@1': not a valid parameter; td, sd and nd take a number from 2, anova and goodfellow one between 0 and 1, others none"
    """  # noqa: E501
    if base(measure) not in FAMILY_OF:
        return unknown("measure", measure, FAMILY_OF)
    try:
        parameter(measure)
    except ValueError:
        return (
            f"measure {measure!r}: not a valid parameter; td, sd and nd take a number from 2, "
            "anova and goodfellow one between 0 and 1, others none"
        )
    return ""
