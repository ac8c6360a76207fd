"""Layer profiles against numpy."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equivariance.analysis import profiles
from equivariance.analysis.profiles import layer_profile, network_values
from equivariance.measures.catalog import MEASURES
from equivariance.measures.names import base, parts

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


def test_aggregations_and_classes_are_kept_apart() -> None:
    table = sweep({"conv1": {"tv": [0, 1], "sv": [0, 1], "nv": [1, 1]}})
    other = sweep({"conv1": {"tv": [0, 0], "sv": [0, 0], "nv": [1, 1]}}).assign(
        value=lambda rows: 2 * rows["value"]
    )
    for column, value in (("aggregation", "after_mean"), ("class", "dogs")):
        both = pd.concat(
            [table.assign(**{"class": "cats"}), other.assign(**{"class": "cats", column: value})]
        )
        profile = layer_profile(both)
        of_nv = profile[profile["measure"] == "nv"]
        assert of_nv["mean"].tolist() == [1, 2]
        assert of_nv["frac_dead"].tolist() == [0.5, 1]
        assert of_nv["units"].tolist() == [2, 2]
        assert of_nv[column].nunique() == 2
    assert "class" not in layer_profile(table)


def test_a_class_may_be_called_as_a_column_is() -> None:
    table = sweep({"conv1": {"tv": [1, 3]}})
    names = {"(mean)": 1, "mean": 2, "value": 3, "measure": 4}
    parts = [table.assign(value=table["value"] * by, **{"class": name}) for name, by in names.items()]
    profile = layer_profile(pd.concat(parts))
    assert dict(zip(profile["class"], profile["mean"] / 2, strict=True)) == names


def test_a_table_with_two_values_of_a_unit_is_refused() -> None:
    table = sweep({"conv1": {"tv": [1, 2]}})
    with pytest.raises(ValueError, match="duplicate"):
        layer_profile(pd.concat([table, table]))


def test_a_measure_that_only_some_layers_have_is_summarised_there() -> None:
    profile = layer_profile(
        sweep({"conv1": {"nvse": [1, 3], "tvse": [0, 1], "svse": [0, 1]}, "fc": {"tv": [1]}})
    )
    assert profile[profile["measure"] == "nvse"][["layer", "mean", "frac_dead"]].values.tolist() == [
        ["conv1", 2, 0.5]
    ]


def test_dead_units_of_a_ratio_with_a_parameter_are_told_from_its_own_parts() -> None:
    table = sweep(
        {"conv1": {"td@8": [0, 1], "sd@8": [0, 1], "nd@8": [1, 1], "td": [0, 0], "sd": [0, 0], "nd": [1, 1]}}
    )
    dead = layer_profile(table).set_index("measure")["frac_dead"]
    assert (dead["nd@8"], dead["nd"]) == (0.5, 1)


@pytest.mark.parametrize("measure", ["nv", "nd_keep@32", "goodfellow_normal@0.999", "tv", "anova@0.95"])
def test_a_ratio_is_made_of_measures_with_its_parameter(measure: str) -> None:
    found = parts(measure)
    assert len(found) == (2 if MEASURES[base(measure)].ratio_of else 0)
    for part in found:
        assert base(part) in MEASURES
        assert part.removeprefix(base(part)) == measure.removeprefix(base(measure))


@settings(deadline=None)
@given(st.lists(VALUES, min_size=1, max_size=4), st.sampled_from([0.2, 0.5, 1.0]))
def test_a_network_has_the_mean_of_layers_that_of_units_and_that_of_the_largest(
    values: list[list[float]], top: float
) -> None:
    found = network_values(sweep({f"conv{index}": {"tv": one} for index, one in enumerate(values)}), top)
    finite = [np.array([value for value in one if value != INF]) for one in values]
    units = np.sort(np.concatenate(finite))[::-1]
    if not len(units):
        assert found.empty
        return
    [row] = found.to_dict("records")
    assert (row["measure"], row["aggregation"]) == ("tv", "before_mean")
    largest = units[: int(np.ceil(top * len(units)))].mean()
    np.testing.assert_allclose(
        [row[name] for name in ("global_layer_mean", "global_unit_mean", "top_unit_mean")],
        [np.mean([one.mean() for one in finite if len(one)]), units.mean(), largest],
        rtol=1e-12,
        atol=1e-12,
    )


def test_networks_have_a_value_for_each_measure_aggregation_and_class() -> None:
    table = sweep({"conv1": {"tv": [1, 3], "sv": [2, 6]}, "conv2": {"tv": [5], "sv": [10]}})
    half = table.assign(value=table["value"] / 2)
    both = pd.concat([table.assign(**{"class": "cats"}), half.assign(**{"class": "dogs"})])
    found = network_values(both).set_index(["class", "measure"])
    assert found["global_unit_mean"].to_dict() == {
        ("cats", "tv"): 3,
        ("cats", "sv"): 6,
        ("dogs", "tv"): 1.5,
        ("dogs", "sv"): 3,
    }
    assert found.loc[("cats", "tv"), "global_layer_mean"] == 3.5


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 40), st.permutations(range(12)))
def test_layers_may_be_summarised_a_few_at_a_time(rows: int, order: list[int]) -> None:
    draw = np.random.default_rng(0)
    layers = [
        sweep({f"conv{index % 4}": {name: draw.integers(0, 3, 5) for name in ("tv", "sv", "nv")}})
        for index in range(12)
    ]
    parts = [table.assign(**{"class": "abc"[index // 4]}) for index, table in enumerate(layers)]
    table = pd.concat([parts[index] for index in order])
    whole = layer_profile(table)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(profiles, "ROWS", rows)
        pd.testing.assert_frame_equal(layer_profile(table), whole, check_exact=True)
    assert whole["frac_dead"].any()


def test_a_table_without_rows_has_a_profile_without_rows() -> None:
    table = sweep({"conv1": {"tv": [1]}})
    none = layer_profile(table.head(0))
    assert none.empty and list(none) == list(layer_profile(table))


def test_millions_of_rows_are_summarised_in_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    units, layers = 100_000, 10
    values = np.random.default_rng(0).random((layers, 3, units))
    values[:, :2, :1000] = 0  # dead units
    names = pd.MultiIndex.from_product(
        [[f"conv{index}" for index in range(layers)], ["tv", "sv", "nv"], range(units)],
        names=["layer", "measure", "unit"],
    )
    table = pd.DataFrame({"value": values.ravel()}, index=names).reset_index()
    table["layer_index"] = table["layer"].str.removeprefix("conv").astype(int)
    table = table.assign(kind="conv", depth=table["layer_index"] / 9, aggregation="none")
    tracemalloc.start()
    profile = layer_profile(table)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(table) == 3_000_000
    assert peak < 100 * len(table), "bytes: less than for a table of all units with a column per measure"
    np.testing.assert_allclose(profile["mean"], values.mean(2).ravel(), rtol=1e-12)
    np.testing.assert_allclose(profile["q25"], np.quantile(values, 0.25, axis=2).ravel(), rtol=1e-12)
    dead = profile[profile["measure"] == "nv"]["frac_dead"]
    assert dead.tolist() == [0.01] * layers


def test_the_table_of_the_sweep_is_left_as_it_was() -> None:
    table = sweep({"conv1": {"tv": [0, INF], "sv": [0, 1], "nv": [1, INF]}})
    before = table.copy()
    layer_profile(table)
    pd.testing.assert_frame_equal(table, before)
