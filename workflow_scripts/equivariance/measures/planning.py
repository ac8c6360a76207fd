"""How a network is measured in the memory there is: which layers together, in one pass or two.

In one pass a layer keeps state for all transformations at once; in two (see `passes`), for some at a time.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from equivariance.errors import counted
from equivariance.measures.sweep import Sweep

ROWS, COLUMNS, BOTH = "rows", "columns", "both"
GIB = 2**30
SMALLEST_BATCH = {False: 1, True: 64}  # inputs that are worth a pass, on a CPU and on a GPU


@dataclass(frozen=True)
class Group:
    """Layers that are measured together; in two passes with so many transformations open, 0 for one pass."""

    layers: tuple[str, ...]
    members: int = 0

    def passes(self, sweep: Sweep) -> int:
        """How often every image is seen under every transformation."""
        return sweep.needs_rows + sweep.needs_columns if self.members else 1

    def steps(self, sweep: Sweep) -> list[tuple[str, range]]:
        """The passes to make: what each takes in, and of which transformations."""
        count = len(sweep.matrices)
        if not self.members:
            return [(BOTH, range(count))]
        columns = [
            (COLUMNS, range(start, min(start + self.members, count)))
            for start in range(0, count, self.members)
        ]
        return [(ROWS, range(count))] * sweep.needs_rows + columns * sweep.needs_columns


@dataclass(frozen=True)
class Plan:
    """What a measurement will do, as far as that is known before."""

    images: int
    classes: int  # 0 where it is not stratified
    transformations: int
    layers: int
    units: int
    passes: int  # over all images under all transformations
    memory: int  # bytes of the state
    seconds: float  # estimated

    def __str__(self) -> str:
        classes = f" in {counted(self.classes, 'class')}" if self.classes else ""
        return (
            f"{counted(self.images, 'image')}{classes} under "
            f"{counted(self.transformations, 'transformation')}; {counted(self.layers, 'layer')} with "
            f"{counted(self.units, 'unit')}; {counted(self.passes, 'pass')}, {_size(self.memory)} of memory, "
            f"about {_duration(self.seconds)}"
        )


def groups(sweep: Sweep, samples: int, memory: float) -> list[Group]:
    """Cut the layers, in the order of execution, into groups whose state takes at most `memory` bytes.

    By one pass or two for each group, whichever makes fewer passes in all. A layer that takes more, even so,
    is a group of its own.
    """
    every = len(sweep.matrices)
    one = _packed({call: sweep.state_bytes(call, every, samples) for call in sweep.places}, memory)
    sizes = {call: sweep.state_bytes(call, 1, samples) for call in sweep.places}
    two = _packed(sizes, memory)
    each = sweep.needs_rows + sweep.needs_columns
    if len(one) <= len(two) * each:
        return [Group(tuple(calls)) for calls in one]
    found = []
    for calls in two:
        least = sum(sizes[call] for call in calls)
        cell = sum(sweep.state_bytes(call, 2, samples) for call in calls) - least
        most = 1 + math.floor((memory - least) / cell) if cell and memory > least else 1
        # The passes take as long with few transformations open as with many, as long as batches are not tiny.
        wanted = math.ceil(SMALLEST_BATCH[sweep.device.type == "cuda"] / samples)
        found.append(Group(tuple(calls), min(wanted, most, every)))
    return found


def plan(sweep: Sweep, parts: Sequence[Group], strata: Mapping[str, Sequence[int]], stratified: bool) -> Plan:
    """Describe a measurement of these groups on these images."""
    most = max(map(len, strata.values()))
    images = sum(map(len, strata.values()))
    every = len(sweep.matrices)
    passes = sum(group.passes(sweep) for group in parts)
    states = [
        sum(sweep.state_bytes(call, group.members or every, most) for call in group.layers) for group in parts
    ]
    return Plan(
        images=images,
        classes=len(strata) if stratified else 0,
        transformations=every,
        layers=len(sweep.places),
        units=sum(place.units for place in sweep.places.values()),
        passes=passes,
        memory=max(states),
        seconds=passes * images * every * sweep.seconds_per_input,
    )


def _packed(sizes: Mapping[str, int], memory: float) -> list[list[str]]:
    found: list[list[str]] = []
    used = 0
    for call, size in sizes.items():
        if found and used + size <= memory:
            found[-1].append(call)
            used += size
        else:
            found.append([call])
            used = size
    return found


def _size(count: int) -> str:
    return f"{count / GIB:.1f} GiB" if count >= GIB / 10 else f"{max(count / 2**20, 1):.0f} MiB"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
