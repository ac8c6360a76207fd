"""Closed forms, laws and precision of TV, SV and NV on given activations.

Everything is tested of both implementations: the kernel, and the torch operations of other devices.
"""

import io

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from equivariance.measures.accumulator import Setting
from equivariance.measures.aggregation import divide
from equivariance.measures.kernels import variance as kernels
from equivariance.measures.moments import Moments, std_along
from equivariance.measures.setting import Scratch
from equivariance.measures.variance import VarianceAccumulator

CHUNK = kernels.CHUNK
CLOSE = {torch.float32: 1e-5, torch.float64: 1e-10}
DTYPES = list(CLOSE)


def add_differences_by_torch(*arrays: np.ndarray) -> None:
    """Do what the kernel does with the operations that other devices use."""
    rows, pilot, total, squares = map(torch.from_numpy, arrays)
    moments = Moments(rows.dtype)
    moments._pilot, moments._sum, moments._squares = pilot, total, squares
    moments._add(rows)


def add_deviations_by_torch(*arrays: np.ndarray) -> None:
    rows, deviations = map(torch.from_numpy, arrays)
    deviations += std_along(rows, 1, Scratch()).double().sum(0)


@pytest.fixture(scope="module", params=["kernel", "torch"], autouse=True)
def implementation(request):
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "torch":
            for name, by_torch in {
                "add_differences": add_differences_by_torch,
                "add_deviations": add_deviations_by_torch,
            }.items():
                patch.setattr(f"equivariance.measures.moments.{name}", by_torch)
        yield request.param


def accumulate(activations: Tensor, cuts: list[int] | None = None, dtype: torch.dtype = torch.float64):
    """Feed (n, T, ...) cut before the given samples."""
    accumulator = VarianceAccumulator(Setting(dtype))
    for block in torch.tensor_split(activations, sorted(cuts or [])):
        if len(block):
            accumulator.update(block)
    return accumulator


def tv_sv(activations: Tensor, cuts: list[int] | None = None, dtype: torch.dtype = torch.float64):
    maps = accumulate(activations, cuts, dtype).compute()
    return maps["tv"], maps["sv"]


def nv(activations: Tensor) -> Tensor:
    return divide(*tv_sv(activations))


def brute_force(activations: Tensor) -> tuple[np.ndarray, np.ndarray]:
    values = activations.double().numpy()
    return values.std(axis=1, ddof=1).mean(axis=0), values.std(axis=0, ddof=1).mean(axis=0)


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def assert_close(ours: Tensor, expected: Tensor | np.ndarray, relative: float) -> None:
    torch.testing.assert_close(ours, torch.as_tensor(expected), rtol=relative, atol=0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_tv_and_sv_are_means_of_standard_deviations(dtype):
    activations = draw(150, 7, 3, 4, 5)
    for ours, expected in zip(tv_sv(activations, [1, 2, 60], dtype), brute_force(activations), strict=True):
        assert ours.shape == (3, 4, 5)
        assert ours.dtype == torch.float64
        assert_close(ours, expected, CLOSE[dtype])


@pytest.mark.parametrize("dtype", DTYPES)
def test_two_passes_give_the_same_means(dtype):
    activations = draw(150, 7, 3, 4, 5)
    accumulator = VarianceAccumulator(Setting(dtype))
    for block in activations.split(40):
        accumulator.update_rows(block)
    for members in (range(4), range(4, 7)):
        for block in activations.split(40):
            accumulator.update_columns(block[:, members.start : members.stop], members)
        accumulator.end_columns()
    maps = accumulator.compute()
    for name, expected in zip(("tv", "sv"), brute_force(activations), strict=True):
        assert_close(maps[name], expected, CLOSE[dtype])


def test_the_identity_set_has_tv_and_nv_0():
    activations = draw(20, 1, 6).expand(20, 5, 6)
    assert (tv_sv(activations)[0] == 0).all()
    assert (nv(activations) == 0).all()


def test_independent_noise_has_nv_1():
    assert_close(nv(draw(400, 400, 3)), torch.ones(3, dtype=torch.float64), 0.01)


def test_a_row_effect_has_nv_0():
    assert (nv(draw(30, 1, 4).expand(30, 9, 4)) == 0).all()


def test_a_column_effect_has_sv_0_and_nv_infinity():
    activations = draw(1, 9, 4).expand(30, 9, 4)
    assert (tv_sv(activations)[1] == 0).all()
    assert (nv(activations) == torch.inf).all()


def test_a_constant_has_nv_1():
    assert (nv(torch.full((30, 9, 4), 0.1)) == 1).all()


def test_normalized_variance_of_additive_effects_is_their_ratio():
    rows, columns = draw(30, 1, 4), 3 * draw(1, 9, 4, seed=1)
    ratio = columns.std(dim=1)[0] / rows.std(dim=0)[0]
    assert_close(nv(rows + columns), ratio, 1e-10)


def test_the_mean_of_an_image_is_invariant_to_circular_shifts():
    images = draw(12, 8, 8)
    shifted = torch.stack([images.roll((shift, 3 * shift), dims=(1, 2)) for shift in range(8)], dim=1)
    assert nv(shifted.mean(dim=(2, 3))[..., None]).abs().max() < 1e-14


@pytest.mark.parametrize("samples, transformations", [(1, 5), (5, 1), (1, 1)])
def test_a_single_value_has_standard_deviation_0(samples, transformations):
    tv, sv = tv_sv(draw(samples, transformations, 3))
    assert (tv == 0).all() == (transformations == 1)
    assert (sv == 0).all() == (samples == 1)


def test_nan_propagates_to_its_unit_alone():
    activations = draw(20, 5, 3)
    activations[13, 2, 1] = torch.nan
    for values in (*tv_sv(activations), nv(activations)):
        assert values.isnan().tolist() == [False, True, False]


def test_small_variances_at_large_offsets_survive_float32():
    generator = torch.Generator().manual_seed(0)
    activations = 1000 + 0.01 * torch.randn(300, 20, 50, generator=generator)  # variance 1e-4
    for ours, expected in zip(tv_sv(activations, dtype=torch.float32), brute_force(activations), strict=True):
        assert_close(ours, expected, 1e-5)


@pytest.mark.parametrize("place", [0, 3, 150, 299])
def test_an_outlying_sample_costs_no_precision(place):
    activations = draw(300, 5, 20).float()
    activations[place] += 1e4
    ours = tv_sv(activations, list(range(300)), torch.float32)
    for values, expected in zip(ours, brute_force(activations), strict=True):
        assert_close(values, expected, 1e-5)


@pytest.mark.parametrize("dtype", DTYPES)
def test_samples_sorted_by_size_cost_no_precision(dtype):
    activations = (draw(300, 5, 20) * 0.01 + torch.linspace(-5, 5, 300)[:, None, None]).to(dtype)
    for ours, expected in zip(
        tv_sv(activations, list(range(300)), dtype), brute_force(activations), strict=True
    ):
        assert_close(ours, expected, CLOSE[dtype])


activation_seeds = st.integers(0, 1000)
offsets = st.sampled_from([0.0, 1.0, -300.0, 1e4])


@given(activation_seeds, st.lists(st.integers(1, 39), max_size=12, unique=True), offsets, st.randoms())
@settings(deadline=None, max_examples=40)
def test_any_order_and_split_of_samples_gives_the_same_values(seed, cuts, offset, random):
    activations = (draw(40, 6, 8, seed=seed) + offset).float()
    order = list(range(40))
    random.shuffle(order)
    for dtype in DTYPES:
        whole = tv_sv(activations, dtype=dtype)
        for values, expected in zip(tv_sv(activations[order], cuts, dtype), whole, strict=True):
            assert_close(values, expected, CLOSE[dtype])


@given(activation_seeds, st.lists(st.integers(1, 39), max_size=6, unique=True), offsets, st.randoms())
@settings(deadline=None, max_examples=40)
def test_any_tree_of_merges_gives_the_same_values(seed, cuts, offset, random):
    activations = (draw(40, 6, 8, seed=seed) + offset).float()
    for dtype in DTYPES:
        whole = tv_sv(activations, dtype=dtype)
        parts = [accumulate(part, dtype=dtype) for part in torch.tensor_split(activations, sorted(cuts))]
        while len(parts) > 1:
            other = parts.pop(random.randrange(len(parts)))
            parts[random.randrange(len(parts))].merge(other)
        maps = parts[0].compute()
        for values, expected in zip((maps["tv"], maps["sv"]), whole, strict=True):
            assert_close(values, expected, CLOSE[dtype])


@given(activation_seeds, st.lists(st.integers(1, 39), max_size=6, unique=True), st.floats(-1e4, 1e4))
@settings(deadline=None, max_examples=25)
def test_constant_units_are_exactly_0_in_every_split(seed, cuts, value):
    random = draw(40, 6, 1, seed=seed)
    constant = torch.full_like(random, value)
    activations = torch.cat([random, constant], dim=2)
    parts = [
        accumulate(part, [len(part) // 2], torch.float32)
        for part in torch.tensor_split(activations, sorted(cuts))
    ]
    for part in parts[1:]:
        parts[0].merge(part)
    maps = parts[0].compute()
    for values in maps.values():
        assert values[1] == 0
    assert all(maps[name][0] > 0 for name in ("tv", "sv", "eta_squared"))


@given(activation_seeds, st.floats(1e-6, 1e6))
@settings(deadline=None, max_examples=25)
def test_scaling_leaves_nv_unchanged(seed, scale):
    activations = draw(10, 5, 4, seed=seed)
    assert_close(nv(activations * scale), nv(activations), 1e-10)


@given(activation_seeds, st.floats(-1e4, 1e4))
@settings(deadline=None, max_examples=25)
def test_adding_a_constant_leaves_tv_and_sv_unchanged(seed, offset):
    activations = draw(10, 5, 4, seed=seed)
    for values, expected in zip(tv_sv(activations + offset), tv_sv(activations), strict=True):
        assert_close(values, expected, 1e-9)  # what adding 1e4 leaves of float64 activations


def test_reading_does_not_disturb_what_follows():
    activations = draw(50, 6, 8)
    accumulator = VarianceAccumulator(Setting(torch.float64))
    for sample in activations:
        accumulator.update(sample[None])
        accumulator.compute()
    maps = accumulator.compute()
    for values, expected in zip((maps["tv"], maps["sv"]), tv_sv(activations), strict=True):
        assert_close(values, expected, 1e-10)


def test_merging_nothing_changes_nothing_and_nothing_takes_on_what_is_merged():
    activations = draw(20, 6, 8)
    full, empty = accumulate(activations), VarianceAccumulator(Setting(torch.float64))
    full.merge(empty)
    empty.merge(full)
    assert full.compute()["sv"].equal(empty.compute()["sv"])
    assert full.compute()["tv"].equal(empty.compute()["tv"])
    empty.update(activations)
    assert full.compute()["tv"].equal(tv_sv(activations)[0])


def test_an_accumulator_without_samples_says_so():
    with pytest.raises(ValueError, match="no samples"):
        VarianceAccumulator(Setting()).compute()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("units", [1, CHUNK, 2 * CHUNK + 3])
def test_the_kernels_add_what_torch_adds(dtype, units):
    rows = draw(5, 6, units).to(dtype)
    rows[1, 2, 0] = torch.nan
    pilot = draw(6, units, seed=1).to(dtype)
    summed = []
    for add_differences, add_deviations in (
        (kernels.add_differences, kernels.add_deviations),
        (add_differences_by_torch, add_deviations_by_torch),
    ):
        sums = [torch.ones(6, units, dtype=dtype), torch.ones(6, units, dtype=dtype)]
        deviations = torch.ones(units, dtype=torch.float64)
        add_differences(*(x.numpy() for x in (rows, pilot, *sums)))
        add_deviations(rows.numpy(), deviations.numpy())
        summed.append((*sums, deviations))
    for by_kernel, by_torch in zip(*summed, strict=True):
        torch.testing.assert_close(by_kernel, by_torch, rtol=CLOSE[dtype], atol=CLOSE[dtype], equal_nan=True)
        assert by_torch[..., 0].isnan().any()


def test_blocks_of_any_dtype_and_layout():
    activations = draw(24, 4, 3, 4, 5).bfloat16()
    expected = tv_sv(activations.float().contiguous(), dtype=torch.float32)
    channels_last = (
        activations.flatten(0, 1).contiguous(memory_format=torch.channels_last).unflatten(0, (24, 4))
    )
    strided = activations.float().repeat_interleave(2, dim=1)[:, ::2]
    assert not channels_last.is_contiguous()
    assert not strided.is_contiguous()
    for block in (channels_last, strided, activations.half(), activations.float().requires_grad_()):
        for values, wanted in zip(tv_sv(block, [10], torch.float32), expected, strict=True):
            assert_close(values, wanted, 1e-5)


def test_the_block_stays_as_it_is():
    activations = draw(40, 6, 8)
    before = activations.clone()
    tv_sv(activations)
    assert torch.equal(activations, before)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_saved_state_goes_on_to_the_same_bits(dtype):
    activations = draw(60, 3, 4).to(dtype)
    for cut in (0, 1, 8, 30, 59):  # before, within and between the short sums
        whole, first = accumulate(activations[:cut], dtype=dtype), accumulate(activations[:cut], dtype=dtype)
        file = io.BytesIO()
        torch.save(first.state(), file)
        file.seek(0)
        other = VarianceAccumulator(Setting(dtype))
        other.restore(torch.load(file, weights_only=True))
        for accumulator in (whole, other):
            for block in activations[cut:].split(7):
                accumulator.update(block)
        for name, values in whole.compute().items():
            assert torch.equal(other.compute()[name], values)
