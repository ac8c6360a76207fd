"""Every measure and aggregation has a name for readers."""

import pytest

from equivariance.analysis.columns import display
from equivariance.measures.catalog import MEASURES
from equivariance.measures.names import AGGREGATIONS, measure_name


def test_all_measures_and_aggregations_are_named_and_no_two_alike() -> None:
    displayed = [row.display for row in MEASURES.values()]
    for texts in (
        [name.full for name in displayed],
        [name.short for name in displayed],
        list(AGGREGATIONS.values()),
    ):
        assert len(set(texts)) == len(texts)


@pytest.mark.parametrize(
    ("measure", "short"),
    [
        ("nd@32", "ND, batches of 32"),
        ("nd_normalize_keep", "ND, whole normalized maps"),
        ("anova@0.95", "ANOVA, 95 %"),
        ("goodfellow_normal@0.999", "Goodfellow, normal threshold, α = 0.999"),
        ("goodfellow_percentile_original", "Goodfellow, percentile threshold, near-maximal inputs only"),
        ("goodfellow_normal_local", "Goodfellow L, normal threshold"),
        ("ndse_keep@64_floor", "resampling floor of NDSE, whole maps, batches of 64"),
    ],
)
def test_variants_and_parameters_are_in_words(measure: str, short: str) -> None:
    assert measure_name(measure).short == short


def test_values_of_columns_are_named() -> None:
    assert display("aggregation", "none", {"none": "untransformed"}) == "each pixel"
    assert display("aggregation", "before_mean", {}) == "mean before dividing"
    assert display("samples", 5000, {}) == "5,000 images"
    assert display("augmented", "not augmented", {}) == "trained without"
    assert display("measured_on", "digits_train", {"digits": "Digits"}) == "Digits (train)"
