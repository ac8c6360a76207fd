"""From pixels to feature maps, and the conventions of division."""

import pytest
import torch
from torch import tensor

from equivariance.errors import UserError
from equivariance.measures.aggregation import aggregate, divide
from equivariance.measures.names import AGGREGATIONS

TV = tensor([[[1.0, 3.0], [0.0, 2.0]], [[0.0, 0.0], [0.0, 0.0]]])  # (C, H, W)
SV = tensor([[[2.0, 1.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]])
INF, NAN = torch.inf, torch.nan


def test_division_of_zeros_and_nan():
    numerator = tensor([0.0, 2.0, 0.0, 3.0, NAN, NAN, 1.0])
    denominator = tensor([0.0, 0.0, 4.0, 2.0, 0.0, 1.0, NAN])
    expected = tensor([1.0, INF, 0.0, 1.5, NAN, NAN, NAN])
    assert torch.equal(divide(numerator, denominator).nan_to_num(-9, INF), expected.nan_to_num(-9, INF))


@pytest.mark.parametrize(
    "aggregation, expected",
    [
        ("before_mean", [6 / 3, 1]),
        ("before_sum", [6 / 3, 1]),
        ("before_max", [3 / 2, 1]),
        ("after_mean", [(0.5 + 3 + 1) / 3, 1]),  # 2/0 is infinite and left out
        ("after_max", [3, 1]),
        ("after_sum", [4.5, 4]),
    ],
)
def test_ratio_of_feature_maps(aggregation, expected):
    torch.testing.assert_close(aggregate(TV, SV, aggregation), tensor(expected, dtype=TV.dtype))


def test_no_aggregation_keeps_every_pixel():
    assert aggregate(TV, SV, "none").tolist() == [[[0.5, 3.0], [1.0, INF]], [[1.0, 1.0], [1.0, 1.0]]]


@pytest.mark.parametrize("aggregation", ["after_mean", "after_max", "after_sum"])
def test_a_map_without_a_finite_value_is_nan(aggregation):
    assert aggregate(torch.ones(1, 2, 2), torch.zeros(1, 2, 2), aggregation).isnan().all()


def test_nan_is_kept_before_division_and_left_out_after():
    broken = TV.clone()
    broken[0, 0, 0] = NAN
    assert aggregate(broken, SV, "before_mean")[0].isnan()
    assert aggregate(broken, SV, "after_mean")[0] == 2


@pytest.mark.parametrize("aggregation", AGGREGATIONS)
def test_results_without_space_pass_unchanged(aggregation):
    assert aggregate(tensor([1.0, 0.0]), tensor([2.0, 0.0]), aggregation).tolist() == [0.5, 1.0]


def test_a_measure_that_is_no_ratio_is_aggregated_alone():
    assert aggregate(TV, None, "before_mean").tolist() == [1.5, 0]
    assert aggregate(TV, None, "after_max").tolist() == [3, 0]


def test_an_unknown_aggregation_is_named_with_the_valid_ones():
    with pytest.raises(UserError, match="unknown aggregation 'befor_mean'; valid: before_mean"):
        aggregate(TV, SV, "befor_mean")
