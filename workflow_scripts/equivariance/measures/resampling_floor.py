"""The resampling floor: what same-equivariance measures give for networks that are equivariant.

Interpolation, and what lies beyond the border, keep the measures above 0 even for the identity network. What
that network gives, its images averaged to the resolution of a layer, is the least that can be expected of
the layer.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd
from torch import Tensor, nn

from equivariance.measures.catalog import MEASURES
from equivariance.measures.names import FLOOR, base
from equivariance.measures.planning import Group
from equivariance.measures.survey import Place
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


def resampling_floors(
    readers: Sequence[tuple[Sweep, int]], images: Any, rows: Sequence[int]
) -> list[list[pd.DataFrame]]:
    """Return the floors of each layer that sweeps, after their inspection, measure same-equivariance on.

    A reader is a sweep and how many of the rows, the first ones, it is of, in ascending order. For each there
    are tables as the sweep's own, of measures `<name>_floor`; units are the channels of the images.
    """
    names = [
        [measure.name for measure in sweep.measures if MEASURES[base(measure.name)].has_floor]
        for sweep, _ in readers
    ]
    last, _ = readers[-1]
    spatial = {name: place for name, place in last.places.items() if place.layout.map_size}
    sizes = sorted({place.layout.map_size for place in spatial.values() if place.layout.map_size})
    asked = [number for number, of_reader in enumerate(names) if of_reader]
    if not asked or not sizes:
        return [[] for _ in readers]
    network = last.with_model(Resolutions(sizes), names[asked[-1]])
    places = network.inspect(images, range(readers[asked[-1]][1]))
    every = [network.part(places, names[number], readers[number][0].aggregations) for number in asked]
    floors = Group(tuple(places)).sweeps(every)
    counts = [readers[number][1] for number in asked]
    floors[-1].update(images, rows[: counts[-1]], others=[*zip(floors[:-1], counts[:-1], strict=True)])
    tables = {number: floor.table() for number, floor in zip(asked, floors, strict=True)}
    return [
        [*_of_layers(tables[number], spatial)] if number in tables else [] for number in range(len(names))
    ]


def _of_layers(table: pd.DataFrame, spatial: Mapping[str, Place]) -> Iterator[pd.DataFrame]:
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
