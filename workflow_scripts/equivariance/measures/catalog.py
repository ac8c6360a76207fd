"""The table of measures, which can be read without importing torch.

To add a measure, write an accumulator in a module of this package and add a `Row` to `MEASURES`. All else is
read from the row, and nothing from the name.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple

from equivariance.language import _

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
    """A measure.

    - family: "invariance" or "same_equivariance".
    - accumulator: the module and the class that compute it, with `options`, from a `view` of the activations
      (see `views`).
    - map: its name among the results of the accumulator. A ratio has none, but is `ratio_of` two other
      measures of the same accumulator, options and view: numerator and denominator.
    - scale: "normalized" (1 where a transformation changes as much as another sample does), "share" (0 to 1),
      "ratio" (any other), "distance" (of unit vectors, 0 to 2), or "activations" (their unit).
    - compares: what it needs at least two of.
    - cheap: whether it takes hardly more time than the network.
    - standard: whether the name of the family stands for it, among others.
    """

    name: str
    display: Name
    family: str
    accumulator: str
    scale: str
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
        """Whether it comes with a resampling floor: same-equivariance without a unit."""
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
BATCH = Parameter(
    "batch", _batch, "a whole number of vectors from 2", lambda value: _(", batches of {}").format(value)
)


def _comparisons(
    letter: str,
    noun: str,
    accumulator: str,
    variant: str = "",
    words: str = "",
    *,
    standard: tuple[str, ...],
    cheap: bool = False,
    **more: Any,
) -> Iterator[Row]:
    """A measure over the transformations, the same over the samples, and their ratio, in both families.

    Same-equivariance is the invariance of feature maps with the transformation undone.
    """
    families = (
        ("invariance", "", "", "activations"),
        ("same_equivariance", "se", " of same-equivariance", "returned"),
    )
    kinds = (
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
    kinds = (
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
    parts = (
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


def _analysis_of_variance() -> Iterator[Row]:
    found = "share of units that analysis of variance (ANOVA) finds to vary"
    uncorrected = f"{found}, without Bonferroni's correction"
    explained = "share of the variance that the transformations explain (η²)"
    for name, full, short, parameter, standard in (
        ("anova", found, "ANOVA", CONFIDENCE, True),
        ("anova_uncorrected", uncorrected, "ANOVA, uncorrected", CONFIDENCE, False),
        ("eta_squared", explained, "η²", None, True),
    ):
        yield Row(
            name,
            Name(full, short),
            "invariance",
            "variance.VarianceAccumulator",
            "share",
            map=name,
            parameter=parameter,
            standard=standard,
        )


def _simple_distances() -> Iterator[Row]:
    kinds = (("dses", "", "activations"), ("dses_normalize", ", normalized maps", "distance"))
    for name, words, scale in kinds:
        yield Row(
            name,
            Name(f"simple distance of same-equivariance (DSES){words}", f"DSES{words}"),
            "same_equivariance",
            "simple_distance.SimpleDistanceAccumulator",
            scale,
            map=name,
            view="feature_maps",
            compares=TRANSFORMATIONS,
            standard=True,
        )


MEASURES: dict[str, Row] = {
    row.name: row
    for row in (
        *_comparisons(
            *("v", "variance", "variance.VarianceAccumulator"),
            standard=("invariance", "same_equivariance"),
            cheap=True,
        ),
        *_distances(),
        *_analysis_of_variance(),
        *_goodfellow(),
        *_simple_distances(),
    )
}
