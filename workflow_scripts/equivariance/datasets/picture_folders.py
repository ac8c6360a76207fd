"""Find the pictures in a folder and their classes, and what else is there."""

import os
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from equivariance.errors import counted

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
SUPPORTED = f"supported: {' '.join(SUFFIXES)}"
NAMED = 10  # names in a text; the others are counted


@dataclass
class PictureFolder:
    """What is in a folder of pictures; none of them is opened yet.

    - classes: the folders in it, also those without pictures
    - files: the class of each picture, "" directly in the folder; in the order of torchvision's ImageFolder,
      by class, folder and name
    - broken: why a folder cannot be listed, or is named like a picture
    - others: number of files that are not pictures, by suffix
    - hidden: files and folders, see `is_hidden`
    - skipped: the folder that was left out on request
    """

    root: Path
    classes: list[str] = field(default_factory=list)
    files: dict[Path, str] = field(default_factory=dict)
    broken: dict[Path, str] = field(default_factory=dict)
    others: Counter[str] = field(default_factory=Counter)
    hidden: list[Path] = field(default_factory=list)
    skipped: list[Path] = field(default_factory=list)

    def names(self, files: Collection[Path]) -> str:
        """Name files as seen from the folder: the first ten, and how many others there are."""
        return listed([file.relative_to(self.root).as_posix() for file in files])

    def by_reason(self, broken: Mapping[Path, str]) -> list[str]:
        """Number and name what is broken, a text for each reason."""
        reasons: dict[str, list[Path]] = {}
        for file, reason in broken.items():
            reasons.setdefault(reason, []).append(file)
        return [f"{len(files):,} {reason} ({self.names(files)})" for reason, files in reasons.items()]

    def left_out(self) -> list[str]:
        """Count what is there besides pictures, a text for each kind."""
        empty = sorted({*self.classes} - {*self.files.values()} - {path.name for path in self.broken})
        kinds = [f"{suffix or 'no suffix'} {number}" for suffix, number in self.others.most_common()]
        texts = {
            f"{counted(self.others.total(), 'file')} of other kinds": listed(kinds),
            f"{len(self.hidden):,} hidden": self.names(self.hidden),
            f"{counted(len(empty), 'folder')} without images": listed(empty),
            "the folder of results": self.names(self.skipped),
        }
        return [f"{text} ({names})" for text, names in texts.items() if names]


def find_pictures(root: Path, skip: Path | None = None) -> PictureFolder:
    """Find the pictures in a folder and in the folders there, which are the classes, at any depth.

    Hidden files and folders are left out, and so is the folder `skip`. Links are followed; a folder that is
    reached again within a class is not entered again, so that loops of links end.
    """
    found = PictureFolder(root)
    skipped = skip.resolve() if skip else None
    entered: list[Path] = []
    for of_class in _look_into(root, "", found, skipped):
        found.classes.append(of_class.name)
        seen = {root.resolve()}
        waiting = [of_class]
        while waiting:
            folder = waiting.pop()
            if folder.resolve() not in seen:
                seen.add(folder.resolve())
                entered.append(folder)
                waiting += reversed(_look_into(folder, of_class.name, found, skipped))
    for folder in entered:
        if _is_picture(folder) and not any(file.is_relative_to(folder) for file in found.files):
            found.broken.setdefault(folder, "not a file but a folder")
    ordered = sorted(found.files.items(), key=lambda item: (item[1], str(item[0].parent), item[0].name))
    found.files = dict(ordered)
    return found


def is_hidden(path: Path) -> bool:
    """Tell whether a file or folder is hidden: named `.*`, or `__MACOSX`, which macOS puts into a zip."""
    return path.name.startswith(".") or path.name == "__MACOSX"


def listed(names: Collection[str]) -> str:
    """Join the first ten names, and say how many others there are.

    >>> listed("abcdefghijkl")
    'a, b, c, d, e, f, g, h, i, j and 2 others'
    """
    others = len(names) - NAMED
    first = [name if name.isprintable() else ascii(name) for name in islice(names, NAMED)]
    return ", ".join(first) + (f" and {counted(others, 'other')}" if others > 0 else "")


def _look_into(folder: Path, name: str, found: PictureFolder, skipped: Path | None) -> list[Path]:
    """Sort what is directly in a folder of the class `name`, and return the folders there."""
    folders: list[Path] = []
    try:
        with os.scandir(folder) as inside:
            entries = sorted(inside, key=lambda entry: entry.name)
    except OSError as error:
        found.broken[folder] = f"not listed: {str(error.strerror).lower()}"
        return folders
    for entry in entries:
        path = folder / entry.name
        if is_hidden(path):
            found.hidden.append(path)
        elif _is_folder(entry):
            (found.skipped if path.resolve() == skipped else folders).append(path)
        elif _is_picture(path):
            found.files[path] = name
        else:
            found.others[path.suffix.lower()] += 1
    return folders


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a circle of links, or no permission
        return False


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES
