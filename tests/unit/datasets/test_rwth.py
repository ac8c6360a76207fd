import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from equivariance.datasets import rwth
from equivariance.errors import UserError

COUNTS = {"1": 20, "index": 16, "3_hook": 3}


def png(level: int) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (22, 32), (level, 0, 7)).save(content, "PNG")
    return content.getvalue()


def write_archive(mirror: Path, names: list[str], annotations: bool = True, outside: bool = False) -> Path:
    """The archive's layout: image n has red level n and is a frame of clip n // 4."""
    path = mirror / rwth.ARCHIVE.name
    path.parent.mkdir(parents=True)
    files, lines = {}, []
    for index, name in enumerate(names):
        image = f"images/final/clip{index // 4:02}/1/*.png_fn{index:06}-0.png"
        files[image] = png(index)
        lines.append(f"{image} {name}")
    if annotations:
        files[rwth.ANNOTATIONS] = "\n".join(lines).encode() + b"\n"
    if outside:
        files["../../../out"] = b""
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(f"{rwth.CONTENT}/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return mirror


@pytest.fixture
def names() -> list[str]:
    names = [name for name, count in COUNTS.items() for _ in range(count)]
    return np.random.default_rng(0).permutation(names).tolist()


def test_rare_classes_are_dropped_and_labels_follow_the_images(names: list[str], tmp_path: Path) -> None:
    images = rwth.load({}, str(write_archive(tmp_path / "mirror", names)), tmp_path / "cache")
    assert images.images.shape == (36, 3, 32, 32)
    assert images.classes == ("1", "index")
    index = images.images[:, 0, 5, 5]  # the red level is the number of the image
    assert [images.classes[label] for label in images.labels] == [names[i] for i in index]
    assert images.groups.tolist() == [f"clip{i // 4:02}" for i in index]
    assert list((tmp_path / "cache").iterdir()) == []


def test_clips_are_not_torn_apart(names: list[str], tmp_path: Path) -> None:
    images = rwth.load({}, str(write_archive(tmp_path / "mirror", names)), tmp_path / "cache")
    assert images.test.any()
    assert not set(images.groups[images.test]) & set(images.groups[~images.test])


def test_the_random_split_and_the_minimum_are_settings(names: list[str], tmp_path: Path) -> None:
    settings = {"split": "random", "minimum_images_per_class": 1, "test_fraction": 0.25}
    images = rwth.load(settings, str(write_archive(tmp_path / "mirror", names)), tmp_path / "cache")
    assert images.classes == ("1", "3_hook", "index")
    assert np.bincount(images.labels[images.test]).tolist() == [5, 1, 4]


def test_the_archive_in_the_mirror_is_left_there(names: list[str], tmp_path: Path) -> None:
    mirror = write_archive(tmp_path / "mirror", names)
    rwth.load({}, str(mirror), tmp_path / "cache")
    assert (mirror / rwth.ARCHIVE.name).is_file()


def test_an_archive_of_another_layout_is_said(names: list[str], tmp_path: Path) -> None:
    mirror = write_archive(tmp_path / "mirror", names, annotations=False)
    with pytest.raises(
        UserError, match=r"rwth\.tar\.gz does not contain rwth as .* expects it \(.*\): replace it"
    ):
        rwth.load({}, str(mirror), tmp_path / "cache")


def test_entries_outside_the_folder_never_reach_the_library(names: list[str], tmp_path: Path) -> None:
    mirror = write_archive(tmp_path / "mirror", names, outside=True)
    with pytest.raises(UserError, match="would land outside"):
        rwth.load({}, str(mirror), tmp_path / "cache")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mirror"]


@pytest.mark.parametrize("wrong", [0, "15", None])
def test_the_minimum_is_a_whole_number(wrong: object, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"minimum_images_per_class is .* whole number"):
        rwth.load({"minimum_images_per_class": wrong}, None, tmp_path)
