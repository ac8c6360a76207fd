"""One picture to an array: what is plain stays as it is, all else becomes what a viewer shows on black."""

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageCms

from equivariance.datasets.pictures import Unreadable, picture_to_array, read_picture, resize, to_array
from equivariance.errors import UserError

GRAY = np.arange(0, 240, 10, dtype=np.uint8).reshape(4, 6)
COLOURED = np.random.default_rng(0).integers(0, 256, (4, 6, 3)).astype(np.uint8)
MODES = ["1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB", "HSV"]
DEEP = ["I;16", "I;16L", "I;16B", "I;16N"]
WHITE_IS_ZERO, BLACK_IS_ZERO = 0, 1  # photometric interpretations of TIFF


def rgb(gray: np.ndarray) -> np.ndarray:
    return np.repeat(gray[None], 3, axis=0)


@pytest.mark.parametrize("mode", MODES + DEEP)
@pytest.mark.parametrize("channels", [1, 3])
def test_any_mode_becomes_the_wanted_channels(mode: str, channels: int) -> None:
    array = to_array(Image.new(mode, (5, 4)), channels)
    assert array.shape == (channels, 4, 5) and array.dtype == np.uint8


@pytest.mark.parametrize("mode", MODES + DEEP)
def test_a_picture_of_a_gray_mode_has_one_channel_and_any_other_three(mode: str) -> None:
    gray = mode in ("1", "L", "LA", "La", *DEEP)
    assert picture_to_array(Image.new(mode, (5, 4))).shape == ((1 if gray else 3), 4, 5)


def test_sizes_are_height_and_width() -> None:
    assert to_array(Image.new("RGB", (10, 20)), 3, (6, 8)).shape == (3, 6, 8)
    assert resize(np.zeros((2, 10, 20, 3), dtype=np.uint8), (6, 8)).shape == (2, 3, 6, 8)


def test_an_image_of_the_wanted_size_and_channels_is_unchanged() -> None:
    np.testing.assert_array_equal(to_array(Image.fromarray(COLOURED), 3, (4, 6)), COLOURED.transpose(2, 0, 1))


@given(arrays(np.uint8, st.sampled_from([(3, 4), (3, 4, 3)])), st.sampled_from([1, 3]))
def test_plain_gray_and_colour_are_what_pillow_converts_them_to(pixels: np.ndarray, channels: int) -> None:
    picture = Image.fromarray(pixels)
    converted = np.asarray(picture.convert({1: "L", 3: "RGB"}[channels]))
    np.testing.assert_array_equal(to_array(picture, channels), np.atleast_3d(converted).transpose(2, 0, 1))
    resized = np.asarray(picture.convert("L").resize((2, 5), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(to_array(picture, 1, (5, 2))[0], resized)


def test_a_mask_is_black_and_white() -> None:
    mask = Image.fromarray(np.eye(4, dtype=bool))
    np.testing.assert_array_equal(to_array(mask, 1)[0], 255 * np.eye(4))


def test_shrinking_averages() -> None:
    board = np.indices((64, 64)).sum(axis=0) % 2 * np.uint8(255)
    shrunk = to_array(Image.fromarray(board.astype(np.uint8)), 1, (16, 16))
    assert abs(shrunk.astype(int) - 127).max() < 12


@pytest.mark.parametrize("order", ["<u2", ">u2"])
def test_sixteen_bits_are_scaled_and_rounded_to_eight(order: str) -> None:
    every = np.arange(2**16).reshape(256, 256)
    picture = Image.fromarray(every.astype(order))
    np.testing.assert_array_equal(to_array(picture, 1)[0], np.rint(every / 257))
    np.testing.assert_array_equal(picture_to_array(picture), to_array(picture, 1))


@given(arrays(np.uint8, (3, 4)), st.sampled_from([1, 3]), st.sampled_from([None, (5, 7)]))
def test_sixteen_bits_give_what_their_twin_of_eight_gives(
    gray: np.ndarray, channels: int, size: tuple[int, int] | None
) -> None:
    twin = Image.fromarray(gray.astype(np.uint16) * 257)
    np.testing.assert_array_equal(
        to_array(twin, channels, size), to_array(Image.fromarray(gray), channels, size)
    )


@pytest.mark.parametrize("suffix", [".png", ".tif", ".pgm"])
def test_a_file_of_sixteen_bits_gives_what_its_twin_gives(tmp_path: Path, suffix: str) -> None:
    Image.fromarray(GRAY.astype(np.uint16) * 257).save(tmp_path / f"deep{suffix}")
    np.testing.assert_array_equal(read_picture(tmp_path / f"deep{suffix}", 3).pixels, rgb(GRAY))


@pytest.mark.parametrize("bits", [12, 16])
def test_a_tiff_is_scaled_by_its_bits(tmp_path: Path, bits: int) -> None:
    deep = np.rint(GRAY * ((2**bits - 1) / 255)).astype(int)
    write_tiff(tmp_path / "deep.tif", deep, bits, BLACK_IS_ZERO)
    np.testing.assert_array_equal(read_picture(tmp_path / "deep.tif", 1).pixels[0], GRAY)


@pytest.mark.parametrize("bits", [8, 16])
def test_a_tiff_whose_white_is_zero_is_not_turned_into_its_negative(tmp_path: Path, bits: int) -> None:
    deep = (255 - GRAY).astype(int) * (257 if bits == 16 else 1)
    write_tiff(tmp_path / "white.tif", deep, bits, WHITE_IS_ZERO)
    np.testing.assert_array_equal(read_picture(tmp_path / "white.tif", 1).pixels[0], GRAY)


def write_tiff(file: Path, gray: np.ndarray, bits: int, photometric: int) -> None:
    """Write an uncompressed TIFF, of kinds that Pillow reads and does not write."""
    height, width = gray.shape
    if bits == 12:  # packed: every row has whole bytes, for its width is even
        text = "".join(f"{value:012b}" for value in gray.ravel())
        data = int(text, 2).to_bytes(len(text) // 8, "big")
    else:
        data = gray.astype(f"<u{bits // 8}").tobytes()
    tags = {256: width, 257: height, 258: bits, 259: 1, 262: photometric, 277: 1, 278: height, 279: len(data)}
    tags[273] = 8 + 2 + 12 * (len(tags) + 1) + 4  # where the pixels begin
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(tags.items()))
    file.write_bytes(struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + entries + bytes(4) + data)


@pytest.mark.parametrize(("mode", "kind"), [("F", "floats"), ("I", "whole numbers of 32 bits")])
@pytest.mark.parametrize("suffix", [".tif", None])
def test_numbers_without_a_known_range_are_refused(
    tmp_path: Path, mode: str, kind: str, suffix: str | None
) -> None:
    picture = Image.new(mode, (4, 4))
    expected = f"of mode {mode}: {kind}, whose range is not known: save as 8 or 16 bits"
    if suffix is None:
        with pytest.raises(UserError) as raised:
            picture_to_array(picture)
        assert str(raised.value) == expected
        return
    picture.save(tmp_path / "x.tif")
    with pytest.raises(Unreadable) as unreadable:
        read_picture(tmp_path / "x.tif", 1)
    assert str(unreadable.value) == f"{tmp_path / 'x.tif'} cannot be read as an image: {expected}"


TURNS: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda stored: stored,
    2: np.fliplr,
    3: lambda stored: np.rot90(stored, 2),
    4: np.flipud,
    5: np.transpose,
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: np.rot90(stored, 2).T,
    8: np.rot90,
    9: lambda stored: stored,  # no such orientation
}


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize(
    ("suffix", "deep"),
    [(".png", False), (".png", True), (".tif", False), (".tif", True), (".webp", False), (".jpg", False)],
)
def test_a_picture_is_turned_by_its_exif_as_a_viewer_shows_it(
    tmp_path: Path, orientation: int, suffix: str, deep: bool
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(GRAY.astype(np.uint16) * 257 if deep else GRAY)
    options = {".webp": {"lossless": True}, ".jpg": {"quality": 100}}.get(suffix, {})
    stored.save(tmp_path / f"turned{suffix}", exif=exif, **options)
    pixels = read_picture(tmp_path / f"turned{suffix}", 1).pixels[0]
    shown = TURNS[orientation](GRAY)
    assert pixels.shape == shown.shape
    np.testing.assert_allclose(pixels, shown, atol=3 if suffix == ".jpg" else 0)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
@pytest.mark.parametrize("exif", [b"garbage", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\0\x01\x01"])
def test_damaged_exif_turns_nothing(tmp_path: Path, exif: bytes) -> None:
    for suffix in (".png", ".jpg", ".webp"):
        Image.fromarray(COLOURED).save(tmp_path / f"x{suffix}", exif=b"Exif\0\0" + exif)
        assert read_picture(tmp_path / f"x{suffix}", 3).pixels.shape == (3, 4, 6)


@given(arrays(np.uint8, (3, 4, 4)))
def test_what_is_transparent_is_composed_on_black(pixels: np.ndarray) -> None:
    composed = to_array(Image.fromarray(pixels, "RGBA"), 3)
    exact = pixels[..., :3] * (pixels[..., 3:] / 255)
    np.testing.assert_allclose(composed, exact.transpose(2, 0, 1), atol=0.51)
    gray_with_alpha = Image.fromarray(np.ascontiguousarray(pixels[..., 2:]), "LA")
    exact_gray = pixels[..., 2] * (pixels[..., 3] / 255)
    np.testing.assert_allclose(picture_to_array(gray_with_alpha)[0], exact_gray, atol=0.51)


@given(arrays(np.uint8, (3, 4, 3)))
def test_an_opaque_alpha_changes_nothing(pixels: np.ndarray) -> None:
    plain = Image.fromarray(pixels)
    opaque = plain.copy()
    opaque.putalpha(255)
    for channels in (1, 3):
        np.testing.assert_array_equal(to_array(opaque, channels), to_array(plain, channels))


@pytest.mark.parametrize("suffix", [".png", ".gif"])
def test_a_transparent_entry_of_a_palette_is_black(tmp_path: Path, suffix: str) -> None:
    picture = Image.new("P", (2, 1))
    picture.putpalette([200, 100, 50, 10, 20, 30])
    picture.putpixel((1, 0), 1)
    picture.save(tmp_path / f"x{suffix}", transparency=0)
    pixels = read_picture(tmp_path / f"x{suffix}", 3).pixels
    np.testing.assert_array_equal(pixels[:, 0].T, [[0, 0, 0], [10, 20, 30]])


def test_a_palette_with_an_alpha_for_each_entry_is_composed(tmp_path: Path) -> None:
    picture = Image.new("P", (2, 1))
    picture.putpalette([200, 100, 50, 10, 20, 30])
    picture.putpixel((1, 0), 1)
    picture.save(tmp_path / "x.png", transparency=bytes([128, 255]))
    pixels = read_picture(tmp_path / "x.png", 3).pixels
    np.testing.assert_array_equal(pixels[:, 0].T, [[100, 50, 25], [10, 20, 30]])


@pytest.mark.parametrize(
    ("pixels", "transparent"),
    [(GRAY, 230), (GRAY.astype(np.uint16) * 257, 230 * 257), (COLOURED, tuple(COLOURED[-1, -1].tolist()))],
)
def test_a_value_that_a_png_declares_transparent_is_black(
    tmp_path: Path, pixels: np.ndarray, transparent: object
) -> None:
    Image.fromarray(pixels).save(tmp_path / "x.png", transparency=transparent)
    read = read_picture(tmp_path / "x.png", 3).pixels
    assert read[:, -1, -1].tolist() == [0, 0, 0]
    expected = rgb(GRAY) if pixels.ndim == 2 else COLOURED.transpose(2, 0, 1)
    np.testing.assert_array_equal(read[:, :-1], expected[:, :-1])


def test_other_colour_spaces_are_shown_as_rgb(tmp_path: Path) -> None:
    smooth = Image.fromarray(COLOURED).resize((60, 40), Image.Resampling.BICUBIC)
    spaces = {mode: smooth.convert(mode) for mode in ("CMYK", "YCbCr")}
    profiles = (ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"))
    spaces["LAB"] = ImageCms.profileToProfile(smooth, *profiles, outputMode="LAB")
    for mode, picture in spaces.items():
        picture.save(tmp_path / f"{mode}.tif")
        with Image.open(tmp_path / f"{mode}.tif") as stored:
            assert stored.mode == mode
        difference = read_picture(tmp_path / f"{mode}.tif", 3).pixels - to_array(smooth, 3).astype(float)
        assert np.abs(difference).mean() < 3, mode
    spaces["CMYK"].save(tmp_path / "x.jpg", quality=100)
    difference = read_picture(tmp_path / "x.jpg", 3).pixels - to_array(smooth, 3).astype(float)
    assert np.abs(difference).mean() < 3


@pytest.mark.parametrize("suffix", [".gif", ".png", ".webp", ".tif"])
def test_of_several_frames_the_first_is_read(tmp_path: Path, suffix: str) -> None:
    frames = [Image.fromarray(np.full((4, 4), value, dtype=np.uint8)).convert("RGB") for value in (51, 204)]
    options = {".webp": {"lossless": True}}.get(suffix, {})
    frames[0].save(tmp_path / f"x{suffix}", save_all=True, append_images=frames[1:], **options)
    pixels, first_of_several = read_picture(tmp_path / f"x{suffix}", 3)
    assert first_of_several
    assert (pixels == 51).all()
    frames[1].save(tmp_path / f"one{suffix}", **options)
    assert not read_picture(tmp_path / f"one{suffix}", 3).first_of_several


@pytest.fixture(scope="module")
def valid(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The bytes of a picture of each kind."""
    folder = tmp_path_factory.mktemp("valid")
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8))
    written = {}
    for suffix in (".bmp", ".gif", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".webp"):
        (picture.convert("L") if suffix == ".pgm" else picture).save(folder / f"x{suffix}")
        written[suffix] = (folder / f"x{suffix}").read_bytes()
    return written


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@given(st.data())
def test_damage_anywhere_is_told_as_such_or_does_not_matter(
    valid: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    suffix = data.draw(st.sampled_from(sorted(valid)))
    content = valid[suffix]
    cut = data.draw(st.integers(0, len(content) - 1))
    file = tmp_path_factory.getbasetemp() / f"damaged{suffix}"
    # Beyond the first bytes, so that no damaged header asks for gigabytes.
    file.write_bytes(content[:cut] + data.draw(st.binary(max_size=20)) if cut > 100 else content[:cut])
    try:
        assert read_picture(file, 3).pixels.shape[0] == 3
    except Unreadable as error:
        assert error.reason in ("damaged", "damaged or in an unsupported format", "empty")


@pytest.mark.parametrize("suffix", [".bmp", ".gif", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".webp"])
def test_half_a_file_is_damaged(valid: dict[str, bytes], tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"half{suffix}"
    file.write_bytes(valid[suffix][: len(valid[suffix]) // 2])
    with pytest.raises(Unreadable, match="damaged"):
        read_picture(file, 3)
