"""Goodfellow's measures against brute force written from the formulae, closed forms and laws."""

import io
import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from torch import Tensor

from equivariance.errors import UserError
from equivariance.measures import goodfellow
from equivariance.measures.accumulator import Setting
from equivariance.measures.aggregation import divide
from equivariance.measures.catalog import MEASURES
from equivariance.measures.goodfellow import GoodfellowAccumulator
from equivariance.measures.registry import resolve

ALPHAS = (0.5, 0.9, 0.95, 0.99, 0.999)
FORMS = [
    {"threshold": kind, "original": original}
    for kind in ("normal", "percentile")
    for original in (False, True)
]
ORIGINAL = {"threshold": "percentile", "original": True}
AUTHOR = {"threshold": "percentile", "original": False}
IDENTITY = 2

forms = pytest.mark.parametrize("form", FORMS, ids=lambda form: "-".join(map(str, form.values())))


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def make(form, alpha=0.9, identity=IDENTITY, dtype=torch.float64):
    return GoodfellowAccumulator(Setting(dtype=dtype, identity=identity), alpha=alpha, **form)


def calibrated(activations: Tensor, form, cuts=(), **options):
    """Calibrate on the untransformed samples of (n, T, ...), cut before the given ones."""
    accumulator = make(form, **options)
    rows = activations[:, accumulator.setting.identity]
    for piece in torch.tensor_split(rows, sorted(cuts)):
        if len(piece):
            accumulator.calibrate(piece, len(rows))
    return accumulator


def maps(activations: Tensor, form, cuts=(), **options) -> dict[str, Tensor]:
    accumulator = calibrated(activations, form, cuts, **options)
    for block in torch.tensor_split(activations, sorted(cuts)):
        if len(block):
            accumulator.update(block)
    return accumulator.compute()


def invariance(activations: Tensor, form, **options) -> Tensor:
    computed = maps(activations, form, **options)
    return divide(computed["local"], computed["global"])


def brute_force(a: np.ndarray, threshold: str, original: bool, alpha: float) -> dict[str, float]:
    """One unit's (n, T), by the book."""
    results = []
    for s in (1, -1) if original else (1,):
        x = s * a[:, IDENTITY]
        if threshold == "normal":
            theta = norm.ppf(alpha, x.mean(), max(x.std(ddof=1), 1e-16))
        else:
            theta = np.sort(x)[min(int(np.floor(alpha * len(x))), len(x) - 1)]
        fires = s * a > theta
        z = fires[:, IDENTITY]
        local = fires[z].mean() if original and z.any() else 0 if original else fires.mean()
        results.append({"local": local, "global": z.mean(), "threshold": theta})
    live = [r for r in results if r["global"] > 0]
    return max(live, key=lambda r: r["local"] / r["global"]) if live else results[0]


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("samples", [7, 100, 2003])
@forms
def test_the_maps_are_those_of_the_formulae(form, samples, alpha):
    shared = draw(samples, 1, 2, 2, 2)
    activations = shared + draw(samples, 5, 2, 2, 2, seed=1) * torch.linspace(0, 2, 8).reshape(2, 2, 2)
    ours = maps(activations, form, (1, samples // 2), alpha=alpha)
    units = activations.flatten(2).numpy()
    expected = [brute_force(units[..., unit], **form, alpha=alpha) for unit in range(8)]
    for name, values in ours.items():
        assert values.shape == (2, 2, 2)
        assert values.dtype == torch.float64
        np.testing.assert_allclose(values.flatten(), [x[name] for x in expected], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("samples", [1, 2, 9, 10, 11, 20])
def test_a_percentile_is_a_sorted_value_even_at_the_end(samples):
    activations = draw(samples, 3, 4)
    for alpha in (0.9, 0.95, 1 - 1e-17):
        expected = np.sort(activations[:, IDENTITY], axis=0)[min(int(alpha * samples), samples - 1)]
        assert (maps(activations, AUTHOR, alpha=alpha)["threshold"].numpy() == expected).all()


def test_the_original_form_takes_the_sign_with_the_larger_measure():
    samples, rows = 200, draw(200)
    activations = rows[:, None].expand(samples, 5).clone()
    high = rows > rows.quantile(0.5)
    activations[high, 3:] = 0  # only the most negative responses are invariant
    activations = torch.stack([activations, -activations], 2)
    for form in FORMS:
        if form["original"]:
            computed = maps(activations, form)
            expected = 1 / computed["global"]
            torch.testing.assert_close(
                divide(computed["local"], computed["global"]), expected, rtol=0, atol=0
            )
            assert (computed["threshold"] > 0).all()
    assert (invariance(activations, ORIGINAL)[0] > invariance(activations, AUTHOR)[0]).all()


@pytest.mark.parametrize("threshold", ["normal", "percentile"])
def test_an_invariant_unit_has_the_inverse_of_its_global_firing(threshold):
    activations = draw(500, 1, 6).expand(500, 4, 6)
    form = {"threshold": threshold, "original": True}
    computed = maps(activations, form, alpha=0.95)
    assert (computed["global"] > 0).all()
    assert torch.equal(invariance(activations, form, alpha=0.95), 1 / computed["global"])


@pytest.mark.parametrize("alpha", [0.5, 0.9])
@forms
def test_independent_noise_has_measure_1(form, alpha):
    activations = draw(5000, 100, 4)
    ratio = invariance(activations, form, alpha=alpha)
    # A sample that fires untransformed does so for certain under one of the transformations, the identity.
    certain = (1 / (1 - alpha) - 1) / 100 if form["original"] else 0
    assert ((ratio - 1 - certain).abs() < 0.15).all()


@pytest.mark.parametrize("threshold", ["normal", "percentile"])
def test_only_the_original_form_tells_an_invariant_unit_from_a_shuffled_one(threshold):
    samples = 200
    rows = draw(samples, 1)
    index = torch.arange(samples)
    invariant = rows.expand(samples, samples)
    shuffled = rows[:, 0][(index[:, None] + index) % samples]
    activations = torch.stack([invariant, shuffled], 2)
    author = invariance(activations, {"threshold": threshold, "original": False}, identity=0)
    original = invariance(activations, {"threshold": threshold, "original": True}, identity=0)
    torch.testing.assert_close(author, torch.ones(2, dtype=torch.float64), rtol=1e-12, atol=0)
    assert original[0] > 6
    torch.testing.assert_close(original[1], author[1], rtol=1e-12, atol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("value", [0.0, 0.1, -1e6, 1e-30])
@forms
def test_a_constant_unit_never_fires(form, value, dtype):
    computed = maps(torch.full((30, 4, 3), value, dtype=dtype), form, dtype=dtype)
    assert (computed["local"] == 0).all()
    assert (computed["global"] == 0).all()


def test_a_sign_that_never_fires_loses_to_one_that_does():
    activations = torch.zeros(100, 4, 1)
    activations[:20] = -1  # the largest value is tied, so that +1 never fires
    assert maps(activations, AUTHOR, alpha=0.5)["global"] == 0
    computed = maps(activations, ORIGINAL, alpha=0.5)
    assert [computed[name].item() for name in ("global", "local", "threshold")] == [0.2, 1, 0]


def test_the_global_firing_is_measured_and_not_assumed():
    activations = torch.zeros(100, 4, 2)
    activations[:25, :, 0] = 1
    activations[:3, :, 1] = 1
    assert maps(activations, AUTHOR, alpha=0.9)["global"].tolist() == [0, 0.03]
    assert maps(activations, AUTHOR, alpha=0.5)["global"].tolist() == [0.25, 0.03]


@forms
def test_a_shift_and_a_scale_change_no_firing(form):
    activations = (draw(100, 4, 5) * 1024).round() / 1024
    expected = maps(activations, form)
    moved = maps(activations * 8 + 2**24, form)  # exact in float64
    for name in ("local", "global"):
        assert torch.equal(moved[name], expected[name])


@forms
def test_a_smaller_last_block_counts_as_what_it_is(form):
    activations = draw(23, 4, 5).abs()
    cuts = (10, 20)
    for alpha in (0.5, 0.9999):
        whole, cut = maps(activations, form, alpha=alpha), maps(activations, form, cuts, alpha=alpha)
        for name, values in whole.items():
            assert torch.equal(cut[name], values)


@forms
def test_the_activations_stay_as_they_are(form):
    activations = draw(20, 4, 5)
    before = activations.clone()
    maps(activations, form)
    assert torch.equal(activations, before)


@settings(max_examples=25, deadline=None)
@given(
    form=st.sampled_from(FORMS),
    dtype=st.sampled_from([torch.float32, torch.float64]),
    cuts=st.lists(st.integers(1, 29), max_size=6),
    calibration_cuts=st.lists(st.integers(1, 29), max_size=6),
    order=st.permutations(range(30)),
    tree=st.randoms(use_true_random=False),
)
def test_cuts_order_and_merges_change_nothing(form, dtype, cuts, calibration_cuts, order, tree):
    activations = draw(30, 4, 6).round(decimals=1)
    expected = maps(activations, form, dtype=dtype)
    accumulators = [make(form, dtype=dtype)]
    for block in torch.tensor_split(activations[list(order)], sorted(cuts)):
        part = calibrated(activations, form, calibration_cuts, dtype=dtype)
        if len(block):
            part.update(block)
        accumulators.append(part)
    while len(accumulators) > 1:
        tree.shuffle(accumulators)
        taken = accumulators.pop()
        accumulators[0].merge(taken)
    for name, values in accumulators[0].compute().items():
        assert torch.equal(values, expected[name])


def round_trip(accumulator, form):
    file = io.BytesIO()
    torch.save(accumulator.state(), file)
    file.seek(0)
    other = make(form)
    other.restore(torch.load(file, weights_only=True))
    return other


@forms
def test_the_state_can_be_saved_at_any_time(form):
    activations = draw(20, 4, 2, 3)
    accumulator = make(form)
    for rows in activations[:, IDENTITY].split(6):
        accumulator.calibrate(rows, 20)
        accumulator = round_trip(accumulator, form)
    for block in activations.split(7):
        accumulator.update(block)
        accumulator = round_trip(accumulator, form)
    for name, values in maps(activations, form).items():
        assert torch.equal(accumulator.compute()[name], values)


@pytest.mark.parametrize("only_firing", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_kernel_counts_as_torch_does(dtype, only_firing):
    units = 2 * goodfellow.kernels.CHUNK + 3
    block = draw(3, 5, units).round(decimals=1).to(dtype)  # some lie exactly on the thresholds
    block[0, 1, :4] = torch.nan
    thresholds = draw(2, units, seed=1).round(decimals=1).to(dtype)
    counts = []
    for count in (goodfellow.count_firings, goodfellow._count_on_cpu):
        fired, firings = (torch.ones(2, units, dtype=torch.int64) for _ in range(2))
        count(block, IDENTITY, (1, -1), thresholds, only_firing, fired, firings)
        counts.append((fired, firings))
    for by_torch, by_kernel in zip(*counts, strict=True):
        assert torch.equal(by_torch, by_kernel)
        assert (by_torch > 1).any()


@settings(max_examples=25, deadline=None)
@given(
    samples=st.integers(1, 40),
    size=st.integers(1, 12),
    by_torch=st.lists(st.booleans(), min_size=9, max_size=9),
)
def test_the_largest_values_are_kept_by_kernel_and_torch_in_turns(samples, size, by_torch):
    rows = draw(samples, 5, seed=samples).round(decimals=1)
    kept = torch.full((2, size, 5), -torch.inf, dtype=torch.float64)
    for piece, torch_next in zip(rows.split(5), itertools.cycle(by_torch), strict=False):
        (goodfellow.keep_largest if torch_next else goodfellow._keep_largest)(piece, (1, -1), kept)
    for sign, values in zip((1, -1), kept, strict=True):
        expected = np.sort(sign * rows.numpy(), axis=0)[-size:]
        ours = np.sort(values.numpy(), axis=0)[-len(expected) :]
        np.testing.assert_array_equal(ours, expected)


@forms
def test_blocks_of_any_dtype_and_layout(form):
    activations = draw(24, 4, 3, 4, 4).bfloat16()
    expected = maps(activations.float().contiguous(), form, dtype=torch.float32)
    last = activations.flatten(0, 1).contiguous(memory_format=torch.channels_last).unflatten(0, (24, 4))
    assert not last.is_contiguous()
    for given_block in (last, activations.double(), activations.float().requires_grad_()):
        computed = maps(given_block, form, dtype=torch.float32)
        for name, values in expected.items():
            assert torch.equal(computed[name], values)


@forms
def test_a_value_at_the_threshold_does_not_fire(form):
    activations = draw(50, 3, 20).float()
    accumulator = calibrated(activations, form, dtype=torch.float32)
    for index, sign in enumerate(accumulator._signs):
        at = (sign * accumulator._thresholds[index]).expand(6, 3, 20)
        fires = torch.nextafter(at, torch.full_like(at, sign * torch.inf))
        for block, expected in ((at, 0), (fires, 6)):
            counted = calibrated(activations, form, dtype=torch.float32)
            counted.update(block)
            assert (counted._fired[index] == expected).all()


@forms
def test_a_nan_without_transformation_makes_the_maps_nan(form):
    activations = draw(30, 4, 3)
    activations[5, IDENTITY, 1] = torch.nan
    activations[5, 0, 2] = torch.nan
    accumulator = calibrated(activations, form)
    accumulator.update(activations[:9])
    accumulator.merge(calibrated(activations, form))
    for values in accumulator.compute().values():
        assert values.isnan().tolist() == [False, True, False]


def test_a_setting_without_an_identity_is_refused():
    with pytest.raises(UserError, match="identity"):
        make(AUTHOR, identity=None)


@forms
def test_misuse_is_refused(form):
    activations = draw(10, 4, 3)
    accumulator = make(form)
    with pytest.raises(ValueError, match="before calibrate"):
        accumulator.update(activations)
    accumulator.calibrate(activations[:9, IDENTITY], 10)
    with pytest.raises(ValueError, match="before calibrate"):
        accumulator.update(activations)
    with pytest.raises(ValueError, match="thresholds"):
        make(form).merge(accumulator)
    with pytest.raises(ValueError, match="10 samples"):
        accumulator.calibrate(activations[:2, IDENTITY], 10)
    with pytest.raises(ValueError, match="10 samples"):
        accumulator.calibrate(activations[:1, IDENTITY, :2], 10)
    accumulator.calibrate(activations[9:, IDENTITY], 10)
    with pytest.raises(ValueError, match="no samples"):
        accumulator.compute()
    for wrong in (activations[:, :2], activations[..., :2]):
        with pytest.raises(ValueError, match="expected"):
            accumulator.update(wrong)
    accumulator.update(activations)
    with pytest.raises(ValueError, match="expected"):
        accumulator.update(activations[:, :3])
    with pytest.raises(ValueError, match="thresholds"):
        accumulator.merge(calibrated(activations + 1, form))
    fewer = calibrated(activations, form)
    fewer.update(activations[:, :3])
    with pytest.raises(ValueError, match="merged"):
        accumulator.merge(fewer)


@pytest.mark.parametrize("name", [name for name, row in MEASURES.items() if row.module == "goodfellow"])
def test_each_name_is_read_from_its_maps(name):
    (found,) = resolve(name)
    computed = found.source.make(Setting(identity=0))
    activations = draw(10, 3, 2)
    computed.calibrate(activations[:, 0], 10)
    computed.update(activations)
    assert found.numerator in computed.compute()
    assert (found.denominator == "global") == (not name.endswith(("_local", "_global", "_threshold")))
    options = dict(found.source.options)
    assert options == {"threshold": name.split("_")[1], "original": "_original" in name}
    (at_other_alpha,) = resolve(f"{name}@0.999")
    assert dict(at_other_alpha.source.options) == {**options, "alpha": 0.999}
