"""A folder of pictures as a sequence of images."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from equivariance.datasets.pictures import to_array
from equivariance.errors import UserError
from equivariance.sampling import stratified_sample

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")


@dataclass(frozen=True)
class Pictures:
    """Pictures of a folder, each read when it is asked for: uint8 (C, H, W)."""

    files: Sequence[Path]
    channels: int
    size: tuple[int, int] | None

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Tensor:
        return torch.from_numpy(
            _read(self.files[index], lambda picture: to_array(picture, self.channels, self.size).copy())
        )


def find(folder: Path) -> list[Path]:
    """List the pictures directly in a folder and in the folders there, sorted by name; hidden ones are none.

    Raises UserError where there is none.
    """
    found = sorted(
        file
        for file in (*folder.glob("*"), *folder.glob("*/*"))
        if file.suffix.lower() in SUFFIXES and file.is_file() and not file.name.startswith(".")
    )
    if not found:
        raise UserError(f"{folder} has no images, nor have the folders in it; read are {' '.join(SUFFIXES)}")
    return found


def sample(files: Sequence[Path], folder: Path, count: int | None, seed: int) -> list[Path]:
    """Choose `count` pictures (None: all) at random, with the shares of the classes kept, sorted by name."""
    classes = np.array([_class(file, folder) for file in files])
    rows = stratified_sample(classes, count, f"measured images {seed}")
    return [files[row] for row in rows]


def classes(files: Sequence[Path], folder: Path) -> list[str]:
    """Name the class of each picture, its folder. Raises UserError for one without."""
    for file in files:
        if file.parent == folder:
            raise UserError(f"{file} is in no class; the stratified form needs a folder for each class")
    return [_class(file, folder) for file in files]


def check_sizes(files: Sequence[Path]) -> None:
    """Raise UserError where pictures differ in size, or one cannot be opened; reads no pixels."""
    first: tuple[int, int] | None = None
    for file in files:
        width, height = _read(file, lambda picture: picture.size)
        first = first or (height, width)
        if (height, width) != first:
            raise UserError(
                f"images differ in size: {files[0]} is {first[0]}x{first[1]}, {file} is {height}x{width} "
                "(height x width); give one --size for all, such as --size 224"
            )


def _class(file: Path, folder: Path) -> str:
    return "" if file.parent == folder else file.parent.name


def _read(file: Path, how: Callable[[Image.Image], Any]) -> Any:
    try:
        with Image.open(file) as picture:
            return how(picture)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        reason = "it is damaged, or of another kind than its name says"
        raise UserError(f"{file} cannot be read as an image: {reason}") from error
