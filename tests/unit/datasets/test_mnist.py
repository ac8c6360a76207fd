import gzip
import hashlib
import struct
from pathlib import Path

import numpy as np
import pytest

from equivariance.datasets import mnist
from equivariance.errors import UserError


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files of MNIST's format: 6 training and 4 test images, image n of gray level n."""
    contents = {}
    for part, count in (("train", 6), ("t10k", 4)):
        pixels = np.repeat(np.arange(count, dtype=np.uint8), 28 * 28).tobytes()
        contents[f"{part}-images-idx3-ubyte"] = struct.pack(">IIII", 0x803, count, 28, 28) + pixels
        contents[f"{part}-labels-idx1-ubyte"] = struct.pack(">II", 0x801, count) + bytes(range(count))
    folder = tmp_path / "mirror/mnist"
    folder.mkdir(parents=True)
    for name, content in contents.items():
        (folder / f"{name}.gz").write_bytes(gzip.compress(content))
    digests = {
        name: hashlib.md5(content, usedforsecurity=False).hexdigest() for name, content in contents.items()
    }
    monkeypatch.setattr(mnist, "UNPACKED_MD5", digests)
    return folder.parent


def test_mnist_is_read_with_its_split(mirror: Path, tmp_path: Path) -> None:
    images = mnist.load({}, str(mirror), tmp_path / "cache")
    assert images.images.shape == (10, 1, 28, 28)
    np.testing.assert_array_equal(images.images[:, 0, 3, 3], [0, 1, 2, 3, 4, 5, 0, 1, 2, 3])
    np.testing.assert_array_equal(images.labels, images.images[:, 0, 0, 0])
    np.testing.assert_array_equal(images.test, np.arange(10) >= 6)
    assert images.classes == tuple("0123456789")
    assert list((tmp_path / "cache").iterdir()) == []


def test_other_content_is_refused(mirror: Path, tmp_path: Path) -> None:
    path = mirror / "mnist/t10k-labels-idx1-ubyte.gz"
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:-1] + b"\x09"))
    with pytest.raises(UserError, match=r"t10k-labels-idx1-ubyte\.gz has the wrong md5"):
        mnist.load({}, str(mirror), tmp_path / "cache")
