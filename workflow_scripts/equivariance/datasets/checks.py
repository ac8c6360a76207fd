"""Check that a file is the expected one: its size, its checksum, and that it is not a web page instead."""

import gzip
import hashlib
import zipfile
import zlib
from functools import partial
from pathlib import Path
from typing import IO

CHUNK = 1 << 20
ZIP, GZIP = (b"PK\x03\x04", b"PK\x05\x06"), (b"\x1f\x8b",)
_MAGIC = {".zip": ZIP, ".gz": GZIP, ".tgz": GZIP}


SMALL = 2**30  # bytes; whatever its size, a file may unpack to so much
RATIO = 100  # beyond that, to so many times its size; photographs do to twice theirs at most


class WrongFile(Exception):
    """A file is not the expected one; the text says what it is, as the end of a sentence."""


def largest_content(path: Path) -> int:
    """The bytes that the file at `path` may unpack to; one that has more was made to fill a disk."""
    return max(SMALL, RATIO * path.stat().st_size)


def too_large(path: Path) -> str:
    """Say that a file has a larger content, as the end of a sentence."""
    return f"unpacks to more than {largest_content(path):,} bytes from {path.stat().st_size:,}"


def check(
    path: Path,
    name: str,
    size: int | None = None,
    sha256: str | None = None,
    md5: str | None = None,
    unpacked_md5: str | None = None,
) -> None:
    """Raise WrongFile unless the file at `path` is the file `name`, of this size and these checksums.

    Of a checksum, the first digits are enough, where no more are published. `unpacked_md5` is that of the
    content of a .gz file. Without any checksum, a .gz is read to its end, where its own checksum is, and a
    zip must have its table of contents, which is at its end, so that a truncated file is found.
    """
    _check_kind(path, name)
    length = path.stat().st_size
    if size is not None and length != size:
        kind = "is truncated" if length < size else "is too long"
        raise WrongFile(f"{kind}: {length:,} bytes; expected: {size:,}")
    for algorithm, wanted in (("sha256", sha256), ("md5", md5)):
        if wanted is not None:
            with path.open("rb") as file:
                _check_digest(path, file, algorithm, wanted)
    if sha256 is None and md5 is None:
        _check_whole(path, name, unpacked_md5)


def _check_kind(path: Path, name: str) -> None:
    with path.open("rb") as file:
        head = file.read(512)
    if not head:
        raise WrongFile("is empty")
    magic = _MAGIC.get(Path(name).suffix.lower())
    if magic is not None and head.startswith(magic):
        return
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype html", b"<html", b"<head", b"<?xml", b"<!--")):
        raise WrongFile(
            "is a web page (HTML), not an archive: the link has moved, or a login or proxy page was sent"
        )
    if magic is not None:
        raise WrongFile(f"is not a {Path(name).suffix} archive: it starts with {head[:8]!r}")


def _check_whole(path: Path, name: str, unpacked_md5: str | None) -> None:
    if _MAGIC.get(Path(name).suffix.lower()) is GZIP:
        try:
            with gzip.open(path) as file:
                _check_digest(path, file, "md5", unpacked_md5)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise WrongFile(f"is truncated or damaged ({error})") from error
    elif Path(name).suffix.lower() == ".zip" and not zipfile.is_zipfile(path):
        raise WrongFile("is truncated or damaged (a zip archive without its table of contents)")


def _check_digest(path: Path, file: IO[bytes] | gzip.GzipFile, algorithm: str, wanted: str | None) -> None:
    """Read the content of `path` to its end; raise WrongFile if there is too much of it, or if `wanted` is
    given and its digest does not start so."""
    digest = hashlib.new(algorithm, usedforsecurity=False)
    left = largest_content(path)
    for chunk in iter(partial(file.read, CHUNK), b""):
        digest.update(chunk)
        left -= len(chunk)
        if left < 0:
            raise WrongFile(too_large(path))
    if wanted is not None and not digest.hexdigest().startswith(wanted):
        raise WrongFile(f"has the wrong {algorithm} {digest.hexdigest()}; expected: {wanted}")
