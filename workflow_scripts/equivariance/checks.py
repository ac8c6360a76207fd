"""Mistakes that one file alone does not show: names that other files do not have, grids without a member."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from equivariance import datasets, figures, models
from equivariance.errors import UserError, unknown
from equivariance.measures.names import FAMILY_OF as MEASURES
from equivariance.models.settings import read_settings
from equivariance.transformations.parameters import set_size

if TYPE_CHECKING:
    from equivariance.config import Config


def cross_field_mistakes(config: Config) -> list[str]:
    """Every mistake across the sections of a configuration that its schemas accept, one text each."""
    return [
        *_datasets(config),
        *_groups(config),
        *_sets(config),
        *_models(config),
        *(text for name in config.experiments for text in _experiment(name, config.experiments[name], config)),
    ]


def _datasets(config: Config) -> Iterator[str]:
    for name, entry in config.datasets.items():
        yield from _unknown(f"datasets.{name}.source", "source", [entry["source"]], datasets.SOURCES)


def _groups(config: Config) -> Iterator[str]:
    for kind, groups, valid in (
        ("data set", config.dataset_groups, config.datasets),
        ("set", config.set_groups, config.transformations),
    ):
        key = "dataset_groups" if kind == "data set" else "set_groups"
        for name, members in groups.items():
            yield from _unknown(f"{key}.{name}", kind, members, valid)
            if name in valid:
                yield f"{key}.{name}: the name of a {kind} cannot be the name of a group"


def _sets(config: Config) -> Iterator[str]:
    if "none" not in config.transformations:
        yield "transformations: the set 'none' (identity only) is missing"
    for name in config.transformations:
        try:
            set_size(config.set_definition(name))
        except UserError as error:
            yield f"transformations.{name}: {error}"


def _models(config: Config) -> Iterator[str]:
    for name, model in config.models.items():
        if model["family"] not in models.FAMILIES:
            yield f"models.{name}.family: {unknown('family', model['family'], models.FAMILIES)}"
            continue
        for dataset, recipe in model["datasets"].items():
            yield from _unknown(f"models.{name}.datasets", "data set", [dataset], config.datasets)
            try:
                read_settings(model["family"], {**model["settings"], **recipe["widths"]})
            except UserError as error:
                yield f"models.{name} for {dataset}: {error}"


def _experiment(name: str, entry: Mapping[str, Any], config: Config) -> Iterator[str]:
    place = f"experiments.{name}"
    yield from _unknown(f"{place}.figure.kind", "kind of figure", [entry["figure"]["kind"]], figures.KINDS)
    grid_key = "images" if "images" in entry else "train"
    grid = entry[grid_key]
    chosen = config.dataset_names(grid["datasets"])
    yield from _unknown(f"{place}.{grid_key}.datasets", "data set", chosen, [*config.datasets, *config.dataset_groups])
    sets = config.set_names(grid["sets"])
    known_sets = [*config.transformations, *config.set_groups]
    also = [] if grid_key == "images" else ["untrained"]
    yield from _unknown(f"{place}.{grid_key}.sets", "set", sets, [*known_sets, *also])
    for key in ("datasets", "models", "sets"):
        if key in grid and not grid[key]:
            yield f"{place}.{grid_key}.{key}: the grid has no member; name at least one"
    if grid_key == "train":
        yield from _unknown(f"{place}.train.seeds", "number of seeds", [grid["seeds"]], config.seeds)
        yield from _unknown(f"{place}.train.models", "model", grid["models"], config.models)
        yield from _recipes(place, chosen, grid["models"], config)
    if "test" in entry:
        yield from _unknown(f"{place}.test", "set to test with", config.set_names(entry["test"]), ["none", "own"])
    if "measure" in entry:
        yield from _measure(place, entry["measure"], sets, known_sets, config)


def _recipes(place: str, chosen: Iterable[str], names: Iterable[str], config: Config) -> Iterator[str]:
    for model in names:
        for dataset in chosen:
            if model in config.models and dataset in config.datasets and dataset not in config.models[model]["datasets"]:
                has = ", ".join(sorted(config.models[model]["datasets"]))
                yield (
                    f"{place}: model {model!r} has no widths and recipe for data set {dataset!r}; it has them for "
                    f"{has}; add models.{model}.datasets.{dataset}"
                )


def _measure(
    place: str, entry: Mapping[str, Any], trained: Iterable[str], known: list[str], config: Config
) -> Iterator[str]:
    yield from _unknown(f"{place}.measure.measures", "measure", entry["measures"], MEASURES)
    given = entry["with"]
    if not isinstance(given, Mapping):
        with_sets = config.set_names(given)
        yield from _unknown(f"{place}.measure.with", "set", with_sets, [*known, "own"])
        if not with_sets:
            yield f"{place}.measure.with: the grid has no member; name at least one"
        if "own" in with_sets and "untrained" in trained:
            yield f"{place}.measure.with: an untrained network has no set of its own; name the sets to measure with"
        return
    for trained_with, with_sets in given.items():
        if trained_with not in trained:
            yield f"{place}.measure.with: {unknown('set trained with', trained_with, trained)}"
        yield from _unknown(f"{place}.measure.with.{trained_with}", "set", config.set_names(with_sets), [*known, "own"])
    for missing in [name for name in trained if name not in given]:
        yield f"{place}.measure.with: nothing is given for networks trained with {missing!r}"


def _unknown(place: str, kind: str, given: Iterable[str], valid: Iterable[str]) -> Iterator[str]:
    valid = list(valid)
    for name in given:
        if name not in valid:
            yield f"{place}: {unknown(kind, name, valid)}"
