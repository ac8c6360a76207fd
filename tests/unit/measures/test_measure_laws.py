"""Laws that every measure of every family obeys, whatever it is computed from."""

import io

import pytest
import torch
from all_measures import CLOSE, NAMES, assert_close, calibrate, draw, make, values, with_batch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from equivariance.measures.catalog import MEASURES
from equivariance.measures.layer import LayerMeasures
from equivariance.measures.names import FAMILY_OF

SAMPLES = 24
BATCH = 8  # of the distances
measures = pytest.mark.parametrize("name", NAMES)
dtypes = pytest.mark.parametrize("dtype", CLOSE, ids=lambda dtype: str(dtype)[6:])
seeds = st.integers(0, 1000)
few = settings(max_examples=4, deadline=None)


def fed(name: str, dtype: torch.dtype, whole: Tensor, blocks: list[Tensor]) -> LayerMeasures:
    """Calibrate on the whole, and feed the blocks."""
    layer = calibrate(make(name, dtype), whole)
    for block in blocks:
        layer.update(block)
    return layer


def measured(name: str, activations: Tensor, dtype: torch.dtype = torch.float64) -> Tensor:
    return values(fed(name, dtype, activations, [activations]))[name]


def merged(layers: list[LayerMeasures], random) -> LayerMeasures:
    while len(layers) > 1:
        other = layers.pop(random.randrange(len(layers)))
        layers[random.randrange(len(layers))].merge(other)
    return layers[0]


@measures
@dtypes
@given(seed=seeds, cuts=st.lists(st.integers(1, SAMPLES - 1), max_size=6, unique=True), random=st.randoms())
@few
def test_order_and_cuts_of_the_samples_and_merges_change_nothing(name, dtype, seed, cuts, random):
    """Distances compare all pairs here."""
    name = with_batch(name, SAMPLES)
    activations = draw(seed, SAMPLES).to(dtype)
    expected = measured(name, activations, dtype)
    order = random.sample(range(SAMPLES), SAMPLES)
    blocks = torch.tensor_split(activations[order], sorted(cuts))
    assert_close(values(fed(name, dtype, activations, blocks))[name], expected, CLOSE[dtype])
    parts = [fed(name, dtype, activations, [block]) for block in blocks]
    assert_close(values(merged([make(name, dtype), *parts], random))[name], expected, CLOSE[dtype])


@measures
@dtypes
@given(seed=seeds, cuts=st.sets(st.sampled_from(range(BATCH, SAMPLES, BATCH))), random=st.randoms())
@few
def test_cuts_at_multiples_of_the_batch_and_merges_change_nothing(name, dtype, seed, cuts, random):
    name = with_batch(name, BATCH)
    activations = draw(seed, SAMPLES).to(dtype)
    expected = measured(name, activations, dtype)
    blocks = torch.tensor_split(activations, sorted(cuts))
    parts = [fed(name, dtype, activations, list(block.split(3))) for block in blocks]
    assert_close(values(merged(parts, random))[name], expected, CLOSE[dtype])


@measures
@dtypes
@given(seed=seeds, cut=st.integers(0, SAMPLES - 1))
@few
def test_a_state_that_was_saved_and_read_goes_on_to_the_same_bits(name, dtype, seed, cut):
    name = with_batch(name, BATCH)
    activations = draw(seed, SAMPLES).to(dtype)
    first, rest = activations.split((cut, SAMPLES - cut))
    before = list(first.split(5)) if cut else []
    file = io.BytesIO()
    torch.save(fed(name, dtype, activations, before).state(), file)
    file.seek(0)
    other = make(name, dtype)
    other.restore(torch.load(file, weights_only=True))
    for block in rest.split(7):
        other.update(block)
    expected = values(fed(name, dtype, activations, [*before, *rest.split(7)]))[name]
    torch.testing.assert_close(values(other)[name], expected, rtol=0, atol=0)


@measures
@given(seed=seeds, scale=st.floats(1e-6, 1e6))
@few
def test_measures_scale_as_they_should(name, seed, scale):
    activations = draw(seed, SAMPLES)
    row = MEASURES[name]
    of_unit_vectors = ("kind", "normalize_keep") in row.options
    power = 1 if row.scale == "activations" and not of_unit_vectors else 0
    name = with_batch(name, BATCH)
    assert_close(measured(name, activations * scale) / scale**power, measured(name, activations), 1e-9)


UNMOVED = [
    name
    for name in NAMES
    if FAMILY_OF[name] == "invariance"
    and "normalize" not in name
    and not name.startswith("goodfellow_normal")  # a threshold is rounded as the activations are
]


@pytest.mark.parametrize("name", UNMOVED)
@dtypes
@given(seed=seeds, offset=st.sampled_from([1e4, -1e4, 8192.0]))
@few
def test_adding_a_constant_changes_no_measure_of_invariance(name, dtype, seed, offset):
    activations = (draw(seed, SAMPLES) * 512).round() / 512  # so that the sums are exact
    name = with_batch(name, BATCH)
    expected = measured(name, activations.to(dtype), dtype)
    moved = (activations + offset).to(dtype)
    assert torch.equal(moved.double() - offset, activations)
    assert_close(measured(name, moved, dtype), expected, max(CLOSE[dtype], 1e-9))


@measures
@dtypes
def test_reading_does_not_disturb_what_follows(name, dtype):
    name = with_batch(name, BATCH)
    activations = draw(0, SAMPLES).to(dtype)
    layer = fed(name, dtype, activations, [])
    for block in activations.split(3):
        layer.update(block)
        values(layer)[name]
    assert_close(values(layer)[name], measured(name, activations, dtype), CLOSE[dtype])


@measures
@pytest.mark.parametrize("samples", [1, 2])
def test_few_samples_are_measured_without_nan(name, samples):
    assert not measured(with_batch(name, BATCH), draw(0, samples)).isnan().any()


@measures
def test_the_activations_stay_as_they_are(name):
    activations = draw(0, SAMPLES)
    before = activations.clone()
    measured(with_batch(name, BATCH), activations)
    assert torch.equal(activations, before)


@measures
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_blocks_of_any_precision_and_layout(name, dtype):
    name = with_batch(name, BATCH)
    activations = draw(0, SAMPLES).to(dtype)
    expected = measured(name, activations.float(), torch.float32)
    flat = activations.flatten(0, 1).contiguous(memory_format=torch.channels_last)
    block = flat.unflatten(0, (SAMPLES, 5))
    assert not block.is_contiguous()
    assert_close(measured(name, block, torch.float32), expected, 1e-5)
