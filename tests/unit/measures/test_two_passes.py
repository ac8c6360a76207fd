"""Two passes, by rows and by columns, give what one pass gives, whatever is open at a time."""

import io

import pytest
import torch
from all_measures import CLOSE, NAMES, assert_close, calibrate, draw, make, values, with_batch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from equivariance.measures.layer import LayerMeasures

BATCH = 4
measures = pytest.mark.parametrize("name", NAMES)
dtypes = pytest.mark.parametrize("dtype", CLOSE, ids=lambda dtype: str(dtype)[6:])
few = settings(max_examples=5, deadline=None)
cuts = st.lists(st.integers(0, 23), max_size=5).map(sorted)


def groups(transformations: int, size: int) -> list[range]:
    return [range(j, min(j + size, transformations)) for j in range(0, transformations, size)]


def by_rows(layer: LayerMeasures, blocks: list[Tensor]) -> None:
    for block in blocks:
        layer.update_rows(block)


def by_columns(layer: LayerMeasures, blocks: list[Tensor], size: int) -> None:
    for members in groups(blocks[0].shape[1], size):
        for block in blocks:
            layer.update_columns(block[:, members.start : members.stop], members)
        layer.end_columns()


def one_pass(layer: LayerMeasures, activations: Tensor) -> dict[str, Tensor]:
    calibrate(layer, activations).update(activations)
    return values(layer)


def saved_and_read(layer: LayerMeasures, fresh: LayerMeasures) -> LayerMeasures:
    file = io.BytesIO()
    torch.save(layer.state(), file)
    file.seek(0)
    fresh.restore(torch.load(file, weights_only=True))
    return fresh


@measures
@dtypes
@given(
    seed=st.integers(0, 1000),
    samples=st.integers(1, 24),
    transformations=st.integers(1, 9),
    size=st.integers(1, 9),
    row_cuts=cuts,
    column_cuts=cuts,
    rows_first=st.booleans(),
    mask=st.booleans(),
)
@few
def test_two_passes_give_what_one_gives(
    name, dtype, seed, samples, transformations, size, row_cuts, column_cuts, rows_first, mask
):
    name = with_batch(name, BATCH)
    activations = draw(seed, samples, transformations).to(dtype)
    expected = one_pass(make(name, dtype, transformations, mask), activations)
    layer = calibrate(make(name, dtype, transformations, mask), activations)
    for rows in (rows_first, not rows_first):
        if rows:
            by_rows(layer, list(activations.tensor_split(row_cuts)))
        else:
            by_columns(layer, list(activations.tensor_split(column_cuts)), size)
    found = values(layer)
    assert found.keys() == expected.keys()
    for measure, tensor in expected.items():
        assert_close(found[measure], tensor, CLOSE[dtype])
