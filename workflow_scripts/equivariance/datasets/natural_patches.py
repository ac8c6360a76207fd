"""Patches of ten photographs that scikit-image and scikit-learn ship: a stand-in for CIFAR10.

The class is the photograph. Each is cut into tiles; a patch lies within one tile and a tile is in one part,
so that no pixel of a test image is seen in training.
"""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from equivariance.datasets.image_set import ImageSet
from equivariance.datasets.pictures import resize
from equivariance.datasets.settings import resolve, whole
from equivariance.datasets.sizes import Size
from equivariance.errors import UserError

PATCH = 32

DEFAULTS: dict[str, Any] = {"train_per_class": 160, "test_per_class": 40, "image_size": PATCH, "seed": 0}

PHOTOGRAPHS = {
    "astronaut": ("skimage.data", "astronaut.png"),
    "cat": ("skimage.data", "chelsea.png"),
    "coffee": ("skimage.data", "coffee.png"),
    "dahlia": ("sklearn.datasets.images", "flower.jpg"),
    "galaxies": ("skimage.data", "hubble_deep_field.jpg"),
    "motorcycle": ("skimage.data", "motorcycle_left.png"),
    "pagoda": ("sklearn.datasets.images", "china.jpg"),
    "retina": ("skimage.data", "retina.jpg"),
    "rocket": ("skimage.data", "rocket.jpg"),
    "tissue": ("skimage.data", "ihc.png"),
}
TILE = 44  # 13 x 13 different patches lie within
SHORTER_SIDE = 6 * TILE  # photographs are reduced to this, so that a patch shows more than a smooth surface
TEST_TILES = 0.2
FLAT = (
    8.0  # gray levels; patches of a smaller standard deviation (sky, black border) do not show the photograph
)


def expected_size(settings: Mapping[str, Any]) -> Size:
    """See `sizes.expected_size`."""
    classes, side = len(PHOTOGRAPHS), settings["image_size"]
    train, test = (classes * settings[f"{part}_per_class"] for part in ("train", "test"))
    return Size((3, side, side), classes, train, test)


def load(settings: Mapping[str, Any], mirror: str | None, cache: Path) -> ImageSet:
    """Cut RGB patches (3, 32, 32) out of 10 photographs; the groups are the tiles. Needs no file.

    `image_size` is the side that the patches are resized to.
    """
    chosen = resolve("natural_patches", settings, DEFAULTS)
    wanted = [whole(f"{part}_per_class", chosen[f"{part}_per_class"], 1) for part in ("train", "test")]
    seed, side = whole("seed", chosen["seed"], 0), whole("image_size", chosen["image_size"], 1)
    patches, labels, groups, test = [], [], [], []
    for label, name in enumerate(PHOTOGRAPHS):
        generator = np.random.default_rng((seed, label))
        tiles = _tiles(_photograph(name))
        order = generator.permutation(len(tiles))
        cut = round(TEST_TILES * len(tiles))
        for is_test, count, own in ((False, wanted[0], order[cut:]), (True, wanted[1], order[:cut])):
            for index in range(count):
                tile = own[index % len(own)]
                pixels, corners = tiles[tile]
                top, left = generator.choice(corners)
                patches.append(pixels[top : top + PATCH, left : left + PATCH])
                labels.append(label)
                groups.append(f"{name} {tile}")
                test.append(is_test)
    return ImageSet(
        name="natural_patches",
        images=resize(np.stack(patches), (side, side)),
        labels=np.array(labels, dtype=np.int64),
        classes=tuple(PHOTOGRAPHS),
        groups=np.array(groups, dtype=np.str_),
        test=np.array(test, dtype=np.bool_),
    )


def _photograph(name: str) -> NDArray[np.uint8]:
    """Read a photograph from the package that ships it, reduced, (H, W, 3)."""
    from PIL import Image

    package, file = PHOTOGRAPHS[name]
    try:
        with (files(package) / file).open("rb") as content:
            picture = Image.open(content).convert("RGB")
    except FileNotFoundError as error:
        raise UserError(
            f"the installed {package} ships no {file}: install the versions of the lock"
        ) from error
    factor = SHORTER_SIDE / min(picture.size)
    size = [max(SHORTER_SIDE, round(side * factor)) for side in picture.size]
    return np.asarray(picture.resize((size[0], size[1]), Image.Resampling.BOX), dtype=np.uint8)


def _tiles(photograph: NDArray[np.uint8]) -> list[tuple[NDArray[np.uint8], NDArray[np.int64]]]:
    """Cut a photograph into tiles (44, 44, 3), each with the corners (n, 2) of its patches that are not
    flat."""
    height, width, _ = photograph.shape
    found = []
    for top in range(0, height - TILE + 1, TILE):
        for left in range(0, width - TILE + 1, TILE):
            tile = photograph[top : top + TILE, left : left + TILE]
            patches = sliding_window_view(tile.mean(axis=2), (PATCH, PATCH))  # (13, 13, 32, 32)
            corners = np.argwhere(patches.std(axis=(2, 3)) >= FLAT)
            if len(corners):
                found.append((tile, corners))
    return found
