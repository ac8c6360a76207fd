"""Typed, frozen settings, built once from the merged YAML of a run.

`load_config` reports every mistake of every file together, before any job starts; what it returns can be
trusted. Nothing heavy is imported here: every job of a workflow reads the configuration again.
"""

import copy
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from equivariance.errors import UserError, unknown
from equivariance.models.pretrained import needs_weights
from equivariance.reserved import FINAL, NONE, UNTRAINED
from equivariance.transformations.parameters import set_size
from equivariance.workflow.checks import cross_field_mistakes
from equivariance.workflow.validation import Place, inherit, keys_that_are_no_text, merge, validate

SECTIONS = ("models", "transformations", "experiments")  # each has a file and a schema of its own

Names = tuple[str, ...]


@dataclass(frozen=True)
class Jobs:
    """What a training or measuring job asks for."""

    threads: int
    gpus: int
    batch: int


@dataclass(frozen=True)
class Config:
    """The settings of a run. Sections that are read in one place only stay plain mappings."""

    run: str
    mirror: str | None
    device: str
    pretrained: bool
    only: list[str] | None
    jobs: Jobs
    seeds: Mapping[str, int]
    training: Mapping[str, Any]
    evaluation: Mapping[str, Any]
    measuring: Mapping[str, Any]
    samples: Mapping[str, int | list[int]]
    datasets: Mapping[str, Mapping[str, Any]]
    dataset_groups: Mapping[str, list[str]]
    set_groups: Mapping[str, list[str]]
    models: Mapping[str, Mapping[str, Any]]
    transformations: Mapping[str, Mapping[str, Any]]
    experiments: Mapping[str, Mapping[str, Any]]
    left_out: Mapping[str, str]  # why an experiment is no part of the run, by its title

    def dataset_names(self, names: str | list[str]) -> Names:
        """Write out a name, a group or a list of both, each data set once."""
        return _expand(names, self.dataset_groups)

    def set_names(self, names: str | list[str]) -> Names:
        """Write out a name, a group or a list of both, each set once."""
        return _expand(names, self.set_groups)

    def sample_sizes(self, name: str) -> tuple[int, ...]:
        """Write out an entry of `samples`: one number of images, or several."""
        sizes = self.samples[name]
        return (sizes,) if isinstance(sizes, int) else tuple(sizes)

    def savepoints(self) -> Names:
        """Names of the savepoints in order: per cent of the epochs, and the final weights."""
        return (*(str(p) for p in sorted(self.training["savepoints"]) if p < 100), FINAL)

    def set_definition(self, name: str) -> dict[str, Any]:
        """The families of a set: all that determines it, so without its title."""
        return {key: value for key, value in self.transformations[name].items() if key != "title"}

    def dataset_source(self, name: str) -> dict[str, Any]:
        """The settings of a data set's source: all that determines it, so without its title."""
        return {key: value for key, value in self.datasets[name].items() if key != "title"}

    def epochs(self, model: str, dataset: str, set_name: str) -> int:
        """Epochs of a training: floor(base x 1.1 ln m) for a set of m > e members, else base.

        The base is the model's; the scaling is that of the thesis-time code. A recipe with
        `augmented_epochs` has these for every set of more than the identity, without scaling. A run changes
        either by its factor, and may cap it.
        """
        recipe = self.models[model]["datasets"][dataset]
        members = set_size(self.set_definition(set_name))
        epochs = recipe["epochs"]
        if members > 1 and "augmented_epochs" in recipe:
            epochs = recipe["augmented_epochs"]
        elif members > math.e:
            epochs *= 1.1 * math.log(members)
        epochs *= self.training["epochs"]
        return max(1, math.floor(min(epochs, self.training["max_epochs"] or epochs)))

    def retraining_epochs(self, model: str, dataset: str) -> int:
        """Epochs of a retraining: the model's, times the run's factor, capped as those of a training."""
        epochs = self.models[model]["datasets"][dataset]["retraining_epochs"] * self.training["epochs"]
        return max(1, math.floor(min(epochs, self.training["max_epochs"] or epochs)))

    def schemes(self, model: str, names: str | list[str]) -> Names:
        """Write out the schemes of a retraining; `all` are that of no retraining and those of the model."""
        if isinstance(names, str):
            return (NONE, *self.models[model].get("schemes", {})) if names == "all" else (names,)
        return tuple(names)

    def widths(self, model: str, dataset: str) -> dict[str, int]:
        """Widths of a model for a data set, times the run's factor."""
        widths = self.models[model]["datasets"][dataset]["widths"]
        return {name: max(1, round(width * self.training["width"])) for name, width in widths.items()}

    def titles(self) -> dict[str, str]:
        """Names for people, by the names of models, sets and data sets."""
        named = [*self.datasets.items(), *self.transformations.items(), *self.models.items()]
        return {name: entry.get("title", name) for name, entry in named} | {UNTRAINED: UNTRAINED}


def measure_blocks(entry: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """List what an experiment measures: it gives one mapping, or a list of them, or nothing."""
    given = entry.get("measure", [])
    return [given] if isinstance(given, Mapping) else list(given)


def load_config(raw: Mapping[str, Any], schemas: Path) -> Config:
    """Build the settings from the merged YAML.

    `schemas` is the folder with `config.schema.yaml` and one schema for each of `SECTIONS`.
    Raises UserError with every mistake that was found, one a line.
    """
    given = copy.deepcopy(dict(raw))
    mistakes = list(keys_that_are_no_text(given))
    if mistakes:
        raise _refused(mistakes)
    sections = {name: given.pop(name, {}) for name in SECTIONS}
    models = sections["models"] if isinstance(sections["models"], dict) else {}
    if models:
        sections["models"] = inherit(models, mistakes)
    parents = {
        name: str(model["like"])
        for name, model in models.items()
        if isinstance(model, dict) and "like" in model
    }
    unreadable: list[Place] = [("models", name) for name in models if name not in sections["models"]]
    for name, section in (("config", given), *sections.items()):
        schema = yaml.safe_load((schemas / f"{name}.schema.yaml").read_text(encoding="utf-8"))
        place = () if name == "config" else (name,)
        found, bad = validate(section, schema, place, parents if name == "models" else {})
        mistakes += found
        unreadable += bad
    if not any(_hides_names(place) for place in unreadable):
        given["jobs"] = Jobs(**given["jobs"])
        if given["only"] is not None:
            chosen = {name: entry for name, entry in sections["experiments"].items() if name in given["only"]}
            missing = [name for name in given["only"] if name not in chosen]
            mistakes += [f"only: {unknown('experiment', name, sections['experiments'])}" for name in missing]
            sections["experiments"] = chosen
        config = Config(**given, **{**sections, "models": models | sections["models"]}, left_out={})
        mistakes += cross_field_mistakes(config, {place[:2] for place in unreadable})
        if not mistakes:
            return config if config.pretrained else _without_pretrained(config)
    raise _refused(mistakes)


def read_yaml(*files: Path) -> dict[str, Any]:
    """Read YAML files and merge them as Snakemake does: later files win, mappings are merged key by key."""
    merged: dict[str, Any] = {}
    for file in files:
        merge(merged, yaml.safe_load(file.read_text(encoding="utf-8")) or {})
    return merged


def _refused(mistakes: Iterable[str]) -> UserError:
    return UserError(
        "The configuration has mistakes:\n" + "\n".join(f"  - {mistake}" for mistake in mistakes)
    )


def _without_pretrained(config: Config) -> Config:
    """Leave out the experiments that need published weights."""
    need = {
        name
        for name, entry in config.experiments.items()
        if any(
            needs_weights(config.models[model]["family"])
            for model in entry.get("train", {}).get("models", [])
        )
    }
    return replace(
        config,
        experiments={name: entry for name, entry in config.experiments.items() if name not in need},
        left_out={
            config.experiments[name]["title"]: "it needs published weights (pretrained: false)"
            for name in need
        },
    )


def _hides_names(place: Place) -> bool:
    """Whether a value that cannot be read hides names that other sections use."""
    lists = (*SECTIONS, "datasets", "seeds", "samples", "jobs")
    return (
        not place or place[0] in ("dataset_groups", "set_groups") or (len(place) == 1 and place[0] in lists)
    )


def _expand(names: str | list[str], groups: Mapping[str, list[str]]) -> Names:
    listed = [names] if isinstance(names, str) else names
    members = [member for name in listed for member in groups.get(name, [name])]
    return tuple(dict.fromkeys(members))
