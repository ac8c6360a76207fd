"""How many samples and transformations measures need."""

import re

import numpy as np
import pytest

from equivariance.errors import UserError
from equivariance.measures.arrays import measure_arrays
from equivariance.measures.catalog import BOTH, MEASURES
from equivariance.measures.sample_counts import check_counts


@pytest.mark.parametrize("measure", [name for name in MEASURES if name[:2] in ("tv", "sv", "td", "sd")])
def test_a_measure_that_compares_samples_does_not_see_what_they_share_and_vice_versa(measure: str) -> None:
    shape, draw = (5, 4, 2, 6, 6), np.random.default_rng(0).standard_normal
    matrices = np.stack([np.eye(3)] * 4)
    same_samples = np.broadcast_to(draw((1, 4, 2, 6, 6)), shape)
    same_transformations = np.broadcast_to(draw((5, 1, 2, 6, 6)), shape)
    for compared, array in (("samples", same_samples), ("transformations", same_transformations)):
        table = measure_arrays(array, measure, matrices=matrices, identity=0)
        assert (compared in MEASURES[measure].compares) == (table["value"].abs().max() < 1e-12)


def test_ratios_compare_both() -> None:
    assert all({*row.compares} == {*BOTH} for row in MEASURES.values() if row.ratio_of)


def test_what_is_compared_comes_twice() -> None:
    for count in (2, 1000):
        check_counts(MEASURES, count, count)
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
