import hashlib
import io
import pickle
import struct
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from equivariance.datasets import cifar10, prepare
from equivariance.errors import UserError


def batch(data: np.ndarray, labels: list[int]) -> bytes:
    """A batch as Python 2 pickled it: texts and the bytes of the array are strings without an encoding."""
    whole = lambda number: b"J" + struct.pack("<i", number)  # noqa: E731
    kind = b"cnumpy\ndtype\n(U\x02u1K\x00K\x01tR(K\x03U\x01|NNN" + whole(-1) + whole(-1) + b"K\x00tb"
    array = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR"
    shape = b"(" + whole(data.shape[0]) + whole(data.shape[1]) + b"t"
    state = b"(K\x01" + shape + kind + b"\x89T" + struct.pack("<i", data.size) + data.tobytes() + b"tb"
    listed = b"](" + b"".join(map(whole, labels)) + b"e"
    return b"\x80\x02}(U\x06labels" + listed + b"U\x04data" + array + state + b"u."


def contents(classes: tuple[str, ...] = cifar10.CLASSES) -> dict[str, bytes]:
    """The files of an archive with 2 images a batch."""
    files = {}
    for number, name in enumerate((*cifar10.BATCHES["train"], *cifar10.BATCHES["test"])):
        data = np.zeros((2, 3, 32, 32), dtype=np.uint8)
        data[:, 0] = 10 * number + np.arange(2)[:, None, None]  # the red channel tells the image
        data[:, 2, 1, 5] = 99  # row 1, column 5 of the blue one
        files[name] = batch(data.reshape(2, -1), [number, 9])
    return {**files, "batches.meta": pickle.dumps({"label_names": list(classes)}, protocol=2)}


def write_archive(mirror: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, bytes]) -> None:
    """An archive of CIFAR10's format, whose checksum is made the published one."""
    path = mirror / cifar10.ARCHIVE.name
    path.parent.mkdir(parents=True)
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(f"{cifar10.FOLDER}/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    digest = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    monkeypatch.setattr(cifar10, "ARCHIVE", replace(cifar10.ARCHIVE, md5=digest, size=path.stat().st_size))


def test_cifar10_is_read_with_its_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_archive(tmp_path / "mirror", monkeypatch, contents())
    images = cifar10.load({}, str(tmp_path / "mirror"), tmp_path / "cache")
    assert images.images.shape == (12, 3, 32, 32)
    np.testing.assert_array_equal(images.images[:, 0, 7, 7], [0, 1, 10, 11, 20, 21, 30, 31, 40, 41, 50, 51])
    assert (images.images[:, 2, 1, 5] == 99).all() and images.images[:, 2].sum() == 12 * 99
    np.testing.assert_array_equal(images.labels, [0, 9, 1, 9, 2, 9, 3, 9, 4, 9, 5, 9])
    np.testing.assert_array_equal(images.test, [False] * 10 + [True] * 2)
    assert list((tmp_path / "cache").iterdir()) == []


def test_the_classes_are_in_the_order_of_their_numbers() -> None:
    assert cifar10.CLASSES[3:6] == ("cat", "deer", "dog")
    assert list(cifar10.CLASSES) == sorted(cifar10.CLASSES)


def test_another_order_of_the_classes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_archive(tmp_path / "mirror", monkeypatch, contents(cifar10.CLASSES[::-1]))
    with pytest.raises(UserError, match="has the classes"):
        cifar10.load({}, str(tmp_path / "mirror"), tmp_path / "cache")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("test_batch", b""),
        ("test_batch", b"no pickle"),
        ("test_batch", batch(np.zeros((2, 3072), dtype=np.uint8), [1, 2])[:-500]),
        ("test_batch", batch(np.zeros((2, 3071), dtype=np.uint8), [1, 2])),
        ("test_batch", batch(np.zeros((2, 3072), dtype=np.uint8), [1, 2, 3])),
        ("data_batch_3", pickle.dumps({"data": [], "marks": []})),
        ("batches.meta", pickle.dumps(["label_names"])),
        ("data_batch_5", None),
    ],
)
def test_other_contents_are_refused(
    name: str, content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {one: held for one, held in {**contents(), name: content}.items() if held is not None}
    write_archive(tmp_path / "mirror", monkeypatch, files)
    with pytest.raises(UserError, match=r"cifar-10-python\.tar\.gz does not contain CIFAR10 \(.+\): replace"):
        cifar10.load({}, str(tmp_path / "mirror"), tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


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
    write_archive(tmp_path / "mirror", monkeypatch, contents())
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
