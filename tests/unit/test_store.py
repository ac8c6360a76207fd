"""The store of finished work: an entry is taken whole, or not at all."""

import os
import shutil
from pathlib import Path

import pytest

from equivariance.store import _link, digest_of, keep, take


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A folder with something finished."""
    folder = tmp_path / "made"
    (folder / "savepoints").mkdir(parents=True)
    (folder / "weights").write_bytes(b"weights")
    (folder / "savepoints" / "50").write_bytes(b"half")
    (folder / "notes").write_bytes(b"not kept")
    return folder


NAMES = ("weights", "savepoints/50")


def test_what_is_kept_is_taken_with_its_bytes_and_without_room_of_its_own(made: Path, tmp_path: Path) -> None:
    keep(tmp_path / "store", "digest", made, NAMES)
    other = tmp_path / "other"
    assert take(tmp_path / "store", "digest", other)
    assert sorted(str(file.relative_to(other)) for file in other.rglob("*") if file.is_file()) == [
        "savepoints/50",
        "weights",
    ]
    assert (other / "weights").read_bytes() == b"weights"
    assert (made / "weights").samefile(other / "weights")
    assert take(tmp_path / "store", "digest", other), "again, over itself"
    assert not list(tmp_path.rglob(".*")), "nothing unfinished is left"


def test_what_is_taken_is_as_young_as_what_was_made_now(made: Path, tmp_path: Path) -> None:
    os.utime(made / "weights", (0, 0))
    keep(tmp_path / "store", "digest", made, NAMES)
    before = (tmp_path / "made" / "notes").stat().st_mtime
    take(tmp_path / "store", "digest", tmp_path / "other")
    assert (tmp_path / "other" / "weights").stat().st_mtime >= before


def test_nothing_is_taken_of_what_is_not_there(tmp_path: Path) -> None:
    assert not take(tmp_path / "store", "digest", tmp_path / "other")
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("damage", ["byte", "cut", "missing", "checksums"])
def test_a_damaged_entry_is_not_used_and_is_replaced(
    made: Path, tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    store, other = tmp_path / "store", tmp_path / "other"
    keep(store, "digest", made, NAMES)
    victim = store / "digest" / ("sha256.json" if damage == "checksums" else "savepoints/50")
    if damage == "missing":
        victim.unlink()
    else:
        victim.write_bytes({"byte": b"hakf", "cut": b"ha", "checksums": b"{"}[damage])
    assert not take(store, "digest", other)
    assert not other.exists()
    assert ("damaged" in caplog.text) == (damage in ("byte", "cut"))
    (made / "savepoints" / "50").unlink()
    (made / "savepoints" / "50").write_bytes(b"half")
    keep(store, "digest", made, NAMES)
    assert take(store, "digest", other)
    assert (other / "savepoints" / "50").read_bytes() == b"half"


def test_a_disk_without_links_gets_copies(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", refused)
    keep(tmp_path / "store", "digest", made, NAMES)
    assert take(tmp_path / "store", "digest", tmp_path / "other")
    assert not (made / "weights").samefile(tmp_path / "other" / "weights")
    assert (tmp_path / "other" / "weights").read_bytes() == b"weights"


def test_a_digest_depends_on_all_of_its_parts_and_on_no_order_of_keys() -> None:
    assert digest_of({"a": 1, "b": 2}, "code") == digest_of({"b": 2, "a": 1}, "code")
    assert len({digest_of({"a": 1}, "code"), digest_of({"a": 2}, "code"), digest_of({"a": 1}, "edited")}) == 3


def test_the_file_that_tells_that_all_is_there_comes_last(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(tmp_path / "store", "digest", made, NAMES)
    placed: list[str] = []

    def link(source: Path, target: Path) -> None:
        placed.append(target.name)
        _link(source, target)

    monkeypatch.setattr("equivariance.store._link", link)
    assert take(tmp_path / "store", "digest", tmp_path / "other", last="savepoints/50")
    assert placed == ["weights", "50"]
    assert take(tmp_path / "store", "digest", tmp_path / "other", last="weights")
    assert placed[2:] == ["50", "weights"]


@pytest.mark.parametrize("checksums", ["null", "[1]", '"text"', '{"weights": null}'])
def test_checksums_of_another_form_are_damaged(made: Path, tmp_path: Path, checksums: str) -> None:
    keep(tmp_path / "store", "digest", made, NAMES)
    (tmp_path / "store" / "digest" / "sha256.json").write_text(checksums)
    assert not take(tmp_path / "store", "digest", tmp_path / "other")


def test_an_entry_that_another_job_removes_meanwhile_is_not_taken(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(tmp_path / "store", "digest", made, NAMES)

    def removed(source: Path, target: Path) -> None:
        shutil.rmtree(tmp_path / "store" / "digest", ignore_errors=True)
        _link(source, target)

    monkeypatch.setattr("equivariance.store._link", removed)
    assert not take(tmp_path / "store", "digest", tmp_path / "other")
