"""The analysis of variance against scipy, closed forms, and the mistake in its critical value."""

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from equivariance.measures.accumulator import Setting
from equivariance.measures.anova import analyse, f_critical, sums_of_squares
from equivariance.measures.variance import CONFIDENCE, VarianceAccumulator


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def maps(activations: Tensor, cuts=(), **options) -> dict[str, Tensor]:
    """Measure (n, T, ...), cut before the given samples."""
    accumulator = VarianceAccumulator(Setting(torch.float64), **options)
    for block in torch.tensor_split(activations, sorted(cuts)):
        accumulator.update(block)
    return accumulator.compute()


def f_and_eta_squared(activations: Tensor) -> tuple[Tensor, Tensor]:
    means = activations.mean(0)
    squares = sums_of_squares(means, (activations - means).square().sum(0), len(activations))
    return analyse(*squares, len(means), len(activations))


@pytest.mark.parametrize("samples, transformations", [(2, 2), (30, 2), (2, 9), (40, 7)])
def test_f_is_that_of_scipy(samples, transformations):
    activations = draw(samples, transformations, 4) + draw(1, transformations, 4, seed=1)
    ours, _ = f_and_eta_squared(activations)
    expected = stats.f_oneway(*activations.unbind(1)).statistic
    np.testing.assert_allclose(ours, expected, rtol=1e-6)


@pytest.mark.parametrize("confidence", [0.9, 0.99, 0.999])
@pytest.mark.parametrize("tests", [1, 100, 10_000])
@pytest.mark.parametrize("samples, transformations", [(100, 25), (1000, 49), (10, 2)])
def test_the_critical_value_is_that_of_scipy(samples, transformations, tests, confidence):
    between, within = transformations - 1, transformations * (samples - 1)
    expected = stats.f.isf((1 - confidence) / tests, between, within)
    assert f_critical(confidence, tests, between, within) == pytest.approx(expected, rel=1e-6)


def test_dividing_the_confidence_by_the_number_of_tests_rejects_nearly_everything():
    samples, transformations, tests = 100, 25, 100
    between, within = transformations - 1, transformations * (samples - 1)
    naive = stats.f.ppf(CONFIDENCE / tests, between, within)
    ours = f_critical(CONFIDENCE, tests, between, within)
    assert (round(naive, 2), round(ours, 2)) == (0.45, 2.46)
    f, _ = f_and_eta_squared(draw(samples, transformations, tests))  # nothing to be found
    assert (f > naive).double().mean() > 0.95
    assert not (f > ours).any()
    assert not maps(draw(samples, transformations, tests))["anova"].any()


@pytest.mark.parametrize("shape", [(), (3,), (2, 4, 5)])
@pytest.mark.parametrize("confidence", [0.5, 0.99])
def test_units_are_rejected_by_the_p_values_of_scipy_among_those_of_their_layer(shape, confidence):
    activations = draw(20, 6, *shape or (1,)) + 0.4 * draw(1, 6, *shape or (1,), seed=1)
    p_values = stats.f_oneway(*activations.unbind(1)).pvalue
    found = maps(activations, [3, 11], confidence=confidence)
    np.testing.assert_array_equal(found["anova"], p_values < (1 - confidence) / p_values.size)
    np.testing.assert_array_equal(found["anova_uncorrected"], p_values < 1 - confidence)
    assert found["anova"].shape == activations.shape[2:]


def test_both_outcomes_occur():
    found = maps(draw(20, 6, 50) + 0.4 * draw(1, 6, 50, seed=1))
    assert 0 < found["anova"].mean() < found["anova_uncorrected"].mean() < 1


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_independent_noise_is_rejected_as_often_as_the_confidence_allows(confidence):
    units = 20_000
    rejected = maps(draw(12, 5, units), confidence=confidence)["anova_uncorrected"].mean().item()
    error = (confidence * (1 - confidence) / units) ** 0.5
    assert rejected == pytest.approx(1 - confidence, abs=4 * error)


def test_with_the_correction_any_unit_of_a_layer_is_rejected_as_seldom():
    layers, units = 2000, 20
    f, _ = f_and_eta_squared(draw(8, 5, layers, units))
    rejected = (f > f_critical(0.8, units, 4, 35)).any(1).double().mean().item()
    assert rejected == pytest.approx(1 - (1 - 0.2 / units) ** units, abs=4 * (0.2 * 0.8 / layers) ** 0.5)


@pytest.mark.parametrize("value", [0.0, 0.1, -1e6])
def test_a_constant_unit_is_not_rejected_and_has_no_effect(value):
    found = maps(torch.full((30, 4, 3), value, dtype=torch.float64), [7])
    for name in ("anova", "anova_uncorrected", "eta_squared"):
        assert (found[name] == 0).all()


def test_a_row_effect_alone_is_not_rejected():
    found = maps(draw(30, 1, 4).expand(30, 9, 4))
    for name in ("anova", "anova_uncorrected", "eta_squared"):
        assert (found[name] == 0).all()


def test_a_column_effect_alone_is_rejected_and_all_of_the_variance():
    found = maps(draw(1, 9, 4).expand(30, 9, 4))
    for name in ("anova", "anova_uncorrected", "eta_squared"):
        assert (found[name] == 1).all()


def test_eta_squared_of_additive_effects_is_the_share_of_the_columns():
    rows, columns = draw(40, 1, 5), 2 * draw(1, 7, 5, seed=1)
    shares = columns.var(1, correction=0)[0], rows.var(0, correction=0)[0]
    expected = shares[0] / (shares[0] + shares[1])
    torch.testing.assert_close(maps(rows + columns, [3])["eta_squared"], expected, rtol=1e-10, atol=0)


def test_eta_squared_follows_from_f():
    activations = draw(10, 4, 6)
    f, eta_squared = f_and_eta_squared(activations)
    odds = f * 3 / (4 * 9)
    torch.testing.assert_close(eta_squared, odds / (1 + odds), rtol=1e-12, atol=0)


@pytest.mark.parametrize("samples, transformations", [(1, 5), (5, 1), (1, 1)])
def test_where_there_is_nothing_to_test_nothing_is_rejected(samples, transformations):
    found = maps(draw(samples, transformations, 3))
    assert (found["anova"] == 0).all()
    assert (found["anova_uncorrected"] == 0).all()
    assert (found["eta_squared"] == (1 if samples == 1 and transformations > 1 else 0)).all()


def test_nan_stays_with_its_unit():
    activations = draw(20, 5, 3)
    activations[13, 2, 1] = torch.nan
    found = maps(activations)
    for name in ("anova", "anova_uncorrected", "eta_squared"):
        assert found[name].isnan().tolist() == [False, True, False]
