"""A data set in memory and on disk: images with their labels, groups and split."""

import hashlib
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from equivariance.disk import explain_full_disk
from equivariance.errors import UserError
from equivariance.files import DAMAGED_ARCHIVE, atomic_path, write_checksum, write_json

Part = Literal["train", "test"]
_ARRAYS = ("images", "labels", "groups", "test")
_TEXTS = ("name", "source", "stand_in_for")


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images (N, C, H, W) with their labels, groups and split.

    `stand_in_for` is empty for real data. `copies` is true where the images are copies of the published ones,
    such as JPEG, whose pixels may differ. Raises ValueError where types or shapes of the arrays are wrong.
    """

    name: str
    images: NDArray[np.uint8]  # (N, C, H, W)
    labels: NDArray[np.int64]  # (N,), 0 .. classes - 1
    classes: tuple[str, ...]
    groups: NDArray[np.str_]  # (N,): subject, clip, or "" where there is none
    test: NDArray[np.bool_]  # (N,): True in the test part
    source: str = ""
    stand_in_for: str = ""
    copies: bool = False

    def __post_init__(self) -> None:
        count = len(self.images)
        if len(set(self.classes)) < len(self.classes):
            raise ValueError(f"two classes have one name: {', '.join(self.classes)}")
        if self.images.dtype != np.uint8 or self.images.ndim != 4:
            raise ValueError(
                f"images are {self.images.dtype} {self.images.shape}; needed: uint8 (N, C, H, W)"
            )
        if self.labels.dtype != np.int64 or self.test.dtype != np.bool_ or self.groups.dtype.kind != "U":
            raise ValueError("labels must be int64, test bool and groups str")
        for name in ("labels", "groups", "test"):
            if getattr(self, name).shape != (count,):
                raise ValueError(f"{name} has shape {getattr(self, name).shape}; needed: ({count},)")
        if count and not (self.labels.min() >= 0 and self.labels.max() < len(self.classes)):
            raise ValueError(f"labels are not within the {len(self.classes)} classes")

    @property
    def train(self) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Images (n, C, H, W) and labels (n,) of the training part."""
        return self.part("train")

    def part(self, part: Part) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Images (n, C, H, W) and labels (n,) of one part."""
        chosen = {"train": ~self.test, "test": self.test}[part]
        return self.images[chosen], self.labels[chosen]

    def summary(self) -> dict[str, Any]:
        """Describe the set, as JSON can hold it: shape, classes, counts, source, checksum."""
        count = len(self.classes)
        train, test = (np.bincount(self.part(part)[1], minlength=count) for part in ("train", "test"))
        return {
            "name": self.name,
            "source": self.source,
            "stand_in_for": self.stand_in_for,
            "copies": self.copies,
            "images": len(self.images),
            "image_shape": list(self.images.shape[1:]),
            "classes": list(self.classes),
            "groups": len(set(self.groups.tolist()) - {""}),
            "train": {
                "images": int(train.sum()),
                "by_class": dict(zip(self.classes, train.tolist(), strict=True)),
            },
            "test": {
                "images": int(test.sum()),
                "by_class": dict(zip(self.classes, test.tolist(), strict=True)),
            },
            "sha256": hashlib.sha256(self.images.tobytes()).hexdigest(),
        }

    def save(self, path: str | Path) -> None:
        """Write `path` (.npz) and its summary beside it (.json, with a checksum), each whole or not at all.

        The same set gives the same bytes. Raises UserError when the disk is full.
        """
        path = Path(path)
        arrays: dict[str, NDArray[Any]] = {name: getattr(self, name) for name in _ARRAYS}
        arrays |= {name: np.array(getattr(self, name)) for name in _TEXTS}
        arrays |= {"classes": np.array(self.classes, dtype=np.str_), "copies": np.array(self.copies)}
        with explain_full_disk(path.parent):
            with atomic_path(path) as temporary:
                _write_npz(temporary, arrays)
            write_json(path.with_suffix(".json"), self.summary())
            write_checksum(path.with_suffix(".json"))

    @classmethod
    def load(cls, path: str | Path) -> "ImageSet":
        """Read what `save` wrote. Raises UserError for a file that is missing, damaged or of another kind."""
        path = Path(path)
        try:
            with np.load(path, allow_pickle=False) as file:
                fields: dict[str, Any] = {name: file[name] for name in _ARRAYS}
                fields |= {name: str(file[name]) for name in _TEXTS}
                fields |= {"classes": tuple(file["classes"].tolist()), "copies": bool(file["copies"])}
            return cls(**fields)
        except FileNotFoundError as error:
            raise UserError(f"{path} does not exist: the data set has not been prepared yet") from error
        except KeyError as error:
            raise UserError(
                f"{path} is not a prepared data set ({error}): delete it and run again"
            ) from error
        except DAMAGED_ARCHIVE as error:
            raise UserError(f"{path} is damaged ({error}): delete it and run again") from error


def _write_npz(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write what np.savez_compressed would, without the time that it puts into the file."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            content = BytesIO()
            np.lib.format.write_array(content, np.asarray(array, order="C"), allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system = 3  # otherwise it depends on the operating system
            # Level 1: MNIST in 0.6 s; the best level takes many times that to save a few per cent.
            archive.writestr(entry, content.getbuffer(), zipfile.ZIP_DEFLATED, compresslevel=1)
