import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from changed_bytes import with_any_byte_changed

from equivariance.datasets.image_set import ImageSet
from equivariance.errors import UserError
from equivariance.files import read_json


@pytest.fixture
def images() -> ImageSet:
    generator = np.random.default_rng(0)
    return ImageSet(
        name="tiny",
        images=generator.integers(0, 256, (10, 3, 4, 5)).astype(np.uint8),
        labels=np.array([0, 1] * 5, dtype=np.int64),
        classes=("ä", "b"),
        groups=np.array([str(index // 2) for index in range(10)]),
        test=np.arange(10) >= 8,
        source="nowhere",
        stand_in_for="something",
        copies=True,
    )


def test_what_is_saved_is_loaded(images: ImageSet, tmp_path: Path) -> None:
    images.save(tmp_path / "tiny.npz")
    loaded = ImageSet.load(tmp_path / "tiny.npz")
    for name in ("images", "labels", "groups", "test"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(images, name))
        assert getattr(loaded, name).dtype == getattr(images, name).dtype
    assert (loaded.name, loaded.classes, loaded.source, loaded.stand_in_for, loaded.copies) == (
        "tiny",
        ("ä", "b"),
        "nowhere",
        "something",
        True,
    )


def test_the_same_set_gives_the_same_bytes(
    images: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images.save(tmp_path / "one.npz")
    monkeypatch.setattr("time.time", lambda: 2e9)
    images.save(tmp_path / "two.npz")
    for suffix in (".npz", ".json"):
        assert (tmp_path / f"one{suffix}").read_bytes() == (tmp_path / f"two{suffix}").read_bytes()


def test_bytes_do_not_depend_on_the_memory_layout(images: ImageSet, tmp_path: Path) -> None:
    images.save(tmp_path / "one.npz")
    replace(images, images=np.asfortranarray(images.images)).save(tmp_path / "two.npz")
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()


def test_the_summary_counts_by_class_and_part(images: ImageSet, tmp_path: Path) -> None:
    images.save(tmp_path / "tiny.npz")
    summary = json.loads((tmp_path / "tiny.json").read_text())
    assert summary["image_shape"] == [3, 4, 5]
    assert summary["train"] == {"images": 8, "by_class": {"ä": 4, "b": 4}}
    assert summary["test"] == {"images": 2, "by_class": {"ä": 1, "b": 1}}
    assert summary["groups"] == 5
    assert (summary["stand_in_for"], summary["copies"]) == ("something", True)
    assert summary["sha256"] == hashlib.sha256(images.images.tobytes()).hexdigest()


def test_the_parts_are_disjoint_and_whole(images: ImageSet) -> None:
    train, test = images.train, images.part("test")
    assert train[0].shape == (8, 3, 4, 5) and test[0].shape == (2, 3, 4, 5)
    np.testing.assert_array_equal(np.concatenate([train[1], test[1]]), images.labels)


@pytest.mark.parametrize("damage", ["truncated", "flipped", "text", "empty"])
def test_a_damaged_file_is_refused_by_name(images: ImageSet, tmp_path: Path, damage: str) -> None:
    path = tmp_path / "tiny.npz"
    images.save(path)
    content = bytearray(path.read_bytes())
    if damage == "truncated":
        content = content[: len(content) // 2]
    elif damage == "flipped":
        content[120] ^= 0xFF
    else:
        content = bytearray(b"no archive" if damage == "text" else b"")
    path.write_bytes(bytes(content))
    with pytest.raises(UserError, match=r"tiny\.npz is damaged.*delete it and run again"):
        ImageSet.load(path)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", images=np.zeros(3))
    with pytest.raises(UserError, match=r"other\.npz is not a prepared data set.*delete it"):
        ImageSet.load(tmp_path / "other.npz")


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has not been prepared"):
        ImageSet.load(tmp_path / "absent.npz")


@pytest.mark.parametrize(
    "change",
    [
        {"images": np.zeros((10, 3, 4, 5))},
        {"images": np.zeros((10, 4, 5), dtype=np.uint8)},
        {"labels": np.full(10, 2)},
        {"labels": np.zeros(9, dtype=np.int64)},
        {"labels": np.zeros(10, dtype=np.int32)},
        {"test": np.zeros(10)},
    ],
)
def test_arrays_that_do_not_fit_are_refused(images: ImageSet, change: dict[str, np.ndarray]) -> None:
    with pytest.raises(ValueError):
        replace(images, **change)


def test_a_failed_write_leaves_the_old_file(
    images: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images.save(tmp_path / "tiny.npz")
    before = (tmp_path / "tiny.npz").read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("zipfile.ZipFile.writestr", full)
    with pytest.raises(UserError, match="is full"):
        images.save(tmp_path / "tiny.npz")
    assert (tmp_path / "tiny.npz").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tiny.json", "tiny.json.sha256", "tiny.npz"]


def test_a_set_with_any_byte_changed_is_refused_or_the_same(images: ImageSet, tmp_path: Path) -> None:
    file = tmp_path / "tiny.npz"
    images.save(file)
    for place in with_any_byte_changed(file):
        try:
            got = ImageSet.load(file)
        except UserError as error:
            assert "tiny.npz is" in str(error) and "delete it and run again" in str(error)
            continue
        assert got.summary() == images.summary(), place
        assert (got.labels == images.labels).all() and (got.test == images.test).all(), place


def test_a_summary_with_a_byte_changed_is_refused(images: ImageSet, tmp_path: Path) -> None:
    images.save(tmp_path / "tiny.npz")
    summary = tmp_path / "tiny.json"
    summary.write_text(summary.read_text().replace('"images": 8', '"images": 9'))
    with pytest.raises(UserError, match=r"tiny.json is damaged"):
        read_json(summary)
