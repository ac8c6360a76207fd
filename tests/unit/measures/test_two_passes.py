"""Two passes, by rows and by columns, give what one pass gives, whatever is open at a time."""

import io

import pytest
import torch
from all_measures import CLOSE, NAMES, assert_close, calibrate, draw, make, values, with_batch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from equivariance.measures.accumulator import Setting
from equivariance.measures.layer import LayerMeasures
from equivariance.measures.registry import resolve
from equivariance.measures.variance import VarianceAccumulator

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


@measures
@dtypes
@given(
    seed=st.integers(0, 1000),
    row_cut=st.integers(0, 12),
    stop=st.integers(0, 4),
    column_cut=st.integers(0, 12),
)
@few
def test_a_state_saved_in_the_middle_of_either_pass_goes_on_to_the_same_bits(
    name, dtype, seed, row_cut, stop, column_cut
):
    name = with_batch(name, BATCH)
    activations = draw(seed, 12).to(dtype)
    kept, moved = (calibrate(make(name, dtype), activations) for _ in range(2))
    for part in activations.split((row_cut, 12 - row_cut)):
        kept.update_rows(part)
        moved.update_rows(part)
        moved = saved_and_read(moved, make(name, dtype))
    for members in groups(5, 2):
        for part in activations.split((column_cut, 12 - column_cut)):
            kept.update_columns(part[:, members.start : members.stop], members)
            moved.update_columns(part[:, members.start : members.stop], members)
            if members.start <= stop:
                moved = saved_and_read(moved, make(name, dtype))
        kept.end_columns()
        moved.end_columns()
        moved = saved_and_read(moved, make(name, dtype))
    for measure, tensor in values(kept).items():
        torch.testing.assert_close(values(moved)[measure], tensor, rtol=0, atol=0, equal_nan=True)


@measures
@dtypes
@given(
    seed=st.integers(0, 1000), cut=st.sampled_from([0, 4, 8, 12]), when=st.sampled_from(["rows", "columns"])
)
@few
def test_parts_merge_in_the_middle_of_either_pass(name, dtype, seed, cut, when):
    name = with_batch(name, BATCH)
    activations = draw(seed, 12).to(dtype)
    expected = one_pass(make(name, dtype), activations)
    first, second = parts = activations.split((cut, 12 - cut))
    ours, theirs = (calibrate(make(name, dtype), activations) for _ in range(2))
    ours.update_rows(first)
    theirs.update_rows(second)
    if when == "rows":
        ours.merge(theirs)
        by_columns(ours, list(parts), 2)
    elif ours.needs_columns:
        for layer, part in zip((ours, theirs), parts, strict=True):
            layer.update_columns(part[:, :3], range(3))
        ours.merge(theirs)
        ours.end_columns()
        ours.update_columns(activations[:, 3:], range(3, 5))
        ours.end_columns()
    else:
        ours.merge(theirs)
    for measure, tensor in expected.items():
        assert_close(values(ours)[measure], tensor, CLOSE[dtype])


PLAIN = ["tv", "sv", "td@4", "sd@4"]


def take(layer: LayerMeasures, *steps: str) -> LayerMeasures:
    """Let it take some steps, with 6 samples under 3 transformations in each."""
    activations = draw(0, 6, 3)
    for step in steps:
        match step.split():
            case ["one"]:
                layer.update(activations)
            case ["rows"]:
                layer.update_rows(activations)
            case ["end"]:
                layer.end_columns()
            case ["columns", start, stop]:
                members = range(int(start), int(stop))
                layer.update_columns(activations[:, members.start : members.stop], members)
    return layer


def fed(*steps: str) -> LayerMeasures:
    return take(make(PLAIN, torch.float64, 3), *steps)


@pytest.mark.parametrize(
    "ours, theirs",
    [
        (["one"], ["rows"]),
        (["rows"], ["one"]),
        (["one"], ["columns 0 1"]),
        (["rows"], ["columns 0 1"]),
        (["rows"], ["rows", "columns 0 1"]),
        (["rows", "columns 0 2"], ["rows", "columns 0 1"]),
        (["columns 0 1", "end"], ["columns 0 1", "end"]),
        (["columns 0 1", "end", "columns 1 2"], ["columns 0 1"]),
    ],
)
def test_what_was_seen_in_other_passes_does_not_merge(ours, theirs):
    with pytest.raises(ValueError, match="cannot be merged"):
        fed(*ours).merge(fed(*theirs))


@pytest.mark.parametrize(
    "steps, rest",
    [
        (["one"], []),
        (["rows"], ["columns 0 3", "end"]),
        (["columns 0 2"], ["end", "columns 2 3", "end", "rows"]),
        (["rows", "columns 0 2", "end"], ["columns 2 3", "end"]),
        (["rows", "columns 0 3", "end"], []),
    ],
)
def test_what_has_seen_nothing_takes_on_what_is_merged(steps, rest):
    expected = values(fed(*steps, *rest))
    ours, theirs = fed(), fed(*steps)
    ours.merge(theirs)
    theirs.merge(fed())
    for layer in (ours, theirs):
        for name, tensor in values(take(layer, *rest)).items():
            torch.testing.assert_close(tensor, expected[name], rtol=1e-12, atol=0)


@pytest.mark.parametrize(
    "steps, message",
    [
        (["rows"], "no columns"),
        (["columns 0 3", "end"], "no rows"),
        (["rows", "columns 0 3"], "still open"),
        (["rows", "columns 0 2", "end"], "columns from 2 on are missing"),
        (["rows", "rows", "columns 0 3", "end"], "12 samples in rows and 6 in columns"),
    ],
)
def test_values_are_not_read_before_both_passes_are_complete(steps, message):
    with pytest.raises(ValueError, match=message):
        values(fed(*steps))


@pytest.mark.parametrize(
    "steps, message",
    [
        (["one", "rows"], "update_rows after update"),
        (["one", "columns 0 1"], "update_columns after update"),
        (["rows", "one"], "update after update_rows or update_columns"),
        (["columns 0 1", "one"], "update after update_rows or update_columns"),
        (["columns 1 2"], "expected: members from 0"),
        (["columns 0 1", "columns 1 2"], "are open"),
        (["columns 0 2", "columns 0 1"], "are open"),
        (["columns 0 1", "end", "columns 0 1"], "expected: members from 1"),
        (["columns 0 1", "end", "columns 2 3"], "expected: members from 1"),
        (["columns 0 1", "end", "end"], "no columns are open"),
        (["columns 0 1", "columns 0 1", "end", "columns 1 3", "end"], "6 samples in these columns, and 12"),
        (["columns 0 4"], "expected"),
    ],
)
def test_steps_out_of_order_are_refused(steps, message):
    with pytest.raises(ValueError, match=message):
        fed(*steps)


def test_members_must_be_those_of_the_block():
    accumulator = VarianceAccumulator(Setting(torch.float64))
    for members in (range(2), range(4), range(0, 6, 2), range(-3, 0), range(0)):
        with pytest.raises(ValueError, match="expected"):
            accumulator.update_columns(draw(0, 4, 3), members)
    accumulator.update_columns(draw(0, 4, 3), range(3))
    accumulator.end_columns()
    with pytest.raises(ValueError, match="2 transformations in a row, and 3 in columns"):
        accumulator.update_rows(draw(0, 4, 2))


@pytest.mark.parametrize(
    "names, rows, columns",
    [
        (["tv"], True, False),
        (["sv"], False, True),
        (["nv"], True, True),
        (["anova", "eta_squared"], False, True),
        (["td@4"], True, False),
        (["sdse_keep@4"], False, True),
        (["goodfellow_normal", "dses"], True, False),
        (["goodfellow_normal", "sv"], True, True),
    ],
)
def test_a_pass_that_no_measure_needs_may_be_left_out(names, rows, columns):
    activations = draw(0, 9)
    layer = calibrate(make(names, torch.float64), activations)
    assert (layer.needs_rows, layer.needs_columns) == (rows, columns)
    if rows:
        by_rows(layer, [activations])
    if columns:
        by_columns(layer, [activations], 2)
    found = values(layer)
    for name, tensor in one_pass(make(names, torch.float64), activations).items():
        assert_close(found[name], tensor, 1e-10)


def test_a_pass_that_no_measure_needs_does_no_harm():
    activations = draw(0, 9)
    for name in ("tv", "sv", "dses", "goodfellow_normal"):
        layer = calibrate(make(name, torch.float64), activations)
        by_rows(layer, [activations])
        by_columns(layer, [activations], 2)
        assert_close(values(layer)[name], one_pass(make(name, torch.float64), activations)[name], 1e-10)


# Closed forms


def two_passes(activations: Tensor, names: list[str], size: int = 2) -> dict[str, Tensor]:
    setting = Setting(torch.float64, 0)
    layer = calibrate(LayerMeasures(resolve(names), ["none"], setting), activations)
    by_rows(layer, list(activations.split(7)))
    by_columns(layer, list(activations.split(5)), size)
    return values(layer)


@pytest.mark.parametrize("size", [1, 2, 9])
def test_additive_effects_have_the_ratio_of_their_deviations(size):
    rows, columns = draw(0, 30, 1, (4,)), draw(1, 1, 9, (4,))
    found = two_passes(rows[:, :1] + columns[:1], ["nv", "eta_squared"], size)
    torch.testing.assert_close(found["nv"], columns.std(1)[0] / rows.std(0)[0], rtol=1e-10, atol=0)
    shares = columns.var(1, correction=0)[0], rows.var(0, correction=0)[0]
    torch.testing.assert_close(found["eta_squared"], shares[0] / (shares[0] + shares[1]), rtol=1e-10, atol=0)


@pytest.mark.parametrize("size", [1, 2, 9])
def test_constants_and_pure_effects_are_exact(size):
    names = ["tv", "sv", "nv", "td", "sd", "nd", "anova", "anova_uncorrected", "eta_squared"]
    constant = two_passes(torch.full((30, 9, 4), 0.1, dtype=torch.float64), names, size)
    of_rows = two_passes(draw(0, 30, 1, (4,)).expand(30, 9, 4), names, size)
    of_columns = two_passes(draw(0, 1, 9, (4,)).expand(30, 9, 4), names, size)
    for found, expected in (
        (constant, {"tv": 0, "sv": 0, "nv": 1, "td": 0, "sd": 0, "nd": 1, "anova": 0, "eta_squared": 0}),
        (of_rows, {"tv": 0, "nv": 0, "td": 0, "nd": 0, "anova": 0, "eta_squared": 0}),
        (of_columns, {"sv": 0, "nv": torch.inf, "sd": 0, "nd": torch.inf, "anova": 1, "eta_squared": 1}),
    ):
        for name, value in expected.items():
            assert (found[name] == value).all(), name


# Memory


def size_of(state: object) -> int:
    if isinstance(state, Tensor):
        return state.nbytes
    parts = state.values() if isinstance(state, dict) else state if isinstance(state, list | tuple) else ()
    return sum(size_of(part) for part in parts)


@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize(
    "name", ["tv", "sv", "nv", "eta_squared", "invariance", "td", "sd@5", "nd_keep", "svse"]
)
@dtypes
def test_what_is_kept_is_what_is_said(name, dtype, members):
    """At the end of a column, of units without feature maps and of those with."""
    for shape in ((30,), (2, 3, 5)):
        layer, activations = make(name, dtype, 6), draw(0, 23, 6, shape).to(dtype)
        said = layer.state_bytes(shape, members, len(activations))
        most = []
        calibrate(layer, activations[:0])
        if layer.needs_calibration:
            for rows in activations[:, layer.setting.identity].split(6):
                layer.calibrate(rows, len(activations))
                most.append(size_of(layer.state()))
        for block in activations.split(5):
            layer.update_rows(block)
            most.append(size_of(layer.state()))
        for group in groups(6, members):
            for block in activations.split(4):
                layer.update_columns(block[:, group.start : group.stop], group)
            most.append(size_of(layer.state()))
            layer.end_columns()
        at_end = size_of(layer.state())
        assert max(most) <= said
        assert at_end <= layer.state_bytes(shape, 0, len(activations))
        if name not in ("nd_keep", "invariance"):  # sums of whole feature maps, thresholds by and by
            assert max(most) == said
            assert at_end == layer.state_bytes(shape, 0, len(activations))


@pytest.mark.parametrize("name", ["tv", "sv", "nv", "eta_squared", "td@4", "sd@4", "nd@4", "dses", "svse"])
@dtypes
def test_one_pass_keeps_no_more_than_all_transformations_open_at_once(name, dtype):
    layer, activations = make(name, dtype, 6), draw(0, 22, 6).to(dtype)
    for block in activations.split(5):
        layer.update(block)
        assert size_of(layer.state()) <= layer.state_bytes((2, 3, 4), 6) + 32  # of whole feature maps
