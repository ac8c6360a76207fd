"""However a network arranges its activations, a layer has the values of its feature maps."""

from collections.abc import Callable
from types import SimpleNamespace

import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from equivariance.measures.measuring import measure
from equivariance.measures.sweep import Sweep
from equivariance.transformations.sets import build_set

NAMES = ["tv", "sv", "nv", "tvse", "svse", "nvse", "dses"]
ROTATIONS = build_set("rotations", {"rotations": {"count": 3}})


class Arranged(nn.Module):
    """Maps (N, 6, 4, 8), whose layer `out` gives them arranged in another way."""

    def __init__(self, arrange: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.maps = nn.Conv2d(3, 6, 3, padding=1)
        self.out = nn.Identity()
        self.arrange = arrange

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.arrange(self.maps(x)))


def table(arrange: Callable[[Tensor], Tensor], count: int = 5) -> tuple[pd.Series, pd.Series]:
    """The values of the maps, and those of the layer that arranges them."""
    x = torch.rand(count, 3, 4, 8, generator=torch.Generator().manual_seed(0))
    found = measure(Arranged(arrange), x, ROTATIONS, NAMES, tile=2)
    values = found.set_index(["layer", "measure", "unit"])["value"]
    return values["maps"], values["out"]


def windows(x: Tensor) -> Tensor:
    """(N, C, H, W) to (N * windows, 2, 4, C)."""
    return x.reshape(-1, 6, 2, 2, 2, 4).permute(0, 2, 4, 3, 5, 1).reshape(-1, 2, 4, 6)


def grid(x: Tensor) -> Tensor:
    """(N, C, H, W) to (N, places of a window, windows, C), as in MaxViT."""
    return x.reshape(-1, 6, 2, 2, 4, 2).permute(0, 2, 4, 3, 5, 1).reshape(-1, 8, 4, 6)


AS_MAPS = {
    "channels first": lambda x: x,
    "channels last": lambda x: x.movedim(1, 3),
    "columns before rows": lambda x: x.transpose(2, 3),
    "images last": lambda x: x.permute(1, 2, 3, 0),
    "tokens": lambda x: x.flatten(2).transpose(1, 2),
    "tokens of images": lambda x: x.flatten(2).permute(2, 0, 1),
    "tokens of all images": lambda x: x.movedim(1, 3).flatten(0, 2),
    "maps of all images": lambda x: x.flatten(0, 1)[:, None],
    "heads": lambda x: x.reshape(-1, 2, 3, 4, 8).permute(0, 1, 3, 4, 2).flatten(2, 3),
    "heads of all images": lambda x: x.reshape(-1, 2, 3, 32).transpose(2, 3).flatten(0, 1),
    "windows": windows,
    "windows of images": lambda x: windows(x).reshape(-1, 4, 8, 6),
    "windows and back": lambda x: windows(x).reshape(-1, 2, 2, 2, 4, 6).transpose(2, 3).reshape(-1, 4, 8, 6),
    "grid": grid,
    "shifted back": lambda x: x.roll((-1, -3), (2, 3)).roll((1, 3), (2, 3)),
    "padded and cut": lambda x: nn.functional.pad(x, (0, 6, 0, 3))[:, :, :4, :8],
    "windows, shifted": lambda x: windows(x.roll((-1, 1), (2, 3)).roll((1, -1), (2, 3))),
}


@pytest.mark.parametrize("arrange", AS_MAPS.values(), ids=AS_MAPS)
def test_maps_have_their_values_however_they_are_arranged(arrange):
    maps, out = table(arrange)
    pd.testing.assert_series_equal(out, maps, rtol=1e-5)


WITHOUT_MAPS = {
    "flattened": lambda x: x.flatten(1),
    "channels of all images": lambda x: x.mean((2, 3)).flatten()[:, None],
    "pairs of all images": lambda x: x.mean((2, 3)).reshape(-1, 2),
    "Gram matrices of all images": lambda x: (
        x.reshape(-1, 2, 3, 32) @ x.reshape(-1, 2, 3, 32).transpose(2, 3)
    ),
}


@pytest.mark.parametrize("arrange", WITHOUT_MAPS.values(), ids=WITHOUT_MAPS)
def test_what_are_no_maps_are_units_whose_values_are_those_of_the_rows_of_each_image(arrange):
    """Also where there are several rows for each image."""

    def units(x: Tensor) -> Tensor:
        return arrange(x).reshape(len(x), -1)

    (_, out), (_, expected) = table(arrange), table(units)
    assert set(out.index.get_level_values("measure")) == {"tv", "sv", "nv"}
    pd.testing.assert_series_equal(out, expected, rtol=1e-5)


def test_places_that_were_moved_have_no_same_equivariance_but_the_same_variance():
    maps, out = table(lambda x: x.roll((-1, -3), (2, 3)))
    assert set(out.index.get_level_values("measure")) == {"tv", "sv", "nv"}
    pd.testing.assert_series_equal(out, maps[["tv", "sv", "nv"]], rtol=1e-5)


@pytest.mark.parametrize("count", [2, 4, 6, 8])
def test_the_number_of_images_is_not_taken_for_another_axis(count):
    maps, out = table(AS_MAPS["tokens of all images"], count)
    pd.testing.assert_series_equal(out, maps, rtol=1e-5)


@pytest.mark.parametrize(
    "arrange", [*AS_MAPS.values(), *WITHOUT_MAPS.values()], ids=[*AS_MAPS, *WITHOUT_MAPS]
)
def test_one_image_is_laid_out_as_several(arrange):
    one = SimpleNamespace(matrices=torch.eye(3, dtype=torch.float64)[None])
    x = torch.rand(5, 3, 4, 8)
    single, several = (Sweep(Arranged(arrange), one, ["sv"], tile=tile) for tile in (1, 5))
    layouts = [
        {call: place.layout for call, place in sweep.inspect(x).items()} for sweep in (single, several)
    ]
    assert layouts[0] == layouts[1]
    for sweep in (single, several):
        sweep.update(x)
    pd.testing.assert_frame_equal(single.table(), several.table(), rtol=1e-5)
