"""The table of measures: a row says all that the project knows of one, without importing torch.

A new measure is an accumulator in a module of this package and a row of `MEASURES`. Its family, parameter,
display names, cost and resampling floor are read from the row, and nothing from its name.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal, NamedTuple

Family = Literal["invariance", "same_equivariance"]
Scale = Literal["normalized", "share", "ratio", "distance", "activations"]

SAMPLES, TRANSFORMATIONS = ("samples",), ("transformations",)
BOTH = (*SAMPLES, *TRANSFORMATIONS)


class Name(NamedTuple):
    """The name of a measure in running text, and the one in a legend."""

    full: str
    short: str


@dataclass(frozen=True)
class Parameter:
    """What may follow the name of a measure, as in `nd@32`: an option of its accumulator.

    `read` raises ValueError for a text that is not `valid`; `words` writes a value for readers.
    """

    option: str
    read: Callable[[str], int | float]
    valid: str
    words: Callable[[Any], str]


@dataclass(frozen=True)
class Row:
    """One measure.

    `accumulator` is the module and the class that computes it with `options`, from a view of the activations
    (see `views`), and `map` the result of the class that it is. A ratio has no map, but the names of its
    numerator and its denominator: rows of the same accumulator, options and view.

    `scale` says what its values are: "normalized" (1 where a transformation changes as much as another sample
    does), a "share" (0 to 1), another "ratio", a "distance" of unit vectors (0 to 2), or in the unit of the
    "activations". With one of what it `compares` there is nothing to measure. A `cheap` one takes little more
    time than the network. The name of a family stands for its measures that are `standard`.
    """

    name: str
    display: Name
    family: Family
    accumulator: str
    scale: Scale
    map: str = ""
    ratio_of: tuple[str, str] | None = None
    options: tuple[tuple[str, Any], ...] = ()
    view: str = "activations"
    parameter: Parameter | None = None
    compares: tuple[str, ...] = BOTH
    cheap: bool = False
    standard: bool = False

    @property
    def module(self) -> str:
        """The module of this package that computes it."""
        return self.accumulator.partition(".")[0]

    @property
    def has_floor(self) -> bool:
        """Whether resampling alone keeps it above a value that layers have in common: same-equivariance
        without a unit."""
        return self.family == "same_equivariance" and self.scale != "activations"


def _batch(text: str) -> int:
    if int(text) < 2:
        raise ValueError(text)
    return int(text)


def _probability(text: str) -> float:
    if not 0 < float(text) < 1:
        raise ValueError(text)
    return float(text)


CONFIDENCE = Parameter(
    "confidence", _probability, "a confidence between 0 and 1", lambda value: f", {100 * value:g} %"
)
ALPHA = Parameter("alpha", _probability, "an alpha between 0 and 1", ", α = {:g}".format)
BATCH = Parameter("batch", _batch, "a whole number of vectors from 2", ", batches of {}".format)


def _comparisons(
    letter: str,
    noun: str,
    accumulator: str,
    variant: str = "",
    words: str = "",
    *,
    standard: tuple[Family, ...],
    cheap: bool = False,
    **more: Any,
) -> Iterator[Row]:
    """A measure over the transformations, the same over the samples, and their ratio, in both families.

    Same-equivariance is the invariance of feature maps with the transformation undone.
    """
    families: tuple[tuple[Family, str, str, str], ...] = (
        ("invariance", "", "", "activations"),
        ("same_equivariance", "se", " of same-equivariance", "returned"),
    )
    kinds: tuple[tuple[str, str, Scale, tuple[str, ...]], ...] = (
        ("t", "transformational", "activations", TRANSFORMATIONS),
        ("s", "sample", "activations", SAMPLES),
        ("n", "normalized", "normalized", BOTH),
    )
    for family, ending, of_family, view in families:
        parts = (f"t{letter}{ending}{variant}", f"s{letter}{ending}{variant}")
        for kind, adjective, scale, compares in kinds:
            is_ratio = scale == "normalized"
            short = f"{kind}{letter}{ending}".upper()
            yield Row(
                f"{kind}{letter}{ending}{variant}",
                Name(f"{adjective} {noun}{of_family} ({short}){words}", f"{short}{words}"),
                family,
                accumulator,
                scale,
                map="" if is_ratio else f"{kind}{letter}",
                ratio_of=parts if is_ratio else None,
                view=view,
                compares=compares,
                cheap=cheap and family == "invariance",
                standard=family in standard,
                **more,
            )


def _distances() -> Iterator[Row]:
    """The distances of each kind of vector; `normalize` leaves single units as they are."""
    kinds: tuple[tuple[str, str, str, tuple[Family, ...]], ...] = (
        ("", "", "scalar", ("invariance",)),
        ("_keep", ", whole maps", "keep", ("same_equivariance",)),
        ("_normalize", ", normalized maps", "scalar", ()),
        ("_normalize_keep", ", whole normalized maps", "normalize_keep", ()),
    )
    for variant, words, kind, standard in kinds:
        yield from _comparisons(
            *("d", "distance", "distance.DistanceAccumulator", variant, words),
            standard=standard,
            options=(("kind", kind),),
            parameter=BATCH,
        )


def _goodfellow() -> Iterator[Row]:
    """Goodfellow's measure for each threshold and form, and what each is made of."""
    parts: tuple[tuple[str, str, str, Scale, tuple[str, ...]], ...] = (
        ("", "Goodfellow's measure", "Goodfellow", "ratio", BOTH),
        ("local", "local firing rate of Goodfellow's measure (L)", "Goodfellow L", "share", BOTH),
        ("global", "global firing rate of Goodfellow's measure (G)", "Goodfellow G", "share", SAMPLES),
        ("threshold", "threshold of Goodfellow's measure", "Goodfellow threshold", "activations", SAMPLES),
    )
    for threshold, original in product(("normal", "percentile"), (False, True)):
        name = f"goodfellow_{threshold}{'_original' if original else ''}"
        words = f", {threshold} threshold{', near-maximal inputs only' if original else ''}"
        for part, full, short, scale, compares in parts:
            yield Row(
                f"{name}_{part}" if part else name,
                Name(f"{full}{words}", f"{short}{words}"),
                "invariance",
                "goodfellow.GoodfellowAccumulator",
                scale,
                map=part,
                ratio_of=None if part else (f"{name}_local", f"{name}_global"),
                options=(("threshold", threshold), ("original", original)),
                parameter=ALPHA,
                compares=compares,
                # The form of the thesis' author, and the original one.
                standard=name in ("goodfellow_normal", "goodfellow_percentile_original") and not part,
            )


_ANOVA: dict[str, Any] = {
    "family": "invariance",
    "accumulator": "variance.VarianceAccumulator",
    "scale": "share",
}

_ROWS = (
    *_comparisons(
        *("v", "variance", "variance.VarianceAccumulator"),
        standard=("invariance", "same_equivariance"),
        cheap=True,
    ),
    *_distances(),
    Row(
        "anova",
        Name("share of units that analysis of variance (ANOVA) finds to vary", "ANOVA"),
        map="anova",
        parameter=CONFIDENCE,
        standard=True,
        **_ANOVA,
    ),
    Row(
        "anova_uncorrected",
        Name(
            "share of units that analysis of variance (ANOVA) finds to vary, without Bonferroni's correction",
            "ANOVA, uncorrected",
        ),
        map="anova_uncorrected",
        parameter=CONFIDENCE,
        **_ANOVA,
    ),
    Row(
        "eta_squared",
        Name("share of the variance that the transformations explain (η²)", "η²"),
        map="eta_squared",
        standard=True,
        **_ANOVA,
    ),
    *_goodfellow(),
    Row(
        "dses",
        Name("simple distance of same-equivariance (DSES)", "DSES"),
        "same_equivariance",
        "simple_distance.SimpleDistanceAccumulator",
        "activations",
        map="dses",
        view="feature_maps",
        compares=TRANSFORMATIONS,
        standard=True,
    ),
    Row(
        "dses_normalize",
        Name("simple distance of same-equivariance (DSES), normalized maps", "DSES, normalized maps"),
        "same_equivariance",
        "simple_distance.SimpleDistanceAccumulator",
        "distance",
        map="dses_normalize",
        view="feature_maps",
        compares=TRANSFORMATIONS,
        standard=True,
    ),
)

MEASURES: dict[str, Row] = {row.name: row for row in _ROWS}
