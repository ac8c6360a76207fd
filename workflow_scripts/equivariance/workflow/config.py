"""Typed, frozen settings of a run. `loading` builds and checks them.

Nothing here is slow to import: every job of a workflow reads the configuration again.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from equivariance.reserved import FINAL, NONE, UNTRAINED
from equivariance.transformations.parameters import set_size

Names = tuple[str, ...]


@dataclass(frozen=True)
class Jobs:
    """What one job is: the resources that training and measuring request, and how much a job does."""

    threads: int
    gpus: int
    gpu_shares: int
    minutes: float
    gflops: float
    experiments: int


@dataclass(frozen=True)
class Config:
    """The settings of a run. Sections that are read in one place only stay plain mappings."""

    run: str
    mirror: str | None
    device: str
    container: str | None
    language: str
    pretrained: bool
    padding: str
    only: list[str] | None
    one_dataset: list[str]
    jobs: Jobs
    seeds: Mapping[str, int]
    training: Mapping[str, Any]
    evaluation: Mapping[str, Any]
    measuring: Mapping[str, Any]
    samples: Mapping[str, int | list[int]]
    datasets: Mapping[str, Mapping[str, Any]]
    dataset_groups: Mapping[str, list[str]]
    recipe_groups: Mapping[str, list[str]]
    set_groups: Mapping[str, list[str]]
    models: Mapping[str, Mapping[str, Any]]  # with a recipe for each data set, groups written out
    transformations: Mapping[str, Mapping[str, Any]]
    experiments: Mapping[str, Mapping[str, Any]]
    claims: Mapping[str, Mapping[str, Any]]
    judging: Mapping[str, Any]
    left_out: Mapping[str, str]  # why an experiment is left out of the run, by its title

    def dataset_names(self, names: str | list[str]) -> Names:
        """List the data sets that a name, a group or a list of both stands for, each once."""
        return _expand(names, self.dataset_groups)

    def set_names(self, names: str | list[str]) -> Names:
        """List the sets that a name, a group or a list of both stands for, each once."""
        return _expand(names, self.set_groups)

    def sample_sizes(self, name: str) -> tuple[int, ...]:
        """The numbers of images of an entry of `samples`, which has one or several."""
        sizes = self.samples[name]
        return (sizes,) if isinstance(sizes, int) else tuple(sizes)

    def savepoints(self) -> Names:
        """Names of the savepoints in order: percentages of the epochs, then the final weights."""
        return (*(str(p) for p in sorted(self.training["savepoints"]) if p < 100), FINAL)

    def set_definition(self, name: str) -> dict[str, Any]:
        """The families of a set: all that determines it."""
        given = self.transformations[name]
        return {key: value for key, value in given.items() if key not in ("title", "epochs_for")}

    def dataset_source(self, name: str) -> dict[str, Any]:
        """The settings of a data set's source: all that determines its images."""
        return {key: value for key, value in self.datasets[name].items() if key not in ("title", "recipe_of")}

    @property
    def recipe_of(self) -> dict[str, str]:
        """The data set whose recipes another one has, by the name of the other."""
        return {name: entry["recipe_of"] for name, entry in self.datasets.items() if "recipe_of" in entry}

    def epochs(self, model: str, dataset: str, set_name: str) -> int:
        """Epochs of a training: floor(base x 1.1 ln m) for a set of m > e members, else base.

        The base is that of the recipe; the scaling is that of the code of the thesis; a set with `epochs_for`
        counts as one of at most so many members. A recipe with
        `augmented_epochs` has these, without scaling, for every set with more than the identity. The run
        multiplies both by its factor, and may limit them.
        """
        recipe = self.models[model]["datasets"][dataset]
        members = set_size(self.set_definition(set_name))
        members = min(members, self.transformations[set_name].get("epochs_for", members))
        epochs = recipe["epochs"]
        if members > 1 and "augmented_epochs" in recipe:
            epochs = recipe["augmented_epochs"]
        elif members > math.e:
            epochs *= 1.1 * math.log(members)
        epochs *= self.training["epochs"]
        return max(1, math.floor(min(epochs, self.training["max_epochs"] or epochs)))

    def retraining_epochs(self, model: str, dataset: str) -> int:
        """Epochs of a retraining: the recipe's, times the run's factor, limited as those of a training."""
        epochs = self.models[model]["datasets"][dataset]["retraining_epochs"] * self.training["epochs"]
        return max(1, math.floor(min(epochs, self.training["max_epochs"] or epochs)))

    def schemes(self, model: str, names: str | list[str]) -> Names:
        """List the schemes of a retraining; `all` stands for no retraining and every scheme of the model."""
        if isinstance(names, str):
            return (NONE, *self.models[model].get("schemes", {})) if names == "all" else (names,)
        return tuple(names)

    def widths(self, model: str, dataset: str) -> dict[str, int]:
        """Widths of a model for a data set, times the run's factor."""
        widths = self.models[model]["datasets"][dataset]["widths"]
        return {name: max(1, round(width * self.training["width"])) for name, width in widths.items()}

    def titles(self) -> dict[str, str]:
        """Titles for figures and texts, by the names of models, sets and data sets."""
        named = [*self.datasets.items(), *self.transformations.items(), *self.models.items()]
        return {name: entry.get("title", name) for name, entry in named} | {UNTRAINED: UNTRAINED}


def measure_blocks(entry: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """List what an experiment measures: its entry has one mapping, a list of them, or none."""
    given = entry.get("measure", [])
    return [given] if isinstance(given, Mapping) else list(given)


def _expand(names: str | list[str], groups: Mapping[str, list[str]]) -> Names:
    listed = [names] if isinstance(names, str) else names
    members = [member for name in listed for member in groups.get(name, [name])]
    return tuple(dict.fromkeys(members))
