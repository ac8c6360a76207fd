from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import label

from equivariance.datasets.drawn_hands import HANDSHAPES, SUBJECTS, load, subject_build
from equivariance.datasets.image_set import ImageSet
from equivariance.errors import UserError


@pytest.fixture(scope="module")
def hands() -> ImageSet:
    return load({"repetitions": 2}, None, Path())


def test_every_subject_shows_every_handshape(hands: ImageSet) -> None:
    assert len(HANDSHAPES) >= 8 and SUBJECTS == 10
    assert hands.images.shape == (len(HANDSHAPES) * SUBJECTS * 2, 3, 32, 32)
    pairs = set(zip(hands.labels.tolist(), hands.groups.tolist(), strict=True))
    assert len(pairs) == len(HANDSHAPES) * SUBJECTS


def test_the_last_two_subjects_are_for_testing(hands: ImageSet) -> None:
    assert set(hands.groups[hands.test]) == {"9", "10"}
    assert set(hands.groups[~hands.test]) == {str(subject) for subject in range(1, 9)}


def test_drawing_is_deterministic_and_repetitions_differ(hands: ImageSet) -> None:
    again = load({"repetitions": 1}, None, Path())
    np.testing.assert_array_equal(again.images, hands.images[::2])
    assert (hands.images[::2] != hands.images[1::2]).any(axis=(1, 2, 3)).all()
    assert (load({"repetitions": 1, "seed": 1}, None, Path()).images != again.images).any()


def test_the_hand_is_whole_on_a_black_background(hands: ImageSet) -> None:
    bright = hands.images.max(axis=1) > 0  # (N, H, W)
    covered = bright.mean(axis=(1, 2))
    assert covered.min() > 0.12 and covered.max() < 0.6
    border = np.concatenate([bright[:, 0], bright[:, -1], bright[:, :, 0], bright[:, :, -1]], axis=1)
    assert not border.any()


def test_gray_is_the_luminance(hands: ImageSet) -> None:
    gray = load({"repetitions": 1, "appearance": "gray"}, None, Path())
    assert gray.images.shape == (len(hands.images) // 2, 1, 32, 32)
    for picture, expected in zip(gray.images, hands.images[::2], strict=True):
        luminance = np.asarray(Image.fromarray(expected.transpose(1, 2, 0)).convert("L"), dtype=int)
        assert np.abs(picture[0] - luminance).max() <= 1


def test_the_mask_is_the_hand_and_all_of_it(hands: ImageSet) -> None:
    masks = load({"repetitions": 1, "appearance": "bw"}, None, Path())
    assert masks.images.shape == (len(hands.images) // 2, 1, 32, 32)
    assert set(np.unique(masks.images)) == {0, 255}
    inside = masks.images[:, 0] > 0
    np.testing.assert_array_equal(inside, hands.images[::2].max(axis=1) > 0)
    for mask in inside:
        _, pieces = label(mask)
        assert pieces == 1
    np.testing.assert_array_equal(masks.labels, hands.labels[::2])
    np.testing.assert_array_equal(masks.test, hands.test[::2])


def test_an_unknown_appearance_is_refused() -> None:
    with pytest.raises(UserError, match="appearance of drawn_hands 'grey'; valid: gray"):
        load({"repetitions": 1, "appearance": "grey"}, None, Path())


def test_gloves_differ_in_colour_and_hands_in_build() -> None:
    builds = [subject_build(subject, 0) for subject in range(1, SUBJECTS + 1)]
    colours = np.array([build.colour for build in builds])
    apart = np.linalg.norm(colours[:, None] - colours[None], axis=2)[~np.eye(SUBJECTS, dtype=bool)]
    assert apart.min() > 0.1
    assert len({build.finger_length for build in builds}) == SUBJECTS


def test_handshapes_can_be_told_apart_across_subjects(hands: ImageSet) -> None:
    gray = hands.images.max(axis=1).reshape(len(hands.images), -1).astype(float)
    gray /= np.linalg.norm(gray, axis=1, keepdims=True)
    train, test = gray[~hands.test], gray[hands.test]
    nearest = hands.labels[~hands.test][(test @ train.T).argmax(axis=1)]
    assert (nearest == hands.labels[hands.test]).mean() > 0.5  # chance is 1/12


def test_test_subjects_can_be_chosen() -> None:
    images = load({"repetitions": 1, "test_subjects": [3]}, None, Path())
    assert set(images.groups[images.test]) == {"3"}
    assert load({"repetitions": 1, "split": "random"}, None, Path()).test.sum() == len(HANDSHAPES) * 2
    for wrong in ([11], "9", 9):
        with pytest.raises(UserError):
            load({"repetitions": 1, "test_subjects": wrong}, None, Path())


@pytest.mark.parametrize("wrong", [0, 1.5, "8", True])
def test_repetitions_are_a_whole_number(wrong: object) -> None:
    with pytest.raises(UserError, match=r"repetitions is .* whole number of at least 1"):
        load({"repetitions": wrong}, None, Path())
