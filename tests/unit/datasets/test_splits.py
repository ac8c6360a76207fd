import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equivariance.datasets.image_set import ImageSet
from equivariance.datasets.splits import at_random, by_group, by_group_fraction, keep_frequent_classes
from equivariance.errors import UserError


def image_set(labels: list[int], groups: list[str] | None = None) -> ImageSet:
    count = len(labels)
    return ImageSet(
        name="tiny",
        images=np.arange(count, dtype=np.uint8).reshape(-1, 1, 1, 1),
        labels=np.array(labels, dtype=np.int64),
        classes=tuple("abcdefgh"[: max(labels) + 1]),
        groups=np.array(groups if groups is not None else [""] * count, dtype=np.str_),
        test=np.zeros(count, dtype=np.bool_),
        source="",
    )


def test_named_groups_are_the_test_part() -> None:
    split = by_group(image_set([0, 1, 0, 1], ["1", "1", "9", "10"]), ["9", "10"])
    np.testing.assert_array_equal(split.test, [False, False, True, True])


def test_an_unknown_group_is_said_with_the_valid_ones() -> None:
    with pytest.raises(UserError, match=r"unknown group '11'; valid: .*9"):
        by_group(image_set([0, 0], ["1", "9"]), ["11"])


def test_something_is_left_for_training() -> None:
    with pytest.raises(UserError, match="leave some for training"):
        by_group(image_set([0, 0], ["1", "2"]), ["1", "2"])


@given(st.data())
@settings(deadline=None, max_examples=50)
def test_no_group_is_in_both_parts_and_no_class_lacks_in_training(data: st.DataObject) -> None:
    count = data.draw(st.integers(4, 60))
    labels = data.draw(st.lists(st.integers(0, 3), min_size=count, max_size=count))
    groups = data.draw(st.lists(st.sampled_from("pqrstuvw"), min_size=count, max_size=count))
    if len(set(groups)) < 2:
        groups[0], groups[1] = "p", "q"
    images = image_set(labels, groups)
    split = by_group_fraction(images, 0.25, seed=data.draw(st.integers(0, 5)))
    assert not set(split.groups[split.test]) & set(split.groups[~split.test])
    single = {
        label
        for label in set(labels)
        if len({g for g, k in zip(groups, labels, strict=True) if k == label}) == 1
    }
    if not single:
        return
    # A class of one group is kept for training, unless that leaves the test part empty.
    assert not split.test.any() or single <= set(split.labels[~split.test].tolist())


def test_the_fraction_of_every_class_is_near_the_wanted_one() -> None:
    generator = np.random.default_rng(0)
    groups = [str(group) for group in generator.integers(0, 100, 2000)]
    labels = generator.choice(5, 2000, p=[0.5, 0.2, 0.15, 0.1, 0.05]).tolist()
    split = by_group_fraction(image_set(labels, groups), 0.2, seed=1)
    for label in range(5):
        assert abs(split.test[split.labels == label].mean() - 0.2) < 0.02


def test_a_rare_class_of_two_groups_is_in_both_parts() -> None:
    labels = [0] * 100 + [1, 1]
    groups = [str(index % 20) for index in range(100)] + ["x", "y"]
    split = by_group_fraction(image_set(labels, groups), 0.2, seed=0)
    assert split.test[-2:].sum() == 1


def test_the_split_by_group_depends_on_the_seed_alone() -> None:
    images = image_set([0, 1] * 50, [str(index // 4) for index in range(100)])
    first, same, other = (by_group_fraction(images, 0.2, seed).test for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, same)
    assert (first != other).any()


@given(st.lists(st.integers(0, 4), min_size=1, max_size=80), st.floats(0.05, 0.95), st.integers(0, 3))
@settings(deadline=None, max_examples=50)
def test_the_random_split_is_stratified(labels: list[int], fraction: float, seed: int) -> None:
    images = image_set(labels)
    split = at_random(images, fraction, seed)
    np.testing.assert_array_equal(split.test, at_random(images, fraction, seed).test)
    for label in set(labels):
        size, chosen = labels.count(label), int(split.test[split.labels == label].sum())
        if size == 1:
            assert chosen == 0
        else:
            assert 1 <= chosen <= size - 1
            assert abs(chosen - fraction * size) <= 1


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.2, "0.2", None])
def test_a_fraction_outside_0_to_1_is_refused(fraction: float) -> None:
    images = image_set([0, 0], ["a", "b"])
    for split in (at_random, by_group_fraction):
        with pytest.raises(UserError, match="between 0 and 1"):
            split(images, fraction, 0)


@pytest.mark.parametrize("seed", [-1, 0.5, "0", None])
def test_a_seed_is_a_whole_number(seed: int) -> None:
    for split in (at_random, by_group_fraction):
        with pytest.raises(UserError, match="seed is"):
            split(image_set([0, 0], ["a", "b"]), 0.5, seed)


def test_rare_classes_are_dropped_and_the_others_numbered_anew() -> None:
    images = image_set([0, 1, 2, 2, 3, 3, 0, 3], list("ABCDEFGH"))
    kept = keep_frequent_classes(images, 2)
    assert kept.classes == ("a", "c", "d")
    np.testing.assert_array_equal(kept.labels, [0, 1, 1, 2, 2, 0, 2])
    np.testing.assert_array_equal(kept.images.ravel(), [0, 2, 3, 4, 5, 6, 7])
    assert kept.groups.tolist() == list("ACDEFGH")


def test_at_least_one_class_must_be_left() -> None:
    with pytest.raises(UserError, match="no class has 5 images"):
        keep_frequent_classes(image_set([0, 1]), 5)
