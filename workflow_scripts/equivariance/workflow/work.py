"""How long trainings and sweeps take, roughly: jobs are cut by it.

Counting FLOPs takes seconds, and torch: counts are kept in a file from one start of the workflow to the next.
They are those of the sizes that data sets are expected to have, so that preparing data changes no job.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from equivariance.datasets.sizes import Size, expected_size
from equivariance.errors import UserError
from equivariance.files import read_json, write_json
from equivariance.workflow.plan import Measurement, Network, Plan, shared_sweeps

STEP_SECONDS = 0.002  # of a training step, besides its FLOPs
ITEM_SECONDS = 0.5  # to load, evaluate and save a network, or to make a table

LARGE_FLOPS = 3e8
"""FLOPs of the forward pass of an image from which a network is called large: it is expected to fill a GPU by
itself. SimpleConv has 4.5e7 with 32 filters on MNIST and 9.2e8 with 128 on CIFAR10; ResNet-18 has 1.1e9."""


@dataclass(frozen=True)
class Image:
    """An image that goes through a network."""

    network: Network


Part = Network | tuple[Measurement, ...] | Image
"""What has FLOPs of its own: a training, a sweep for several measurements, or a forward pass."""

UNKNOWN = Size((3, 32, 32), 10, 50_000, 10_000)
"""In the place of a data set whose size is not known before it is read, as that of a folder of images."""


class Work:
    """The work of a plan, with its counts of FLOPs in a file."""

    def __init__(self, plan: Plan, file: Path) -> None:
        """Read the counts that are known."""
        self._plan = plan
        self._file = file
        self._size = cache(self._expected)
        self._key = cache(self._named)
        self._described = cache(self._described_network)
        self._known: dict[str, float] = {}
        with suppress(OSError, UserError, ValueError):  # whatever is wrong with it, it is counted again
            self._known = dict(read_json(file))

    def seconds(self, items: Sequence[Network | Measurement]) -> float:
        """Seconds that networks take to train, or measurements to make, at the speed of `jobs.gflops`."""
        speed = 1e9 * self._plan.config.jobs.gflops
        steps = sum(self._steps(item) for item in items if isinstance(item, Network))
        return self.flops(items) / speed + steps * STEP_SECONDS + len(items) * ITEM_SECONDS

    def flops(self, items: Iterable[Network | Measurement]) -> float:
        """FLOPs of networks or measurements of the plan; whole sweeps are best asked for at once."""
        return sum(self._count(part) for part in _parts(items))

    def is_large(self, items: Iterable[Network | Measurement]) -> bool:
        """Whether one of the networks, or of those that are measured, is large, see `LARGE_FLOPS`."""
        networks = {item if isinstance(item, Network) else item.network for item in items}
        return any(self._count(Image(network)) >= LARGE_FLOPS for network in networks)

    def _count(self, part: Part) -> float:
        """Look up the FLOPs of a part; if they are not known, count the whole plan, and keep the file."""
        key = self._key(part)
        if key not in self._known:
            plan = self._plan
            parts = [*_parts(plan.networks()), *_parts(plan.measurements()), *map(Image, plan.networks())]
            for one in (part, *parts):
                if self._key(one) not in self._known:
                    self._known[self._key(one)] = self._flops(one)
            with suppress(OSError):
                write_json(self._file, self._known)
        return self._known[key]

    def _flops(self, part: Part) -> float:
        from equivariance.workflow.estimate import forward_flops, image_flops, measuring_cost, network_costs

        if isinstance(part, Image):
            return forward_flops(self._plan, part.network, self._size)
        if isinstance(part, Network):
            return sum(network_costs(self._plan, part, self._size, image_flops).values())
        return measuring_cost(self._plan, part, self._size, image_flops)

    def _expected(self, dataset: str) -> Size:
        return expected_size(self._plan.config.dataset_source(dataset)) or UNKNOWN

    def _steps(self, network: Network) -> int:
        settings = self._plan.training_settings(network)
        images = min(self._size(network.dataset).train, settings["images"] or 10**9)
        return int(settings["epochs"]) * -(-images // int(settings["batch_size"]))

    def _named(self, part: Part) -> str:
        """Name what the FLOPs of a part depend on; seeds are no part of it."""
        one = part[0] if isinstance(part, tuple) else part
        network = one if isinstance(one, Network) else one.network
        described: list[Any] = [self._described(network), type(part).__name__]
        if isinstance(part, tuple):
            described += [self._size(part[0].dataset), *map(self._plan.measuring_settings, part)]
        return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()[:16]

    def _described_network(self, network: Network) -> str:
        settings = {**self._plan.training_settings(network), "seed": 0}
        return json.dumps([settings, self._size(network.dataset)], sort_keys=True)


def _parts(items: Iterable[Network | Measurement]) -> list[Part]:
    """Networks, and the measurements of each sweep."""
    listed = list(items)
    sweeps = shared_sweeps(one for one in listed if isinstance(one, Measurement))
    return [*(one for one in listed if isinstance(one, Network)), *map(tuple, sweeps)]
