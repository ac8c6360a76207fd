"""Load the settings of a run from its merged YAML; all mistakes are reported together, before any job."""

import copy
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from equivariance.errors import UserError, unknown
from equivariance.language import N_
from equivariance.models import FAMILIES
from equivariance.workflow.checks import cross_field_mistakes
from equivariance.workflow.claim_checks import claim_mistakes
from equivariance.workflow.config import Config, Jobs
from equivariance.workflow.recipes import write_out_recipes
from equivariance.workflow.validation import Place, inherit, non_text_keys, not_finite, validate
from equivariance.workflow.yaml_files import read_yaml

SECTIONS = ("models", "transformations", "experiments", "claims")  # each has a file and a schema of its own
NAMES_OF_EXPERIMENTS = ("only", "one_dataset")


def load_config(raw: Mapping[str, Any], schemas: Path) -> Config:
    """Build the settings from merged YAML.

    `schemas` is the folder with `config.schema.yaml` and one schema for each of `SECTIONS`.
    Raises UserError with all mistakes, each on a line.
    """
    given = copy.deepcopy(dict(raw))
    mistakes = [*non_text_keys(given), *not_finite(given)]
    if mistakes:
        raise _refused(mistakes)
    sections = {name: given.pop(name, {}) for name in SECTIONS}
    if isinstance(sections["claims"], dict):  # `C1: null` leaves a claim out
        sections["claims"] = {name: one for name, one in sections["claims"].items() if one is not None}
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
        schema = read_yaml(schemas / f"{name}.schema.yaml")
        place = () if name == "config" else (name,)
        found, bad = validate(section, schema, place, parents if name == "models" else {})
        mistakes += found
        unreadable += bad
    if not any(_hides_names(place) for place in unreadable):
        given["jobs"] = Jobs(**given["jobs"])
        known = sections["experiments"]
        mistakes += [
            f"{key}: {unknown('experiment', name, known)}"
            for key in NAMES_OF_EXPERIMENTS
            for name in given[key] or []
            if name not in known
        ]
        if given["only"] is not None:
            sections["experiments"] = {name: known[name] for name in known if name in given["only"]}
        config = Config(**given, **{**sections, "models": models | sections["models"]}, left_out={})
        entries = {place[:2] for place in unreadable}
        config = _with_recipes(config, entries)
        mistakes += cross_field_mistakes(config, entries)
        mistakes += claim_mistakes(config, known, entries)
        if not mistakes:
            config = _on_one_dataset(config)
            return config if config.pretrained else _without_pretrained(config)
    raise _refused(mistakes)


def _refused(mistakes: Iterable[str]) -> UserError:
    return UserError(
        "The configuration has mistakes:\n" + "\n".join(f"  - {mistake}" for mistake in mistakes)
    )


def _with_recipes(config: Config, unreadable: Collection[Place]) -> Config:
    """Write out the recipes of every model that can be read."""
    models = {
        name: model
        if ("models", name) in unreadable
        else {
            **model,
            "datasets": write_out_recipes(
                model["datasets"], config.datasets, config.recipe_of, config.recipe_groups
            ),
        }
        for name, model in config.models.items()
    }
    return replace(config, models=models)


def _on_one_dataset(config: Config) -> Config:
    """Leave the first data set alone to the experiments that `one_dataset` names."""
    experiments = dict(config.experiments)
    for name in config.one_dataset:
        if "train" in experiments.get(name, {}):
            train = experiments[name]["train"]
            first = [*config.dataset_names(train["datasets"])[:1]]
            experiments[name] = {**experiments[name], "train": {**train, "datasets": first}}
    return replace(config, experiments=experiments)


def _without_pretrained(config: Config) -> Config:
    """Leave out the experiments that need published weights."""
    need = {
        name
        for name, entry in config.experiments.items()
        if any(
            FAMILIES[config.models[model]["family"]].published
            for model in entry.get("train", {}).get("models", [])
        )
    }
    return replace(
        config,
        experiments={name: entry for name, entry in config.experiments.items() if name not in need},
        left_out={
            config.experiments[name]["title"]: N_("it needs published weights (pretrained: false)")
            for name in need
        },
    )


def _hides_names(place: Place) -> bool:
    """Whether a value that cannot be used hides names that other sections refer to."""
    lists = (*SECTIONS, "datasets", "seeds", "samples", "jobs")
    return (
        not place
        or place[0].endswith("_groups")
        or place[0] in NAMES_OF_EXPERIMENTS
        or (place[0] == "datasets" and place[2:] in ((), ("recipe_of",)))
        or (place[0] == "judging" and place[1:] in ((), ("thresholds",)))
        or (len(place) == 1 and place[0] in lists)
    )


def in_file_order(entries: Any, own: Iterable[str]) -> Any:
    """Put the entries of a section of a merged configuration in the order of the names in its own file, which
    is the paper's; others follow.

    What a file of overrides names comes first where Snakemake merges it.
    """
    if not isinstance(entries, dict):
        return entries
    return {name: entries[name] for name in dict.fromkeys([*own, *entries]) if name in entries}
