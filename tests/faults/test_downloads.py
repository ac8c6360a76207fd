import gzip
import hashlib
import io
import shutil
import socket
import stat
import subprocess
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO

import psutil
import pytest
from web import (
    Answer,
    Web,
    endless,
    hang_up,
    no_http,
    redirect,
    send,
    serving,
    silence,
    stall,
    wrong_length,
)

from equivariance.datasets import checks, downloads
from equivariance.datasets.downloads import RemoteFile, fetch
from equivariance.errors import UserError


def zip_bytes(size: int = 5000) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        file.writestr("a", bytes(range(250)) * (size // 250))
    return content.getvalue()


GOOD = zip_bytes()
SHA256 = hashlib.sha256(GOOD).hexdigest()
GOOD_TAR = gzip.compress(tarfile.TarInfo("a").tobuf() + bytes(1024))
GOOD_FILES = {"a.zip": GOOD, "a.gz": gzip.compress(GOOD), "a.tar.gz": GOOD_TAR}
PAGE = b"\n <!DOCTYPE html><html><body>Please log in</body></html>" + b" " * 3000


@pytest.fixture
def web() -> Iterator[Web]:
    with serving() as web:
        yield web


@pytest.fixture(autouse=True)
def _quick_and_direct(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(downloads, "RETRIES", 0)


def remains(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_good_file_is_kept_in_the_cache(web: Web, tmp_path: Path) -> None:
    file = RemoteFile("set/a.zip", (web.set("/a.zip", send(GOOD)),), sha256=SHA256, size=len(GOOD))
    path = fetch(file, None, tmp_path)
    assert path == tmp_path / "set/a.zip" and path.read_bytes() == GOOD
    assert remains(tmp_path) == ["set/a.zip"]
    assert fetch(file, None, tmp_path) == path
    assert web.asked == ["/a.zip"]


def test_a_mirror_folder_comes_first_and_is_read_in_place(tmp_path: Path) -> None:
    (tmp_path / "mirror/set").mkdir(parents=True)
    (tmp_path / "mirror/set/a.zip").write_bytes(GOOD)
    path = fetch(RemoteFile("set/a.zip", sha256=SHA256), str(tmp_path / "mirror"), tmp_path / "cache")
    assert path == tmp_path / "mirror/set/a.zip"
    assert not (tmp_path / "cache").exists()


def test_a_mirror_may_be_a_url(web: Web, tmp_path: Path) -> None:
    web.set("/data/set/a.zip", send(GOOD))
    file = RemoteFile("set/a.zip", (f"{web.url}/elsewhere.zip",), sha256=SHA256)
    assert fetch(file, f"{web.url}/data/", tmp_path).read_bytes() == GOOD
    assert web.asked == ["/data/set/a.zip"]


def test_what_a_mirror_lacks_is_downloaded(web: Web, tmp_path: Path) -> None:
    (tmp_path / "mirror").mkdir()
    file = RemoteFile("a.zip", (web.set("/a.zip", send(GOOD)),), sha256=SHA256)
    assert fetch(file, str(tmp_path / "mirror"), tmp_path / "cache").read_bytes() == GOOD
    (tmp_path / "cache/a.zip").unlink()
    assert fetch(file, f"{web.url}/empty", tmp_path / "cache").read_bytes() == GOOD


def test_a_wrong_file_in_the_mirror_is_named_and_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zip_bytes(250))
    with pytest.raises(UserError, match=r"a\.zip has the wrong sha256 .*Replace it"):
        fetch(
            RemoteFile("a.zip", ("http://127.0.0.1:9/a.zip",), sha256=SHA256),
            str(tmp_path),
            tmp_path / "cache",
        )
    assert (tmp_path / "a.zip").exists()


def test_a_mirror_that_is_no_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"mirror .*absent is not a folder"):
        fetch(RemoteFile("a.zip"), str(tmp_path / "absent"), tmp_path)


def test_a_damaged_file_in_the_cache_is_downloaded_again(web: Web, tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(GOOD[:100])
    file = RemoteFile("a.zip", (web.set("/a.zip", send(GOOD)),), sha256=SHA256)
    assert fetch(file, None, tmp_path).read_bytes() == GOOD


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (send(GOOD[:-500], length=len(GOOD)), "ended too early"),
        (send(GOOD[:-500]), "is truncated"),
        (send(PAGE), r"is a web page \(HTML\), not an archive"),
        (send(b"\x1f\x8b" + GOOD[2:]), "is not a .zip archive"),
        (send(b""), "is empty"),
        (send(b"gone", 404), "the server answered 404 Not Found"),
        (send(b"no", 403), "the server answered 403 Forbidden"),
        (send(b"broken", 500), "the server answered 500"),
        (send(b"broken", 503), "the server answered 503"),
        (send(zip_bytes(len(GOOD) + 250)), "is too long"),
        (send(GOOD[:-1] + b"\1"), "has the wrong sha256"),
        (endless(GOOD), "is too long: more than"),
        (silence, "no answer within"),
        (stall(GOOD[:100]), "no answer within 10 s, or no data for"),
        (hang_up(GOOD[:100]), "the transfer ended too early"),
        (redirect("/a.zip"), "the server redirects in a circle"),
        (redirect("file:///etc/passwd"), r"redirects to, no http\(s\) URL .*file:///etc/passwd"),
        (redirect("http://[::1/a.zip"), r"the answer cannot be read \(Invalid IPv6 URL\)"),
        (no_http, "no connection to the host"),
        (wrong_length, "the answer cannot be read"),
    ],
)
def test_what_came_instead_is_said_and_not_kept(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: Answer, said: str
) -> None:
    monkeypatch.setattr(downloads, "SILENCE_SECONDS", 2.0)
    url = web.set("/a.zip", answer)
    file = RemoteFile("a.zip", (url,), sha256=SHA256, size=len(GOOD), how_by_hand="Ask the authors")
    with pytest.raises(UserError, match=f"(?s){url}: .*{said}") as caught:
        fetch(file, None, tmp_path)
    assert "Ask the authors, put it at <mirror>/a.zip and set `mirror`" in str(caught.value)
    assert remains(tmp_path) == []
    good = web.set("/good.zip", send(GOOD))
    assert fetch(replace(file, urls=(url, good)), None, tmp_path).read_bytes() == GOOD


@pytest.mark.parametrize("name", ["a.zip", "a.gz", "a.tar.gz"])
def test_truncation_shows_without_any_checksum(web: Web, tmp_path: Path, name: str) -> None:
    whole = GOOD_FILES[name]
    web.set(f"/{name}", send(whole[:-20]))
    with pytest.raises(UserError, match="is truncated or damaged"):
        fetch(RemoteFile(name, (f"{web.url}/{name}",)), None, tmp_path)
    assert remains(tmp_path) == []
    web.set(f"/{name}", send(whole))
    assert fetch(RemoteFile(name, (f"{web.url}/{name}",)), None, tmp_path).read_bytes() == whole


def test_the_md5_of_the_content_holds_for_any_compression(web: Web, tmp_path: Path) -> None:
    md5 = hashlib.md5(b"content", usedforsecurity=False).hexdigest()
    for level in (1, 9):
        url = web.set(f"/{level}.gz", send(gzip.compress(b"content", level)))
        fetch(RemoteFile(f"{level}.gz", (url,), unpacked_md5=md5), None, tmp_path)
    url = web.set("/other.gz", send(gzip.compress(b"other")))
    with pytest.raises(UserError, match="wrong md5"):
        fetch(RemoteFile("other.gz", (url,), unpacked_md5=md5), None, tmp_path)


def test_the_first_digits_of_a_checksum_are_checked_where_no_more_are_published(
    web: Web, tmp_path: Path
) -> None:
    url = web.set("/a.pth", send(GOOD))
    assert fetch(RemoteFile("a.pth", (url,), sha256=SHA256[:8]), None, tmp_path).read_bytes() == GOOD
    other = f"{SHA256[:7]}{'0' if SHA256[7] != '0' else '1'}"
    with pytest.raises(UserError, match=f"has the wrong sha256 {SHA256}; expected: {other}"):
        fetch(RemoteFile("b.pth", (url,), sha256=other), None, tmp_path)


def test_a_web_page_is_told_in_the_place_of_any_file(web: Web, tmp_path: Path) -> None:
    url = web.set("/a.pth", send(PAGE))
    with pytest.raises(UserError, match=r"is a web page \(HTML\)"):
        fetch(RemoteFile("a.pth", (url,), sha256=SHA256[:8]), None, tmp_path)


def test_the_next_url_is_tried_and_all_are_listed(web: Web, tmp_path: Path) -> None:
    urls = (web.set("/page.zip", send(PAGE)), f"{web.url}/absent.zip", web.set("/a.zip", send(GOOD)))
    assert fetch(RemoteFile("a.zip", urls, sha256=SHA256), None, tmp_path).read_bytes() == GOOD
    with pytest.raises(UserError, match=r"(?s)page\.zip: .*HTML.*absent\.zip: .*404"):
        fetch(RemoteFile("b.zip", urls[:2], sha256=SHA256), None, tmp_path)


def test_a_dead_host_is_said(tmp_path: Path) -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    with pytest.raises(UserError, match=rf"127\.0\.0\.1:{port}/a\.zip: no connection to the host"):
        fetch(RemoteFile("a.zip", (f"http://127.0.0.1:{port}/a.zip",)), None, tmp_path)
    assert remains(tmp_path) == []


def test_what_may_pass_is_tried_again_and_what_is_refused_is_not(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "RETRIES", 2)
    monkeypatch.setattr("pooch.core.time.sleep", lambda seconds: None)
    url = web.set("/a.zip", send(b"", 500), send(GOOD[:50], length=len(GOOD)), send(GOOD))
    assert fetch(RemoteFile("a.zip", (url,), sha256=SHA256), None, tmp_path).read_bytes() == GOOD
    assert len(web.asked) == 3
    with pytest.raises(UserError, match="404"):
        fetch(RemoteFile("b.zip", (f"{web.url}/b.zip",)), None, tmp_path)
    assert len(web.asked) == 4


def test_a_file_without_a_url_tells_how_to_give_it_by_hand(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"(?s)no URL is known.*put it at <mirror>/a\.zip"):
        fetch(RemoteFile("a.zip"), None, tmp_path)


def zip_of(name: str, mode: int = 0) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        file.writestr("good", b"1")
        entry = zipfile.ZipInfo(name)
        entry.create_system, entry.external_attr = 3, mode << 16
        file.writestr(entry, b"2")
    return content.getvalue()


def zip_bomb(entries: int = 70) -> bytes:
    """A zip of a MiB of zeros in each of many entries, from a thousandth of that."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as file:
        for number in range(entries):
            file.writestr(str(number), ZEROS)
    return content.getvalue()


def gzip_bomb() -> bytes:
    return gzip.compress(ZEROS) * 70  # the members of a gzip follow each other


def tar_bomb() -> bytes:
    """A tar of one file with the same content."""
    entry = tarfile.TarInfo("zeros")
    entry.size = 70 * len(ZEROS)
    return gzip.compress(entry.tobuf()) + gzip_bomb()


def sparse_bomb() -> bytes:
    """A tar of a few bytes that says that its file is a hole of a TiB."""
    entry = tarfile.TarInfo("hole")
    entry.pax_headers = {"GNU.sparse.map": "0,0", "GNU.sparse.size": str(2**40), "GNU.sparse.numblocks": "1"}
    return gzip.compress(entry.tobuf(tarfile.PAX_FORMAT) + bytes(1024))


ZEROS = bytes(2**20)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.zip", lambda: zip_of("../out"), r"is refused, as its entry '\.\./out' would land outside"),
        ("a.zip", lambda: zip_of("/out"), "is refused, as its entry '/out' would land outside"),
        ("a.zip", lambda: zip_of("link", stat.S_IFLNK | 0o777), "entry 'link' is a link or a device"),
        ("a.zip", zip_bomb, "unpacks to more than 67,108,864 bytes from"),
        ("a.gz", gzip_bomb, "unpacks to more than 67,108,864 bytes from"),
        ("a.tar.gz", tar_bomb, "unpacks to more than 67,108,864 bytes from"),
        ("a.tar.gz", sparse_bomb, "unpacks to more than 67,108,864 bytes from"),
        ("a.tar.gz", lambda: gzip.compress(b"no tar"), "cannot be unpacked"),
    ],
)
def test_archives_that_do_harm_are_not_kept(
    web: Web,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    content: Callable[[], bytes],
    said: str,
) -> None:
    monkeypatch.setattr(checks, "SMALL", 2**26)
    url = web.set(f"/{name}", send(content()))
    file = RemoteFile(name, (url,))
    before = psutil.Process().memory_info().rss
    with pytest.raises(UserError, match=f"{url}: .*{said}"):
        fetch(file, None, tmp_path)
    assert psutil.Process().memory_info().rss < before + 2**26
    assert remains(tmp_path) == []
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / name).write_bytes(content())
    with pytest.raises(UserError, match=f"mirror/{name} .*{said}.*Replace it"):
        fetch(file, str(tmp_path / "mirror"), tmp_path / "cache")
    good = web.set(f"/good/{name}", send(GOOD_FILES[name]))
    fetch(replace(file, urls=(url, good)), None, tmp_path)


def test_an_archive_in_the_cache_that_does_harm_is_downloaded_again(web: Web, tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zip_of("../out"))
    file = RemoteFile("a.zip", (web.set("/a.zip", send(GOOD)),))
    assert fetch(file, None, tmp_path).read_bytes() == GOOD


@pytest.fixture
def full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file system of 1 MB; where none can be mounted, one that says that it is full."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if shutil.which("mount") and subprocess.run(mount, capture_output=True).returncode == 0:
        yield folder
        subprocess.run(["umount", "-l", str(folder)], check=True)
        return

    def write(self: object, url: str, output_file: IO[bytes], pooch: object) -> None:
        output_file.write(GOOD[:100])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pooch.HTTPDownloader.__call__", write)
    yield folder


def test_a_full_disk_is_said_and_nothing_stays(web: Web, full_disk: Path) -> None:
    urls = (web.set("/a.zip", send(zip_bytes(3_000_000))), web.set("/b.zip", send(GOOD)))
    with pytest.raises(UserError, match=r"the disk that holds .*small is full: free some space"):
        fetch(RemoteFile("a.zip", urls), None, full_disk)
    assert remains(full_disk) == []
    assert "/b.zip" not in web.asked
