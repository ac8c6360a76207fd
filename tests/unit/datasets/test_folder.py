import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from equivariance.datasets.folder import load
from equivariance.datasets.image_set import ImageSet
from equivariance.errors import UserError

CONTENT = {"train": {"cat": 3, "dog": 2}, "test": {"dog": 1}}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """6 images of 6x4 (width x height); red is the number of the class, green of the image."""
    root = tmp_path / "mirror" / "mine"
    for part, classes in CONTENT.items():
        for name, count in classes.items():
            for index in range(count):
                path = root / part / name / f"{index}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.new("RGB", (6, 4), (10 * ["cat", "dog"].index(name), index, 0)).save(path)
    return root


def load_mine(data: Path, **settings: object) -> ImageSet:
    return load({"path": "mine", **settings}, str(data.parent), data.parents[1] / "cache")


def test_a_folder_is_read_with_its_split_and_classes(data: Path) -> None:
    images = load_mine(data)
    assert images.images.shape == (6, 3, 4, 6)
    assert images.classes == ("cat", "dog")
    np.testing.assert_array_equal(images.labels, [0, 0, 0, 1, 1, 1])
    np.testing.assert_array_equal(images.images[:, 0, 0, 0], 10 * images.labels)
    np.testing.assert_array_equal(images.test, [False] * 5 + [True])


@pytest.mark.parametrize("inside", ["", "my images/"])
def test_a_zip_is_read_as_the_folder_is(data: Path, tmp_path: Path, inside: str) -> None:
    with zipfile.ZipFile(data.parent / "mine.zip", "w") as file:
        for path in sorted(data.rglob("*.png")):
            file.write(path, inside + path.relative_to(data).as_posix())
        file.writestr("__MACOSX/._x", b"")
    images = load_mine(data, path="mine.zip")
    np.testing.assert_array_equal(images.images, load_mine(data).images)
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_path_may_be_absolute_or_in_the_working_directory(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(data.parent)
    for path, mirror in ((str(data), None), ("mine", None), ("mine", str(data)), (str(data), str(data))):
        assert len(load({"path": path}, mirror, data.parents[1] / "cache").images) == 6


def test_the_number_of_channels_is_a_setting(data: Path) -> None:
    assert load_mine(data, channels=1).images.shape == (6, 1, 4, 6)
    with pytest.raises(UserError, match="channels is 2; valid: 1"):
        load_mine(data, channels=2)


def test_images_of_different_sizes_need_a_size(data: Path) -> None:
    Image.new("L", (9, 9)).save(data / "train/cat/z.png")
    with pytest.raises(UserError, match=r"differ in size .*0\.png is 4x6.*z\.png is 9x9.*image_size"):
        load_mine(data)
    assert load_mine(data, image_size=[8, 5]).images.shape == (7, 3, 8, 5)
    for wrong in (8, [8], [8, 0], "8x5"):
        with pytest.raises(UserError, match="image_size"):
            load_mine(data, image_size=wrong)


def test_a_class_that_is_in_test_alone_is_said(data: Path) -> None:
    (data / "test/dig").mkdir()
    Image.new("L", (6, 4)).save(data / "test/dig/0.png")
    with pytest.raises(UserError, match=r"test has an unknown class 'dig'; valid: dog, cat"):
        load_mine(data)


def test_a_class_without_images_is_said(data: Path) -> None:
    (data / "train/empty").mkdir()
    with pytest.raises(UserError, match=r"no images for every class of `train`.*empty"):
        load_mine(data)


def test_a_class_of_hidden_files_or_other_kinds_alone_has_no_images(data: Path) -> None:
    (data / "test/cat").mkdir()
    (data / "test/cat/.0.png").touch()
    (data / "test/cat/0.heic").touch()
    with pytest.raises(UserError) as raised:
        load_mine(data)
    assert str(raised.value) == (
        f"{data}: no images for every class of `test`: 1 file of other kinds (.heic 1), "
        "1 hidden (cat/.0.png), 1 folder without images (cat)"
    )


def test_a_part_without_classes_is_said(data: Path) -> None:
    shutil.rmtree(data / "test/dog")
    with pytest.raises(UserError, match=r"no images for every class of `test`: it has no folders$"):
        load_mine(data)


@pytest.mark.parametrize("beside", [".git", "__MACOSX"])
def test_train_may_be_in_the_only_folder_that_is_not_hidden(data: Path, beside: str) -> None:
    inner = data / "my images"
    inner.mkdir()
    for part in ("train", "test"):
        (data / part).rename(inner / part)
    (data / beside).mkdir()
    assert len(load_mine(data).images) == 6


def test_whether_damaged_images_are_skipped_is_yes_or_no(data: Path) -> None:
    with pytest.raises(UserError, match="skip_damaged is 'yes'; valid: true, false"):
        load_mine(data, skip_damaged="yes")


@pytest.mark.parametrize("missing", ["train", "test"])
def test_a_missing_part_is_said(data: Path, missing: str) -> None:
    (data / missing).rename(data / "other")
    with pytest.raises(UserError, match=missing):
        load_mine(data)


@pytest.mark.parametrize("content", [b"no image", b""])
def test_an_unreadable_image_is_named(data: Path, content: bytes) -> None:
    (data / "train/dog/1.png").write_bytes(content)
    with pytest.raises(UserError, match=r"1 of 6 images cannot be read: 1 .*\(train/dog/1\.png\)"):
        load_mine(data)


def test_a_truncated_image_is_named(data: Path) -> None:
    path = data / "train/dog/1.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(UserError, match=r"cannot be read: 1 damaged \(train/dog/1\.png\)"):
        load_mine(data, image_size=[8, 8])


def test_a_path_must_be_given_and_exist(data: Path) -> None:
    with pytest.raises(UserError, match="needs `path`"):
        load({}, None, data)
    with pytest.raises(UserError, match=r"no folder or zip at .*mirror/absent or at .*absent"):
        load_mine(data, path="absent")


def test_a_file_that_is_no_archive_is_said(data: Path) -> None:
    (data.parent / "mine.zip").write_text("hello")
    with pytest.raises(UserError, match=r"mine\.zip cannot be unpacked"):
        load_mine(data, path="mine.zip")
