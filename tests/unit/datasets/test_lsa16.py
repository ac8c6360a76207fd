import hashlib
import io
import logging
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from equivariance.datasets import lsa16
from equivariance.errors import UserError


def png(level: int, size: tuple[int, int] = (32, 32)) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", size, (level, 0, 7)).save(content, "PNG")
    return content.getvalue()


def write_archive(mirror: Path, monkeypatch: pytest.MonkeyPatch, entries: dict[str, bytes]) -> None:
    path = mirror / lsa16.ARCHIVE.name
    path.parent.mkdir(parents=True)
    with zipfile.ZipFile(path, "w") as file:
        for name, content in entries.items():
            file.writestr(name, content)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setattr(lsa16, "ARCHIVE", replace(lsa16.ARCHIVE, sha256=sha256, size=path.stat().st_size))


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The archive's layout with one repetition; red is 10 x class + subject."""
    names = [(label, subject) for label in range(1, 17) for subject in range(1, 11)]
    entries = {f"{label:02}_{subject:02}_01_000.png": png(10 * label + subject) for label, subject in names}
    write_archive(tmp_path / "mirror", monkeypatch, entries)
    return tmp_path / "mirror"


def test_lsa16_is_read_by_the_library_without_its_second_archive(mirror: Path, tmp_path: Path) -> None:
    images = lsa16.load({}, str(mirror), tmp_path / "cache")
    assert images.images.shape == (160, 3, 32, 32)
    np.testing.assert_array_equal(
        images.images[:, 0, 4, 4], 10 * (images.labels + 1) + images.groups.astype(int)
    )
    assert (images.images[:, 2] == 7).all()
    assert len(images.classes) == 16 and images.classes[0] == "Five" and images.classes[-1] == "V"
    assert list((tmp_path / "cache").iterdir()) == []


def test_subjects_9_and_10_are_the_test_part(mirror: Path, tmp_path: Path) -> None:
    images = lsa16.load({}, str(mirror), tmp_path / "cache")
    assert set(images.groups[images.test]) == {"9", "10"}
    assert images.test.sum() == 32


def test_the_random_split_mixes_subjects(mirror: Path, tmp_path: Path) -> None:
    images = lsa16.load({"split": "random"}, str(mirror), tmp_path / "cache")
    assert np.bincount(images.labels[images.test]).tolist() == [2] * 16
    assert set(images.groups[images.test]) & set(images.groups[~images.test])


def test_the_library_leaves_logging_as_it_was(mirror: Path, tmp_path: Path) -> None:
    root = logging.getLogger()
    before = (list(root.handlers), root.level)
    lsa16.load({}, str(mirror), tmp_path / "cache")
    assert (list(root.handlers), root.level) == before


@pytest.mark.parametrize(
    "entries",
    [{}, {"five.png": png(1)}, {"01_01_01_000.png": png(1, (16, 16))}, {"01_01_01_000.png": b"no image"}],
)
def test_an_archive_of_another_layout_is_said(
    entries: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_archive(tmp_path / "mirror", monkeypatch, entries)
    with pytest.raises(UserError, match="lsa16"):
        lsa16.load({}, str(tmp_path / "mirror"), tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []
