"""How long trainings and sweeps take, roughly: jobs are cut by it.

Counting FLOPs takes seconds, and torch: counts are kept in a file from one start of the workflow to the next.
They are those of the sizes that data sets are expected to have, so that preparing data changes no job.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

from equivariance.datasets.sizes import Size, expected_size
from equivariance.files import read_json, write_json
from equivariance.workflow.plan import Measurement, Network, Plan

STEP_SECONDS = 0.002  # of a training step, besides its FLOPs
ITEM_SECONDS = 0.5  # to load, evaluate and save a network, or to make a table

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
        self._known: dict[str, float] = {}
        with suppress(OSError, ValueError):  # whatever is wrong with it, it is counted again
            self._known = dict(read_json(file))

    def seconds(self, items: Sequence[Network | Measurement]) -> float:
        """Seconds that networks take to train, or measurements to make, at the speed of `jobs.gflops`."""
        speed = 1e9 * self._plan.config.jobs.gflops
        steps = sum(self._steps(item) for item in items if isinstance(item, Network))
        return self.flops(items) / speed + steps * STEP_SECONDS + len(items) * ITEM_SECONDS

    def flops(self, items: Iterable[Network | Measurement]) -> float:
        """FLOPs of networks or measurements of the plan."""
        keys = [self._key(item) for item in items]
        if not self._known.keys() >= {*keys}:
            self._count()
        return sum(self._known[key] for key in keys)

    def _count(self) -> None:
        """Count all of the plan that is not known yet, and keep it in the file where that can be written."""
        from equivariance.workflow.estimate import measuring_flops, network_flops

        for network in self._plan.networks():
            if (key := self._key(network)) not in self._known:
                self._known[key] = sum(network_flops(self._plan, network, self._size).values())
        for measurement in self._plan.measurements():
            if (key := self._key(measurement)) not in self._known:
                self._known[key] = measuring_flops(self._plan, measurement, self._size)
        with suppress(OSError):
            write_json(self._file, self._known)

    def _expected(self, dataset: str) -> Size:
        return expected_size(self._plan.config.dataset_source(dataset)) or UNKNOWN

    def _steps(self, network: Network) -> int:
        settings = self._plan.training_settings(network)
        images = min(self._size(network.dataset).train, settings["images"] or 10**9)
        return int(settings["epochs"]) * -(-images // int(settings["batch_size"]))

    def _named(self, item: Network | Measurement) -> str:
        """Name what the FLOPs of an item depend on; seeds are no part of it."""
        network = item if isinstance(item, Network) else item.network
        described = [{**self._plan.training_settings(network), "seed": 0}, self._size(network.dataset)]
        if isinstance(item, Measurement):
            described += [self._plan.measuring_settings(item), self._size(item.dataset)]
        return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()[:16]
