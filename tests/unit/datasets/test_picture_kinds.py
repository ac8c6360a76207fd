"""The command line and the source `folder` of the workflow read the same pictures in the same way."""

import numpy as np
import pytest
from picture_readers import GRAY, TWIN, WHITE, Reader, Workflow, exif
from PIL import Image


def with_alpha(alpha: int) -> Image.Image:
    picture = Image.merge("RGB", [TWIN, TWIN, TWIN])
    picture.putalpha(alpha)
    return picture


DEEP = Image.fromarray(GRAY.astype(np.uint16) * 257)
STORED = Image.fromarray(np.rot90(GRAY).copy())  # to be turned back
LIKE_THE_TWIN: dict[str, tuple[str, Image.Image, dict[str, object]]] = {
    "eight_bits": ("0.png", TWIN, {}),
    "sixteen_bits": ("0.png", DEEP, {}),
    "sixteen_bits_tiff": ("0.tif", DEEP, {}),
    "sixteen_bits_the_other_way_round": ("0.tiff", Image.fromarray(GRAY.astype(">u2") * 257), {}),
    "sixteen_bits_pgm": ("0.pgm", DEEP, {}),
    "turned_by_exif": ("0.png", STORED, {"exif": exif(6)}),
    "turned_tiff": ("0.tif", STORED, {"exif": exif(6)}),
    "sixteen_bits_and_turned": (
        "0.png",
        Image.fromarray(np.rot90(GRAY.astype(np.uint16) * 257)),
        {"exif": exif(6)},
    ),
    "opaque": ("0.png", with_alpha(255), {}),
    "gray_with_alpha": ("0.png", TWIN.convert("LA"), {}),
    "palette": ("0.gif", TWIN.convert("P"), {}),
    "colour": ("0.bmp", TWIN.convert("RGB"), {}),
    "suffix_in_capitals": ("0.PNG", TWIN, {}),
    "nested": ("deep/er/0.png", TWIN, {}),
    "first_of_several_frames": ("0.tif", TWIN, {"save_all": True, "append_images": [WHITE, WHITE]}),
    "first_of_an_animation": ("0.png", TWIN, {"save_all": True, "append_images": [WHITE]}),
}


@pytest.mark.parametrize("case", LIKE_THE_TWIN)
def test_a_picture_of_any_kind_is_what_its_plain_twin_is(reader: Reader, case: str) -> None:
    name, picture, options = LIKE_THE_TWIN[case]
    reader.put(f"cats/{name}", picture, **options)
    images = reader.read()
    np.testing.assert_array_equal(images, [[GRAY] * 3])
    assert reader.classes == ["cats"]
    assert ("only the first frame of 1 (" in reader.told) == ("save_all" in options)


@pytest.mark.parametrize("alpha", [0, 128])
def test_what_is_transparent_is_black(reader: Reader, alpha: int) -> None:
    reader.put("cats/0.png", with_alpha(alpha))
    np.testing.assert_allclose(reader.read()[0, 0], GRAY * (alpha / 255), atol=0.51)


@pytest.mark.parametrize("hidden", [".ipynb_checkpoints", "__MACOSX", ".git/objects"])
def test_a_hidden_folder_is_no_class(reader: Reader, hidden: str) -> None:
    reader.put("cats/0.png")
    reader.put(f"{hidden}/0-checkpoint.png")
    reader.put("cats/._0.png", WHITE)
    assert len(reader.read()) == 1
    assert reader.classes == ["cats"]
    assert "left out: 2 hidden (" in reader.told


def test_files_of_other_kinds_are_counted(reader: Reader) -> None:
    reader.put("cats/0.png")
    for name in ("a.txt", "b.txt", "c.heic"):
        (reader.root / "cats" / name).touch()
    reader.read()
    assert (
        "left out: 3 files of other kinds (.txt 2, .heic 1); supported: .bmp .gif .jpeg .jpg" in reader.told
    )


def test_a_loop_of_links_ends(reader: Reader) -> None:
    reader.put("cats/0.png")
    (reader.root / "cats" / "up").symlink_to(reader.root)
    assert len(reader.read()) == 1


def test_a_class_may_have_any_name(reader: Reader) -> None:
    for name in ("mean", "x.png", "a b"):
        reader.put(f"{name}/0.png")
    if isinstance(reader, Workflow):
        (reader.root.parent / "test" / "cats").rename(reader.root.parent / "test" / "mean")
    assert len(reader.read()) == 3
    assert reader.classes == ["a b", "mean", "x.png"]
