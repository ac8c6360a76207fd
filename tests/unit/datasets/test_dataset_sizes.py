"""What is known of data sets before they are there."""

from pathlib import Path

import pytest

from equivariance.datasets import SOURCES, prepare
from equivariance.datasets.sizes import Size, expected_size, size_of
from equivariance.errors import UserError


@pytest.mark.parametrize("source", ["digits", "natural_patches", "drawn_hands"])
def test_bundled_data_have_the_size_that_is_expected(source: str, tmp_path: Path) -> None:
    settings = {"source": source, "stand_in_for": "something"}
    images = prepare("some", settings, mirror=None, cache=tmp_path)
    expected = expected_size(settings)
    assert expected is not None
    assert expected.shape == images.images.shape[1:]
    assert expected.classes == len(images.classes)
    assert sum(expected[2:]) == len(images.labels)
    assert expected.test == pytest.approx(images.test.sum(), abs=3)
    images.save(tmp_path / "some.npz")
    prepared = size_of("some", {"source": "folder"}, tmp_path)
    assert prepared.images("test") == images.test.sum()
    assert prepared.images("train") == (~images.test).sum()


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"source": "lsa16"}, Size((3, 32, 32), 16, 640, 160)),
        ({"source": "lsa16", "test_subjects": [10]}, Size((3, 32, 32), 16, 720, 80)),
        ({"source": "lsa16", "split": "random", "test_fraction": 0.5}, Size((3, 32, 32), 16, 400, 400)),
        ({"source": "lsa16_schemes", "appearance": "bw"}, Size((1, 32, 32), 16, 640, 160)),
        ({"source": "lsa16_schemes", "position": "mr"}, Size((3, 32, 32), 16, 10_240, 2560)),
        ({"source": "cifar10", "images": "mine.zip"}, Size((3, 32, 32), 10, 50_000, 10_000)),
        ({"source": "rwth"}, Size((3, 32, 32), 23, 2570, 643)),
        ({"source": "rwth", "minimum_images_per_class": 8}, Size((3, 32, 32), 30, 2631, 658)),
        ({"source": "rwth", "minimum_images_per_class": 1}, Size((3, 32, 32), 45, 2687, 672)),
    ],
)
def test_downloads_have_the_size_that_their_publishers_say(
    settings: dict[str, object], expected: Size
) -> None:
    assert expected_size(settings) == expected


def test_every_source_but_a_persons_own_is_known() -> None:
    assert [source for source in SOURCES if expected_size({"source": source}) is None] == ["folder"]


def test_own_images_have_to_be_prepared_first(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"data set 'mine': .* make .*mine\.json first"):
        size_of("mine", {"source": "folder", "path": "mine"}, tmp_path)
