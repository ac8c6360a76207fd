"""Sets as tensors: the identity, inverses member by member, equality."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from equivariance.transformations.affine import rotation, translation
from equivariance.transformations.parameters import members, set_size
from equivariance.transformations.sets import TransformationSet, build_set

COMBINED = {
    "rotations": {"count": 8},
    "scales": {"steps": 1, "smallest": 0.5, "largest": 1.25},
    "translations": {"steps": 1, "largest": 0.15},
}
IDENTITY = torch.eye(3, dtype=torch.float64)
FAMILIES = st.fixed_dictionaries(
    {},
    optional={
        "rotations": st.integers(2, 12).map(lambda count: {"count": count}),
        "scales": st.integers(1, 3).map(lambda steps: {"steps": steps, "smallest": 0.5, "largest": 1.25}),
        "translations": st.integers(1, 3).map(lambda steps: {"steps": steps, "largest": 0.15}),
    },
)


@given(FAMILIES)
@settings(deadline=None, max_examples=30)
def test_every_set_has_the_stated_size_distinct_members_and_one_identity(spec: dict) -> None:
    built = build_set("any", spec)
    assert len(built) == set_size(spec)
    assert torch.equal(built.matrices[built.identity_index], IDENTITY)
    assert (built.matrices == IDENTITY).all(dim=(1, 2)).sum() == 1
    assert len(built.matrices.flatten(1).round(decimals=9).unique(dim=0)) == len(built)


def test_the_empty_spec_is_the_identity_alone() -> None:
    assert torch.equal(build_set("none", {}).matrices, IDENTITY[None])


def test_the_combined_set_has_504_members() -> None:
    assert len(build_set("combined", COMBINED)) == 504


def test_b7_the_inverses_are_as_many_and_pair_member_by_member() -> None:
    built = build_set("combined", COMBINED)
    assert len(built.inverses) == len(built)
    identities = IDENTITY.expand(len(built), 3, 3)
    torch.testing.assert_close(built.inverses @ built.matrices, identities, rtol=0, atol=1e-12)


def test_b8_a_transformation_is_undone_by_its_own_inverse_and_no_other() -> None:
    built = build_set("rotation", {"rotations": {"count": 9}})
    products = built.inverses[:, None] @ built.matrices[None]  # (T, T, 3, 3)
    undone = (products - IDENTITY).abs().amax(dim=(2, 3)) < 1e-9
    assert torch.equal(undone, torch.eye(9, dtype=torch.bool))


def test_members_keep_the_order_and_the_parameters_of_the_spec() -> None:
    expected = torch.tensor(members(COMBINED), dtype=torch.float64)
    torch.testing.assert_close(build_set("combined", COMBINED).parameters, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("families", "names"),
    [
        ([], ()),
        (["rotations"], ("turns",)),
        (["scales"], ("sx", "sy")),
        (["rotations", "translations"], ("turns", "dx", "dy")),
    ],
)
def test_b9_parameters_constant_over_the_set_are_known(families: list[str], names: tuple[str, ...]) -> None:
    assert build_set("any", {name: COMBINED[name] for name in families}).varying == names


def test_b10_equality_compares_names_and_matrices() -> None:
    spec = {"rotations": {"count": 8}}
    built = build_set("rotation", spec)
    assert built == build_set("rotation", spec)
    assert hash(built) == hash(build_set("rotation", spec))
    assert built != build_set("other", spec)
    assert built != build_set("rotation", {"rotations": {"count": 9}})
    assert built != "rotation"


def test_a_set_without_the_identity_or_with_two_is_refused() -> None:
    with pytest.raises(ValueError, match="0 times"):
        TransformationSet("half", rotation(0.5)[None])
    with pytest.raises(ValueError, match="2 times"):
        TransformationSet("twice", torch.stack([rotation(0.0), translation(0.0, 0.0)]))


@pytest.mark.parametrize("matrices", [IDENTITY[None].float(), IDENTITY, IDENTITY[None, :2]])
def test_a_set_is_float64_and_three_by_three(matrices: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="float64"):
        TransformationSet("wrong", matrices)
