"""What a run consists of: the networks and measurements that its experiments ask for, and their files' names.

Experiments overlap; here they become sets of files, so that nothing is trained or measured twice.
"""

import copy
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from typing import Any

from equivariance.figures.kinds import figure_kind
from equivariance.measures.names import AGGREGATIONS, FAMILY_OF, base, parts
from equivariance.models import FAMILIES as MODEL_FAMILIES
from equivariance.reserved import FINAL, NONE, OWN, UNTRAINED
from equivariance.workflow.checks import drawable_data
from equivariance.workflow.config import Config, measure_blocks

ACCURACY = "accuracy"  # in the place of a family of measures
STRATIFIED = "stratified_"  # before a family: measured class by class


@dataclass(frozen=True, order=True)
class Network:
    """A trained network, named by what determines it; perhaps retrained, with some of its layers frozen."""

    dataset: str
    model: str
    trained_with: str
    seed: int
    retrained_with: str = NONE
    scheme: str = NONE  # name of the layers that are retrained

    @property
    def retrained(self) -> bool:
        """Whether it starts from the weights of another network."""
        return self.scheme != NONE

    @property
    def initial(self) -> "Network":
        """The network that a retrained one starts from."""
        return replace(self, retrained_with=NONE, scheme=NONE)

    @property
    def own_set(self) -> str:
        """The set of its last training; none of a network that was not trained."""
        last = self.retrained_with if self.retrained else self.trained_with
        return NONE if last == UNTRAINED else last

    @property
    def name(self) -> str:
        """Its name as a path."""
        sets = (
            f"{self.trained_with}-{self.retrained_with}/{self.scheme}"
            if self.retrained
            else self.trained_with
        )
        return f"{self.dataset}/{self.model}/{sets}/seed{self.seed}"

    @property
    def folder(self) -> str:
        """Its folder below results/<run>/."""
        return f"{'retrained' if self.retrained else 'models'}/{self.name}"

    @classmethod
    def of(cls, name: str) -> "Network":
        """The network that a path names."""
        dataset, model, sets, *scheme, seed = name.split("/")
        trained_with, _, retrained_with = sets.partition("-")
        number = int(seed.removeprefix("seed"))
        return cls(dataset, model, trained_with, number, retrained_with or NONE, *(scheme or [NONE]))


@dataclass(frozen=True, order=True)
class Measurement:
    """One sweep over samples and transformations, for all measures of a family that any experiment wants; or
    the accuracy of a network under a set."""

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
    def stratified(self) -> bool:
        """Whether it is measured class by class."""
        return self.family.startswith(STRATIFIED)

    @property
    def sweep(self) -> "Measurement":
        """What measurements that one sweep makes have in common: network, images and set, not measures and
        numbers of samples. An accuracy is no sweep, so it is by itself."""
        if self.family == ACCURACY:
            return self
        return replace(self, samples=0, family=STRATIFIED if self.stratified else "")

    @property
    def path(self) -> str:
        """Its table below results/<run>/measures/."""
        sweep = f"{self.measured_on}/{self.measured_with}-{self.samples}"
        return f"{self.network.name}/{self.savepoint}/{sweep}/{self.family}.parquet"


Value = tuple[str, str]
"""A measure and an aggregation of it."""


class Plan:
    """The networks and measurements of every experiment of a run."""

    def __init__(self, config: Config) -> None:
        """Write out the grids of all experiments."""
        self.config = config
        self._networks = {name: _networks(entry, config) for name, entry in config.experiments.items()}
        self._values = {
            name: _values(entry, self._measured_networks(name), self.savepoints(name), config)
            for name, entry in config.experiments.items()
        }
        self._combine()

    def part(self, experiments: Collection[str]) -> "Plan":
        """The plan of some of the experiments: that of the configuration with `only`, made faster."""
        part = copy.copy(self)
        entries = self.config.experiments
        part.config = replace(
            self.config, experiments={name: entries[name] for name in entries if name in experiments}
        )
        part._networks = {name: self._networks[name] for name in part.config.experiments}
        part._values = {name: self._values[name] for name in part.config.experiments}
        part._combine()
        return part

    def _combine(self) -> None:
        """Gather what all experiments want of each measurement and network."""
        self._all_values: dict[Measurement, set[Value]] = {}
        for values in self._values.values():
            for measurement, wanted in values.items():
                self._all_values.setdefault(measurement, set()).update(wanted)
        self.training_settings = cache(self._training_settings)
        self._with_savepoints = {
            network
            for name, entry in self.config.experiments.items()
            for network in self._networks[name]
            if entry.get("train", {}).get("savepoints") == "all"
        }

    def kind(self, experiment: str) -> str:
        """What an experiment's figure is drawn from: see `Kind.draws`; images of an experiment that shows
        feature maps are `feature_maps`."""
        entry = self.config.experiments[experiment]
        if "feature_maps" in entry:
            return "feature_maps"
        drawn = figure_kind(entry["figure"]["kind"]).draws
        given = drawable_data(entry)
        return next(kind for kind in drawn if kind in given)

    def experiments(self, kind: str) -> list[str]:
        """Names of the experiments of a kind, in the order of the file."""
        return [name for name in self.config.experiments if self.kind(name) == kind]

    def networks(self, experiment: str | None = None) -> list[Network]:
        """The networks of an experiment, or of all, each once and in a fixed order.

        Those of all include the networks that retrained ones start from.
        """
        if experiment is not None:
            return self._networks[experiment]
        every = {network for networks in self._networks.values() for network in networks}
        return sorted(every | {network.initial for network in every})

    def in_order(self) -> tuple[list[Network], list[Measurement]]:
        """All networks and all measurements, each in the order in which experiments first need it."""
        networks: dict[Network, None] = {}
        measurements: dict[Measurement, None] = {}
        for name in self.config.experiments:
            for network in self._networks[name]:
                networks |= {network.initial: None, network: None}
            measurements |= dict.fromkeys(self._values[name])
        return list(networks), list(measurements)

    def _measured_networks(self, experiment: str) -> list[Network]:
        """The networks that an experiment measures: all, but where single units or their maps are shown.

        Of units the first seed is shown, of maps the first data set too.
        """
        networks, entry = self._networks[experiment], self.config.experiments[experiment]
        shows_maps = "feature_maps" in entry
        if shows_maps or figure_kind(entry["figure"]["kind"]).one_network:
            networks = [one for one in networks if one.seed == 0]
        if shows_maps:
            networks = [one for one in networks if one.dataset == networks[0].dataset]
        return networks

    def measurements(self, experiment: str | None = None) -> list[Measurement]:
        """The measurements of an experiment, or of all, each once and in a fixed order."""
        return list(self._values[experiment]) if experiment is not None else sorted(self._all_values)

    def sweeps(self, experiment: str) -> list[Measurement]:
        """Those whose measures an experiment wants; the others are the accuracies of its networks."""
        return [one for one in self.measurements(experiment) if one.family != ACCURACY]

    def accuracy(self, network: Network, savepoint: str) -> Measurement | None:
        """The accuracy of a classifier at a savepoint, under the set of its last training."""
        return (
            _accuracy(network, savepoint, network.own_set, self.config)
            if _classifies(network, self.config)
            else None
        )

    def values(self, experiment: str, measurement: Measurement) -> list[Value]:
        """The measures, with their aggregations, that an experiment wants of a measurement, in its order."""
        return list(self._values[experiment][measurement])

    def measures(self, experiment: str) -> list[str]:
        """The measures of an experiment, each once and in its order."""
        blocks = measure_blocks(self.config.experiments[experiment])
        return list(dict.fromkeys(measure for block in blocks for measure in block["measures"]))

    def datasets(self, experiment: str) -> tuple[str, ...]:
        """The data sets of an experiment: those it looks at or trains on, and those it measures on."""
        entry = self.config.experiments[experiment]
        named = self.config.dataset_names(entry.get("images", entry.get("train"))["datasets"])
        return tuple(dict.fromkeys([*named, *(one.dataset for one in self._values[experiment])]))

    def savepoints(self, experiment: str) -> tuple[str, ...]:
        """The savepoints that an experiment looks at."""
        wanted = self.config.experiments[experiment].get("train", {}).get("savepoints")
        return self.config.savepoints() if wanted == "all" else (FINAL,)

    def _training_settings(self, network: Network) -> dict[str, Any]:
        """All that determines a network's weights and metrics, no more: a change of it trains again.

        Of a retrained network, the weights at the start are not part of it.
        """
        config = self.config
        model = config.models[network.model]
        recipe = model["datasets"][network.dataset]
        untrained = network.trained_with == UNTRAINED
        own = network.own_set
        settings = {**model["settings"], **config.widths(network.model, network.dataset)}
        family = MODEL_FAMILIES[model["family"]]
        if family.needs_set:
            settings |= {"transformations": config.set_definition(own), "padding": config.padding}
        if network.retrained:
            epochs = config.retraining_epochs(network.model, network.dataset)
        else:
            epochs = 0 if untrained else config.epochs(network.model, network.dataset, own)
        trained_layers = list(family.published.head) if family.published else None
        return {
            "dataset": network.dataset,
            "family": model["family"],
            "settings": settings,
            "task": model["task"],
            "optimizer": dict(model["optimizer"]),
            "batch_size": recipe["batch_size"],
            "epochs": epochs,
            "trained_with": own,
            "transformations": config.set_definition(own),
            "augmented": not family.needs_set,
            "random_flips": model["random_flips"],
            "trained_layers": list(model["schemes"][network.scheme]) if network.retrained else trained_layers,
            "threshold": None if network.retrained or untrained else recipe.get("threshold"),
            "restarts": config.training["restarts"],
            "seed": network.seed,
            "images": config.training["images"],
            "padding": config.padding,
            "savepoints": (
                [int(percent) for percent in config.savepoints() if percent != FINAL]
                if network in self._with_savepoints
                else []
            ),
            "test_images": config.evaluation["images"],
            "precision": config.training["precision"],
        }

    def measuring_settings(self, measurement: Measurement) -> dict[str, Any]:
        """All that determines a measurement besides the network and the images.

        Its measures and aggregations are those that any experiment wants of it, and what its ratios are made
        of, from which dead units are told.
        """
        sweep = {
            "part": measurement.part,
            "measured_with": measurement.measured_with,
            "transformations": self.config.set_definition(measurement.measured_with),
            "samples": measurement.samples,
            "padding": self.config.padding,
        }
        if measurement.family == ACCURACY:
            per_image = self.config.evaluation["transformations_per_image"]
            return {**sweep, "transformations_per_image": per_image}
        wanted = self._all_values[measurement]
        names = {measure for measure, _ in wanted}
        aggregations = {aggregation for _, aggregation in wanted}
        return {
            **sweep,
            "measures": sorted(names | {part for name in names for part in parts(name)}),
            "aggregations": [name for name in AGGREGATIONS if name in aggregations],
            "stratified": measurement.stratified,
        }


def shared_sweeps(measurements: Iterable[Measurement]) -> list[list[Measurement]]:
    """Group measurements by their sweeps: those of a group should be in one job, which makes one sweep.

    Groups come in the order of their first measurements, and so do measurements in a group.
    """
    groups: dict[Measurement, list[Measurement]] = {}
    for one in measurements:
        groups.setdefault(one.sweep, []).append(one)
    return [*groups.values()]


def _networks(entry: Mapping[str, Any], config: Config) -> list[Network]:
    if "train" not in entry:
        return []
    grid = entry["train"]
    trained = [
        Network(*cell)
        for cell in product(
            config.dataset_names(grid["datasets"]),
            grid["models"],
            config.set_names(grid["sets"]),
            range(config.seeds[grid["seeds"]]),
        )
    ]
    if "retrain" not in entry:
        return trained
    return list(
        dict.fromkeys(
            one if scheme == NONE else replace(one, retrained_with=name, scheme=scheme)
            for one in trained
            for name in config.set_names(entry["retrain"]["with"])
            for scheme in config.schemes(one.model, entry["retrain"]["schemes"])
        )
    )


def _values(
    entry: Mapping[str, Any], networks: Iterable[Network], savepoints: Iterable[str], config: Config
) -> dict[Measurement, dict[Value, None]]:
    """Write out what an entry measures: its measurements with the values wanted of each, in its order."""
    values: dict[Measurement, dict[Value, None]] = {}
    if "test" in entry:
        for network, savepoint in product(networks, savepoints):
            for tested_with in _own(config.set_names(entry["test"]), network.own_set):
                values[_accuracy(network, savepoint, tested_with, config)] = {}
    for block in measure_blocks(entry):
        for network, savepoint, part, samples in product(
            networks, savepoints, block["parts"], config.sample_sizes(block["samples"])
        ):
            for dataset, measured_with in product(
                _own(config.dataset_names(block["datasets"]), network.dataset),
                _own(_measured_with(block["with"], network, config), network.own_set),
            ):
                for measure, aggregation in product(block["measures"], block["aggregations"]):
                    family = (STRATIFIED if block["stratified"] else "") + FAMILY_OF[base(measure)]
                    one = Measurement(network, savepoint, dataset, part, measured_with, samples, family)
                    values.setdefault(one, {})[measure, aggregation] = None
            if savepoint != FINAL and _classifies(network, config):  # at the end the training knows it
                values[_accuracy(network, savepoint, network.own_set, config)] = {}
    return values


def _classifies(network: Network, config: Config) -> bool:
    return bool(config.models[network.model]["task"] == "classification")


def _accuracy(network: Network, savepoint: str, tested_with: str, config: Config) -> Measurement:
    """The accuracy of a network on the test images of its data set."""
    samples = config.evaluation["images"]
    return Measurement(network, savepoint, network.dataset, "test", tested_with, samples, ACCURACY)


def _measured_with(given: Any, network: Network, config: Config) -> Iterable[str]:
    """Names of the sets that a network is measured with; a mapping gives them by that of its training."""
    if not isinstance(given, Mapping):
        return config.set_names(given)
    by_set = {name: names for key, names in given.items() for name in config.set_names(key)}
    return config.set_names(by_set[network.trained_with])


def _own(names: Iterable[str], own: str) -> list[str]:
    return list(dict.fromkeys(own if name == OWN else name for name in names))
