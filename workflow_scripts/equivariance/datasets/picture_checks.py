"""Open every picture before any is used, so that everything wrong with them is reported at once."""

import os
import warnings
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from equivariance.datasets.picture_folders import SUPPORTED, PictureFolder, listed
from equivariance.datasets.pictures import Unreadable, read_picture
from equivariance.errors import UserError, counted

BAR_AFTER = 3.0  # seconds
PIECE = 1024  # pictures that wait for a thread


class Remedies(NamedTuple):
    """The options, as the user writes them, that leave out damaged pictures and that make all sizes equal."""

    skip: str
    size: str


@dataclass(frozen=True)
class CheckedPictures:
    """The pictures that can be used, and what is left out.

    - found: all that is in the folder
    - files: the class of each picture that can be used
    - damaged: why the others cannot be read
    - first_frames: pictures with several frames, of which the first is read
    - pixels: each of `files` (C, H, W), if they were kept
    """

    found: PictureFolder
    files: Mapping[Path, str]
    damaged: Mapping[Path, str]
    first_frames: Collection[Path]
    pixels: list[NDArray[np.uint8]]

    def text(self) -> str:
        """Describe in one line the number of pictures, in total and by class, and what is left out."""
        by_class = Counter(self.files.values())
        outside = by_class.pop("", 0)
        numbers = [f"{name} {number:,}" for name, number in by_class.items()]
        fewer = f"{len(self.files):,} of " if len(self.files) < len(self.found.files) else ""
        text = fewer + counted(len(self.found.files), "image")
        if by_class:
            text += f" in {counted(len(by_class), 'class')}: {listed(numbers)}"
            text += f"; {outside:,} in no class" if outside else ""
        return "; ".join([text, *self.remarks()])

    def remarks(self) -> list[str]:
        """Describe what is left out and why, and of which pictures only the first frame is used."""
        left_out = self.found.by_reason(self.damaged) + self.found.left_out()
        remarks = [f"left out: {', '.join(left_out)}"] if left_out else []
        if self.found.others:
            remarks.append(SUPPORTED)
        frames = [file for file in self.first_frames if file in self.files]
        if frames:
            remarks.append(f"only the first frame of {len(frames):,} ({self.found.names(frames)})")
        return remarks


class _Look(NamedTuple):
    sides: tuple[int, int]  # (height, width)
    first_of_several: bool
    pixels: NDArray[np.uint8] | None


def check_pictures(
    found: PictureFolder,
    files: Mapping[Path, str],
    channels: int,
    size: tuple[int, int] | None,
    remedies: Remedies,
    *,
    skip_damaged: bool = False,
    keep: bool = False,
    where: Path | None = None,
) -> CheckedPictures:
    """Read `files` (pictures of `found`, with their classes) as `read_picture` does, in parallel.

    Keeps their pixels if asked to, and shows a bar on a terminal if it takes long. Raises UserError, which
    names the folder (or `where`), for all pictures that cannot be read and all that differ in size. With
    `skip_damaged` the first are left out, and an error only where nothing of a class can be read.
    """
    looks: dict[Path, _Look] = {}
    damaged = dict(found.broken)
    for file, look in _looks(list(files), channels, size, keep):
        if isinstance(look, str):
            damaged[file] = look
        else:
            looks[file] = look
    why = ", ".join(found.by_reason(damaged))
    mistakes: list[str] = []
    if damaged and not skip_damaged:
        it = "it" if len(damaged) == 1 else "them"
        mistakes.append(
            f"{len(damaged):,} of {counted(len(files) + len(found.broken), 'image')} cannot be read: {why}; "
            f"repair or remove {it}, or leave {it} out with {remedies.skip}"
        )
    elif not looks:
        mistakes.append(f"no image can be read: {why}")
    elif lost := sorted({*files.values()} - {files[file] for file in looks} - {""}):
        mistakes.append(f"no image of {counted(len(lost), 'class')} ({listed(lost)}) can be read: {why}")
    if difference := _difference(found, {file: look.sides for file, look in looks.items()}):
        mistakes.append(f"{difference}; give {remedies.size}")
    if mistakes:
        raise UserError(f"{where or found.root}: {'; and '.join(mistakes)}")
    return CheckedPictures(
        found,
        {file: files[file] for file in looks},
        damaged,
        [file for file, look in looks.items() if look.first_of_several],
        [look.pixels for look in looks.values() if look.pixels is not None],
    )


def _looks(
    files: list[Path], channels: int, size: tuple[int, int] | None, keep: bool
) -> Iterator[tuple[Path, _Look | str]]:
    """Look at each picture; in the place of one that cannot be read, give the reason."""
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    look = partial(_look, channels=channels, size=size, keep=keep)
    pool = ThreadPoolExecutor(threads)
    with (
        warnings.catch_warnings(),
        tqdm(total=len(files), desc="checking", unit="image", delay=BAR_AFTER, disable=None) as bar,
    ):
        warnings.filterwarnings("ignore", module="PIL")  # of large pictures and damaged EXIF
        try:
            for start in range(0, len(files), PIECE):
                piece = files[start : start + PIECE]
                for file, found in zip(piece, pool.map(look, piece), strict=True):
                    bar.update()
                    yield file, found
        finally:
            pool.shutdown(cancel_futures=True)  # otherwise an interrupt waits for the whole piece


def _look(file: Path, channels: int, size: tuple[int, int] | None, keep: bool) -> _Look | str:
    try:
        pixels, first_of_several = read_picture(file, channels, size)
    except Unreadable as error:
        return error.reason
    _, height, width = pixels.shape
    return _Look((height, width), first_of_several, pixels if keep else None)


def _difference(found: PictureFolder, sides: Mapping[Path, tuple[int, int]]) -> str:
    """Name the pictures whose size is not the most frequent one; empty where all have one size."""
    numbers = Counter(sides.values())
    if len(numbers) < 2:
        return ""
    usual, number = numbers.most_common(1)[0]
    first = next(file for file, side in sides.items() if side == usual)
    texts = {file: f"{file.relative_to(found.root).as_posix()} is {h}x{w}" for file, (h, w) in sides.items()}
    like = f", like {counted(number - 1, 'other')}" if number > 1 else ""
    others = listed([text for file, text in texts.items() if sides[file] != usual])
    return f"images differ in size (height x width): {listed([texts[first]])}{like}; {others}"
