"""A run: its settings, its plan, the names of its files, and the digests of the code that makes them."""

import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from equivariance.figures.kinds import figure_kind
from equivariance.models import FAMILIES
from equivariance.models.settings import Family
from equivariance.workflow.config import Config
from equivariance.workflow.digest import code_digest
from equivariance.workflow.plan import Measurement, Network, Plan
from equivariance.workflow.work import Work

IMAGES = ("images", "feature_maps")  # kinds of experiments without a table


class Run:
    """What all rules share."""

    def __init__(self, config: Config, root: Path) -> None:
        """`root` is the folder of the Snakefile, whose `workflow_scripts` the rules run."""
        self.config = config
        self.plan = Plan(config)
        self.work = Work(self.plan, Path("results/data/flops.json"))
        self.results = f"results/{config.run}"
        self.logs = f"logs/{config.run}"
        self.store = "results/store"
        self._root = root
        self._digest = cache(code_digest)

    def source(self, name: str) -> str:
        """The path of a file of the project, from the working directory: folders may move together."""
        return os.path.relpath(self._root / name)

    def dataset_file(self, name: str) -> str:
        """The prepared file of a data set; data sets are shared by all runs."""
        return f"results/data/{name}.npz"

    def network_folder(self, network: Network) -> str:
        """The folder of a network."""
        return f"{self.results}/{network.folder}"

    def network_file(self, network: Network) -> str:
        """The file that tells that a network is there: written last, with the checksums of the others."""
        return f"{self.network_folder(network)}/model.json"

    def initial_weights(self, network: Network) -> str | None:
        """The file with the weights that a network starts from; None where they are random."""
        if network.retrained:
            return f"{self.network_folder(network.initial)}/weights.safetensors"
        name = self.config.models[network.model]["family"]
        return f"results/data/weights/{name}.pth" if self.family(network).published else None

    def initial_file(self, network: Network) -> str | None:
        """The file that tells that these weights are there."""
        return self.network_file(network.initial) if network.retrained else self.initial_weights(network)

    def family(self, network: Network) -> type[Family]:
        """The family that a network is of, with what is special about it."""
        return FAMILIES[self.config.models[network.model]["family"]]

    def measurement_files(self, measurements: Iterable[Measurement]) -> list[str]:
        """The tables of measurements."""
        return [f"{self.results}/measures/{one.path}" for one in measurements]

    def dataset_files(self, items: Iterable[Network | Measurement]) -> list[str]:
        """The prepared data sets of networks or measurements, each once."""
        return sorted({self.dataset_file(one.dataset) for one in items})

    def gpu_share(self, items: Iterable[Network | Measurement]) -> int:
        """The shares of a GPU that a job asks for: all if it has a large network, which fills the GPU."""
        jobs = self.config.jobs
        if not jobs.gpus:
            return 0
        return jobs.gpu_shares if self.work.is_large(items) else 1

    def measured_networks(self, measurements: Iterable[Measurement]) -> list[str]:
        """The files that tell that the networks of measurements are there, each once."""
        return list(dict.fromkeys(self.network_file(one.network) for one in measurements))

    def family_module(self, network: Network) -> str:
        """The module of the family that a network is of, which scripts import by name."""
        return f"equivariance.models.{self.config.models[network.model]['family']}"

    def figure_data(self, experiment: str) -> str:
        """What the figure of an experiment is drawn from: its table, or images."""
        images = self.plan.kind(experiment) in IMAGES
        return f"{self.results}/" + (f"images/{experiment}.npz" if images else f"tables/{experiment}.csv")

    def readable(self, name: str) -> str:
        """A file or folder of what is written for readers, under the results: each language has its own."""
        language = self.config.language
        return name if language == "en" else f"{language}/{name}"

    def written(self, name: str) -> str:
        """The path of a file or folder of what is written for readers."""
        return f"{self.results}/{self.readable(name)}"

    def translations(self) -> list[str]:
        """The file with the texts of the language of the run; none for English."""
        language = self.config.language
        if language == "en":
            return []
        return [self.source(f"workflow_scripts/equivariance/translations/{language}.po")]

    def figure_files(self, *suffixes: str) -> list[str]:
        """The figures of all experiments: pdf, png, or both."""
        return [
            self.written(f"figures/{name}.{suffix}")
            for name in self.config.experiments
            for suffix in suffixes
        ]

    def figure_modules(self, experiments: Iterable[str]) -> list[str]:
        """The modules of the kinds of figures of experiments, which scripts import by name."""
        kinds = {self.config.experiments[name]["figure"]["kind"] for name in experiments}
        return sorted(figure_kind(kind).module for kind in kinds)

    def measuring_memory(self) -> int:
        """Megabytes that a measuring job asks for: 1.5 times the state of its measures, and 2,000."""
        return 2000 + round(1500 * (self.config.measuring["memory_gb"] or 4))

    def code(self, script: str, *plugins: str) -> str:
        """Digest of the code that a script runs, with modules that are chosen by name; see `digest`."""
        return self._digest(self._root / f"workflow_scripts/{script}.py", *plugins)
