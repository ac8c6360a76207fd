"""Activations of any scale are measured right: those whose squares leave float32 by sums of float64."""

import io
from dataclasses import replace

import pytest
import torch
from all_measures import CLOSE, assert_close, calibrate, draw, make, values
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from equivariance.measures.layer import LayerMeasures
from equivariance.measures.precision import CHUNK, LARGEST, SMALLEST_SPREAD, needs_float64
from equivariance.measures.registry import resolve

UNITLESS = [
    "nv",
    "nd@4",
    "nd_keep@4",
    "nd_normalize_keep@4",
    "eta_squared",
    "nvse",
    "ndse_keep@4",
    "dses_normalize",
]
UNITS = ["tv", "sv", "td@4", "sd@4", "td_keep@4", "sd_keep@4", "tvse", "svse", "dses"]
few = settings(max_examples=25, deadline=None)


def measured(activations: Tensor, names: list[str]) -> dict[str, Tensor]:
    """Measure float32 activations in the precision that they need."""
    layer = make(names, torch.float32, activations.shape[1])
    if needs_float64(activations.flatten(0, 1)):
        layer = LayerMeasures(resolve(names), ["none"], layer.setting.with_dtype(torch.float64))
    layer.update(activations)
    return values(layer)


@given(exponent=st.floats(-30, 30), seed=st.integers(0, 1000), samples=st.integers(2, 30))
@few
def test_measures_of_any_scale_are_those_of_float64(exponent, seed, samples):
    activations = (draw(seed, samples) * 10.0**exponent).float()
    expected = make([*UNITLESS, *UNITS], torch.float64)
    expected.update(activations)
    found = measured(activations, [*UNITLESS, *UNITS])
    for name, tensor in values(expected).items():
        torch.testing.assert_close(
            found[name], tensor, rtol=1e-5, atol=1e-8 * 10.0**exponent * (name in UNITS)
        )


@pytest.mark.parametrize("scale", [1e20, 1e-30])
def test_a_scale_changes_no_measure_without_unit(scale):
    activations = draw(0, 20)
    expected = values_in(torch.float64, activations, UNITLESS)
    for name, tensor in measured((activations * scale).float(), UNITLESS).items():
        assert_close(tensor, expected[name], CLOSE[torch.float32])
    of_float32 = values_in(torch.float32, (activations * scale).float(), ["nv"])["nv"]
    assert not torch.allclose(of_float32, expected["nv"], rtol=0.1)  # which is what the precision is for


def values_in(dtype: torch.dtype, activations: Tensor, names: list[str]) -> dict[str, Tensor]:
    layer = make(names, dtype)
    layer.update(activations)
    return values(layer)


def test_units_of_all_scales_in_one_layer_are_measured_right():
    activations = draw(0, 20, layer=(5, 3, 4))
    scales = torch.tensor([1.0, 1e20, 1e-30, 1e-12, 1e10], dtype=torch.float64)[:, None, None]
    expected = values_in(torch.float64, activations, UNITLESS)
    found = measured((activations * scales).float(), UNITLESS)
    for name, tensor in expected.items():
        assert_close(found[name], tensor, CLOSE[torch.float32])


@pytest.mark.parametrize("scale", [0.9 * LARGEST / 8, 1.1 * SMALLEST_SPREAD])
def test_what_is_just_within_the_bounds_needs_no_float64(scale):
    """Some thousands of rows, and samples that a transformation moves a thousand times less than the rest."""
    generator = torch.Generator().manual_seed(0)
    samples, columns = (torch.randn(*shape, 4, generator=generator).double() for shape in ((40, 1), (1, 200)))
    activations = ((samples + columns / 1000) * scale).clamp(-8 * scale, 8 * scale)
    ours = values_in_plain(torch.float32, activations.float())
    expected = values_in_plain(torch.float64, activations.float())
    assert not needs_float64(activations.float().flatten(0, 1))
    for name, tensor in expected.items():
        torch.testing.assert_close(ours[name], tensor, rtol=1e-5, atol=0)


def values_in_plain(dtype: torch.dtype, activations: Tensor) -> dict[str, Tensor]:
    setting = replace(make("nv", dtype).setting, matrices=None, identity=None)
    layer = LayerMeasures(resolve(["tv", "sv", "nv", "td", "sd", "nd"]), ["none"], setting)
    layer.update(activations)
    return values(layer)


# What needs float64


def rows(*columns: list[float], dtype: torch.dtype = torch.float32) -> Tensor:
    """Activations (rows, units) of some units."""
    return torch.tensor(columns, dtype=torch.float64).T.to(dtype)


@pytest.mark.parametrize(
    "columns, needed",
    [
        ([[1, 2], [0, 0], [-5, 1e10]], False),
        ([[1, 2], [0, 1e-20]], True),
        ([[1, 2], [1e-30, 2e-30]], True),
        ([[1, 2], [1e-30, 1e-30]], False),  # constant
        ([[1, 2], [1e-10, 2e-10]], False),
        ([[1, 2], [1e17, 0]], True),
        ([[1, 2], [-1e17, 0]], True),
        ([[1, 2], [1e20, 1e20]], True),  # squares of constants are summed too, where they are vectors
        ([[1, 2], [1e15, -1e15]], False),
        ([[1, 2], [torch.inf, 1]], False),
        ([[1, 2], [-torch.inf, torch.nan]], False),
        ([[1, 2, 1], [torch.nan, 1e17, 0]], True),
        ([[1, 2, 1], [torch.inf, 1e-20, 0]], True),
        ([[torch.nan, torch.nan]], False),
    ],
)
def test_float64_is_needed_where_squares_leave_float32(columns, needed):
    assert needs_float64(rows(*columns)) == needed
    assert needs_float64(rows(*columns, dtype=torch.float64)) == needed


@given(seed=st.integers(0, 100), exponent=st.sampled_from([-25, 0, 25]), place=st.integers(0, 23))
@few
def test_one_unit_decides_whatever_the_layout(seed, exponent, place):
    activations = draw(seed, 6).flatten(0, 1).flatten(1).float()  # (30, 24)
    activations[:, place] *= 10.0**exponent
    for layout in (
        activations,
        activations.T.contiguous().T,
        activations.reshape(30, 2, 3, 4),
        activations.reshape(30, 2, 3, 4).contiguous(memory_format=torch.channels_last),
        activations.repeat_interleave(2, 1)[:, ::2],
    ):
        assert needs_float64(layout) == (exponent != 0)


def test_all_units_of_a_large_layer_are_looked_at():
    for place in (0, CHUNK // 2, CHUNK, 2 * CHUNK - 1):
        activations = torch.zeros(2, 2 * CHUNK, dtype=torch.bfloat16)
        assert not needs_float64(activations)
        activations[1, place] = 1e-20
        assert needs_float64(activations)


@pytest.mark.parametrize("shape", [(0, 3), (4, 0), (4,), (1, 3), (0,)])
def test_layers_of_any_size_can_be_asked(shape):
    assert not needs_float64(torch.ones(shape))
    assert not needs_float64(torch.ones(shape, dtype=torch.int64))
    assert not needs_float64(torch.ones(shape).half())


# Settings of two precisions


def test_a_setting_in_another_precision_shares_no_resampler_and_is_made_once():
    setting = make("nvse", torch.float32).setting
    maps = draw(0, 2)
    for other in (setting.with_dtype(torch.float64), replace(setting, dtype=torch.float64)):
        for _ in range(2):  # before and after the other has been used
            assert setting.resampler(3, 4, inverse=True)(maps).dtype == torch.float32
            assert other.resampler(3, 4, inverse=True)(maps).dtype == torch.float64
    assert setting.with_dtype(torch.float64) is setting.with_dtype(torch.float64)
    assert setting.with_dtype(torch.float64).with_dtype(torch.float32) is setting
    assert setting.with_dtype(torch.float32) is setting


def test_layers_of_two_precisions_are_measured_in_turns():
    names = ["nv", "nd@4", "nvse", "ndse_keep@4"]
    setting = make(names, torch.float32).setting
    plain, precise = (
        LayerMeasures(resolve(names), ["none"], setting.with_dtype(dtype)) for dtype in CLOSE
    )  # fmt: skip
    activations = draw(0, 20).float()
    for block in activations.split(3):
        plain.update(block)
        precise.update(block * 2.0**70)
    expected = values_in(torch.float64, activations, names)
    for name, tensor in expected.items():
        assert_close(values(plain)[name], tensor, 1e-5)
        assert_close(values(precise)[name], tensor, 1e-10)


def test_a_state_brings_its_precision_along():
    names = ["nv", "nd@4", "nvse", "goodfellow_normal@0.8"]
    activations = draw(0, 20)
    first, rest = activations.split((7, 13))
    precise = calibrate(make(names, torch.float64), activations)
    precise.update(first)
    file = io.BytesIO()
    torch.save(precise.state(), file)
    file.seek(0)
    restored, merged = (make(names, torch.float32) for _ in range(2))
    restored.restore(torch.load(file, weights_only=True))
    merged.merge(precise)
    for layer in (precise, restored, merged):
        assert layer.setting.dtype == torch.float64
        layer.update(rest)
    for layer in (restored, merged):
        for name, tensor in values(precise).items():
            assert_close(values(layer)[name], tensor, 1e-12)


@pytest.mark.parametrize("first, second", [(torch.float32, torch.float64), (torch.float64, torch.float32)])
def test_parts_of_two_precisions_merge(first, second):
    names = ["nv", "nd@4", "nvse", "eta_squared", "dses"]
    activations = draw(0, 20)
    ours, theirs = make(names, first), make(names, second)
    ours.update(activations[:8])
    theirs.update(activations[8:11])
    ours.merge(theirs)
    ours.update(activations[11:])
    for name, tensor in values_in(torch.float64, activations, names).items():
        assert_close(values(ours)[name], tensor, 1e-5)


def test_feature_maps_are_pooled_in_the_precision_of_the_sums():
    activations = (draw(0, 20) + 100).bfloat16()
    layer = LayerMeasures(resolve("nv"), ["first_mean"], make("nv", torch.float32).setting)
    layer.update(activations)
    ((_, _, found),) = layer.compute()
    expected = values_in(torch.float64, activations.double().mean((3, 4)), ["nv"])["nv"]
    assert_close(found, expected, 1e-5)
