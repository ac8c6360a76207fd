import numpy as np
import pytest
from PIL import Image

from equivariance.datasets.pictures import resize, to_array


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK"])
@pytest.mark.parametrize("channels", [1, 3])
def test_any_mode_becomes_the_wanted_channels(mode: str, channels: int) -> None:
    array = to_array(Image.new(mode, (5, 4)), channels)
    assert array.shape == (channels, 4, 5) and array.dtype == np.uint8


def test_sizes_are_height_and_width() -> None:
    assert to_array(Image.new("RGB", (10, 20)), 3, (6, 8)).shape == (3, 6, 8)
    assert resize(np.zeros((2, 10, 20, 3), dtype=np.uint8), (6, 8)).shape == (2, 3, 6, 8)


def test_an_image_of_the_wanted_size_and_channels_is_unchanged() -> None:
    image = np.random.default_rng(0).integers(0, 256, (4, 5, 3)).astype(np.uint8)
    np.testing.assert_array_equal(to_array(Image.fromarray(image), 3, (4, 5)), image.transpose(2, 0, 1))


def test_a_mask_is_black_and_white() -> None:
    mask = Image.fromarray(np.eye(4, dtype=bool))
    np.testing.assert_array_equal(to_array(mask, 1)[0], 255 * np.eye(4))


def test_shrinking_averages() -> None:
    board = np.indices((64, 64)).sum(axis=0) % 2 * np.uint8(255)
    shrunk = to_array(Image.fromarray(board.astype(np.uint8)), 1, (16, 16))
    assert abs(shrunk.astype(int) - 127).max() < 12
