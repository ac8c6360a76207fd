"""A folder of pictures as a sequence of images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from equivariance.cli.arguments import Arguments
from equivariance.datasets.picture_checks import CheckedPictures, Remedies, check_pictures
from equivariance.datasets.picture_folders import SUPPORTED, PictureFolder, find_pictures
from equivariance.datasets.pictures import read_picture
from equivariance.errors import UserError
from equivariance.sampling import stratified_sample

REMEDIES = Remedies(skip="--skip-damaged", size="one --size for all, such as --size 224")


@dataclass(frozen=True)
class Pictures:
    """Pictures of a folder, each read when it is asked for: uint8 (C, H, W)."""

    files: Sequence[Path]
    channels: int
    size: tuple[int, int] | None

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Tensor:
        return torch.from_numpy(read_picture(self.files[index], self.channels, self.size).pixels.copy())


def find(folder: Path, output: Path | None = None) -> PictureFolder:
    """Find the pictures of a folder, but for the figures that are written to `output`.

    Raises UserError where there is none.
    """
    found = find_pictures(folder, skip=output)
    if not found.files and not found.broken:
        there = f" (but {', '.join(found.left_out())})" if found.left_out() else ""
        raise UserError(f"no images in {folder} or its subfolders{there}; {SUPPORTED}")
    return found


def check(
    found: PictureFolder, arguments: Arguments, channels: int, size: tuple[int, int] | None
) -> CheckedPictures:
    """Choose the pictures to be measured and read them all once; raises UserError as `check_pictures` does.

    Where damaged ones are skipped, the choice is among those that are not.
    """
    late = arguments.skip_damaged
    files = found.files if late else sample(found.files, arguments.samples, arguments.seed)
    checked = check_pictures(found, files, channels, size, REMEDIES, skip_damaged=late)
    if late:
        return replace(checked, files=sample(checked.files, arguments.samples, arguments.seed))
    return checked


def sample(files: Mapping[Path, str], count: int | None, seed: int) -> dict[Path, str]:
    """Choose `count` pictures (None: all) at random, with the shares of the classes kept, in their order."""
    rows = stratified_sample(np.array([*files.values()]), count, f"measured images {seed}")
    every = list(files)
    return {every[row]: files[every[row]] for row in rows}


def check_classes(found: PictureFolder) -> None:
    """Raise UserError for a picture that is in no class, and for a class whose name is no text."""
    for file, name in found.files.items():
        if not name:
            raise UserError(f"{file} is not in the folder of a class, which --stratified needs")
    for name in found.classes:
        try:
            name.encode()
        except UnicodeEncodeError as error:
            raise UserError(f"the class name {name!a} is not valid UTF-8; rename its folder") from error
