"""Files are whole or absent."""

import errno
import os
import stat
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from equivariance.errors import UserError
from equivariance.files import (
    atomic_path,
    check_checksum,
    read_json,
    read_sealed,
    write_checksum,
    write_json,
    write_sealed,
    write_text,
)


def entries(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_with_all_that_was_written_and_nothing_else(tmp_path: Path) -> None:
    write_text(tmp_path / "deep" / "er" / "note.txt", "grüß\n")
    assert (tmp_path / "deep" / "er" / "note.txt").read_bytes() == "grüß\n".encode()
    assert entries(tmp_path / "deep" / "er") == ["note.txt"]


def test_until_the_end_the_old_file_is_there_whole(tmp_path: Path) -> None:
    write_text(tmp_path / "note.txt", "old")
    with atomic_path(tmp_path / "note.txt") as temporary:
        temporary.write_text("new")
        assert (tmp_path / "note.txt").read_text() == "old"
    assert (tmp_path / "note.txt").read_text() == "new"


@pytest.mark.parametrize(
    ("error", "seen"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), UserError),
        (OSError(errno.EIO, "Input/output error"), OSError),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ],
)
def test_an_error_while_writing_leaves_all_as_it_was(
    tmp_path: Path, error: BaseException, seen: type[BaseException]
) -> None:
    write_text(tmp_path / "note.txt", "old")
    with pytest.raises(seen), atomic_path(tmp_path / "note.txt") as temporary:
        temporary.write_text("half of")
        raise error
    assert entries(tmp_path) == ["note.txt"]
    assert (tmp_path / "note.txt").read_text() == "old"


def test_a_disk_found_full_when_data_are_flushed_leaves_all_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="is full: free some space"):
        write_text(tmp_path / "note.txt", "new")
    assert entries(tmp_path) == []


def test_two_writers_of_one_file_do_not_meet(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "note.txt") as first, atomic_path(tmp_path / "note.txt") as second:
        assert first != second
        first.write_text("first, the longer one")
        second.write_text("second")
    assert (tmp_path / "note.txt").read_text() == "first, the longer one"
    assert entries(tmp_path) == ["note.txt"]


def test_the_temporary_file_lies_beside_the_final_one_hidden_and_with_its_suffix(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "table.parquet") as temporary:
        assert temporary.parent == tmp_path
        assert temporary.name.startswith(".table.")
        assert temporary.suffix == ".parquet"


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o027, 0o640), (0o077, 0o600), (0o002, 0o664)])
def test_permissions_are_those_of_any_new_file(tmp_path: Path, mask: int, mode: int) -> None:
    before = os.umask(mask)
    try:
        write_text(tmp_path / "note.txt", "new")
        assert os.umask(mask) == mask
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "note.txt").stat().st_mode) == mode


def test_permissions_are_the_same_where_a_writer_puts_another_file_in_its_place(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "note.txt") as temporary:
        temporary.unlink()
        temporary.touch(mode=0o600)
    (tmp_path / "plain.txt").touch()
    assert (tmp_path / "note.txt").stat().st_mode == (tmp_path / "plain.txt").stat().st_mode


def test_json_comes_back_and_its_bytes_do_not_depend_on_the_order_of_keys(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"b": [1, 2.5, None], "a": {"x": True}})
    write_json(tmp_path / "b.json", {"a": {"x": True}, "b": [1, 2.5, None]})
    assert read_json(tmp_path / "a.json") == {"a": {"x": True}, "b": [1, 2.5, None]}
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_what_json_cannot_hold_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        write_json(tmp_path / "a.json", {"path": tmp_path})
    assert entries(tmp_path) == []


@pytest.mark.parametrize(
    "error", [AttributeError("'_idat' object has no attribute 'fileno'"), RuntimeError()]
)
def test_what_a_library_stumbles_over_on_a_full_disk_is_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def written() -> None:
        with atomic_path(tmp_path / "figure.png") as temporary:
            temporary.write_text("half of")
            raise error

    with pytest.raises(type(error)):
        written()
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=0))
    with pytest.raises(UserError, match=f"{tmp_path} is full"):
        written()
    assert entries(tmp_path) == []


def test_json_with_a_checksum_is_read_as_it_was_written(tmp_path: Path) -> None:
    value = {"b": [1.5, None, "ü"], "a": {"2": 1}, "c": 1e-300}
    write_sealed(tmp_path / "model.json", value)
    assert read_sealed(tmp_path / "model.json") == value


@pytest.mark.parametrize(
    "change", [("0.9", "0.8"), ("accuracy", "accuracz"), ("}", ""), ("sha256", "sha255")]
)
def test_json_that_was_changed_is_damaged(tmp_path: Path, change: tuple[str, str]) -> None:
    file = tmp_path / "model.json"
    write_sealed(file, {"accuracy": 0.9})
    file.write_text(file.read_text().replace(*change))
    with pytest.raises(UserError, match=r"model.json is damaged .* delete it and run the same command again"):
        read_sealed(file)


def test_a_file_is_compared_with_the_checksum_beside_it_if_there_is_one(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("a,b\n1,2\n")
    check_checksum(table)
    write_checksum(table)
    check_checksum(table)
    table.write_text("a,b\n1,3\n")
    with pytest.raises(UserError, match=r"table.csv is damaged"):
        check_checksum(table)
    write_checksum(table)
    for damage in (b"", b"\xff\xfe", b"0" * 64):
        (tmp_path / "table.csv.sha256").write_bytes(damage)
        with pytest.raises(UserError, match=r"table.csv is damaged"):
            check_checksum(table)
