"""What a run consists of: the networks and measurements that its experiments ask for, and their files' names.

Experiments overlap; here they become sets of files, so that nothing is trained or measured twice.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby, product
from typing import Any, TypeVar

from equivariance.config import FINAL, UNTRAINED, Config
from equivariance.measures.names import FAMILY_OF


@dataclass(frozen=True, order=True)
class Network:
    """A trained network, named by what determines it."""

    dataset: str
    model: str
    trained_with: str
    seed: int

    @property
    def folder(self) -> str:
        """Its folder below results/<run>/models/."""
        return f"{self.dataset}/{self.model}/{self.trained_with}/seed{self.seed}"


@dataclass(frozen=True, order=True)
class Measurement:
    """One sweep over samples and transformations, for all measures of a family."""

    network: Network
    savepoint: str
    dataset: str
    part: str
    measured_with: str
    samples: int
    family: str

    @property
    def measured_on(self) -> str:
        """Name of the images."""
        return f"{self.dataset}_{self.part}"

    @property
    def path(self) -> str:
        """Its table below results/<run>/measures/."""
        sweep = f"{self.measured_on}/{self.measured_with}-{self.samples}"
        return f"{self.network.folder}/{self.savepoint}/{sweep}/{self.family}.parquet"


Item = TypeVar("Item", Network, Measurement)


class Plan:
    """The networks and measurements of every experiment of a run."""

    def __init__(self, config: Config) -> None:
        """Write out the grids of all experiments."""
        self.config = config
        self._networks = {name: _networks(entry, config) for name, entry in config.experiments.items()}
        self._measurements = {
            name: list(_measurements(entry["measure"], self._networks[name], self.savepoints(name), config))
            if "measure" in entry
            else []
            for name, entry in config.experiments.items()
        }
        self._with_savepoints = {
            network
            for name, entry in config.experiments.items()
            for network in self._networks[name]
            if entry.get("train", {}).get("savepoints") == "all"
        }

    def kind(self, experiment: str) -> str:
        """What an experiment's table is made from: images, accuracies or profiles."""
        entry = self.config.experiments[experiment]
        return "images" if "images" in entry else "profiles" if "measure" in entry else "accuracies"

    def experiments(self, kind: str) -> list[str]:
        """Names of the experiments of a kind, in the order of the file."""
        return [name for name in self.config.experiments if self.kind(name) == kind]

    def networks(self, experiment: str | None = None) -> list[Network]:
        """The networks of an experiment, or of all, each once and in a fixed order."""
        if experiment is not None:
            return self._networks[experiment]
        return sorted({network for networks in self._networks.values() for network in networks})

    def measurements(self, experiment: str | None = None) -> list[Measurement]:
        """The measurements of an experiment, or of all, each once and in a fixed order."""
        if experiment is not None:
            return self._measurements[experiment]
        return sorted({one for measurements in self._measurements.values() for one in measurements})

    def datasets(self, experiment: str) -> tuple[str, ...]:
        """The data sets of an experiment."""
        entry = self.config.experiments[experiment]
        return self.config.dataset_names(entry.get("images", entry.get("train"))["datasets"])

    def savepoints(self, experiment: str) -> tuple[str, ...]:
        """The savepoints that an experiment looks at."""
        wanted = self.config.experiments[experiment]["train"]["savepoints"]
        return self.config.savepoints() if wanted == "all" else (FINAL,)

    def training_settings(self, network: Network) -> dict[str, Any]:
        """All that determines a network's weights and metrics, no more: a change of it trains again."""
        config = self.config
        model = config.models[network.model]
        untrained = network.trained_with == UNTRAINED
        trained_with = "none" if untrained else network.trained_with
        return {
            "dataset": network.dataset,
            "family": model["family"],
            "settings": {**model["settings"], **config.widths(network.model, network.dataset)},
            "optimizer": dict(model["optimizer"]),
            "batch_size": model["datasets"][network.dataset]["batch_size"],
            "epochs": 0 if untrained else config.epochs(network.model, network.dataset, trained_with),
            "trained_with": trained_with,
            "transformations": config.set_definition(trained_with),
            "seed": network.seed,
            "images": config.training["images"],
            "padding": config.training["padding"],
            "savepoints": (
                [int(percent) for percent in config.savepoints() if percent != FINAL]
                if network in self._with_savepoints
                else []
            ),
            "evaluation": dict(config.evaluation),
        }

    def measuring_settings(self, measurement: Measurement) -> dict[str, Any]:
        """All that determines a measurement besides the network and the images."""
        return {
            "family": measurement.family,
            "part": measurement.part,
            "measured_with": measurement.measured_with,
            "transformations": self.config.set_definition(measurement.measured_with),
            "samples": measurement.samples,
            "padding": self.config.measuring["padding"],
        }


def batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Cut networks or measurements into lists of at most `size` of one model, in a fixed order.

    One model a list, so that a change of its settings trains no other model again.
    """

    def model(item: Network | Measurement) -> str:
        return item.network.model if isinstance(item, Measurement) else item.model

    for _, members in groupby(sorted(items, key=lambda item: (model(item), item)), key=model):
        listed = list(members)
        yield from (listed[start : start + size] for start in range(0, len(listed), size))


def _networks(entry: Mapping[str, Any], config: Config) -> list[Network]:
    if "train" not in entry:
        return []
    grid = entry["train"]
    return [
        Network(*cell)
        for cell in product(
            config.dataset_names(grid["datasets"]),
            grid["models"],
            config.set_names(grid["sets"]),
            range(config.seeds[grid["seeds"]]),
        )
    ]


def _measurements(
    wanted: Mapping[str, Any], networks: Iterable[Network], savepoints: Iterable[str], config: Config
) -> Iterator[Measurement]:
    samples = wanted["samples"] or config.measuring["samples"]
    families = dict.fromkeys(FAMILY_OF[measure] for measure in wanted["measures"])
    for network, savepoint, family in product(networks, savepoints, families):
        given = wanted["with"]
        names = config.set_names(given[network.trained_with] if isinstance(given, Mapping) else given)
        for name in dict.fromkeys(network.trained_with if name == "own" else name for name in names):
            yield Measurement(network, savepoint, network.dataset, wanted["part"], name, samples, family)
