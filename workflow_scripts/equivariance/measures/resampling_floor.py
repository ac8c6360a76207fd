"""The resampling floor: what same-equivariance measures give for networks that are equivariant.

Interpolation, and what lies beyond the border, keep the measures above 0 even for the identity network. What
that network gives, its images averaged to the resolution of a layer, is the least that can be expected of
the layer.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
from torch import Tensor, nn

from equivariance.measures.catalog import MEASURES
from equivariance.measures.names import FLOOR, base
from equivariance.measures.sweep import Sweep


class Resolutions(nn.Module):
    """The images themselves, and averaged to other resolutions: a layer (H, W) for each."""

    def __init__(self, sizes: Sequence[tuple[int, int]]) -> None:
        super().__init__()
        self.layers = nn.ModuleDict({_name(size): nn.AdaptiveAvgPool2d(size) for size in sizes})

    def forward(self, images: Tensor) -> Tensor:
        """Show the images (N, C, H, W) to each layer."""
        for layer in self.layers.values():
            layer(images)
        return images


def resampling_floor(sweep: Sweep, images: Any, rows: Sequence[int]) -> Iterator[pd.DataFrame]:
    """Return the floor of each layer that a sweep, after its inspection, measures same-equivariance on.

    Tables as the sweep's own, of measures `<name>_floor`; units are the channels of the images.
    """
    names = [measure.name for measure in sweep.measures if MEASURES[base(measure.name)].has_floor]
    spatial = {name: place for name, place in sweep.places.items() if place.layout.map_size}
    sizes = sorted({place.layout.map_size for place in spatial.values() if place.layout.map_size})
    if not names or not sizes:
        return
    floor = sweep.with_model(Resolutions(sizes), names)
    floor.update(images, rows)
    table = floor.table()
    for name, place in spatial.items():
        assert place.layout.map_size is not None
        found = table[table["layer"] == f"layers.{_name(place.layout.map_size)}"]
        yield found.assign(
            layer=name,
            layer_index=place.index,
            kind=place.kind,
            depth=place.depth,
            measure=found["measure"] + FLOOR,
        )


def _name(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
