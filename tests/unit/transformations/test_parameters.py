"""Sizes, ranges and messages of specs, without torch."""

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equivariance.errors import UserError
from equivariance.transformations.parameters import Parameters, members, set_size

ROTATION = {"rotations": {"count": 49, "turn": 1.0}}
SCALE = {"scales": {"steps": 8, "smallest": 0.5, "largest": 1.25}}
TRANSLATION = {"translations": {"steps": 6, "largest": 0.15}}
COMBINED = {
    "rotations": {"count": 8},
    "scales": {"steps": 1, "smallest": 0.5, "largest": 1.25},
    "translations": {"steps": 1, "largest": 0.15},
}


def turns(count: int, turn: float = 1.0) -> list[float]:
    return [member.turns for member in members({"rotations": {"count": count, "turn": turn}})]


@st.composite
def specs(draw: st.DrawFn) -> dict:
    spec: dict = {}
    if draw(st.booleans()):
        turn = draw(st.sampled_from([0.25, 1 / 3, 0.5, 1.0]))
        count = draw(st.integers(2, 9)) if turn == 1.0 else 2 * draw(st.integers(1, 4)) + 1
        spec["rotations"] = {"count": count, "turn": turn}
    if draw(st.booleans()):
        smallest, largest = draw(st.sampled_from([(0.5, 1.25), (1.0, 1.25), (0.5, 1), (0.833, 1.083)]))
        spec["scales"] = {"steps": draw(st.integers(1, 3)), "smallest": smallest, "largest": largest}
    if draw(st.booleans()):
        spec["translations"] = {"steps": draw(st.integers(1, 3)), "largest": draw(st.floats(0.01, 0.5))}
    return spec


@pytest.mark.parametrize(
    ("spec", "size"), [({}, 1), (ROTATION, 49), (SCALE, 49), (TRANSLATION, 49), (COMBINED, 504)]
)
def test_the_sets_of_the_thesis_have_their_sizes(spec: dict, size: int) -> None:
    assert set_size(spec) == size


@given(specs())
@settings(deadline=None)
def test_the_size_is_the_number_of_members_and_the_identity_is_one_of_them(spec: dict) -> None:
    found = members(spec)
    assert set_size(spec) == len(found) == len(set(found))
    assert found.count(Parameters()) == 1


def test_a_full_turn_of_8_goes_in_steps_of_45_degrees() -> None:
    assert sorted(360 * t % 360 for t in turns(8)) == [0, 45, 90, 135, 180, 225, 270, 315]


def test_a_full_turn_of_49_is_symmetric_and_leaves_the_half_turn_out() -> None:
    found = turns(49)
    assert found == [k / 49 for k in range(-24, 25)]
    assert max(found) * 360 == pytest.approx(176.3, abs=0.05)


def test_b2_no_angle_is_listed_twice_and_every_count_contains_zero() -> None:
    for count in range(2, 50):
        degrees = [round(360 * t % 360, 9) for t in turns(count)]
        assert len(set(degrees)) == count
        assert 0 in degrees


@pytest.mark.parametrize(("turn", "mean"), [(0.25, 23.4), (0.5, 46.8), (0.75, 70.2), (1.0, 89.9)])
def test_b1_and_b1b_wider_ranges_of_rotation_turn_further_on_average(turn: float, mean: float) -> None:
    found = turns(25, turn)
    assert 360 * sum(map(abs, found)) / 25 == pytest.approx(mean, abs=0.05)
    if turn < 1:
        assert (min(found), max(found)) == (-turn / 2, turn / 2)


def test_b1c_a_full_turn_holds_images_that_are_upside_down() -> None:
    assert 0.5 in turns(16)


def test_scales_step_evenly_down_to_the_smallest_and_up_to_the_largest() -> None:
    both = [m.sx for m in members(SCALE) if m.sx == m.sy]
    downs = [0.5 + 0.0625 * k for k in range(8)]
    ups = [1 + 0.03125 * k for k in range(1, 9)]
    assert both == pytest.approx([1, *downs, *ups])
    assert {(1.0, 0.5), (0.5, 1.0), (0.5, 0.5)} <= {(m.sx, m.sy) for m in members(SCALE)}


@pytest.mark.parametrize(("smallest", "largest", "size"), [(1, 1.25, 13), (0.5, 1, 13), (0.5, 1.25, 25)])
def test_scales_may_only_shrink_or_only_enlarge(smallest: float, largest: float, size: int) -> None:
    spec = {"scales": {"steps": 4, "smallest": smallest, "largest": largest}}
    assert set_size(spec) == size
    factors = [s for m in members(spec) for s in (m.sx, m.sy)]
    assert (min(factors), max(factors)) == (smallest, largest)


def test_b5_scales_contain_the_identity_once() -> None:
    assert members(SCALE).count(Parameters()) == 1


def test_translations_go_in_eight_directions() -> None:
    found = members(TRANSLATION)
    assert {(round(m.dx, 9), round(m.dy, 9)) for m in found if max(abs(m.dx), abs(m.dy)) > 0.149} == {
        (x, y) for x in (-0.15, 0, 0.15) for y in (-0.15, 0, 0.15) if (x, y) != (0, 0)
    }
    assert sorted({round(m.dx, 9) for m in found if m.dx > 0}) == [0.025, 0.05, 0.075, 0.1, 0.125, 0.15]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"rotation": {"count": 8}}, "unknown family of transformations 'rotation'; valid: rotations"),
        ({"rotations": {"counts": 8}}, "unknown parameter of rotations 'counts'; valid: count, turn"),
        ({"scales": {"steps": 8}}, "scales: smallest, largest missing"),
        ({"rotations": {"count": 24, "turn": 0.5}}, "needs an odd count"),
        ({"rotations": {"count": 1}}, "rotations: count is 1; valid: a whole number, at least 2"),
        ({"rotations": {"count": 2.5}}, "rotations: count is 2.5; valid: a whole number"),
        ({"rotations": {"count": "8"}}, "rotations: count is '8'; valid: a number"),
        ({"rotations": {"count": 9, "turn": 360}}, "turn is 360; valid: above 0, at most 1"),
        ({"scales": {"steps": 1, "smallest": 0, "largest": 1.25}}, "smallest is 0; valid: above 0"),
        ({"scales": {"steps": 1, "smallest": 0.5, "largest": 0.9}}, "largest is 0.9; valid: at least 1"),
        ({"scales": {"steps": 1, "smallest": 1, "largest": 1}}, "leave scales out for the identity"),
        ({"translations": {"steps": 0, "largest": 0.1}}, "translations: steps is 0"),
        ({"translations": {"steps": 1, "largest": 4}}, "largest is 4; valid: above 0, below 1"),
    ],
)
def test_a_wrong_spec_is_told_what_is_valid(spec: dict, message: str) -> None:
    with pytest.raises(UserError, match=message.replace("(", r"\(")):
        set_size(spec)


def test_sizes_are_known_without_torch() -> None:
    code = "import sys; import equivariance.transformations.parameters; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)})
