"""Files are whole or absent."""

import errno
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from equivariance.files import atomic_path, read_json, write_json, write_text


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


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_an_error_while_writing_leaves_all_as_it_was(tmp_path: Path, error: BaseException) -> None:
    write_text(tmp_path / "note.txt", "old")
    with pytest.raises(type(error)), atomic_path(tmp_path / "note.txt") as temporary:
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
    with pytest.raises(OSError, match="No space left"):
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
