"""Typed, frozen settings, built once from the merged YAML of a run.

`load_config` reports every mistake of every file together, before any job starts; what it returns can be trusted.
Nothing heavy is imported here: every job of a workflow reads the configuration again.
"""

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from equivariance.checks import cross_field_mistakes
from equivariance.errors import UserError, unknown
from equivariance.transformations.parameters import set_size

SECTIONS = ("models", "transformations", "experiments")  # each has a file and a schema of its own
UNTRAINED = "untrained"  # in the place of a set: a network that keeps its initial weights
FINAL = "final"  # the savepoint at the end of training

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
    jobs: Jobs
    seeds: Mapping[str, int]
    training: Mapping[str, Any]
    evaluation: Mapping[str, Any]
    measuring: Mapping[str, Any]
    datasets: Mapping[str, Mapping[str, Any]]
    dataset_groups: Mapping[str, list[str]]
    set_groups: Mapping[str, list[str]]
    models: Mapping[str, Mapping[str, Any]]
    transformations: Mapping[str, Mapping[str, Any]]
    experiments: Mapping[str, Mapping[str, Any]]

    def dataset_names(self, names: str | list[str]) -> Names:
        """Write out a name, a group or a list of both, each data set once."""
        return _expand(names, self.dataset_groups)

    def set_names(self, names: str | list[str]) -> Names:
        """Write out a name, a group or a list of both, each set once."""
        return _expand(names, self.set_groups)

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

        The base is the model's, times the run's factor; the scaling is that of the thesis-time code. A run may cap it.
        """
        base = self.models[model]["datasets"][dataset]["epochs"] * self.training["epochs"]
        members = set_size(self.set_definition(set_name))
        scaled = base * 1.1 * math.log(members) if members > math.e else base
        return max(1, math.floor(min(scaled, self.training["max_epochs"] or scaled)))

    def widths(self, model: str, dataset: str) -> dict[str, int]:
        """Widths of a model for a data set, times the run's factor."""
        widths = self.models[model]["datasets"][dataset]["widths"]
        return {name: max(1, round(width * self.training["width"])) for name, width in widths.items()}

    def titles(self) -> dict[str, str]:
        """Names for people, by the names of models, sets and data sets."""
        named = [*self.datasets.items(), *self.transformations.items(), *self.models.items()]
        return {name: entry.get("title", name) for name, entry in named} | {UNTRAINED: "untrained"}


def load_config(raw: Mapping[str, Any], schemas: Path) -> Config:
    """Build the settings from the merged YAML.

    `schemas` is the folder with `config.schema.yaml` and one schema for each of `SECTIONS`.
    Raises UserError with every mistake that was found, one a line.
    """
    raw = copy.deepcopy(dict(raw))
    mistakes: list[str] = []
    sections: dict[str, Any] = {"config": raw}
    for name in SECTIONS:
        sections[name] = raw.pop(name, {})
    try:
        sections["models"] = _inherit(sections["models"])
    except UserError as error:
        raise UserError(f"The configuration has a mistake: {error}") from error
    unreadable: list[Any] = []
    for name, section in sections.items():
        schema = yaml.safe_load((schemas / f"{name}.schema.yaml").read_text(encoding="utf-8"))
        found = sorted(Draft202012Validator(schema).iter_errors(section), key=lambda e: list(map(str, e.path)))
        mistakes += [_describe(name, error) for error in found]
        unreadable += [error for error in found if not _drop_unknown_keys(section, error)]
        _fill_defaults(section, schema, schema)
    if not unreadable:
        config = Config(**{**sections["config"], "jobs": Jobs(**raw["jobs"])}, **{n: sections[n] for n in SECTIONS})
        mistakes += cross_field_mistakes(config)
        if not mistakes:
            return config
    raise UserError("The configuration has mistakes:\n" + "\n".join(f"  - {mistake}" for mistake in mistakes))


def read_yaml(*files: Path) -> dict[str, Any]:
    """Read YAML files and merge them as Snakemake does: later files win, mappings are merged key by key."""
    merged: dict[str, Any] = {}
    for file in files:
        _merge(merged, yaml.safe_load(file.read_text(encoding="utf-8")) or {})
    return merged


def _merge(into: dict[str, Any], other: Mapping[str, Any]) -> None:
    for key, value in other.items():
        if isinstance(value, Mapping) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = copy.deepcopy(value)


def _expand(names: str | list[str], groups: Mapping[str, list[str]]) -> Names:
    listed = [names] if isinstance(names, str) else names
    members = [member for name in listed for member in groups.get(name, [name])]
    return tuple(dict.fromkeys(members))


def _inherit(models: Mapping[str, Any]) -> dict[str, Any]:
    """Write out `like`: a model takes all of another one and changes what it gives itself."""
    written_out: dict[str, Any] = {}
    for name, model in models.items():
        chain = [name]
        while isinstance(model, Mapping) and "like" in model:
            parent = model["like"]
            if parent not in models:
                raise UserError(f"models.{chain[-1]}.like: {parent!r} is no model; valid: {', '.join(sorted(models))}")
            if parent in chain:
                raise UserError(f"models.{name}.like: goes in a circle: {' -> '.join([*chain, parent])}")
            chain.append(parent)
            merged = copy.deepcopy(dict(models[parent]))
            _merge(merged, {key: value for key, value in model.items() if key != "like"})
            model = merged
        written_out[name] = model
    return written_out


def _drop_unknown_keys(section: Any, error: Any) -> bool:
    """Take keys that no schema knows out again, once reported, so that the other checks can go on."""
    if error.validator != "additionalProperties" or not isinstance(error.schema.get("properties"), dict):
        return False
    for key in set(error.instance) - set(error.schema["properties"]):
        del error.instance[key]
    return True


def _describe(section: str, error: Any) -> str:
    place = ".".join([*([] if section == "config" else [section]), *map(str, error.path)]) or "configuration"
    if error.validator == "additionalProperties" and isinstance(error.schema.get("properties"), dict):
        valid = error.schema["properties"]
        extra = sorted(set(error.instance) - set(valid))
        return "; ".join(f"{place}: {unknown('key', key, valid)}" for key in extra)
    if error.validator == "oneOf":
        return f"{place}: give either `images`, or `train` with `measure`, or `train` with `test`"
    about = error.schema.get("description", "")
    return f"{place}: {error.message}" + (f" ({about.rstrip('.')})" if about else "")


def _fill_defaults(value: Any, schema: Mapping[str, Any], root: Mapping[str, Any]) -> None:
    """Put in the defaults of a schema where a key is left out, in place and depth first."""
    if "$ref" in schema:
        target: Any = root
        for step in schema["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        schema = {**target, **schema}
    if not isinstance(value, dict):
        return
    properties = schema.get("properties", {})
    for key, sub in properties.items():
        if "$ref" in sub:
            sub = {**root["$defs"][sub["$ref"].rsplit("/", 1)[1]], **sub}
        if key not in value and "default" in sub:
            value[key] = copy.deepcopy(sub["default"])
        if key in value:
            _fill_defaults(value[key], sub, root)
    others = schema.get("additionalProperties")
    if isinstance(others, dict):
        for key in set(value) - set(properties):
            _fill_defaults(value[key], others, root)
