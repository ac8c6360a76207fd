"""How many samples and transformations measures need."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from equivariance.errors import UserError
from equivariance.measures.arrays import measure_arrays
from equivariance.measures.names import FAMILY_OF, RATIOS
from equivariance.measures.needs import check_counts, compares_samples, compares_transformations

SCRIPTS = Path(__file__).resolve().parents[3] / "workflow_scripts"


@pytest.mark.parametrize("measure", [name for name in FAMILY_OF if name[:2] in ("tv", "sv", "td", "sd")])
def test_a_measure_that_compares_samples_does_not_see_what_they_share_and_vice_versa(measure: str) -> None:
    shape, draw = (5, 4, 2, 6, 6), np.random.default_rng(0).standard_normal
    matrices = np.stack([np.eye(3)] * 4)
    one = {"matrices": matrices, "identity": 0}
    alike = np.broadcast_to(draw((1, 4, 2, 6, 6)), shape)  # as if there were one sample
    still = np.broadcast_to(draw((5, 1, 2, 6, 6)), shape)  # as if there were one transformation
    for compares, array in ((compares_samples, alike), (compares_transformations, still)):
        vanishes = measure_arrays(array, measure, **one)["value"].abs().max() < 1e-12
        assert compares(measure) == vanishes


@pytest.mark.parametrize("measure", [*RATIOS, "anova", "anova_uncorrected", "eta_squared"])
def test_ratios_compare_both(measure: str) -> None:
    assert compares_samples(measure) and compares_transformations(measure)


def test_the_simple_distance_compares_transformations_alone() -> None:
    for measure in ("dses", "dses_normalize"):
        assert not compares_samples(measure) and compares_transformations(measure)


def test_thresholds_are_of_untransformed_samples() -> None:
    for part, transformed in (("local", True), ("global", False), ("threshold", False)):
        measure = f"goodfellow_normal_original_{part}@0.9"
        assert compares_samples(measure) and compares_transformations(measure) == transformed


def test_what_is_compared_comes_twice() -> None:
    for count in (2, 1000):
        check_counts(FAMILY_OF, count, count)
    check_counts(["tv", "td_keep@8", "tvse", "dses"], 1, 2)
    check_counts(["sv", "sd@8", "svse", "sdse_keep"], 2, 1)


@pytest.mark.parametrize(
    ("measures", "samples", "transformations", "text"),
    [
        (["nv"], 1, 4, "1 sample; nv compares samples and needs at least 2"),
        (["tv", "nvse", "nd@32"], 1, 4, "1 sample; nvse, nd@32 compare samples and need at least 2"),
        (["nv"], 4, 1, "1 transformation; nv compares transformations and needs at least 2"),
        (["sv", "tv", "td"], 4, 1, "1 transformation; tv, td compare transformations and need at least 2"),
        (["tv"], 0, 4, "no samples to measure"),
        (["sv"], 4, 0, "no transformations to measure"),
    ],
)  # fmt: skip
def test_too_few_are_named_with_the_measures_that_need_more(
    measures: list[str], samples: int, transformations: int, text: str
) -> None:
    with pytest.raises(UserError, match=f"^{re.escape(text)}$"):
        check_counts(measures, samples, transformations)


def test_too_few_samples_of_a_class_are_named_with_it() -> None:
    text = "1 sample in class 'cat'; nv compares samples and needs at least 2"
    with pytest.raises(UserError, match=f"^{re.escape(text)}$"):
        check_counts(iter(["nv"]), 1, 4, "class 'cat'")
    with pytest.raises(UserError, match=r"^1 transformation; "):
        check_counts(["nv"], 2, 1, "class 'cat'")


def test_counts_are_checked_without_torch() -> None:
    code = (
        "import sys, equivariance.measures.needs; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(SCRIPTS)}).returncode == 0
