"""The distance measures against all pairs one by one, closed forms and laws."""

import io
from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from equivariance.measures.accumulator import Setting
from equivariance.measures.aggregation import divide
from equivariance.measures.catalog import MEASURES
from equivariance.measures.distance import (
    DistanceAccumulator,
    add_distances,
    add_distances_by_torch,
    transformation_batches,
)
from equivariance.measures.kernels import distance as kernels
from equivariance.measures.registry import resolve
from equivariance.measures.variance import VarianceAccumulator

EVERY = ("scalar", "keep", "normalize_keep")
every_kind = pytest.mark.parametrize("kind", EVERY)
both_paths = pytest.mark.parametrize("add", [add_distances, add_distances_by_torch])


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def make(kind="scalar", batch=None, dtype=torch.float64) -> DistanceAccumulator:
    return DistanceAccumulator(Setting(dtype=dtype), kind=kind, batch=batch)


def maps(activations: Tensor, kind="scalar", batch=None, cuts=(), dtype=torch.float64) -> dict[str, Tensor]:
    accumulator = make(kind, batch, dtype)
    for block in torch.tensor_split(activations, sorted(cuts)):
        if len(block):
            accumulator.update(block)
    return accumulator.compute()


def as_vectors(activations: np.ndarray, kind: str) -> np.ndarray:
    """(n, T, V, D), by the book."""
    if activations.ndim == 5 and kind != "scalar":
        vectors = activations.reshape(*activations.shape[:3], -1)
    else:
        vectors = activations.reshape(*activations.shape[:2], -1, 1)
    if kind == "normalize_keep" and vectors.shape[3] > 1:
        norms = np.linalg.norm(vectors, axis=3, keepdims=True)
        vectors = np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 0)
    return vectors


def mean_distance(vectors: np.ndarray, batches) -> np.ndarray:
    """Mean over the pairs of all batches of the distances of vectors (k, V, D); 0 without a pair."""
    found = [
        np.sqrt(((vectors[i] - vectors[j]) ** 2).sum(-1))
        for batch in batches
        for i, j in combinations(batch, 2)
    ]
    return np.mean(found, axis=0) if found else np.zeros(vectors.shape[1])


def brute_force(activations: Tensor, kind: str, batch: int | None) -> dict[str, np.ndarray]:
    vectors = as_vectors(activations.double().numpy(), kind)
    samples, transformations = vectors.shape[:2]
    columns = [indices.tolist() for indices in transformation_batches(transformations, batch or 64)]
    size = batch or 4
    rows = [range(start, min(start + size, samples)) for start in range(0, samples, size)]
    return {
        "td": np.mean([mean_distance(vectors[i], columns) for i in range(samples)], axis=0),
        "sd": np.mean([mean_distance(vectors[:, j], rows) for j in range(transformations)], axis=0),
    }


@pytest.mark.parametrize("batch", [None, 2, 3, 5, 100])
@pytest.mark.parametrize("shape", [(6,), (3, 4, 5), (4, 1, 1), (2, 3)])
@pytest.mark.parametrize("samples, transformations", [(1, 1), (1, 4), (4, 1), (9, 2), (11, 7)])
@every_kind
def test_the_maps_are_those_of_all_pairs(kind, samples, transformations, shape, batch):
    activations = draw(samples, transformations, *shape) + 3
    found = maps(activations, kind, batch, cuts=(1, 7))
    whole_maps = kind != "scalar" and shape == (3, 4, 5)
    for name, expected in brute_force(activations, kind, batch).items():
        assert found[name].shape == (shape[:1] if whole_maps else shape)
        assert found[name].dtype == torch.float64
        np.testing.assert_allclose(found[name].flatten(), expected, rtol=1e-10, atol=0)


@pytest.mark.parametrize("transformations", [64, 65, 130])
def test_up_to_64_transformations_are_compared_in_one_batch(transformations):
    sizes = [len(batch) for batch in transformation_batches(transformations, 64)]
    assert sizes == {64: [64], 65: [33, 32], 130: [44, 43, 43]}[transformations]
    activations = draw(2, transformations, 3)
    expected = brute_force(activations, "scalar", None)["td"]
    np.testing.assert_allclose(maps(activations)["td"], expected, rtol=1e-10)


@given(count=st.integers(1, 300), size=st.integers(2, 70))
def test_batches_of_transformations_are_equal_and_nothing_is_left_alone(count, size):
    batches = transformation_batches(count, size)
    assert sorted(torch.cat(batches).tolist()) == list(range(count))
    sizes = [len(batch) for batch in batches]
    assert max(sizes) - min(sizes) <= 1
    assert max(sizes) <= (3 if size == 2 else size)
    assert min(sizes) >= min(count, 2)


def test_batches_of_transformations_hold_no_neighbours():
    columns = torch.arange(504.0, dtype=torch.float64)
    activations = columns[None, :, None].expand(1, 504, 1)
    exact = 505 / 3  # mean distance of two of the numbers 0..503
    assert maps(activations, batch=504)["td"].item() == pytest.approx(exact, rel=1e-12)
    assert maps(activations)["td"].item() == pytest.approx(exact, rel=0.05)
    neighbours = mean_distance(activations[0, :, :, None].numpy(), np.arange(504).reshape(8, 63))
    assert neighbours.item() < 0.2 * exact


@every_kind
def test_pairs_and_not_batches_weigh_the_same(kind):
    activations = draw(7, 1, 2, 3, 3)
    vectors = as_vectors(activations.numpy(), kind)[:, 0]
    first, second = mean_distance(vectors, [range(4)]), mean_distance(vectors, [range(4, 7)])
    expected = (6 * first + 3 * second) / 9
    np.testing.assert_allclose(maps(activations, kind, 4)["sd"].flatten(), expected, rtol=1e-12)


@every_kind
def test_a_last_batch_of_one_sample_adds_nothing(kind):
    activations = draw(9, 3, 2, 3, 3)
    torch.testing.assert_close(
        maps(activations, kind, 4)["sd"], maps(activations[:8], kind, 4)["sd"], rtol=1e-12, atol=0
    )
    assert (maps(activations[:1], kind)["sd"] == 0).all()
    assert (maps(activations[:, :1], kind)["td"] == 0).all()


@pytest.mark.parametrize("offset", [0, 1e4])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@every_kind
def test_a_row_effect_has_no_td_and_a_column_effect_no_sd(kind, dtype, offset):
    effects = draw(20, 2, 3, 3).to(dtype) + offset
    of_rows = maps(effects[:, None].expand(20, 9, 2, 3, 3), kind, dtype=dtype)
    of_columns = maps(effects[None].expand(9, 20, 2, 3, 3), kind, dtype=dtype)
    for zero, positive in ((of_rows["td"], of_rows["sd"]), (of_columns["sd"], of_columns["td"])):
        assert (zero == 0).all()
        assert (positive > 0).all()


@pytest.mark.parametrize("value", [0.0, 0.1, -1e6, 3e-20])
@every_kind
def test_equal_vectors_have_distance_exactly_0(kind, value):
    for spread in (draw(2, 3, 5) + 2, torch.ones(2, 3, 5)):
        found = maps((value * spread).float().expand(9, 5, 2, 3, 5), kind, dtype=torch.float32)
        for values in found.values():
            assert (values == 0).all()


@both_paths
def test_normalised_vectors_of_zeros_stay_where_they_are(add):
    rows = torch.zeros(3, 1, 4)
    rows[1, 0, 0], rows[2, 0] = 7, torch.tensor([3.0, 3, 3, 3])
    out = torch.zeros(1, dtype=torch.float64)
    add(rows, torch.tensor([[0, 1, 2]]), True, out)
    assert out.item() == pytest.approx(1 + 1 + 1, rel=1e-6)  # two from 0 and one of 60 degrees


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@every_kind
def test_the_activations_stay_as_they_are(kind, dtype):
    activations = draw(11, 4, 2, 3, 3).to(dtype)
    before = activations.clone()
    maps(activations, kind, cuts=(3,), dtype=dtype)
    assert torch.equal(activations, before)


@every_kind
def test_held_samples_are_copies(kind):
    activations = draw(5, 4, 2, 3, 3)
    expected = maps(activations, kind)
    accumulator = make(kind)
    block = activations.clone()
    accumulator.update(block)
    block.zero_()
    assert torch.equal(accumulator.compute()["sd"], expected["sd"])


def test_normal_values_have_the_expected_distance_and_the_nd_of_nv():
    sigma = 3
    activations = sigma * draw(160, 49, 100) + 5
    variance = VarianceAccumulator(Setting(dtype=torch.float64))
    variance.update(activations)
    of_variance, of_distance = variance.compute(), maps(activations)
    for name in ("td", "sd"):
        assert of_distance[name].mean().item() == pytest.approx(2 * sigma / np.pi**0.5, rel=0.01)
    nd, nv = (
        divide(of_distance["td"], of_distance["sd"]),
        divide(of_variance["tv"], of_variance["sv"]),
    )
    assert (nd.mean() / nv.mean()).item() == pytest.approx(1, rel=0.01)


@every_kind
def test_a_scale_leaves_nd_alone_and_a_shift_distances_of_what_is_not_normalised(kind):
    activations = draw(12, 5, 2, 3, 3)
    plain, scaled = maps(activations, kind), maps(1000 * activations, kind)
    torch.testing.assert_close(
        divide(scaled["td"], scaled["sd"]), divide(plain["td"], plain["sd"]), rtol=1e-10, atol=0
    )
    for name, values in plain.items():
        factor = 1 if kind == "normalize_keep" else 1000
        torch.testing.assert_close(scaled[name], factor * values, rtol=1e-10, atol=0)
        if kind != "normalize_keep":
            torch.testing.assert_close(maps(activations + 1e4, kind)[name], values, rtol=1e-10, atol=0)


@every_kind
def test_an_offset_costs_float32_nothing_but_the_digits_of_the_activations(kind):
    activations = (draw(20, 30, 2, 9, 9) * 32).round() / 32 + 1e4  # exact in float32
    expected = maps(activations, kind)
    for name, values in maps(activations.float(), kind, dtype=torch.float32).items():
        torch.testing.assert_close(values, expected[name], rtol=1e-4 if "normalize" in kind else 1e-6, atol=0)


@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from(EVERY),
    dtype=st.sampled_from([torch.float32, torch.float64]),
    batch=st.sampled_from([None, 2, 3, 8, 30]),
    samples=st.integers(1, 30),
    cuts=st.lists(st.integers(1, 29), max_size=6),
)
def test_cuts_into_updates_change_nothing(kind, dtype, batch, samples, cuts):
    activations = draw(samples, 4, 2, 3, 3)
    expected = maps(activations, kind, batch, dtype=dtype)
    for name, values in maps(activations, kind, batch, cuts, dtype).items():
        torch.testing.assert_close(values, expected[name], rtol=1e-12, atol=0)


@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from(EVERY),
    batch=st.sampled_from([2, 3, 8]),
    samples=st.integers(1, 30),
    cuts=st.lists(st.integers(0, 9), max_size=6),
    tree=st.randoms(use_true_random=False),
)
def test_merges_of_parts_cut_at_multiples_of_the_batch_change_nothing(kind, batch, samples, cuts, tree):
    activations = draw(samples, 4, 2, 3, 3)
    expected = maps(activations, kind, batch)
    parts = [make(kind, batch)]
    for block in torch.tensor_split(activations, sorted(batch * cut for cut in cuts)):
        part = make(kind, batch)
        for piece in block.split(1 + tree.randrange(5)):
            if len(piece):
                part.update(piece)
        parts.append(part)
    while len(parts) > 1:
        tree.shuffle(parts)
        taken = parts.pop()
        parts[0].merge(taken)
    for name, values in parts[0].compute().items():
        torch.testing.assert_close(values, expected[name], rtol=1e-12, atol=0)


@settings(max_examples=25, deadline=None)
@given(
    kind=st.sampled_from(EVERY),
    order=st.permutations(range(12)),
    cuts=st.lists(st.integers(1, 11), max_size=4),
)
def test_in_one_batch_neither_order_nor_cuts_nor_merges_matter(kind, order, cuts):
    activations = draw(12, 3, 2, 3, 3)
    expected = maps(activations, kind, 12)
    whole = make(kind, 12)
    for block in torch.tensor_split(activations[list(order)], sorted(cuts)):
        part = make(kind, 12)
        if len(block):
            part.update(block)
        whole.merge(part)
    for name, values in whole.compute().items():
        torch.testing.assert_close(values, expected[name], rtol=1e-10, atol=0)


def test_merging_leaves_the_other_as_it_was():
    activations = draw(9, 3, 4)
    first, second = make(batch=4), make(batch=4)
    second.update(activations[:6])
    first.merge(second)
    before = second.compute()
    first.update(activations[6:])
    for name, values in second.compute().items():
        assert torch.equal(values, before[name])
    for name, values in maps(activations, batch=4).items():
        torch.testing.assert_close(first.compute()[name], values, rtol=1e-12, atol=0)


@every_kind
def test_computing_in_the_middle_of_a_batch_changes_nothing(kind):
    activations = draw(20, 3, 2, 3, 3)
    accumulator = make(kind)
    for end, block in zip((6, 12, 18, 20), activations.split(6), strict=True):
        accumulator.update(block)
        for name, values in maps(activations[:end], kind).items():
            torch.testing.assert_close(accumulator.compute()[name], values, rtol=1e-12, atol=0)
            assert torch.equal(accumulator.compute()[name], accumulator.compute()[name])


@every_kind
def test_the_state_can_be_saved_in_the_middle_of_a_batch(kind):
    activations = draw(23, 3, 2, 3, 3)
    accumulator = make(kind)
    for block in activations.split(3):
        accumulator.update(block)
        file = io.BytesIO()
        torch.save(accumulator.state(), file)
        file.seek(0)
        accumulator = make(kind)
        accumulator.restore(torch.load(file, weights_only=True))
    for name, values in maps(activations, kind).items():
        torch.testing.assert_close(accumulator.compute()[name], values, rtol=1e-12, atol=0)


def test_a_batch_larger_than_any_number_of_samples_takes_no_more_memory_than_they_do():
    accumulator = make(batch=10**9)
    for block in draw(10, 3, 5).split(2):
        accumulator.update(block)
    assert len(accumulator._pending) <= 20


@pytest.mark.parametrize("length", [1, 2, 9, 2 * kernels.TILE + 3])
@pytest.mark.parametrize("count", [1, 2, 3, 8, 33])
@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_kernels_and_torch_sum_the_same_distances(dtype, normalize, count, length, monkeypatch):
    monkeypatch.setattr("equivariance.measures.distance.CHUNK", 3000)  # cut between the vectors
    vectors = kernels.CHUNK + 9 if length == 1 else 4
    rows = draw(40, vectors, length) + 1
    groups = torch.stack([torch.randperm(40, generator=torch.Generator().manual_seed(s)) for s in range(3)])
    groups = groups[:, :count].contiguous()
    expected = 1 + sum(
        sum(
            np.sqrt(((of_group[i] - of_group[j]) ** 2).sum(-1))
            for i, j in combinations(range(count), 2)
        )
        for of_group in as_vectors_of_rows(rows[groups].numpy(), normalize)
    )  # fmt: skip
    for add in (add_distances, add_distances_by_torch):
        out = torch.ones(vectors, dtype=torch.float64)
        add(rows.to(dtype), groups, normalize, out)
        np.testing.assert_allclose(out, expected, rtol=1e-10 if dtype == torch.float64 else 1e-5)


def as_vectors_of_rows(vectors: np.ndarray, normalize: bool) -> np.ndarray:
    if normalize and vectors.shape[-1] > 1:
        return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors


@both_paths
@pytest.mark.parametrize("length", [1, 5])
@pytest.mark.parametrize("broken", [torch.nan, torch.inf])
def test_what_is_not_finite_stays_with_its_vector(add, length, broken):
    for place in range(7):
        rows = draw(7, 3, length)
        rows[place, 1, -1] = broken
        out = torch.zeros(3, dtype=torch.float64)
        add(rows, torch.arange(7)[None], False, out)
        assert out.isfinite().tolist() == [True, False, True]
        assert out[1].isnan().item() == np.isnan(broken)


@pytest.mark.parametrize("count", range(1, 14))
def test_the_exchanges_sort(count):
    # By the 0-1 principle a network that sorts all sequences of 0 and 1 sorts all sequences.
    values = (np.arange(2**count)[:, None] >> np.arange(count)) & 1
    for first, second in kernels.exchanges(count):
        pair = values[:, [first, second]]
        values[:, first], values[:, second] = pair.min(1), pair.max(1)
    assert (np.diff(values, axis=1) >= 0).all()


@pytest.mark.parametrize("count, expected", [(1, 0), (2, 1), (4, 5), (8, 19), (16, 63), (64, 543)])
def test_the_exchanges_are_as_few_as_batchers(count, expected):
    assert len(kernels.exchanges(count)) == expected


@every_kind
def test_blocks_of_any_dtype_and_layout(kind):
    activations = draw(10, 4, 3, 4, 4).bfloat16()
    expected = maps(activations.float().contiguous(), kind, dtype=torch.float32)
    last = activations.flatten(0, 1).contiguous(memory_format=torch.channels_last).unflatten(0, (10, 4))
    assert not last.is_contiguous()
    blocks = (last, last.float(), activations, activations.half(), activations.double())
    for block in (*blocks, activations.float().requires_grad_()):
        for name, values in maps(block, kind, cuts=(3,), dtype=torch.float32).items():
            torch.testing.assert_close(values, expected[name], rtol=1e-12, atol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_what_it_keeps_for_each_cell_is_what_it_says(dtype):
    for batch in (None, 5):
        accumulator = make(batch=batch, dtype=dtype)
        for block in draw(23, 4, 100).split(3):
            accumulator.update(block)
        kept = accumulator._pending.numel() * accumulator._pending.element_size()
        assert kept == 4 * 100 * DistanceAccumulator.cell_bytes(dtype, kind="scalar", batch=batch)


def test_misuse_is_refused():
    accumulator = make()
    with pytest.raises(ValueError, match="no samples"):
        accumulator.compute()
    accumulator.update(draw(3, 4, 5))
    for wrong in (draw(3, 3, 5), draw(3, 4, 6)):
        with pytest.raises(ValueError, match="expected"):
            accumulator.update(wrong)
        other = make()
        other.update(wrong)
        with pytest.raises(ValueError, match="merged"):
            accumulator.merge(other)


def test_every_name_has_its_measure():
    activations = draw(9, 4, 2, 3, 3)
    kinds = {"": "scalar", "_keep": "keep", "_normalize": "scalar", "_normalize_keep": "normalize_keep"}
    for variant, kind in kinds.items():
        for parameter, batch in (("", None), ("@3", 3)):
            expected = maps(activations, kind, batch)
            for name in ("td", "sd", "nd"):
                (found,) = resolve(f"{name}{variant}{parameter}")
                assert found.maps == (("td", "sd") if name == "nd" else (name,))
                accumulator = found.source.make(Setting(dtype=torch.float64))
                accumulator.update(activations)
                for key, values in accumulator.compute().items():
                    assert torch.equal(values, expected[key])
    of_distances = [row for row in MEASURES.values() if row.module == "distance"]
    assert len(of_distances) == 2 * 3 * len(kinds)
    assert resolve("td")[0].source == resolve("td_normalize")[0].source
    assert resolve("tdse_keep@4")[0].source.view == "returned"
