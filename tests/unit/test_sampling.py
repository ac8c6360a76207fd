"""Seeded choices."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from equivariance.sampling import FIRST_BLOCK, derived_seed, generator, nested_sample, stratified_sample

SIZES = st.lists(st.integers(1, 60), min_size=1, max_size=12)


def labels_of(sizes: list[int], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))


@settings(deadline=None)
@given(sizes=SIZES, count=st.one_of(st.none(), st.integers(0, 400)))
def test_it_gives_as_many_different_images_as_asked_for_or_all(sizes: list[int], count: int | None) -> None:
    labels = labels_of(sizes)
    chosen = stratified_sample(labels, count, "a purpose")
    assert len(chosen) == (len(labels) if count is None else min(count, len(labels)))
    assert (np.diff(chosen) > 0).all()  # sorted, each once
    assert len(chosen) == 0 or (chosen[0] >= 0 and chosen[-1] < len(labels))


@settings(deadline=None)
@given(sizes=SIZES, part=st.floats(0, 1), purpose=st.text(max_size=5))
def test_each_class_has_its_share_to_within_two_images(sizes: list[int], part: float, purpose: str) -> None:
    labels = labels_of(sizes)
    count = int(part * len(labels))
    chosen = np.bincount(labels[stratified_sample(labels, count, purpose)], minlength=len(sizes))
    assert np.abs(chosen - count * np.array(sizes) / len(labels)).max() < 2


def test_classes_of_one_size_have_the_same_number_exactly() -> None:
    labels = labels_of([50] * 10)
    assert np.bincount(labels[stratified_sample(labels, 120, "a purpose")]).tolist() == [12] * 10


def test_the_choice_is_determined_by_labels_count_and_purpose() -> None:
    labels = labels_of([40, 40])
    first = stratified_sample(labels, 20, "training images of mnist")
    torch.manual_seed(5)
    np.testing.assert_array_equal(stratified_sample(labels, 20, "training images of mnist"), first)
    assert not np.array_equal(stratified_sample(labels, 20, "test images of mnist"), first)


def test_a_larger_choice_contains_a_smaller_one() -> None:
    labels = labels_of([40, 25, 10])
    small, large = (set(stratified_sample(labels, count, "a purpose").tolist()) for count in (20, 45))
    assert small < large


@settings(deadline=None)
@given(sizes=SIZES, count=st.integers(0, 400), larger=st.one_of(st.none(), st.integers(0, 400)))
def test_a_nested_sample_begins_with_every_smaller_one(
    sizes: list[int], count: int, larger: int | None
) -> None:
    labels = labels_of(sizes)
    every, few = (nested_sample(labels, number, "a purpose") for number in (larger, count))
    assert (
        len(every) == len(set(every.tolist())) == min(len(labels), len(labels) if larger is None else larger)
    )
    shared = min(len(few), len(every))
    np.testing.assert_array_equal(few[:shared], every[:shared])


@settings(deadline=None)
@given(sizes=SIZES, doublings=st.integers(0, 5))
def test_a_nested_sample_of_a_power_of_two_is_the_stratified_one(sizes: list[int], doublings: int) -> None:
    labels, count = labels_of(sizes), FIRST_BLOCK << doublings
    nested = nested_sample(labels, count, "a purpose")
    np.testing.assert_array_equal(np.sort(nested), stratified_sample(labels, count, "a purpose"))


def test_neighbours_in_a_nested_sample_are_any_two_images() -> None:
    """In the stratified order itself neighbours of ten classes would never be of the same class."""
    labels = labels_of([500] * 10)
    visited = labels[nested_sample(labels, None, "a purpose")]
    assert (visited[1:] == visited[:-1]).mean() == pytest.approx(0.1, abs=0.02)


def test_it_is_a_random_choice_and_not_the_first_images() -> None:
    labels = np.zeros(1000, dtype=np.int64)
    assert 400 < stratified_sample(labels, 100, "a purpose").mean() < 600


@given(seed=st.integers(0, 2**40), purpose=st.text())
def test_a_derived_seed_fits_into_63_bits(seed: int, purpose: str) -> None:
    assert 0 <= derived_seed(seed, purpose) < 2**63


def test_derived_seeds_are_fixed_for_ever() -> None:
    assert derived_seed(0, "initial weights") == 5451242139876235491


def test_seeds_and_purposes_do_not_share_random_numbers() -> None:
    pairs = [(seed, purpose) for seed in range(50) for purpose in ("order", "draws", "weights", "1:order")]
    assert len({derived_seed(*pair) for pair in pairs}) == len(pairs)


@pytest.mark.parametrize("purpose", ["order of images", "transformations"])
def test_generators_do_not_depend_on_what_was_drawn_before(purpose: str) -> None:
    expected = torch.rand(4, generator=generator(3, purpose))
    torch.manual_seed(17)
    other = generator(3, "something else")
    torch.rand(100, generator=other)
    assert torch.equal(torch.rand(4, generator=generator(3, purpose)), expected)
