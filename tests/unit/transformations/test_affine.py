"""Matrices: direction, angle, order, inverse."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from equivariance.transformations.affine import (
    compose,
    from_parameters,
    rotation,
    scaling,
    to_parameters,
    translation,
)

parameters = st.tuples(st.floats(-0.49, 0.5), *[st.floats(0.2, 3.0)] * 2, *[st.floats(-0.5, 0.5)] * 2).map(
    lambda values: torch.tensor(values, dtype=torch.float64)
)


def moved(matrix: torch.Tensor, x: float, y: float) -> list[float]:
    return (matrix @ torch.tensor([x, y, 1.0], dtype=torch.float64))[:2].tolist()


def test_a_quarter_turn_is_counter_clockwise_on_the_screen() -> None:
    right, top = (1.0, 0.0), (0.0, -1.0)  # y points down
    assert moved(rotation(0.25), *right) == pytest.approx(top)
    assert moved(rotation(0.25), *top) == pytest.approx([-1.0, 0.0])


@pytest.mark.parametrize("turns", [-0.5, -0.25, 0.125, 1 / 3, 0.5])
def test_b1_and_b4_the_angle_is_two_pi_times_the_fraction_of_a_turn(turns: float) -> None:
    matrix = rotation(turns)
    assert matrix[0, 0].item() == pytest.approx(math.cos(2 * math.pi * turns))
    assert -matrix[1, 0].item() == pytest.approx(math.sin(2 * math.pi * turns))


def test_scaling_multiplies_each_axis() -> None:
    assert moved(scaling(0.5, 2.0), 1.0, 1.0) == [0.5, 2.0]


def test_a_translation_is_a_fraction_of_the_longer_side() -> None:
    assert moved(translation(0.5, -0.25), 0.0, 0.0) == [1.0, -0.5]  # the unit is half that side


def test_the_first_given_is_applied_first() -> None:
    assert moved(compose(scaling(2.0, 1.0), rotation(0.25)), 1.0, 0.0) == pytest.approx([0.0, -2.0])
    assert moved(compose(rotation(0.25), scaling(2.0, 1.0)), 1.0, 0.0) == pytest.approx([0.0, -1.0])


def test_parameters_scale_then_rotate_then_translate() -> None:
    matrix = from_parameters(torch.tensor([0.1, 0.5, 1.25, 0.15, -0.1], dtype=torch.float64))
    assert torch.equal(matrix, translation(0.15, -0.1) @ rotation(0.1) @ scaling(0.5, 1.25))


@given(parameters)
@settings(deadline=None)
def test_parameters_can_be_read_back(values: torch.Tensor) -> None:
    torch.testing.assert_close(to_parameters(from_parameters(values)), values, rtol=0, atol=1e-9)


@given(parameters, parameters)
@settings(deadline=None)
def test_the_inverse_of_a_composition_is_the_composition_of_inverses_in_reverse(
    first: torch.Tensor, second: torch.Tensor
) -> None:
    a, b = from_parameters(first), from_parameters(second)
    together = torch.linalg.inv(compose(a, b))
    apart = compose(torch.linalg.inv(b), torch.linalg.inv(a))
    torch.testing.assert_close(together, apart, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(together @ compose(a, b), torch.eye(3, dtype=torch.float64), rtol=0, atol=1e-9)


@pytest.mark.parametrize("entry", [(0, 1), (2, 0)])
def test_a_shear_or_perspective_has_no_such_parameters(entry: tuple[int, int]) -> None:
    matrix = torch.eye(3, dtype=torch.float64)
    matrix[entry] = 0.5
    with pytest.raises(ValueError, match="not a scaling"):
        to_parameters(matrix)
