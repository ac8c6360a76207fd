"""Images are read whatever holds them, and what are none is named."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from measured_networks import IMAGES
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset

from equivariance.errors import UserError
from equivariance.measures.images import check_holder, tiles, to_float

BYTES = (IMAGES * 255).to(torch.uint8)
PICTURES = [Image.fromarray(image.permute(1, 2, 0).numpy()) for image in BYTES]


class Stream(IterableDataset):
    def __iter__(self) -> Iterator[Tensor]:
        return iter(IMAGES)


class Dictionaries(Dataset):
    def __len__(self) -> int:
        return 10

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {"image": IMAGES[index]}


def read(images: Any, size: int = 4, rows: Any = None) -> Tensor:
    return torch.cat(list(tiles(images, size, rows)))


@pytest.mark.parametrize(
    "images",
    {
        "tensor": BYTES,
        "array": BYTES.numpy(),
        "array that is read backwards": BYTES.numpy()[:, :, ::-1].copy()[:, :, ::-1],
        "array of pictures": np.array([*PICTURES, None], dtype=object)[:-1],
        "whole numbers of 16 bits": BYTES.numpy().astype("uint16"),
        "whole numbers of another machine": BYTES.numpy().astype(">i4"),
        "list of tensors": list(BYTES),
        "list of arrays": list(BYTES.numpy()),
        "pictures": PICTURES,
        "pictures and labels": [(picture, 0) for picture in PICTURES],
        "dataset": TensorDataset(BYTES, torch.arange(10)),
        "part of a dataset": Subset(TensorDataset(BYTES), range(10)),
        "channels last in memory": BYTES.to(memory_format=torch.channels_last),
        "a view": BYTES.repeat_interleave(2, 0)[::2],
    }.items(),
    ids=lambda given: given[0],
)
def test_every_holder_gives_the_same_pixels(images):
    assert torch.equal(to_float(read(images[1]), torch.float32), BYTES / 255)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", ">f4"])
def test_floats_are_as_they_are(dtype):
    torch.testing.assert_close(read(IMAGES.numpy().astype(dtype)).float(), IMAGES, rtol=1e-3, atol=0)


def test_rows_are_read_in_their_order_a_tile_at_a_time():
    assert [len(tile) for tile in tiles(IMAGES, 4)] == [4, 4, 2]
    for holder in (IMAGES, IMAGES.numpy(), list(IMAGES)):
        assert torch.equal(read(holder, 2, [7, 0, 7]), IMAGES[[7, 0, 7]])


def test_a_change_of_a_tile_does_not_change_the_images():
    for holder in (IMAGES.clone(), IMAGES.numpy().copy(), list(IMAGES.clone())):
        next(tiles(holder, 3)).zero_()
        assert torch.equal(read(holder), IMAGES)


@pytest.mark.parametrize(
    "images, message",
    [
        (DataLoader(TensorDataset(IMAGES)), "DataLoader, which cuts them into batches; give its dataset"),
        (Stream(), "images are a Stream; needed"),
        ((image for image in IMAGES), "images are a generator"),
        ({"train": IMAGES}, "images are a dict"),
        ("pictures", "images are a str"),
        (None, "images are a NoneType"),
        ([], "no images"),
        (IMAGES[:0], "no images"),
        (IMAGES[0], r"an image has shape \(16, 16\); needed: \(C, H, W\)"),
        (IMAGES[:, :, None], r"an image has shape \(3, 1, 16, 16\)"),
        ([IMAGES[:5], IMAGES[5:]], r"an image has shape \(5, 3, 16, 16\)"),
        ([IMAGES[0], IMAGES[1, :1]], r"differ in shape: \(1, 16, 16\), \(3, 16, 16\)"),
        (IMAGES[:, :0], r"an image has shape \(0, 16, 16\), which is empty"),
        (Dictionaries(), "an image is a dict"),
        (np.array([None] * 3), "an image is a NoneType"),
        (np.full((2, 3, 4, 4), "x"), "an image is a ndarray of <U1"),
        (IMAGES.to_sparse(), "not dense; give its to_dense"),
        (IMAGES + 1j, "complex numbers; needed: real ones"),
        (IMAGES.to(torch.float8_e4m3fn), "images are torch.float8_e4m3fn"),
        (BYTES.int() - 1, "whole numbers from -1 to 2"),
        (BYTES.numpy().astype("uint16") * 257, "whole numbers from 0 to 65"),
        (IMAGES.where(IMAGES.max() > IMAGES, torch.inf), "has pixels that are NaN or infinite"),
    ],
    ids=lambda given: given if isinstance(given, str) else type(given).__name__,
)
def test_what_are_no_images_is_named(images, message):
    with pytest.raises(UserError, match=message):
        read(images)


def test_a_holder_is_checked_before_anything_is_read():
    with pytest.raises(UserError, match="give its dataset instead"):
        check_holder(DataLoader(TensorDataset(IMAGES)))
    check_holder(Dictionaries())


def test_the_image_with_a_bad_pixel_is_named_by_its_row():
    images = IMAGES.clone()
    images[7, 0, 3, 3] = torch.nan
    with pytest.raises(UserError, match="image 7 has pixels that are NaN"):
        read(images, 4, [1, 2, 3, 7, 5])
