import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from equivariance.datasets import lsa16_schemes
from equivariance.errors import UserError

MODES = {
    "rgb": "RGB",
    "rgb_resized": "RGB",
    "rgb_black_background": "RGB",
    "gray": "L",
    "bw": "1",
    "bw_contour": "L",
}


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    """The archive's layout: 2 classes, 10 subjects; a bar at the top, brighter in the second."""
    path = tmp_path / "mirror" / lsa16_schemes.ARCHIVE.name
    path.parent.mkdir(parents=True)
    with zipfile.ZipFile(path, "w") as file:
        for position in ("original", "nr"):
            for appearance, mode in MODES.items():
                for label in (1, 2):
                    for subject in range(1, 11):
                        side = 32 + 4 * subject if appearance == "rgb" else 32
                        pixels = np.zeros((side, side), dtype=np.uint8)
                        pixels[: side // 4] = 100 * label
                        content = io.BytesIO()
                        picture = Image.fromarray(pixels)
                        picture = picture.point(lambda v: 255 * (v > 0)) if mode == "1" else picture
                        # A few of the real files have a fourth channel.
                        kind = "RGBA" if (appearance, subject) == ("rgb", 3) else mode
                        picture.convert(kind).save(content, "PNG")
                        ending = "" if appearance.startswith("rgb") and "black" not in appearance else "_000"
                        name = f"{position}/{appearance}/{label:02}_{subject:02}_01{ending}.png"
                        file.writestr(
                            f"convolutional_handshape-master/{lsa16_schemes.FOLDER}/{name}",
                            content.getvalue(),
                        )
    return tmp_path / "mirror"


@pytest.mark.parametrize("appearance", sorted(MODES))
@pytest.mark.parametrize("position", ["original", "nr", "mr"])
def test_every_scheme_is_32x32_with_its_channels(
    position: str, appearance: str, mirror: Path, tmp_path: Path
) -> None:
    settings = {"position": position, "appearance": appearance}
    if (position, appearance) == ("nr", "rgb_resized"):
        with pytest.raises(UserError, match="rgb_resized in the positions original and mr only"):
            lsa16_schemes.load(settings, str(mirror), tmp_path / "cache")
        return
    images = lsa16_schemes.load(settings, str(mirror), tmp_path / "cache")
    channels = 3 if appearance.startswith("rgb") else 1
    assert images.images.shape == (320 if position == "mr" else 20, channels, 32, 32)
    assert len(images.classes) == 16
    assert set(images.groups[images.test]) == {"9", "10"}
    upright = images.images[:: 16 if position == "mr" else 1]
    expected = 255 if appearance == "bw" else 100
    assert abs(int(upright[0, 0, 1, 16]) - expected) <= 1 and upright[0, 0, 30, 16] == 0
    assert list((tmp_path / "cache").iterdir()) == []


def test_mr_has_16_copies_a_sixteenth_of_a_turn_apart(mirror: Path, tmp_path: Path) -> None:
    settings = {"position": "mr", "appearance": "gray"}
    copies = lsa16_schemes.load(settings, str(mirror), tmp_path / "cache").images[:16, 0]
    for quarter in range(4):
        np.testing.assert_array_equal(copies[4 * quarter], np.rot90(copies[0], quarter))
    assert len({copy.tobytes() for copy in copies}) == 16


def test_copies_of_a_photograph_are_never_in_both_parts(mirror: Path, tmp_path: Path) -> None:
    settings = {"position": "mr", "appearance": "gray", "split": "random"}
    images = lsa16_schemes.load(settings, str(mirror), tmp_path / "cache")
    parts = images.test.reshape(-1, 16)
    assert (parts == parts[:, :1]).all()
    assert parts[:, 0].sum() == 4


@pytest.mark.parametrize("settings", [{"position": "upright"}, {"appearance": "grey"}])
def test_an_unknown_scheme_is_said(settings: dict[str, str], mirror: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"unknown (position|appearance) .*valid: "):
        lsa16_schemes.load(settings, str(mirror), tmp_path / "cache")


def test_an_archive_without_the_scheme_is_said(mirror: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(mirror / lsa16_schemes.ARCHIVE.name, "w") as file:
        file.writestr("convolutional_handshape-master/README.md", "hello")
    with pytest.raises(UserError, match=r"contains no images in .*nr/gray"):
        lsa16_schemes.load({"position": "nr", "appearance": "gray"}, str(mirror), tmp_path / "cache")
