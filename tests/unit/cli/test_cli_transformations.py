"""The sets of transformations that have a name on the command line."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from equivariance.errors import UserError
from equivariance.transformations.named import NAMED, named_spec
from equivariance.transformations.parameters import members, set_size

ROOT = Path(__file__).parents[3]
MEMBERS = {
    "rotation": lambda steps: steps + 1,
    "scale": lambda steps: 6 * steps + 1,
    "translation": lambda steps: 8 * steps + 1,
    "combined": lambda steps: 63 * (steps + 1),
}


def test_sets_are_those_of_the_configuration() -> None:
    sets = yaml.safe_load((ROOT / "config" / "transformations.yaml").read_text(encoding="utf-8"))
    for name, spec in NAMED.items():
        entry = sets["transformations"][name]
        assert spec == {key: value for key, value in entry.items() if key not in ("title", "epochs_for")}


def test_sizes_are_those_of_the_thesis() -> None:
    sizes = {name: set_size(named_spec(name)) for name in NAMED}
    assert sizes == {"none": 1, "rotation": 49, "scale": 49, "translation": 49, "combined": 504}


@given(st.sampled_from(sorted(MEMBERS)), st.integers(1, 40))
def test_a_set_has_the_number_of_members_that_is_asked_for(name: str, steps: int) -> None:
    count = MEMBERS[name](steps)
    found = members(named_spec(name, count))
    assert len(set(found)) == count
    own = members(named_spec(name))
    for field in ("sx", "sy", "dx", "dy"):  # the range stays
        values, before = ([getattr(member, field) for member in one] for one in (found, own))
        assert (min(values), max(values)) == pytest.approx((min(before), max(before)))


@given(st.sampled_from(sorted(MEMBERS)), st.integers(1, 700))
def test_other_numbers_are_refused_with_the_nearest(name: str, count: int) -> None:
    possible = [MEMBERS[name](steps) for steps in range(1, 702)]
    if count in possible:
        return
    near = [number for number in possible if number < count][-1:] + [
        number for number in possible if number > count
    ][:1]
    with pytest.raises(UserError) as raised:
        named_spec(name, count)
    nearest = " or ".join(map(str, near))
    assert str(raised.value) == f"the set {name!r} cannot have {count} members; nearest: {nearest}"


def test_none_has_one_member() -> None:
    assert named_spec("none", 1) == {}
    with pytest.raises(UserError, match="the set 'none' has 1 member, not 2"):
        named_spec("none", 2)
