"""Results compared with the checksums that were written when they were finished."""

import hashlib
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

from tqdm import tqdm

from equivariance.datasets.archives import check_entries
from equivariance.errors import UserError, counted
from equivariance.files import sha256
from equivariance.language import LANGUAGES
from equivariance.workflow.manifest import NAME, check_names, files_of
from equivariance.workflow.results import RESULTS, finished, run_folder

CHECKSUMS = "manifest-sha256.txt"
"""The file of an archive with the checksums of the others, as `sha256sum --check` reads it."""

NO_RESULTS = (
    *(NAME, *(f"{language}/{NAME}" for language in LANGUAGES), "report.*", "comparison.*"),
    *("checkpoints/*", ".*", "*/.*"),
)
"""Files in the folder of a run that are made from its results, or are being written."""


@dataclass(frozen=True)
class Verified:
    """How many files agree with their checksums, and the names of those that do not."""

    agree: int
    changed: list[str]
    missing: list[str]
    added: list[str]

    @property
    def intact(self) -> bool:
        """Whether there is no difference."""
        return not (self.changed or self.missing or self.added)

    def __str__(self) -> str:
        """A line for each difference, and one with how many files agree."""
        kinds = {"changed": self.changed, "missing": self.missing, "added": self.added}
        lines = [f"{kind}: {name}" for kind, names in kinds.items() for name in names]
        counts = [f"{len(names):,} {kind}" for kind, names in kinds.items() if names]
        agree = f"{counted(self.agree, 'file')} {'agrees' if self.agree == 1 else 'agree'} with the manifest"
        return "\n".join([*lines, ", ".join([agree, *counts])])


def verify(path: Path) -> Verified:
    """Compare an archive (.zip), an unpacked one, or the folder of a finished run with its checksums.

    Raises UserError for anything else, for a run that is not finished, for an archive that is cut or has an
    entry that would land outside its folder, and for a manifest that was changed.
    """
    if path.is_file():
        return _verify_archive(path)
    if not path.is_dir():
        if path.parent == RESULTS:
            run_folder(path.name)
        raise UserError(f"{path} not found; give an archive, the folder of one, or the folder of a run")
    return _verify_folder(path) if (path / CHECKSUMS).is_file() else verify_run(path)


def verify_run(folder: Path) -> Verified:
    """Compare the results of a finished run with its manifests. Raises UserError as `verify` does."""
    manifests = finished(folder)
    known = files_of(manifests.values())
    present = [name for name in _names(folder) if not any(fnmatch(name, one) for one in NO_RESULTS)]
    return _compared(known, present, lambda name: sha256(folder / name), _sizes(folder, known))


def _verify_folder(folder: Path) -> Verified:
    known = parse_checksums((folder / CHECKSUMS).read_text(encoding="utf-8"), folder / CHECKSUMS)
    present = [name for name in _names(folder) if name != CHECKSUMS]
    return _compared(known, present, lambda name: sha256(folder / name), _sizes(folder, known))


def _verify_archive(path: Path) -> Verified:
    if not zipfile.is_zipfile(path):
        raise UserError(f"{path} is no zip archive, or it was cut: get it again")
    check_entries(path)
    with zipfile.ZipFile(path) as archive:
        names = [entry.filename for entry in archive.infolist() if not entry.is_dir()]
        root = next((name.removesuffix(CHECKSUMS) for name in names if _is_list(name)), None)
        if root is None:
            raise UserError(f"{path} has no {CHECKSUMS}: `make archive` did not make it")
        try:
            text = archive.read(root + CHECKSUMS).decode("utf-8")
        except (zipfile.BadZipFile, zlib.error, EOFError, UnicodeDecodeError) as error:
            raise UserError(f"{path}: {CHECKSUMS} is damaged ({error}): get the archive again") from error

        def checksum(name: str) -> str | None:
            try:
                with archive.open(root + name) as entry:
                    return hashlib.file_digest(entry, "sha256").hexdigest()  # type: ignore[arg-type]
            except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError):
                return None  # its bytes are damaged

        inside = [name.removeprefix(root) for name in names if name.startswith(root)]
        outside = [name for name in names if not name.startswith(root)]
        twice = [name for name, count in Counter(inside).items() if count > 1]
        sizes = {entry.filename.removeprefix(root): entry.file_size for entry in archive.infolist()}
        present = [name for name in dict.fromkeys(inside) if name != CHECKSUMS]
        found = _compared(parse_checksums(text, path), present, checksum, sizes)
        return Verified(found.agree, found.changed, found.missing, sorted([*found.added, *outside, *twice]))


def parse_checksums(text: str, source: Path) -> dict[str, str]:
    """The checksums of a list, by the names of files. Raises UserError for a line that is none, and for a
    name outside the folder."""
    checksums = {}
    for number, line in enumerate(text.removesuffix("\n").split("\n"), start=1):
        checksum, apart, name = line.partition("  ")
        if len(checksum) != 64 or not apart or not name:
            raise UserError(
                f"{source}: line {number} of {CHECKSUMS} is no checksum with a name: get it again"
            )
        checksums[name] = checksum
    check_names(source, checksums)
    return checksums


def format_checksums(checksums: Mapping[str, str]) -> str:
    """A list of checksums, in the order of names. Raises UserError for a name that does not fit in a line."""
    for name in checksums:
        if not name.isprintable() or "\\" in name:
            raise UserError(
                f"the file {name!r} cannot be in an archive: its name has a backslash or a line break"
            )
    return "".join(f"{checksums[name]}  {name}\n" for name in sorted(checksums))


def _is_list(name: str) -> bool:
    path = PurePosixPath(name)
    return path.name == CHECKSUMS and len(path.parts) == 2


def _names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def _sizes(folder: Path, names: Iterable[str]) -> dict[str, int]:
    return {name: (folder / name).stat().st_size for name in names if (folder / name).is_file()}


def _compared(
    known: Mapping[str, str],
    present: Iterable[str],
    checksum: Callable[[str], str | None],
    sizes: Mapping[str, int],
) -> Verified:
    """Compare known checksums with those of the files that are there; `sizes`, in bytes, are for progress."""
    there = {*present}
    both = sorted(there & {*known})
    changed = []
    total = sum(sizes.get(name, 0) for name in both)
    with tqdm(total=total, unit="B", unit_scale=True, desc="checksums", disable=None, leave=False) as bar:
        for name in both:
            if checksum(name) != known[name]:
                changed.append(name)
            bar.update(sizes.get(name, 0))
    missing, added = sorted({*known} - there), sorted(there - {*known})
    return Verified(len(both) - len(changed), changed, missing, added)
