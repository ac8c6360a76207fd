"""The relative difference of two profiles: closed forms and laws."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equivariance.analysis.distances import relative_difference

NUMBERS = st.floats(-1e6, 1e6).map(lambda value: value if abs(value) > 1e-6 else 0.0)
PAIRS = st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=20)


def test_closed_forms() -> None:
    assert relative_difference([1, 1], [3, 1]) == pytest.approx(0.25)  # the mean of 2/4 and 0
    assert relative_difference([0, 0], [0, 5]) == 0.5
    assert relative_difference([-1], [1]) == 1
    assert relative_difference([1.5e308], [1.5e308 / 3]) == pytest.approx(0.5)


@given(PAIRS)
def test_it_is_from_0_to_1_symmetric_and_0_for_equal_profiles(pairs: list[tuple[float, float]]) -> None:
    p, q = zip(*pairs, strict=True)
    difference = relative_difference(p, q)
    assert 0 <= difference <= 1
    assert difference == relative_difference(q, p)
    assert (difference == 0) == (p == q)
    assert relative_difference(p, p) == 0


@given(PAIRS, st.floats(1e-3, 1e3))
def test_the_unit_of_the_measure_does_not_matter(pairs: list[tuple[float, float]], unit: float) -> None:
    p, q = zip(*pairs, strict=True)
    scaled = relative_difference([unit * value for value in p], [unit * value for value in q])
    assert scaled == pytest.approx(relative_difference(p, q), abs=1e-9)


@pytest.mark.parametrize(("p", "q"), [([1, 2], [1]), ([], []), ([[1]], [[1]])])
def test_profiles_of_other_shapes_are_refused(p: list, q: list) -> None:
    with pytest.raises(ValueError, match="two of one length"):
        relative_difference(p, q)
