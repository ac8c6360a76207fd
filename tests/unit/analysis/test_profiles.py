"""Layer profiles against numpy."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equivariance.analysis.profiles import layer_profile

INF = float("inf")
VALUES = st.lists(st.one_of(st.floats(0, 100), st.just(INF)), min_size=1, max_size=12)


def sweep(layers: dict[str, dict[str, list[float]]]) -> pd.DataFrame:
    """The table of a sweep, from values by layer and measure."""
    rows = [
        (layer, index, "conv", index / 3, unit, measure, "before_mean", value)
        for index, (layer, measures) in enumerate(layers.items())
        for measure, values in measures.items()
        for unit, value in enumerate(values)
    ]
    columns = ["layer", "layer_index", "kind", "depth", "unit", "measure", "aggregation", "value"]
    return pd.DataFrame(rows, columns=columns)


@settings(deadline=None)
@given(st.lists(VALUES, min_size=1, max_size=4))
def test_each_row_summarises_the_finite_values_of_a_layer(values: list[list[float]]) -> None:
    profile = layer_profile(sweep({f"conv{index}": {"tv": one} for index, one in enumerate(values)}))
    assert profile["layer"].tolist() == [f"conv{index}" for index in range(len(values))]
    for row, one in zip(profile.to_dict("records"), values, strict=True):
        finite = np.array([value for value in one if value != INF])
        assert row["units"] == len(one)
        assert row["frac_inf"] == pytest.approx(1 - len(finite) / len(one))
        summary = [row[name] for name in ("mean", "median", "q25", "q75")]
        if len(finite):
            expected = [finite.mean(), *np.quantile(finite, [0.5, 0.25, 0.75])]
            np.testing.assert_allclose(summary, expected, rtol=1e-12, atol=1e-12)
        else:
            assert np.isnan(summary).all()


def test_measures_of_a_layer_are_kept_apart() -> None:
    profile = layer_profile(
        sweep({"conv1": {"tv": [1, 3], "sv": [10, 30]}, "conv2": {"tv": [5], "sv": [50]}})
    )
    means = profile.set_index(["layer", "measure"])["mean"].to_dict()
    assert means == {
        ("conv1", "tv"): 2,
        ("conv1", "sv"): 20,
        ("conv2", "tv"): 5,
        ("conv2", "sv"): 50,
    }


def test_a_unit_is_dead_where_numerator_and_denominator_are_zero() -> None:
    table = sweep(
        {
            "conv1": {"tv": [0, 0, 1, 1], "sv": [0, 2, 0, 2], "nv": [1, 0, INF, 0.5]},
            "conv2": {"tv": [1, 1], "sv": [1, 1], "nv": [1, 1]},
            "conv3": {"tv": [0, 0], "sv": [0, 0], "nv": [1, 1]},
        }
    )
    profile = layer_profile(table).set_index(["layer", "measure"])
    assert profile["frac_dead"].xs("nv", level="measure").to_dict() == {
        "conv1": 0.25,
        "conv2": 0,
        "conv3": 1,
    }
    assert (profile["frac_dead"].xs("tv", level="measure") == 0).all()
    assert profile.loc[("conv1", "nv"), "frac_inf"] == 0.25
    assert profile.loc[("conv1", "nv"), "mean"] == pytest.approx(0.5)  # of 1, 0 and 0.5


def test_layers_are_in_the_order_of_the_sweep_with_their_kind_and_depth() -> None:
    profile = layer_profile(sweep({name: {"tv": [1]} for name in ("zeta", "alpha", "mid")}))
    assert profile["layer"].tolist() == ["zeta", "alpha", "mid"]
    assert profile["layer_index"].tolist() == [0, 1, 2]
    np.testing.assert_allclose(profile["depth"], [0, 1 / 3, 2 / 3])
    assert set(profile["kind"]) == {"conv"}


def test_a_table_with_two_aggregations_is_refused() -> None:
    table = sweep({"conv1": {"tv": [1, 2]}})
    with pytest.raises(ValueError, match="duplicate"):
        layer_profile(pd.concat([table, table.assign(aggregation="after_mean")]))


def test_the_table_of_the_sweep_is_left_as_it_was() -> None:
    table = sweep({"conv1": {"tv": [0, INF], "sv": [0, 1], "nv": [1, INF]}})
    before = table.copy()
    layer_profile(table)
    pd.testing.assert_frame_equal(table, before)
