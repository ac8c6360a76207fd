"""What counts as a picture of a folder, of which class, and what is said of the rest."""

import os
from pathlib import Path

import pytest
from torchvision.datasets import ImageFolder

from equivariance.datasets import picture_folders
from equivariance.datasets.picture_folders import SUFFIXES, counted, find_pictures, listed


def put(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def names(root: Path, **options: Path) -> dict[str, str]:
    found = find_pictures(root, **options)
    return {file.relative_to(root).as_posix(): name for file, name in found.files.items()}


def test_a_class_is_a_folder_with_all_that_is_below_it(tmp_path: Path) -> None:
    put(tmp_path, "a.png", "cats/0.png", "cats/black/old/1.png", "dogs/0.png")
    assert names(tmp_path) == {
        "a.png": "",
        "cats/0.png": "cats",
        "cats/black/old/1.png": "cats",
        "dogs/0.png": "dogs",
    }


def test_files_are_in_the_order_of_image_folder(tmp_path: Path) -> None:
    put(
        tmp_path,
        "b/z.png",
        "b/a/x.png",
        "b/a-b/x.png",
        "b/c.png",
        "b-c/0.png",
        "B/0.png",
        "a/1.png",
        "a/0.png",
    )
    data = ImageFolder(tmp_path)
    found = find_pictures(tmp_path)
    assert [str(file) for file in found.files] == [path for path, _ in data.samples]
    assert found.classes == data.classes
    assert list(found.files.values()) == [data.classes[label] for _, label in data.samples]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_case_of_a_suffix_does_not_matter(tmp_path: Path, suffix: str) -> None:
    put(tmp_path, f"a{suffix}", f"B{suffix.upper()}", f"c{suffix.title()}")
    assert len(find_pictures(tmp_path).files) == 3


def test_a_hidden_folder_is_no_class_and_a_hidden_file_no_picture(tmp_path: Path) -> None:
    put(
        tmp_path,
        "cats/0.png",
        "cats/._0.png",
        "cats/.cache/0.png",
        ".ipynb_checkpoints/0.png",
        "__MACOSX/0.png",
    )
    found = find_pictures(tmp_path)
    assert names(tmp_path) == {"cats/0.png": "cats"}
    assert found.classes == ["cats"]
    hidden = ".ipynb_checkpoints, __MACOSX, cats/._0.png, cats/.cache"
    assert found.left_out() == [f"4 hidden ({hidden})"]


def test_the_folder_itself_may_be_hidden(tmp_path: Path) -> None:
    put(tmp_path / ".photos", "cats/0.png")
    assert len(find_pictures(tmp_path / ".photos").files) == 1


def test_files_of_other_kinds_are_counted_by_suffix(tmp_path: Path) -> None:
    put(tmp_path, "0.png", "a.txt", "cats/b.TXT", "cats/c.heic", "cats/README", "cats/0.png")
    assert find_pictures(tmp_path).left_out() == ["4 files of other kinds (.txt 2, no suffix 1, .heic 1)"]


def test_a_folder_without_pictures_is_said(tmp_path: Path) -> None:
    put(tmp_path, "cats/0.png", "notes/a.txt")
    (tmp_path / "birds").mkdir()
    found = find_pictures(tmp_path)
    assert found.classes == ["birds", "cats", "notes"]
    assert "2 folders without images (birds, notes)" in found.left_out()


def test_nothing_is_said_where_all_are_pictures(tmp_path: Path) -> None:
    assert find_pictures(put(tmp_path, "cats/0.png")).left_out() == []


@pytest.mark.parametrize("place", ["results", "cats/results"])
def test_the_folder_of_results_is_not_looked_into(tmp_path: Path, place: str) -> None:
    put(tmp_path, "cats/0.png", f"{place}/profile_nv.png", f"{place}/more/profile_nv.png")
    assert names(tmp_path, skip=tmp_path / "cats" / ".." / place) == {"cats/0.png": "cats"}
    assert find_pictures(tmp_path, skip=tmp_path / place).left_out() == [f"the folder of results ({place})"]
    assert len(names(tmp_path, skip=tmp_path.parent)) == 3


def test_links_are_followed_and_loops_end(tmp_path: Path) -> None:
    put(tmp_path / "elsewhere", "1.png", "deep/2.png")
    root = put(tmp_path / "root", "cats/0.png")
    (root / "cats" / "link.png").symlink_to(tmp_path / "elsewhere" / "1.png")
    (root / "linked").symlink_to(tmp_path / "elsewhere")
    (root / "cats" / "up").symlink_to(root)
    (root / "cats" / "here").symlink_to(".")
    (root / "linked" / "deep" / "back").symlink_to(tmp_path / "elsewhere")
    (root / "loop").symlink_to(root)
    assert names(root) == {
        "cats/0.png": "cats",
        "cats/link.png": "cats",
        "linked/1.png": "linked",
        "linked/deep/2.png": "linked",
    }


def test_many_ways_to_a_folder_count_once_in_a_class_and_once_in_each_class(tmp_path: Path) -> None:
    root = put(tmp_path, "cats/00/0.png")
    for depth in range(1, 30):  # two ways from each level to the next: 2**29 in all
        folder = root / "cats" / f"{depth:02}"
        folder.mkdir()
        for way in ("a", "b"):
            (folder / way).symlink_to(root / "cats" / f"{depth - 1:02}")
    (root / "dogs").symlink_to(root / "cats" / "00")
    assert list(names(root).values()) == ["cats", "dogs"]


def test_links_that_lead_nowhere_are_pictures_that_cannot_be_read_by_their_names(tmp_path: Path) -> None:
    (tmp_path / "gone.png").symlink_to(tmp_path / "absent")
    (tmp_path / "self.png").symlink_to(tmp_path / "self.png")
    (tmp_path / "gone").symlink_to(tmp_path / "absent")
    found = find_pictures(tmp_path)
    assert [file.name for file in found.files] == ["gone.png", "self.png"]
    assert found.left_out() == ["1 file of other kinds (no suffix 1)"]


def test_a_folder_named_like_a_picture_is_a_class_if_it_has_pictures(tmp_path: Path) -> None:
    put(tmp_path, "x.png/0.png", "y.png/notes.txt", "cats/z.png/deep/0.png")
    (tmp_path / "cats" / "w.png").mkdir()
    found = find_pictures(tmp_path)
    assert set(names(tmp_path)) == {"x.png/0.png", "cats/z.png/deep/0.png"}
    assert found.by_reason(found.broken) == ["2 not a file but a folder (cats/w.png, y.png)"]


def test_a_folder_that_cannot_be_listed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "cats/0.png", "dogs/0.png")

    def refuse(folder: Path) -> object:
        if folder.name == "dogs":
            raise PermissionError(13, "Permission denied", str(folder))
        return scandir(folder)

    scandir = os.scandir
    monkeypatch.setattr(picture_folders.os, "scandir", refuse)
    found = find_pictures(tmp_path)
    assert found.by_reason(found.broken) == ["1 not listed: permission denied (dogs)"]
    assert found.left_out() == []


def test_ten_are_named_and_the_others_counted() -> None:
    assert listed([]) == ""
    assert listed(list("abcdefghij")) == "a, b, c, d, e, f, g, h, i, j"
    assert listed(list("abcdefghijk")) == "a, b, c, d, e, f, g, h, i, j and 1 other"
    assert listed([str(number) for number in range(2000)]).endswith("8, 9 and 1,990 others")
    assert counted(0, "image") == "0 images"


def test_a_name_that_would_break_a_line_is_escaped() -> None:
    assert listed(["a\nb.png", "ü.png", "\x1b[1m.png", "\udcff.png"]) == (
        r"'a\nb.png', ü.png, '\x1b[1m.png', '\udcff.png'"
    )
