"""Layers are grouped so that the state fits into memory, in as few passes as that takes."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from measured_networks import IMAGES, ROTATIONS, measured, small

from equivariance.measures.planning import BOTH, COLUMNS, ROWS, Group, Share, groups, plan
from equivariance.measures.sweep import Sweep

T = 5


def sweep(sizes: list[int], rows: bool = True, columns: bool = True) -> SimpleNamespace:
    """A sweep whose layers take `size * (1 + members)` bytes."""
    layers = {f"layer{index}": size for index, size in enumerate(sizes)}
    return SimpleNamespace(
        places=layers,
        matrices=range(T),
        needs_rows=rows,
        needs_columns=columns,
        device=SimpleNamespace(type="cpu"),
        state_bytes=lambda call, members, samples: layers[call] * (1 + members),
    )


def passes(found: list[Group], each: int) -> int:
    return sum(each if group.members else 1 for group in found)


def fewest(sizes: list[int], memory: float, each: int) -> int:
    """The fewest passes of all cuts of the layers, in their order, into groups that fit or are alone."""
    best = len(sizes) * each * 2
    for cuts in itertools.product([False, True], repeat=len(sizes) - 1):
        parts: list[list[int]] = [[sizes[0]]]
        for size, cut in zip(sizes[1:], cuts, strict=True):
            parts.append([size]) if cut else parts[-1].append(size)
        for members, cost in ((T, 1), (1, each)):
            if all(len(part) == 1 or sum(part) * (1 + members) <= memory for part in parts):
                best = min(best, len(parts) * cost)
    return best


@given(
    sizes=st.lists(st.integers(1, 20), min_size=1, max_size=7),
    memory=st.integers(1, 300),
    rows=st.booleans(),
    columns=st.booleans(),
)
@settings(max_examples=200, deadline=None)
def test_groups_fit_or_are_alone_and_make_the_fewest_passes(sizes, memory, rows, columns):
    made = sweep(sizes, rows, columns or not rows)
    found = groups(made, 100, memory)
    assert [call for group in found for call in group.layers] == list(made.places)
    for group in found:
        size = sum(made.state_bytes(call, group.members or T, 100) for call in group.layers)
        assert size <= memory or len(group.layers) == 1
        assert 0 <= group.members <= T
    each = made.needs_rows + made.needs_columns
    assert passes(found, each) == fewest(sizes, memory, each)


def test_in_two_passes_few_samples_have_more_transformations_open_so_that_batches_are_not_tiny():
    made = sweep([10, 10, 10])
    made.device.type = "cuda"
    (group,) = groups(made, 64, 115)
    assert group.members == 1  # of 64 samples: 64 inputs
    (group,) = groups(made, 8, 115)
    assert group.members == 2  # as many as fit
    assert group.steps(made) == [
        (ROWS, range(5)),
        (COLUMNS, range(2)),
        (COLUMNS, range(2, 4)),
        (COLUMNS, range(4, 5)),
    ]
    assert Group(("a",)).steps(made) == [(BOTH, range(5))]


def test_a_plan_says_what_will_be_done():
    made = Sweep(small(), ROTATIONS, ["nv"])
    made.inspect(IMAGES)
    share = Share((0,), (Group(("0", "1", "2")), Group(("3", "4"), 2)))
    found = plan([made], [share], [[4, 6]], True)
    assert (found.images, found.classes, found.transformations, found.layers) == (10, 2, 4, 5)
    assert found.units == 4 + 4 + 4 + 196 + 5  # feature maps of the first three
    assert found.passes == 3
    assert found.seconds == pytest.approx(3 * 10 * 4 * made.seconds_per_input)
    assert str(found).startswith(
        "10 images in 2 classes under 4 transformations; 5 layers with 213 units; 3 passes"
    )


@pytest.mark.parametrize("memory", [1, 20_000, 100_000, 10**6])
def test_any_memory_gives_the_same_table(memory):
    measures = ["nv", "nd@4", "anova", "nvse", "dses", "goodfellow_normal@0.8"]
    table, expected = measured(small(), measures, memory=memory), measured(small(), measures)
    keys = ["layer", "unit", "measure"]
    table, expected = (found.sort_values(keys, ignore_index=True) for found in (table, expected))
    assert table.drop(columns="value").equals(expected.drop(columns="value"))
    np.testing.assert_allclose(table["value"], expected["value"], rtol=1e-5, atol=1e-9)
