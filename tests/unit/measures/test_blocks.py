"""Any block gives the value of a direct computation, or an error that says what is wrong."""

import re
from itertools import combinations

import numpy as np
import pytest
import torch
from all_measures import CLOSE, NAMES, calibrate, draw, make, values, with_batch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from equivariance.errors import UserError
from equivariance.measures.accumulator import Accumulator, Setting
from equivariance.measures.layer import LayerMeasures
from equivariance.measures.registry import resolve
from equivariance.transformations.warp import warp

Array = NDArray[np.float64]
TRANSFORMATIONS = 4
IDENTITY = 1  # see `make`
SPATIAL = [(2, 3, 4), (3, 1, 5), (5, 4, 4), (0, 3, 3)]
LAYERS = [*SPATIAL, (), (1,), (7,), (2, 3), (2, 1, 1), (0,), (2, 0, 3), (2, 2, 2, 2)]
MEASURED = ["tv", "sv", "eta_squared", "td@99", "sd@99", "td_keep@99", "sd_normalize_keep@99"]
FIRING = [f"goodfellow_percentile_{part}@0.8" for part in ("local", "global", "threshold")]
RETURNED = ["tvse", "svse", "tdse_keep@99", "sdse@99", "dses", "dses_normalize"]

seeds = st.integers(0, 1000)
dtypes = st.sampled_from([torch.float16, torch.bfloat16, torch.float32, torch.float64])
layers = st.sampled_from(LAYERS)
precisions = pytest.mark.parametrize("precision", CLOSE, ids=lambda dtype: str(dtype)[6:])
measures = pytest.mark.parametrize("name", NAMES)


def reversed_dimensions(block: Tensor) -> Tensor:
    backwards = tuple(reversed(range(block.dim())))
    return block.permute(backwards).contiguous().permute(backwards)


LAYOUTS = {
    "contiguous": lambda x: x,
    "samples last": lambda x: x.transpose(0, 1).contiguous().transpose(0, 1),
    "reversed": reversed_dimensions,
    "every other unit": lambda x: x.repeat_interleave(2, dim=-1)[..., ::2],
    "every other transformation": lambda x: x.repeat_interleave(2, dim=1)[:, 1::2],
    "same transformations": lambda x: x[:, :1].expand_as(x),
    "same samples": lambda x: x[:1].expand_as(x),
    "part of more": lambda x: torch.cat([x + 1, x, x + 2])[len(x) : 2 * len(x)],
    "with gradients": lambda x: x.clone().requires_grad_(),
}  # fmt: skip


# Direct computations, of blocks (n, T, ...) of float64


def mean_distance(vectors: Array) -> Array:
    """Mean distance of the pairs of vectors (k, V, D)."""
    pairs = [np.linalg.norm(a - b, axis=-1) for a, b in combinations(vectors, 2)]
    return np.mean(pairs, axis=0) if pairs else np.zeros(vectors.shape[1])


def distance(block: Array, name: str, axis: int) -> Array:
    """TD (axis 1) or SD (axis 0)."""
    layer = block.shape[2:]
    maps = "keep" in name and len(layer) == 3 and layer[1] * layer[2] > 1
    shape = (layer[0], layer[1] * layer[2]) if maps else (np.prod(layer, dtype=int), 1)
    vectors = block.reshape(*block.shape[:2], *shape)
    if "normalize" in name and maps:
        norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
        vectors = np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 0)
    return np.mean([mean_distance(one) for one in np.moveaxis(vectors, axis, 1)], axis=0)


def deviation(block: Array, axis: int) -> Array:
    """TV (axis 1) or SV (axis 0)."""
    ddof = min(block.shape[axis] - 1, 1)
    return block.std(axis=axis, ddof=ddof).mean(0)


def eta_squared(block: Array) -> Array:
    means = block.mean(0)
    between = len(block) * ((means - means.mean(0)) ** 2).sum(0)
    within = ((block - means) ** 2).sum((0, 1))
    small = 1e-20 * len(block)  # of constant units, whose mean is rounded
    return np.where(between < small, 0, between / np.maximum(between + within, small))


def firing(block: Array, name: str) -> Array:
    rows = np.sort(block[:, IDENTITY], axis=0)
    threshold = rows[min(int(0.8 * len(rows)), len(rows) - 1)]
    fires = block > threshold
    parts = {"local": fires.mean((0, 1)), "global": fires[:, IDENTITY].mean(0), "threshold": threshold}
    return parts[name.partition("@")[0].rpartition("_")[2]]


def returned(block: Array, matrices: Tensor) -> Array:
    """Undo each transformation on the maps."""
    back = [warp(torch.from_numpy(block[:, j]), torch.linalg.inv(m)[None]) for j, m in enumerate(matrices)]
    return torch.stack(back, 1).numpy()


def simple_distance(block: Array, matrices: Tensor, normalize: bool) -> Array:
    untransformed = torch.from_numpy(np.ascontiguousarray(block[:, IDENTITY]))
    there = torch.stack([warp(untransformed, matrix[None]) for matrix in matrices], 1).numpy()
    pair = [maps.reshape(*maps.shape[:3], np.prod(maps.shape[3:])) for maps in (block, there)]
    if normalize:
        pair = [maps / np.linalg.norm(maps, axis=-1, keepdims=True) for maps in pair]
        return np.linalg.norm(pair[0] - pair[1], axis=-1).mean((0, 1))
    return np.sqrt(((pair[0] - pair[1]) ** 2).mean(-1)).mean((0, 1))


def direct(block: Array, name: str, matrices: Tensor) -> Array:
    if name.startswith("dses"):
        return simple_distance(block, matrices, "normalize" in name)
    if name.startswith("goodfellow"):
        return firing(block, name)
    if name == "eta_squared":
        return eta_squared(block)
    block = returned(block, matrices) if "se" in name else block
    axis = 1 if name[0] == "t" else 0
    return deviation(block, axis) if name[1] == "v" else distance(block, name, axis)


def laid_out(data: st.DataObject, block: Tensor) -> Tensor:
    """Lay a block out in some way in the memory."""
    return LAYOUTS[data.draw(st.sampled_from(list(LAYOUTS)))](block)


def cut(data: st.DataObject, block: Tensor) -> list[Tensor]:
    """Cut a block anywhere, so that some of the parts are empty."""
    return list(block.tensor_split(sorted(data.draw(st.lists(st.integers(0, len(block)), max_size=4)))))


@pytest.mark.parametrize("family, shapes", [(MEASURED, LAYERS), (FIRING, LAYERS), (RETURNED, SPATIAL)])
@precisions
@given(
    data=st.data(),
    seed=seeds,
    samples=st.integers(1, 9),
    dtype=dtypes,
    passes=st.integers(1, 2),
)
@settings(max_examples=60, deadline=None)
def test_any_block_gives_the_value_of_a_direct_computation(
    precision, family, shapes, data, seed, samples, dtype, passes
):
    shape = data.draw(st.sampled_from(shapes))
    block = laid_out(data, draw(seed, samples, TRANSFORMATIONS, shape).to(dtype))
    layer = make(family, precision, TRANSFORMATIONS)
    if layer.needs_calibration:
        for rows in cut(data, block[:, IDENTITY]):
            layer.calibrate(rows, samples)
    for part in cut(data, block):
        layer.update(part) if passes == 1 else layer.update_rows(part)
    for members in (range(3), range(3, TRANSFORMATIONS)) if passes == 2 else ():
        for part in cut(data, block):
            layer.update_columns(part[:, members.start : members.stop], members)
        layer.end_columns()
    expected = block.detach().to(precision).double().numpy()
    found = values(layer)
    assert list(found) == family
    for name, tensor in found.items():
        wanted = direct(expected, name, layer.setting.matrices)
        close = CLOSE[precision]
        np.testing.assert_allclose(tensor.flatten(), wanted.flatten(), rtol=close, atol=close)


# Blocks that do not fit


def wrong_blocks(data: st.DataObject, block: Tensor) -> Tensor:
    """Draw a block that differs from this one in its transformations, its layer or its dtype."""
    transformations, layer = block.shape[1], tuple(block.shape[2:])
    match data.draw(st.sampled_from(["layer", "transformations", "dtype", "dimensions"])):
        case "layer":
            others = st.lists(st.integers(1, 5), max_size=4).map(tuple).filter(lambda shape: shape != layer)
            return torch.ones(3, transformations, *data.draw(others), dtype=block.dtype)
        case "transformations":
            count = data.draw(st.integers(0, 9).filter(lambda count: count != transformations))
            return torch.ones(3, count, *layer, dtype=block.dtype)
        case "dtype":
            others = [torch.float16, torch.float32, torch.float64, torch.int64, torch.complex64]
            return block[:1].to(
                data.draw(st.sampled_from([dtype for dtype in others if dtype != block.dtype]))
            )
    return torch.ones(3, dtype=block.dtype)


@measures
@given(data=st.data(), seed=seeds, passes=st.integers(1, 2))
@settings(max_examples=20, deadline=None)
def test_blocks_that_do_not_fit_are_refused_by_the_layer_and_leave_no_trace(name, data, seed, passes):
    name = with_batch(name, 4)
    block = draw(seed, 8, TRANSFORMATIONS, data.draw(st.sampled_from(SPATIAL)))
    expected = values_of(make(name, torch.float64, TRANSFORMATIONS), block)
    layer = calibrate(make(name, torch.float64, TRANSFORMATIONS), block)
    for part in block.split(3):
        layer.update(part) if passes == 1 else layer.update_rows(part)
        with pytest.raises(UserError, match="a layer returned"):
            feed = layer.update if passes == 1 else layer.update_rows
            feed(wrong_blocks(data, block))
    if passes == 2:
        for part in block.split(3):
            layer.update_columns(part, range(TRANSFORMATIONS))
            wrong = wrong_blocks(data, block)
            with pytest.raises((UserError, ValueError), match=r"a layer returned|expected|are open|matrices"):
                layer.update_columns(wrong, range(TRANSFORMATIONS))
        layer.end_columns()
    for measure, tensor in values(layer).items():
        torch.testing.assert_close(tensor, expected[measure], rtol=1e-10, atol=1e-13, equal_nan=True)


def values_of(layer: LayerMeasures, block: Tensor) -> dict[str, Tensor]:
    calibrate(layer, block).update(block)
    return values(layer)


def test_the_error_names_the_layer_and_both_shapes_or_types():
    setting = make("nv", torch.float32, 3).setting
    for now, text in {
        (2, 3, 20): "layer 'head' returned (10,) for the first images and (20,) now; ",
        (2, 3, 5, 2): "layer 'head' returned (10,) for the first images and (5, 2) now; ",
        (2, 3): "layer 'head' returned (10,) for the first images and () now; ",
        (2, 4, 10): "layer 'head' returned 4 transformations; expected: 3",
        (2, 0, 10): "layer 'head' returned (2, 0, 10); needed: (n, T, ...) with T from 1",
        (2,): "layer 'head' returned (2,); needed: (n, T, ...)",
    }.items():  # fmt: skip
        layer = LayerMeasures(resolve("nv"), ["none"], setting, "head")
        layer.update(torch.ones(2, 3, 10))
        layer.update(torch.ones(0, 7, 3, 3))
        with pytest.raises(UserError, match=re.escape(text)):
            layer.update(torch.ones(now))
        half = "layer 'head' returned torch.float32 for the first images and torch.float16 now; "
        with pytest.raises(UserError, match=re.escape(half)):
            layer.update(torch.ones(2, 3, 10).half())
        with pytest.raises(UserError, match=r"'head' returned torch.complex64; needed: real numbers"):
            LayerMeasures(resolve("nv"), ["none"], setting, "head").update(torch.ones(2, 3, 10) * 1j)


def test_thresholds_and_merged_parts_are_checked_as_blocks_are():
    name = "goodfellow_normal"
    for wrong in (torch.ones(4, 6), torch.ones(4, 5).double(), torch.ones(4)):
        layer = make(name, torch.float32, 3)
        layer.calibrate(torch.ones(4, 5), 12)
        layer.calibrate(torch.ones(0, 9), 12)
        with pytest.raises(UserError, match="a layer returned"):
            layer.calibrate(wrong, 12)
    layer = make(name, torch.float32, 3)
    layer.calibrate(torch.ones(4, 5), 4)
    with pytest.raises(UserError, match="a layer returned"):
        layer.update(torch.ones(4, 3, 6))
    for name in ("nv", "nd"):
        ours = make(name, torch.float32, 3)
        ours.update(torch.ones(2, 3, 5))
        for wrong in (torch.ones(2, 3, 1), torch.ones(2, 3, 5).double()):
            theirs = make(name, torch.float32, 3)
            theirs.update(wrong)
            with pytest.raises(UserError, match="a layer returned"):
                ours.merge(theirs)
        untouched = LayerMeasures(resolve(name), ["none"], Setting())
        seen = LayerMeasures(resolve(name), ["none"], Setting())
        seen.update(torch.ones(2, 3, 5))
        untouched.merge(seen)
        with pytest.raises(UserError, match="4 transformations; expected: 3"):
            untouched.update(torch.ones(2, 4, 5))
        with pytest.raises(ValueError, match="different measures"):
            ours.merge(make("tv", torch.float32, 3))


def accumulators(name: str, block: Tensor) -> list[Accumulator]:
    return list(calibrate(make(name, torch.float64, TRANSFORMATIONS), block)._accumulators.values())


@measures
@given(data=st.data(), seed=seeds)
@settings(max_examples=20, deadline=None)
def test_accumulators_by_themselves_refuse_what_does_not_fit(name, data, seed):
    block = draw(seed, 8, TRANSFORMATIONS, (2, 3, 4))
    layers = st.lists(st.integers(1, 5), max_size=4).map(tuple).filter(lambda shape: shape != (2, 3, 4))
    other_layer = torch.ones(3, TRANSFORMATIONS, *data.draw(layers))
    count = data.draw(st.integers(0, 9).filter(lambda count: count != TRANSFORMATIONS))
    other_count = torch.ones(3, count, 2, 3, 4)
    members = range(TRANSFORMATIONS)
    for accumulator in accumulators(name, block):
        accumulator.update(block)
        accumulator.update(torch.ones(0, 1, 9))
        for wrong in (other_layer, other_count, torch.ones(3)):
            with pytest.raises(ValueError, match="expected"):
                accumulator.update(wrong)
    for accumulator in accumulators(name, block):
        accumulator.update_rows(block)
        for wrong in (other_layer, other_count, torch.ones(3)) if accumulator.needs_rows else ():
            with pytest.raises(ValueError, match="expected"):
                accumulator.update_rows(wrong)
        accumulator.update_columns(block, members)
        for wrong in (other_layer, other_count, torch.ones(3)) if accumulator.needs_columns else ():
            with pytest.raises(ValueError, match="expected"):
                accumulator.update_columns(wrong, members)


@measures
def test_a_layer_of_any_shape_has_as_many_values_as_units_or_feature_maps(name):
    """Also one without units, or pixels."""
    for shape in LAYERS:
        layer = make(with_batch(name, 4), torch.float32, TRANSFORMATIONS)
        block = torch.ones(3, TRANSFORMATIONS, *shape)
        calibrate(layer, block).update(block)
        assert all(tensor.shape in (shape, shape[:1]) for tensor in values(layer).values())


@measures
def test_empty_blocks_are_nothing(name):
    layer = make(with_batch(name, 4), torch.float32, TRANSFORMATIONS)
    layer.update(torch.ones(0, TRANSFORMATIONS, 2, 3, 4))
    layer.update_rows(torch.ones(0, 0, 2))
    layer.update_columns(torch.ones(0, 3, 1), range(1))
    assert values(layer) == {}


def channels_last(block: Tensor) -> Tensor:
    """The same block (n, T, C, H, W), with the channels last in memory."""
    return block.movedim(2, -1).contiguous().movedim(-1, 2)


@measures
@given(seed=seeds, cut=st.integers(1, 5), second_last=st.booleans())
@settings(max_examples=5, deadline=None)
def test_channels_last_in_memory_give_the_same_values_wherever_blocks_are_cut(name, seed, cut, second_last):
    whole = draw(seed, 6, TRANSFORMATIONS)
    expected = values_of(make(with_batch(name, 6), torch.float64, TRANSFORMATIONS), whole)
    layer = make(with_batch(name, 6), torch.float64, TRANSFORMATIONS)
    last = channels_last(whole)
    calibrate(layer, last).update(last[:cut])
    restored = make(with_batch(name, 6), torch.float64, TRANSFORMATIONS)
    restored.restore(layer.state())
    restored.update((last if second_last else whole)[cut:])
    for measure, tensor in values(restored).items():
        torch.testing.assert_close(tensor, expected[measure], rtol=1e-12, atol=1e-15, equal_nan=True)


@measures
def test_layers_of_different_layouts_in_memory_are_not_merged(name):
    block = draw(0, 6, TRANSFORMATIONS)
    one, other = (make(with_batch(name, 6), torch.float64, TRANSFORMATIONS) for _ in range(2))
    calibrate(one, block).update(block)
    calibrate(other, channels_last(block)).update(channels_last(block))
    with pytest.raises(ValueError, match="in different places in memory"):
        one.merge(other)


def test_channels_last_in_memory_are_read_without_a_copy():
    seen = []
    layer = make(["nv", "nd"], torch.float32, TRANSFORMATIONS)
    for accumulator in layer._accumulators.values():
        accumulator.update = lambda block: seen.append(block)
    block = channels_last(draw(0, 6, TRANSFORMATIONS).float())
    layer.update(block)
    assert [one.data_ptr() for one in seen] == [block.data_ptr()] * 2
    assert all(one.is_contiguous() and one.shape == (6, TRANSFORMATIONS, 3, 4, 2) for one in seen)
