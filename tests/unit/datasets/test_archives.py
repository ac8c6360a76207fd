import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from equivariance.datasets.archives import check_entries, extract, extracted
from equivariance.errors import UserError


def write_zip(path: Path, entries: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in entries.items():
            file.writestr(name, content)
    return path


def write_tar(path: Path, members: list[tarfile.TarInfo], content: bytes = b"") -> Path:
    with tarfile.open(path, "w:gz") as file:
        for member in members:
            if member.isfile():
                member.size = len(content)
            file.addfile(member, io.BytesIO(content) if member.isfile() else None)
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.mark.parametrize(
    "name", ["../out", "a/../../out", "/out", "C:\\out", "C:out", "..\\out", "a\\..\\..\\out"]
)
def test_entries_outside_the_folder_are_refused(tmp_path: Path, name: str) -> None:
    archives = [
        write_zip(tmp_path / "bad.zip", {"good": b"1", name: b"2"}),
        write_tar(tmp_path / "bad.tar.gz", [member("good"), member(name)], b"2"),
    ]
    for archive in archives:
        folder = tmp_path / "into" / "deep"
        with pytest.raises(UserError, match="would land outside"):
            extract(archive, folder)
        assert not folder.exists()
        assert not (tmp_path / "into" / "out").exists()


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE]
)
def test_links_and_devices_in_a_tar_are_refused(tmp_path: Path, kind: bytes) -> None:
    archive = write_tar(tmp_path / "bad.tar.gz", [member("good"), member("link", kind, "/etc/passwd")])
    for action in (check_entries, lambda path: extract(path, tmp_path / "into")):
        with pytest.raises(UserError, match="'link' is a link or a device"):
            action(archive)
    assert not (tmp_path / "into").exists()


def test_a_symbolic_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("link")
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as file:
        file.writestr("good", b"1")
        file.writestr(info, "/etc")
    with pytest.raises(UserError, match="is a link"):
        extract(tmp_path / "bad.zip", tmp_path / "into")
    assert not (tmp_path / "into").exists()


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_a_good_archive_is_extracted_to_a_folder_that_goes_away(tmp_path: Path, kind: str) -> None:
    archive = tmp_path / f"good.{kind}"
    if kind == "zip":
        write_zip(archive, {"a/b/*.png_1": b"x", "c": b"x", "empty/": b""})
    else:
        write_tar(archive, [member("empty", tarfile.DIRTYPE), member("a/b/*.png_1"), member("c")], b"x")
    with extracted(archive, tmp_path / "cache") as folder:
        assert (folder / "a/b/*.png_1").read_bytes() == (folder / "c").read_bytes() == b"x"
        assert (folder / "empty").is_dir()
        assert folder.parent == tmp_path / "cache"
    assert list((tmp_path / "cache").iterdir()) == []


def test_only_a_part_is_extracted_where_that_is_asked_for(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "good.zip", {"root/a/1": b"x", "root/ab/1": b"x"})
    with extracted(archive, tmp_path, only="/a/") as folder:
        assert [path.relative_to(folder).as_posix() for path in folder.rglob("1")] == ["root/a/1"]


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
@pytest.mark.parametrize("damage", ["truncated", "flipped", "text"])
def test_a_damaged_archive_is_said_and_nothing_stays(tmp_path: Path, kind: str, damage: str) -> None:
    archive = tmp_path / f"bad.{kind}"
    noise = bytes((i * i * 31 + i // 7) % 251 for i in range(20_000))
    if kind == "zip":
        write_zip(archive, {"a": noise})
    else:
        write_tar(archive, [member("a")], noise)
    content = bytearray(archive.read_bytes())
    if damage == "truncated":
        content = content[: len(content) // 2]
    elif damage == "flipped":
        content[len(content) // 2] ^= 0xFF
    else:
        content = bytearray(b"hello")
    archive.write_bytes(bytes(content))
    cache = tmp_path / "cache"
    with pytest.raises(UserError, match=r"bad\.(zip|tar\.gz) cannot be unpacked"), extracted(archive, cache):
        pass
    assert list(cache.iterdir()) == []


def test_an_entry_that_is_file_and_folder_is_damage(tmp_path: Path) -> None:
    archive = write_tar(tmp_path / "bad.tar.gz", [member("a"), member("a/b")], b"x")
    with pytest.raises(UserError, match="cannot be unpacked"):
        extract(archive, tmp_path / "into")
