"""How a network is measured in the memory there is: which layers and reports together, in one pass or two.

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

    def sweeps(self, every: Sequence[Sweep]) -> list[Sweep]:
        """Empty sweeps of its layers, of the same reports as `every`; in one pass the first ones leave to the
        later ones what these take in too."""
        found = [sweep.part(self.layers) for sweep in every]
        if not self.members:
            for number, sweep in enumerate(found):
                sweep.follow(found[number + 1 :])
        return found

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
class Share:
    """Reports, by their numbers, that are measured in the same passes of the network, in the order of their
    numbers of images; and the groups of layers that are measured one after another."""

    reports: tuple[int, ...]
    groups: tuple[Group, ...]

    def passes(self, sweeps: Sequence[Sweep]) -> int:
        """How often every image is seen under every transformation."""
        return sum(group.passes(sweeps[self.reports[-1]]) for group in self.groups)

    def images(self, sweeps: Sequence[Sweep], counts: Sequence[Sequence[int]]) -> int:
        """How many images the network sees in all passes: those of the largest report, and again those of a
        tile within which a smaller one ends. `counts` are those of each report in each stratum."""
        sweep = sweeps[self.reports[-1]]
        strata = [*zip(*(counts[report] for report in self.reports), strict=True)]

        def seen(members: int) -> int:
            once = sweep.images_at_once(members)
            return sum(
                of_stratum[-1] + sum(count % once for count in {*of_stratum} - {of_stratum[-1]})
                for of_stratum in strata
            )

        every = len(sweep.matrices)
        return sum(
            sweep.needs_rows * seen(every) + sweep.needs_columns * seen(group.members)
            if group.members
            else seen(every)
            for group in self.groups
        )


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


def shares(sweeps: Sequence[Sweep], counts: Sequence[Sequence[int]], memory: float) -> list[Share]:
    """Say which reports are measured together: those whose network sees fewer images so than one by one.

    The sweeps are those of the reports, of the same layers; `counts` says of how many images each report is,
    in each stratum. A report is in one pass or in two as it is by itself, so that its values are the same.
    """
    found: list[Share] = []
    order = sorted(range(len(sweeps)), key=lambda report: sum(counts[report]))
    for report in reversed(order):
        alone = Share((report,), tuple(groups(sweeps[report], max(counts[report]), memory)))
        for number, share in enumerate(found):
            joined = _joined(alone, share, sweeps, counts, memory)
            apart = [alone, share]
            if joined and joined.images(sweeps, counts) < sum(one.images(sweeps, counts) for one in apart):
                found[number] = joined
                break
        else:
            found.append(alone)
    return found


def _joined(
    first: Share, second: Share, sweeps: Sequence[Sweep], counts: Sequence[Sequence[int]], memory: float
) -> Share | None:
    """Put the reports of two shares together, the first the smaller ones; None where that cannot be."""
    reports = (*first.reports, *second.reports)
    members = {group.members for share in (first, second) for group in share.groups}
    passes = {(sweeps[report].needs_rows, sweeps[report].needs_columns) for report in reports}
    if len(members) > 1 or (members != {0} and len(passes) > 1):
        return None
    (opened,) = members
    calls = tuple(sweeps[reports[0]].places)
    most = [max(counts[report]) for report in reports]

    def state_bytes(every: Sequence[Sweep], call: str) -> list[int]:
        state = opened or len(every[0].matrices)
        return [sweep.state_bytes(call, state, count) for sweep, count in zip(every, most, strict=True)]

    alone = [sweeps[report] for report in reports]
    together = Group(calls, opened).sweeps(alone)
    sizes = {call: sum(state_bytes(together, call)) for call in calls}
    if any(size > max(memory, *state_bytes(alone, call)) for call, size in sizes.items()):
        return None
    return Share(reports, tuple(Group(tuple(layers), opened) for layers in _packed(sizes, memory)))


def plan(
    sweeps: Sequence[Sweep], parts: Sequence[Share], counts: Sequence[Sequence[int]], stratified: bool
) -> Plan:
    """Describe a measurement of these shares on so many images of each report in each stratum."""
    sweep = sweeps[0]
    every = len(sweep.matrices)
    most = [max(of_report) for of_report in counts]
    states = [
        sum(
            one.state_bytes(call, group.members or every, most[report])
            for one, report in zip(
                group.sweeps([sweeps[i] for i in share.reports]), share.reports, strict=True
            )
            for call in group.layers
        )
        for share in parts
        for group in share.groups
    ]
    return Plan(
        images=max(map(sum, counts)),
        classes=len(counts[0]) if stratified else 0,
        transformations=every,
        layers=len(sweep.places),
        units=sum(place.units for place in sweep.places.values()),
        passes=sum(share.passes(sweeps) for share in parts),
        memory=max(states),
        seconds=sum(share.images(sweeps, counts) for share in parts) * every * sweep.seconds_per_input,
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
