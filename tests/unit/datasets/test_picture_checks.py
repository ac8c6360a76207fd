"""All pictures are opened before anything is done with them; what is wrong or left out is told, and why."""

import os
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from picture_readers import GRAY, TWIN, WHITE, CommandLine, Reader, Workflow, command, exif
from PIL import Image

from equivariance.cli.pictures import check, find
from equivariance.datasets import picture_checks
from equivariance.errors import UserError


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:60])


def replace_by(maker: Callable[[Path], object]) -> Callable[[Path], None]:
    def replace(file: Path) -> None:
        file.unlink()
        maker(file)

    return replace


BROKEN: dict[str, tuple[str, Callable[[Path], object]]] = {
    "damaged": ("x.png", truncate),
    "empty": ("x.png", lambda file: file.write_bytes(b"")),
    "damaged or in an unsupported format": ("x.jpg", lambda file: file.write_text("no image")),
    "of mode F: floats, whose range is not known: save as 8 or 16 bits": (
        "x.tif", lambda file: TWIN.convert("F").save(file),
    ),
    "of mode I: whole numbers of 32 bits, whose range is not known: save as 8 or 16 bits": (
        "x.tif", lambda file: TWIN.convert("I").save(file),
    ),
    "linked to nothing": ("x.png", replace_by(lambda file: file.symlink_to("absent"))),
    "not a regular file": ("x.png", replace_by(os.mkfifo)),
    "not a file but a folder": ("x.png", replace_by(Path.mkdir)),
}  # fmt: skip


@pytest.fixture(params=sorted(BROKEN))
def broken(request: pytest.FixtureRequest, reader: Reader) -> str:
    """Three pictures, of which one is broken; gives the reason."""
    name, damage = BROKEN[request.param]
    for each in ("0.png", "1.png", name):
        reader.put(f"cats/{each}")
    damage(reader.root / "cats" / name)
    return request.param


def test_what_cannot_be_read_is_named_with_the_reason_and_what_to_do(reader: Reader, broken: str) -> None:
    line = reader.mistake()
    assert "1 of 4 images" in line if isinstance(reader, Workflow) else "1 of 3 images" in line
    assert re.search(rf"cannot be read: 1 {re.escape(broken)} \((train/)?cats/x\.\w+\); repair or", line)
    assert line.endswith(f"; repair or remove it, or leave it out with {reader.remedy}")


def test_what_cannot_be_read_is_left_out_on_demand_and_told(reader: Reader, broken: str) -> None:
    np.testing.assert_array_equal(reader.read(skip=True), [[GRAY] * 3] * 2)
    assert f"left out: 1 {broken} (" in reader.told


def test_all_that_cannot_be_read_and_all_that_differ_in_size_are_told_at_once(reader: Reader) -> None:
    for number in range(14):
        reader.put(f"cats/{number:02}.png").write_bytes(b"" if number < 12 else b"no image")
    reader.put("cats/14.png")
    for number in range(3):
        reader.put(f"dogs/{number}.png")
    reader.put("dogs/tall.png", TWIN.resize((6, 9)))
    reader.put("dogs/turned.png", TWIN, exif=exif(6))
    line = reader.mistake()
    assert re.search(r" 14 of (20|21) images cannot be read: 12 empty \(((train/)?cats/0\d\.png, ){9}", line)
    assert "cats/09.png and 2 others), 2 damaged or in an unsupported format (" in line
    assert (
        f"; repair or remove them, or leave them out with {reader.remedy}; and images differ in size" in line
    )
    assert re.search(
        r"\(height x width\): (train/)?cats/14\.png is 4x6, like [34] others; (train/)?dogs/tall", line
    )
    assert re.search(r"dogs/tall\.png is 9x6, (train/)?dogs/turned\.png is 6x4; give ", line)
    assert line.endswith(f"; give {reader.remedy_of_size}")
    skipped = reader.mistake(skip=True)
    assert "cannot be read" not in skipped and "images differ in size" in skipped
    assert len(reader.read(size=(5, 7), skip=True)) == 6


@pytest.mark.parametrize("with_dogs", [False, True])
def test_a_class_of_which_nothing_can_be_read_is_not_left_out(reader: Reader, with_dogs: bool) -> None:
    reader.put("cats/0.png").write_bytes(b"")
    if with_dogs:
        reader.put("dogs/0.png")
    line = reader.mistake(skip=True)
    if isinstance(reader, CommandLine) and not with_dogs:
        assert "no image can be read: 1 empty (cats/0.png)" in line
    else:
        assert re.search(r"no image of 1 class \((train/)?cats\) can be read: 1 empty", line)


def test_a_disk_that_fails_is_not_called_damage(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    reader.put("cats/0.png")
    bad = reader.put("cats/1.png")
    opened = Path.open

    def fail(file: Path, *given: object) -> object:
        if file == bad:
            raise PermissionError(13, "Permission denied", str(file))
        return opened(file, *given)

    monkeypatch.setattr(Path, "open", fail)
    assert re.search(r"1 not readable: permission denied \((train/)?cats/1\.png\)", reader.mistake())


def test_a_picture_that_is_too_large_is_named(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    reader.put("cats/0.png", TWIN)
    reader.put("cats/1.png", TWIN.resize((60, 40)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert re.search(r"1 of more than 2,000 pixels \((train/)?cats/1\.png\)", reader.mistake())


@pytest.mark.filterwarnings("error")
def test_what_pillow_warns_of_is_not_printed(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    reader.put("cats/0.png", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20)
    if isinstance(reader, CommandLine):  # it measures with Pillow's warnings off; only the check is tried
        check(find(reader.root), command(reader.root), 3, None)
    else:
        assert len(reader.read()) == 1


@pytest.fixture
def photos(tmp_path: Path) -> CommandLine:
    reader = CommandLine(tmp_path / "photos")
    for number in range(4):
        reader.put(f"cats/{number}.png")
        reader.put(f"dogs/{number}.png")
    return reader


def test_the_numbers_of_images_are_told_by_class(photos: CommandLine) -> None:
    photos.read()
    assert photos.told == "8 images in 2 classes: cats 4, dogs 4"
    photos.put("cats/4.png").write_bytes(b"")
    (photos.root / "dogs" / "a.txt").touch()
    photos.put("mouse.gif", TWIN, save_all=True, append_images=[WHITE])
    checked = check(find(photos.root), command(photos.root, "--skip-damaged"), 3, None)
    supported = "supported: .bmp .gif .jpeg .jpg .pgm .png .ppm .tif .tiff .webp"
    assert checked.text() == (
        "9 of 10 images in 2 classes: cats 4, dogs 4; 1 in no class; "
        f"left out: 1 empty (cats/4.png), 1 file of other kinds (.txt 1); {supported}; "
        "only the first frame of 1 (mouse.gif)"
    )


def test_images_in_no_class_are_only_counted(tmp_path: Path) -> None:
    photos = CommandLine(tmp_path / "photos")
    photos.put("0.png")
    assert check(find(photos.root), command(photos.root), 1, None).text() == "1 image"


def test_only_the_chosen_are_checked_and_the_damaged_are_not_chosen(photos: CommandLine) -> None:
    for name in ("cats/0.png", "cats/1.png", "dogs/0.png"):
        (photos.root / name).write_bytes(b"")
    found = find(photos.root)
    checked = check(found, command(photos.root, "--skip-damaged", "--samples", "4"), 3, None)
    assert list(checked.files.values()) == ["cats", "cats", "dogs", "dogs"]
    assert checked.text().startswith("4 of 8 images in 2 classes: cats 2, dogs 2; left out: 3 empty (")
    sizes = set()
    for seed in range(30):
        try:
            sizes.add(
                len(check(found, command(photos.root, "--samples", "2", f"--seed={seed}"), 3, None).files)
            )
        except UserError as error:
            assert "of 2 images cannot be read" in str(error)
    assert sizes == {2}


def test_the_pieces_that_are_read_in_turn_do_not_matter(
    photos: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos.put("dogs/1.png", WHITE)
    whole = photos.read()
    monkeypatch.setattr(picture_checks, "PIECE", 3)
    np.testing.assert_array_equal(photos.read(), whole)
    np.testing.assert_array_equal(whole[5], np.full((3, 4, 6), 255))


def test_one_who_interrupts_does_not_wait_for_the_rest(
    photos: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgotten: list[bool] = []

    class Pool(ThreadPoolExecutor):
        def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
            forgotten.append(cancel_futures)
            super().shutdown(wait, cancel_futures=cancel_futures)

    def interrupted(file: Path, **options: object) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr(picture_checks, "_look", interrupted)
    monkeypatch.setattr(picture_checks, "ThreadPoolExecutor", Pool)
    with pytest.raises(KeyboardInterrupt):
        check(find(photos.root), command(photos.root), 3, None)
    assert forgotten == [True]


def test_images_of_the_workflow_that_are_in_no_class_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    photos = Workflow(tmp_path / "photos" / "train", caplog=caplog)
    photos.put("cats/0.png")
    photos.put("../test/cats/0.png")
    photos.put("stray.png", WHITE)
    assert len(photos.read()) == 1
    assert "left out: 1 in no class (train/stray.png)" in photos.told
    assert caplog.records[0].levelname == "WARNING"


def test_nothing_is_logged_of_a_plain_folder(reader: Reader) -> None:
    reader.put("cats/0.png")
    reader.read()
    assert reader.told == ("1 image in 1 class: cats 1" if isinstance(reader, CommandLine) else "")
