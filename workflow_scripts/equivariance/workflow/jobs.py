"""The jobs of each stage of a run, with all that their rules need.

A job trains networks, or makes measurements, that are known beforehand: so many that starting Python takes
little beside the work. Tables and figures have a job each, which a wildcard names, or in small runs one for
several. Rules are written once, for both.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

from equivariance.measures.catalog import MEASURES
from equivariance.measures.names import base
from equivariance.workflow.plan import Measurement, Network, shared_sweeps
from equivariance.workflow.run import IMAGES, Run

CAPTION = "../paper/captions/figure.rst"
"""Template of the captions in the report, from a file of rules."""

START_MINUTES = 10  # of a job, for its start on a slow file system and what is not in its FLOPs
MOST = 200  # networks or measurements of a job: for each, Snakemake looks through all that its job makes
MARGIN = 3  # times the expected time: `jobs.gflops` is one number for all networks and GPUs

Wildcards = Any  # Snakemake's: their values are attributes
Item = TypeVar("Item", Network, Measurement, str)
Work = TypeVar("Work", Network, Measurement)


@dataclass(frozen=True)
class Job(Generic[Item]):
    """What a rule does: `targets` name its outputs, perhaps by wildcards; `items` is what it works on."""

    run: Run
    name: str
    log: str
    """Its log; the benchmark is beside it."""
    targets: Sequence[str]
    items: Callable[[Wildcards], Sequence[Item]]

    @property
    def benchmark(self) -> str:
        """The file with the time and memory that it took."""
        return f"{self.log.removesuffix('.log')}.benchmark.tsv"


class ComputingJob(Job[Work]):
    """Train networks, or measure them."""

    def gpu_share(self, wildcards: Wildcards) -> int:
        """The shares of a GPU that it asks for."""
        return self.run.gpu_share(self.items(wildcards))

    def minutes(self, wildcards: Wildcards) -> int:
        """Minutes that a cluster gives the first attempt: what it is expected to take, with a margin."""
        seconds = self.run.work.seconds(self.items(wildcards))
        return START_MINUTES + math.ceil(MARGIN * seconds / 60)


class TrainingJob(ComputingJob[Network]):
    """Train networks, or retrain them; its targets are their folders."""

    def files(self, name: str) -> list[str]:
        """The files of a name in the folders of its networks."""
        return [f"{folder}/{name}" for folder in self.targets]

    def datasets(self, wildcards: Wildcards) -> list[str]:
        """The prepared data sets of its networks."""
        return self.run.dataset_files(self.items(wildcards))

    def initial_weights(self, wildcards: Wildcards) -> list[str | None]:
        """The file with the weights that each network starts from; None where they are random."""
        return [self.run.initial_weights(network) for network in self.items(wildcards)]

    def initial_files(self, wildcards: Wildcards) -> list[str]:
        """The files that tell that these are there, each once."""
        return sorted({file for one in self.items(wildcards) if (file := self.run.initial_file(one))})

    def settings(self, wildcards: Wildcards) -> list[dict[str, Any]]:
        """All that determines each of its networks."""
        return [self.run.plan.training_settings(network) for network in self.items(wildcards)]

    def codes(self, wildcards: Wildcards) -> list[str]:
        """Digest of the code that trains each of its networks."""
        return [self._code(network) for network in self.items(wildcards)]

    def _code(self, network: Network) -> str:
        start = ["equivariance.models.pretrained"] if self.run.family(network).published else []
        return self.run.code("train_networks", self.run.family_module(network), *start)


class MeasuringJob(ComputingJob[Measurement]):
    """Measure networks; its targets are the tables of the measurements."""

    def networks(self, wildcards: Wildcards) -> list[str]:
        """What it reads of the networks."""
        return self.run.measured_networks(self.items(wildcards))

    def datasets(self, wildcards: Wildcards) -> list[str]:
        """The prepared data sets that it measures on."""
        return self.run.dataset_files(self.items(wildcards))

    def settings(self, wildcards: Wildcards) -> list[dict[str, Any]]:
        """All that determines each of its measurements."""
        return [
            {
                "folder": self.run.network_folder(one.network),
                "savepoint": one.savepoint,
                "dataset": one.dataset,
                "settings": self.run.plan.measuring_settings(one),
            }
            for one in self.items(wildcards)
        ]

    def codes(self, wildcards: Wildcards) -> list[str]:
        """Digest of the code that makes each of its measurements."""
        return [self._code(measurement) for measurement in self.items(wildcards)]

    def _code(self, measurement: Measurement) -> str:
        names = self.run.plan.measuring_settings(measurement).get("measures", [])
        measures = {f"equivariance.measures.{MEASURES[base(name)].module}" for name in names}
        needed = measures or {"equivariance.training.evaluation"}  # for an accuracy
        family = self.run.family_module(measurement.network)
        return self.run.code("measure_networks", family, *sorted(needed))


class ExperimentJob(Job[str]):
    """Tabulate or draw experiments; its targets are their files without a suffix."""

    def files(self, suffix: str) -> list[str]:
        """Its outputs with a suffix."""
        return [f"{stem}.{suffix}" for stem in self.targets]

    def each(self, function: Callable[[str], Any]) -> Callable[[Wildcards], list[Any]]:
        """A function of wildcards: what `function` gives for each of its experiments."""
        return lambda wildcards: [function(name) for name in self.items(wildcards)]

    def all(self, function: Callable[[str], Iterable[str]]) -> Callable[[Wildcards], list[str]]:
        """A function of wildcards: the files that `function` gives for its experiments, each once."""
        return lambda wildcards: list(
            dict.fromkeys(file for name in self.items(wildcards) for file in function(name))
        )


class FigureJob(ExperimentJob):
    """Draw experiments."""

    def code(self, wildcards: Wildcards) -> str:
        """Digest of the code that draws, with the kinds of its figures."""
        return self.run.code("plot_figures", *self.run.figure_modules(self.items(wildcards)))

    def captions(self) -> list[str]:
        """The file that the report reads each caption from: what was written beside the figure, or, where
        wildcards name it, a template that includes that.
        """
        single = self.targets == [self.run.written("figures/{experiment}")]
        return [CAPTION] if single else [str(Path(file).absolute()) for file in self.files("rst")]

    def of_entries(self, read: Callable[[Mapping[str, Any]], Any]) -> list[Callable[[Wildcards], Any]]:
        """For each of its experiments, a function of wildcards: what `read` gives for the entry."""

        def of_entry(place: int, wildcards: Wildcards) -> Any:
            return read(self.run.config.experiments[self.items(wildcards)[place]])

        return [partial(of_entry, place) for place in range(len(self.targets))]


AnyExperimentJob = TypeVar("AnyExperimentJob", bound=ExperimentJob)


def training_jobs(run: Run) -> Iterator[TrainingJob]:
    """The jobs that train, and those that retrain."""
    every, _ = run.plan.in_order()
    for stage in ("train", "retrain"):
        groups = [[network] for network in every if network.retrained == (stage == "retrain")]
        for number, networks in enumerate(_batches(run, groups)):
            targets = [run.network_folder(network) for network in networks]
            log = f"{run.logs}/{stage}ing/{number}.log"
            yield TrainingJob(run, f"{stage}_networks_{number}", log, targets, _always(networks))


def measuring_jobs(run: Run) -> Iterator[MeasuringJob]:
    """The jobs that measure."""
    _, every = run.plan.in_order()
    for number, measurements in enumerate(_batches(run, shared_sweeps(every))):
        targets = run.measurement_files(measurements)
        log = f"{run.logs}/measures/{number}.log"
        yield MeasuringJob(run, f"measure_networks_{number}", log, targets, _always(measurements))


def _batches(run: Run, groups: Iterable[Sequence[Work]]) -> Iterator[list[Work]]:
    """Join groups that are on the same data and ask for the same share of a GPU.

    Who asks for one figure then fetches no data of others; and in a job with a large network, small ones
    would have the GPU alone, too.
    """
    alike: dict[tuple[Any, ...], list[Sequence[Work]]] = {}
    for group in groups:
        first = group[0]
        data = first.network.dataset if isinstance(first, Measurement) else first.dataset
        alike.setdefault((run.gpu_share(group), data), []).append(group)
    for listed in alike.values():
        yield from batches(listed, run.work.seconds, 60 * run.config.jobs.minutes)


def batches(
    groups: Iterable[Sequence[Work]],
    seconds: Callable[[Sequence[Work]], float],
    least: float,
    most: int = MOST,
) -> Iterator[list[Work]]:
    """Join groups, in their order, to lists that take at least so many seconds or have at least `most` items.

    The last may be shorter.
    """
    batch: list[Work] = []
    took = 0.0
    for group in groups:
        batch += group
        took += seconds(group)
        if took >= least or len(batch) >= most:
            yield batch
            batch, took = [], 0.0
    if batch:
        yield batch


def table_jobs(run: Run) -> Iterator[ExperimentJob]:
    """The jobs that make the tables of experiments."""
    names = [name for name in run.config.experiments if run.plan.kind(name) not in IMAGES]
    return _experiment_jobs(run, ExperimentJob, "make_table", "tables", names)


def figure_jobs(run: Run) -> Iterator[FigureJob]:
    """The jobs that draw experiments."""
    return _experiment_jobs(run, FigureJob, "plot_figure", run.readable("figures"), [*run.config.experiments])


def _experiment_jobs(
    run: Run, job: type[AnyExperimentJob], verb: str, folder: str, experiments: Sequence[str]
) -> Iterator[AnyExperimentJob]:
    """The jobs that do something with experiments, into a folder of the results."""
    stem, logs = f"{run.results}/{folder}", f"{run.logs}/{folder}"
    size = run.config.jobs.experiments
    if size == 1:
        yield job(run, verb, f"{logs}/{{experiment}}.log", [f"{stem}/{{experiment}}"], _experiments)
        return
    for number, start in enumerate(range(0, len(experiments), size)):
        names = experiments[start : start + size]
        targets = [f"{stem}/{name}" for name in names]
        yield job(run, f"{verb}_{number}", f"{logs}/batch{number}.log", targets, _always(names))


def _always(items: Sequence[Item]) -> Callable[[Wildcards], Sequence[Item]]:
    return lambda wildcards: items


def _experiments(wildcards: Wildcards) -> list[str]:
    return [wildcards.experiment]
