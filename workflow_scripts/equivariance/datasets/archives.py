"""Archives are not trusted: every entry is checked before the first is written."""

import gzip
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath

from equivariance.datasets.checks import CHUNK, largest_content, too_large
from equivariance.disk import explain_full_disk, is_full
from equivariance.errors import UserError

BLOCK = 4096  # bytes that even an empty file takes on a disk


class WrongArchive(UserError):
    """An archive that is not unpacked; `reason` says why, as the end of a sentence."""

    def __init__(self, archive: Path, reason: str) -> None:
        super().__init__(f"the archive {archive} {reason}: replace it and run again")
        self.reason = reason


@contextmanager
def extracted(archive: Path, beside: Path, only: str = "") -> Iterator[Path]:
    """Extract a zip or tar archive to a temporary folder inside `beside`, and remove that at the end.

    Takes `only` and raises UserError as `extract` does.
    """
    with temporary_folder(beside) as folder:
        extract(archive, folder, only)
        yield folder


@contextmanager
def temporary_folder(beside: Path) -> Iterator[Path]:
    """Make a folder of a unique name inside `beside`, and remove it at the end, whatever happens."""
    beside.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".unpacked.", dir=beside) as name:
        yield Path(name)


def extract(archive: Path, folder: Path, only: str = "") -> None:
    """Extract a zip or tar archive (compressed or not) into `folder`: the entries that have `only` in their
    path, all entries if it is empty.

    Raises WrongArchive, and extracts nothing, where an entry would land outside the folder or is a link or a
    device, and where there is far more in it than its size lets expect (`checks.largest_content`); raises it
    too for an archive that is damaged, encrypted or neither zip nor tar. Raises UserError for a full disk.
    """
    with explain_full_disk(folder), _explain_damage(archive):
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as file:
                _check_zip(archive, file)
                file.extractall(folder, [name for name in file.namelist() if only in name])
        else:
            with tarfile.open(archive) as tar:
                for member in _checked_members(archive, tar):
                    if only in member.name:
                        _extract_member(tar, member, folder)


def check_entries(archive: Path) -> None:
    """Raise WrongArchive for one that `extract` would refuse, without extracting anything."""
    with _explain_damage(archive):
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as file:
                _check_zip(archive, file)
        else:
            with tarfile.open(archive) as tar:
                _checked_members(archive, tar)


@contextmanager
def _explain_damage(archive: Path) -> Iterator[None]:
    damage = (zipfile.BadZipFile, tarfile.TarError, zlib.error, gzip.BadGzipFile, EOFError)
    # RuntimeError: encryption, or an unknown compression. OSError: an entry is a file and a folder at once.
    try:
        yield
    except (*damage, RuntimeError, OSError) as error:
        if is_full(error) or isinstance(error, FileNotFoundError):
            raise
        raise WrongArchive(archive, f"cannot be unpacked ({' '.join(str(error).split())})") from error


def _check_zip(archive: Path, file: zipfile.ZipFile) -> None:
    left = largest_content(archive)
    for entry in file.infolist():
        _check_name(archive, entry.filename)
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise _refused(archive, entry.filename, "is a link or a device")
        left -= max(entry.file_size, BLOCK)  # no more than that is unpacked
    if left < 0:
        raise WrongArchive(archive, f"is refused, as it {too_large(archive)}")


def _checked_members(archive: Path, tar: tarfile.TarFile) -> list[tarfile.TarInfo]:
    left, members = largest_content(archive), []
    for member in tar:
        _check_name(archive, member.name)
        if not (member.isfile() or member.isdir()):
            raise _refused(archive, member.name, "is a link or a device")
        members.append(member)
        left -= max(member.size, BLOCK)
        if left < 0:  # before it is read
            raise WrongArchive(archive, f"is refused, as it {too_large(archive)}")
    # To the end of the compressed file, where its checksum is; tarfile stops before it.
    while tar.fileobj is not None and (chunk := tar.fileobj.read(CHUNK)):
        left -= len(chunk)
        if left < 0:
            raise WrongArchive(archive, f"is refused, as it {too_large(archive)}")
    return members


def _check_name(archive: Path, name: str) -> None:
    windows = PureWindowsPath(name)  # understands / and \ as separators, and drives
    outside = windows.drive or windows.root or PurePosixPath(name).is_absolute()
    if outside or ".." in windows.parts or "\0" in name:
        raise _refused(archive, name, "would land outside the folder")


def _refused(archive: Path, name: str, why: str) -> WrongArchive:
    return WrongArchive(archive, f"is refused, as its entry {name!r} {why}")


def _extract_member(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    """Write the content alone, without the owner, mode and time that the archive has for it."""
    target = folder / member.name
    if member.isdir():
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    content = tar.extractfile(member)
    if content is not None:
        with content, target.open("wb") as file:
            shutil.copyfileobj(content, file)
