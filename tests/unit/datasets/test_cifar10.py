import hashlib
import io
import pickle
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torchvision.datasets import CIFAR10

from equivariance.datasets import cifar10, prepare
from equivariance.errors import UserError


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def write_archive(mirror: Path, monkeypatch: pytest.MonkeyPatch, classes: tuple[str, ...]) -> None:
    """An archive of CIFAR10's format with 2 images a batch, whose checksums torchvision is made to know."""
    files: dict[str, bytes] = {}
    for number, name in enumerate(("data_batch_1", "data_batch_2", "test_batch")):
        data = np.zeros((2, 3, 32, 32), dtype=np.uint8)
        data[:, 0] = 10 * number + np.arange(2)[:, None, None]  # the red channel tells the image
        data[:, 2, 1, 5] = 99  # row 1, column 5 of the blue one
        files[name] = pickle.dumps({"data": data.reshape(2, -1), "labels": [number, 9]})
    files["batches.meta"] = pickle.dumps({"label_names": list(classes)})
    path = mirror / cifar10.ARCHIVE.name
    path.parent.mkdir(parents=True)
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    lists = [[name, md5(content)] for name, content in files.items()]
    monkeypatch.setattr(CIFAR10, "train_list", lists[:2])
    monkeypatch.setattr(CIFAR10, "test_list", lists[2:3])
    monkeypatch.setattr(
        CIFAR10, "meta", {"filename": "batches.meta", "key": "label_names", "md5": lists[3][1]}
    )
    known = replace(cifar10.ARCHIVE, md5=md5(path.read_bytes()), size=path.stat().st_size)
    monkeypatch.setattr(cifar10, "ARCHIVE", known)


def test_cifar10_is_read_with_its_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_archive(tmp_path / "mirror", monkeypatch, cifar10.CLASSES)
    images = cifar10.load({}, str(tmp_path / "mirror"), tmp_path / "cache")
    assert images.images.shape == (6, 3, 32, 32)
    np.testing.assert_array_equal(images.images[:, 0, 7, 7], [0, 1, 10, 11, 20, 21])
    assert (images.images[:, 2, 1, 5] == 99).all() and images.images[:, 2].sum() == 6 * 99
    np.testing.assert_array_equal(images.labels, [0, 9, 1, 9, 2, 9])
    np.testing.assert_array_equal(images.test, [False] * 4 + [True] * 2)
    assert list((tmp_path / "cache").iterdir()) == []


def test_the_classes_are_in_the_order_of_their_numbers() -> None:
    assert cifar10.CLASSES[3:6] == ("cat", "deer", "dog")
    assert list(cifar10.CLASSES) == sorted(cifar10.CLASSES)


def test_another_order_of_the_classes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_archive(tmp_path / "mirror", monkeypatch, cifar10.CLASSES[::-1])
    with pytest.raises(UserError, match="has the classes"):
        cifar10.load({}, str(tmp_path / "mirror"), tmp_path / "cache")


def test_batches_that_torchvision_does_not_know_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_archive(tmp_path / "mirror", monkeypatch, cifar10.CLASSES)
    monkeypatch.setattr(CIFAR10, "test_list", [["test_batch", "0" * 32]])
    with pytest.raises(UserError, match="does not contain CIFAR10"):
        cifar10.load({}, str(tmp_path / "mirror"), tmp_path / "cache")


def write_copies(
    path: Path, classes: tuple[str, ...] = cifar10.CLASSES, size: tuple[int, int] = (32, 32)
) -> None:
    """A zip of 2 + 1 PNG images of each class; red tells the class, green the image."""
    with zipfile.ZipFile(path, "w") as file:
        for part, count in (("train", 2), ("test", 1)):
            for number, name in enumerate(classes):
                for index in range(count):
                    content = io.BytesIO()
                    Image.new("RGB", size, (number, index, 0)).save(content, "PNG")
                    file.writestr(f"{part}/{name}/{index}.png", content.getvalue())


@pytest.fixture
def few_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cifar10, "PER_CLASS", {"train": 2, "test": 1})


@pytest.mark.usefixtures("few_images")
def test_copies_of_the_images_are_read_in_the_order_of_classes_and_names(tmp_path: Path) -> None:
    write_copies(tmp_path / "copies.zip")
    settings = {"source": "cifar10", "images": "copies.zip"}
    images = prepare("cifar10", settings, str(tmp_path), tmp_path / "cache")
    assert (images.name, images.source, images.classes) == ("cifar10", "cifar10", cifar10.CLASSES)
    assert images.images.shape == (30, 3, 32, 32)
    np.testing.assert_array_equal(images.images[:, 0, 0, 0], images.labels)
    np.testing.assert_array_equal(images.labels, [*np.repeat(np.arange(10), 2), *range(10)])
    np.testing.assert_array_equal(images.images[:, 1, 5, 5], [0, 1] * 10 + [0] * 10)
    np.testing.assert_array_equal(images.test, [False] * 20 + [True] * 10)


@pytest.mark.usefixtures("few_images")
def test_copies_say_that_they_are_copies_and_the_archive_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_copies(tmp_path / "copies.zip")
    path = str(tmp_path / "copies.zip")
    assert cifar10.load({"images": path}, None, tmp_path / "cache").summary()["copies"] is True
    write_archive(tmp_path / "mirror", monkeypatch, cifar10.CLASSES)
    assert cifar10.load({}, str(tmp_path / "mirror"), tmp_path / "cache").summary()["copies"] is False


@pytest.mark.usefixtures("few_images")
@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"classes": cifar10.CLASSES[1:]}, "has the classes automobile, bird"),
        ({"classes": (*cifar10.CLASSES[:9], "lorry")}, "horse, lorry, ship; expected: airplane"),
        ({"size": (48, 32)}, "have 48 x 32 pixels; those of CIFAR10 have 32 x 32"),
    ],
)
def test_other_classes_and_sizes_are_refused(
    content: dict[str, object], message: str, tmp_path: Path
) -> None:
    write_copies(tmp_path / "copies.zip", **content)
    with pytest.raises(UserError, match=message):
        cifar10.load({"images": "copies.zip"}, str(tmp_path), tmp_path / "cache")


def test_copies_that_are_not_all_images_are_refused(tmp_path: Path) -> None:
    write_copies(tmp_path / "copies.zip")
    with pytest.raises(UserError, match=r"2 of airplane in train, not 5,000, .* and 10 others"):
        cifar10.load({"images": "copies.zip"}, str(tmp_path), tmp_path / "cache")


@pytest.mark.parametrize("given", [True, ["a.zip"], ""])
def test_copies_are_named_by_a_path(given: object, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"images is .*; needed: a folder or a zip"):
        cifar10.load({"images": given}, None, tmp_path)
