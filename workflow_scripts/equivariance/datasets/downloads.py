"""Files to download: from a mirror, else from the cache, else from the network; always checked.

A file gets its final name in the cache only after its check, so that later runs find whole files there.
"""

import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from http.client import responses
from pathlib import Path
from typing import IO, Any

from equivariance.datasets.archives import WrongArchive, check_entries, temporary_folder
from equivariance.datasets.checks import WrongFile, check
from equivariance.disk import explain_full_disk
from equivariance.errors import UserError

CONNECT_SECONDS = 10.0
SILENCE_SECONDS = 30.0  # the longest wait for the next bytes
ARCHIVES = (".zip", ".tar.gz", ".tgz")
RETRIES = 2  # after failures that may be temporary, such as no connection or an error of the server

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RemoteFile:
    """A file to download: where it is in a mirror, where it is published, and how to check it."""

    name: str  # path within a mirror and within the cache
    urls: tuple[str, ...] = ()  # tried one after the other
    sha256: str | None = None  # or its first digits, where no more are published
    md5: str | None = None
    unpacked_md5: str | None = None  # of what a .gz holds: the same for every compression of it
    size: int | None = None  # bytes
    how_by_hand: str = ""  # how a user gets the file, if not from the URLs

    def check(self, path: Path) -> None:
        """Raise WrongFile, saying what is wrong, if the file at `path` is not this one."""
        check(path, Path(self.name).name, self.size, self.sha256, self.md5, self.unpacked_md5)
        if not (self.sha256 or self.md5) and self.name.endswith(ARCHIVES):
            try:
                check_entries(path)
            except WrongArchive as error:
                raise WrongFile(error.reason) from error


def fetch(file: RemoteFile, mirror: str | None, cache: Path) -> Path:
    """Return the path of a checked copy of `file`: in the mirror if that is a folder, else in the cache.

    A mirror is a folder or an http(s) URL. A folder is searched first; the cache is searched before any URL,
    of the mirror or of the publisher. A file in the cache that fails its check is downloaded again. Raises
    UserError, with each place and what was wrong there, if the file cannot be found.
    """
    urls = list(file.urls)
    if mirror and mirror.startswith(("http://", "https://")):
        urls.insert(0, f"{mirror.rstrip('/')}/{file.name}")
    elif mirror:
        found = _from_folder(file, Path(mirror).expanduser())
        if found is not None:
            return found
    target = cache / file.name
    if target.is_file():
        try:
            file.check(target)
            return target
        except WrongFile as error:
            log.warning("%s %s; downloading it again", target, error)
    with explain_full_disk(cache):
        _download(file, urls, target, cache)
    return target


def _from_folder(file: RemoteFile, mirror: Path) -> Path | None:
    if not mirror.is_dir():
        raise UserError(f"the mirror {mirror} is not a folder; give a folder or an http(s) URL")
    path = mirror / file.name
    if not path.is_file():
        return None
    try:
        file.check(path)
    except WrongFile as error:
        raise UserError(
            f"{path} {error}. Replace it with the right file, or remove it to download it"
        ) from error
    return path


def _download(file: RemoteFile, urls: list[str], target: Path, cache: Path) -> None:
    failures = []
    for url in urls:
        with temporary_folder(cache) as folder:
            try:
                arrived = _from_url(file, url, folder)
            except WrongFile as error:
                failures.append(f"  {url}: {error}")
                log.warning("%s: %s", url, error)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            arrived.replace(target)
            return
    places = "\n".join(failures) or "  (no URL is known for it)"
    by_hand = file.how_by_hand or "Get the file in another way"
    raise UserError(
        f"{file.name} could not be downloaded. Tried:\n{places}\n{by_hand}, put it at <mirror>/{file.name}"
        " and set `mirror` in the configuration to that folder"
    )


def _from_url(file: RemoteFile, url: str, folder: Path) -> Path:
    """Download to `folder` and check. Raises WrongFile for every failure but a full disk."""
    import pooch
    from requests import RequestException

    # Without these headers, some servers send a .gz as a compressed transfer, and it arrives unpacked.
    downloader = pooch.HTTPDownloader(
        progressbar=sys.stderr.isatty(),
        chunk_size=1 << 16,
        timeout=(CONNECT_SECONDS, SILENCE_SECONDS),
        headers={"Accept-Encoding": "identity"},
    )
    name = Path(file.name).name
    fetcher = pooch.create(
        path=folder, base_url="", registry={name: None}, urls={name: url}, retry_if_failed=RETRIES
    )
    try:
        arrived = Path(fetcher.fetch(name, downloader=partial(_no_retry_if_refused, downloader, file.size)))
    except RequestException as error:
        raise WrongFile(_reason(error)) from error
    file.check(arrived)
    return arrived


class _Limited:
    """A file that takes no more than its published size: a server may send without end."""

    def __init__(self, file: IO[bytes], size: int | None) -> None:
        self._file = file
        self._size = size

    def write(self, chunk: bytes) -> int:
        if self._size is not None and self._file.tell() + len(chunk) > self._size:
            raise WrongFile(f"is too long: more than {self._size:,} bytes")
        return self._file.write(chunk)

    def flush(self) -> None:
        self._file.flush()


def _no_retry_if_refused(
    downloader: Callable[..., None], size: int | None, url: str, output: str, pooch: Any
) -> None:
    """Download, without retries where the server refuses (401, 404, ...) or leads nowhere."""
    from requests import HTTPError, TooManyRedirects

    with Path(output).open("wb") as file:
        try:
            downloader(url, _Limited(file, size), pooch)
        except HTTPError as error:
            if error.response.status_code < 500:
                raise WrongFile(_reason(error)) from error
            raise
        except (TooManyRedirects, ValueError) as error:  # ValueError: an answer that is no HTTP
            raise WrongFile(_reason(error)) from error


def _reason(error: Exception) -> str:
    """Say what went wrong with a request, in plain words where there are some."""
    from requests import ConnectionError, HTTPError, Timeout, TooManyRedirects
    from requests.exceptions import ChunkedEncodingError, InvalidSchema, InvalidURL, MissingSchema

    if isinstance(error, HTTPError):
        code = error.response.status_code
        return f"the server answered {code} {responses.get(code, '')}".rstrip()
    if isinstance(error, ChunkedEncodingError):
        return "the transfer ended too early"
    if isinstance(error, TooManyRedirects):
        return "the server redirects in a circle"
    if isinstance(error, Timeout) or isinstance(_root(error), TimeoutError):
        return f"no answer within {CONNECT_SECONDS:.0f} s, or no data for {SILENCE_SECONDS:.0f} s"
    if isinstance(error, ConnectionError):
        return f"no connection to the host ({_root(error)})"
    if isinstance(error, InvalidSchema | InvalidURL | MissingSchema):
        return f"it is, or redirects to, no http(s) URL ({error})"
    return f"the answer cannot be read ({error})"


def _root(error: BaseException) -> BaseException:
    """The innermost cause: what the operating system said."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return error
