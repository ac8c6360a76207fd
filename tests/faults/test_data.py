"""Data that are not as they should be: what is said when they are prepared, read and trained with."""

import io
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from equivariance.datasets import prepare
from equivariance.datasets.image_set import ImageSet
from equivariance.errors import UserError
from equivariance.models.pretrained import load_pretrained
from equivariance.training import loop
from equivariance.training.loop import Training

Entries = dict[str, bytes]


def picture(pixels: np.ndarray, kind: str = "PNG") -> bytes:
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, kind)
    return content.getvalue()


def plain(size: int = 8, value: int = 9) -> bytes:
    return picture(np.full((size, size, 3), value, np.uint8))


GOOD = {
    f"{part}/{name}/{one}.png": plain(value=one)
    for part in ("train", "test")
    for name in "ab"
    for one in (1, 2)
}
FLOATS = np.full((8, 8), np.nan, np.float32)


def without(start: str) -> Entries:
    return {name: content for name, content in GOOD.items() if not name.startswith(start)}


FAULTS: dict[str, tuple[Entries, str]] = {
    "NaN pixels": (
        {**GOOD, "train/a/9.tif": picture(FLOATS, "TIFF")},
        r"1 of mode F: floats, whose range is not known: save as 8 or 16 bits \(train/a/9\.tif",
    ),
    "infinite pixels": ({**GOOD, "train/a/9.tif": picture(FLOATS + np.inf, "TIFF")}, "1 of mode F: floats"),
    "arrays and no pictures": ({"train/a/1.npz": b"", "test/a/1.npz": b""}, "no images for every"),
    "another size": ({**GOOD, "train/b/9.png": plain(size=12)}, r"image_size: \[height, width\]"),
    "no image": ({"train/a/": b"", "train/b/": b"", "test/a/": b""}, "no images for every"),
    "an empty class": ({**GOOD, "train/c/": b"", "test/c/": b""}, "no images for every class of `train`"),
    "a class for the test only": ({**without("train/b"), "train/c/1.png": plain()}, "unknown class 'b'"),
    "no test part": (without("test"), "has no folder `test`"),
    "one class": ({name: one for name, one in GOOD.items() if "/a/" in name}, r"has one class \(a\)"),
    "a picture that is cut short": ({**GOOD, "test/a/9.png": plain()[:40]}, r"test/a/9\.png"),
    "a picture that is text": ({**GOOD, "test/a/9.png": b"hello"}, r"test/a/9\.png"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_images_of_ones_own_that_are_wrong_are_said_in_a_line(fault: str, tmp_path: Path) -> None:
    entries, said = FAULTS[fault]
    with zipfile.ZipFile(tmp_path / "mine.zip", "w") as file:
        for name, content in entries.items():
            file.writestr(name, content)
    with pytest.raises(UserError, match=f"data set 'mine'.*{said}") as caught:
        prepare("mine", {"source": "folder", "path": "mine.zip"}, str(tmp_path), tmp_path / "cache")
    assert "\n" not in str(caught.value)
    assert [*(tmp_path / "cache").iterdir()] == []


def test_a_class_without_test_images_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name, content in without("test/b").items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    prepare("mine", {"source": "folder", "path": str(tmp_path)}, None, tmp_path / "cache")
    assert f"{tmp_path}: no test images of b, so that no accuracy is of them" in caplog.text


def test_of_a_name_that_a_zip_has_twice_the_last_counts(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "mine.zip", "w") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # which Python does, of such zips
        for name, content in [*GOOD.items(), ("train/a/1.png", plain(value=200))]:
            file.writestr(name, content)
    images = prepare(
        "mine", {"source": "folder", "path": str(tmp_path / "mine.zip")}, None, tmp_path / "cache"
    )
    assert images.images[~images.test, 0, 0, 0].tolist() == [200, 2, 1, 2]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"labels": np.array([0, -1, 0, 1])}, "labels are not within the 2 classes"),
        ({"labels": np.array([0, 2, 0, 1])}, "labels are not within the 2 classes"),
        ({"labels": np.array([0.0, 1.0, 0.5, 1.0])}, "labels must be int64"),
        ({"images": np.full((4, 1, 8, 8), np.nan)}, "images are float64"),
        ({"classes": np.array(["a", "a"])}, "two classes have one name"),
        ({"labels": np.array([0, 1])}, "labels has shape"),
    ],
)
def test_a_prepared_file_with_wrong_arrays_is_refused(
    change: dict[str, np.ndarray], said: str, tmp_path: Path
) -> None:
    good = {
        "images": np.zeros((4, 1, 8, 8), np.uint8),
        "labels": np.array([0, 1, 0, 1]),
        "groups": np.full(4, ""),
        "test": np.array([False, False, True, True]),
        "classes": np.array(["a", "b"]),
        "copies": np.array(False),
        **dict.fromkeys(("name", "source", "stand_in_for"), np.array("x")),
    }
    np.savez(tmp_path / "x.npz", **good)
    assert len(ImageSet.load(tmp_path / "x.npz").images) == 4
    np.savez(tmp_path / "x.npz", **good | change)
    with pytest.raises(UserError, match=rf"x\.npz is damaged \({said}.*delete it"):
        ImageSet.load(tmp_path / "x.npz")


@pytest.mark.parametrize("part", ["train", "test"])
def test_a_part_without_images_is_said_before_any_training(
    part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_images: Callable[..., ImageSet]
) -> None:
    images = make_images()
    empty = replace(images, test=np.full(len(images.test), part == "train"))
    monkeypatch.setattr("equivariance.datasets.digits.load", lambda *_: empty)
    with pytest.raises(UserError, match=f"data set 'mine' has no images in its part {part}"):
        prepare("mine", {"source": "digits"}, None, tmp_path / "cache")


@pytest.mark.parametrize("where", ["loss", "statistics"])
def test_a_training_that_gives_nan_ends_in_a_line_and_leaves_no_network(
    where: str,
    make_images: Callable[..., ImageSet],
    make_settings: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    step = Training.step

    def broken(self: Training, *batch: torch.Tensor) -> torch.Tensor:
        loss = step(self, *batch)
        if self.epoch < 1:
            return loss
        if where == "loss":
            return loss * torch.nan
        next(one for name, one in self.model.named_buffers() if "running_var" in name).fill_(torch.inf)
        return loss

    monkeypatch.setattr(Training, "step", broken)
    settings = make_settings(settings={"filters": 2, "hidden": 4, "batch_norm": True})
    file = tmp_path / "checkpoint.pt"
    with pytest.raises(
        UserError, match=r"training diverged: epoch 2 .*lower the learning rate \(now 0\.005\)"
    ):
        loop.train(settings, make_images(), torch.device("cpu"), file)
    assert torch.load(file, weights_only=True)["epoch"] == 1


def test_published_weights_that_are_nan_are_named(tmp_path: Path) -> None:
    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inception, self.fc1 = nn.Sequential(nn.Conv2d(1, 2, 3)), nn.Linear(2, 3)

    state = Network().inception.state_dict()
    torch.save(state | {"0.bias": torch.tensor([0.0, torch.nan])}, tmp_path / "a.pth")
    with pytest.raises(
        UserError, match=r"a\.pth holds weights that are NaN or infinite \(0\.bias\): replace it"
    ):
        load_pretrained(Network(), "inception_transfer", tmp_path / "a.pth")
