"""Convert pictures of any kind and size to arrays of 8 bits and one shape.

- Depth: gray pixels of 12 and 16 bits are scaled to 8 bits. Floats and whole numbers of 32 bits have no known
  range and are refused. Colours of 16 bits are read by their upper 8.
- Orientation: a picture is turned by its EXIF tag, as a viewer shows it.
- Transparency, also of a palette: the picture is composed on black.
- Several frames or pages: the first is read.
- Colour profile: not applied.
"""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from equivariance.errors import UserError

if TYPE_CHECKING:
    from PIL.Image import Image

GRAY = ("1", "L", "LA", "La", "I", "F")  # and I;16 with its byte orders
BITS_PER_SAMPLE, PHOTOMETRIC = 258, 262  # tags of TIFF


class Unreadable(UserError):
    """A picture that cannot be read; `reason` says why, so that it can follow a number of pictures."""

    def __init__(self, file: Path, reason: str) -> None:
        super().__init__(f"{file} cannot be read as an image: {reason}")
        self.reason = reason


class Read(NamedTuple):
    """A picture that was read, uint8 (C, H, W), and whether it is only the first of several frames."""

    pixels: NDArray[np.uint8]
    first_of_several: bool


def read_picture(file: Path, channels: int, size: tuple[int, int] | None = None) -> Read:
    """Read a file as `to_array` does. Raises Unreadable, whatever is wrong with the file."""
    from PIL import Image, UnidentifiedImageError

    try:
        if not file.is_file():  # opening a pipe would wait forever
            raise Unreadable(file, "linked to nothing" if file.is_symlink() else "not a regular file")
        # By its path, Pillow maps a plain gray TIFF into memory, and mixes its rows up if it is on its side.
        with file.open("rb") as content, Image.open(content) as picture:
            return Read(to_array(picture, channels, size), getattr(picture, "is_animated", False))
    except Unreadable:
        raise
    except UserError as error:
        raise Unreadable(file, str(error)) from error
    except UnidentifiedImageError as error:
        kind = "damaged or in an unsupported format" if file.stat().st_size else "empty"
        raise Unreadable(file, kind) from error
    except Image.DecompressionBombError as error:
        raise Unreadable(file, f"of more than {2 * (Image.MAX_IMAGE_PIXELS or 0):,} pixels") from error
    except MemoryError as error:
        raise Unreadable(file, "too large for memory") from error
    except OSError as error:  # of the disk, with a text of the system's, or of a decoder
        raise Unreadable(
            file, f"not readable: {error.strerror.lower()}" if error.strerror else "damaged"
        ) from error
    except Exception as error:  # decoders raise anything on damaged bytes
        raise Unreadable(file, "damaged") from error


def picture_to_array(picture: "Image") -> NDArray[np.uint8]:
    """Convert a picture of any mode to uint8 (C, height, width): 1 channel of a gray mode, 3 of others.

    Raises UserError as `to_array` does.
    """
    gray = picture.mode in GRAY or picture.mode.startswith("I;16")
    return to_array(picture, 1 if gray else 3)


def to_array(picture: "Image", channels: int, size: tuple[int, int] | None = None) -> NDArray[np.uint8]:
    """Convert a picture of any mode to uint8 (channels, height, width), resized to (height, width) if given.

    One channel is gray, three are RGB. Pixels are averaged where a picture shrinks, interpolated where it
    grows. Raises UserError for a mode without a known range.
    """
    from PIL.Image import Resampling

    deep = _range(picture)
    picture = _upright(picture)
    if deep:
        picture = _eight_bit(picture, *deep)
    if picture.has_transparency_data:
        picture = _on_black(picture)
    if picture.mode in ("LAB", "HSV"):  # which Pillow cannot convert to gray
        picture = picture.convert("RGB")
    picture = picture.convert({1: "L", 3: "RGB"}[channels])
    if size is not None and picture.size != size[::-1]:  # Pillow's sizes are (width, height)
        picture = picture.resize(size[::-1], Resampling.BILINEAR)
    return np.atleast_3d(np.asarray(picture, dtype=np.uint8)).transpose(2, 0, 1)  # (C, H, W)


def resize(images: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Resize RGB images (N, H, W, 3) to (N, 3, height, width)."""
    from PIL import Image

    return np.stack([to_array(Image.fromarray(image), 3, size) for image in images])


def _range(picture: "Image") -> tuple[int, int] | None:
    """Find the values of black and white of gray pixels of more than 8 bits; None for other pictures."""
    mode = picture.mode
    # Pillow reads PGM of 16 bits, and some versions PNG too, as whole numbers of 32 bits, 0 to 65535.
    if mode == "F" or (mode == "I" and picture.format not in ("PNG", "PPM")):
        kind = "floats" if mode == "F" else "whole numbers of 32 bits"
        raise UserError(f"of mode {mode}: {kind}, whose range is not known: save as 8 or 16 bits")
    if not mode.startswith("I"):
        return None
    tags = getattr(picture, "tag_v2", {})
    white = 2 ** tags.get(BITS_PER_SAMPLE, (16,))[0] - 1
    return (white, 0) if tags.get(PHOTOMETRIC) == 0 else (0, white)


def _upright(picture: "Image") -> "Image":
    from PIL import ImageOps

    picture.load()  # whatever fails after this is due to the EXIF
    try:
        return ImageOps.exif_transpose(picture)
    except Exception:  # damaged EXIF, which viewers ignore
        return picture


def _eight_bit(picture: "Image", black: int, white: int) -> "Image":
    from PIL import Image

    values = np.asarray(picture).astype(np.float32)
    gray = np.rint((values - black) * (255 / (white - black))).astype(np.uint8)
    if "transparency" in picture.info:  # the one value that is
        gray[values == picture.info["transparency"]] = 0
    return Image.fromarray(gray)


def _on_black(picture: "Image") -> "Image":
    from PIL import Image

    picture = picture.convert({"La": "LA", "RGBa": "RGBA"}.get(picture.mode, picture.mode)).convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", picture.size, "black"), picture).convert("RGB")
