"""Mistakes across the sections of a configuration: unknown names, empty grids, parts that do not fit."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from equivariance import datasets
from equivariance.errors import UserError, unknown, unknown_names
from equivariance.figures.kinds import KINDS, drawable_kinds, figure_kind
from equivariance.measures.names import AGGREGATIONS, mistake
from equivariance.models import FAMILIES
from equivariance.models.settings import read_settings
from equivariance.reserved import NONE, OWN, UNTRAINED
from equivariance.transformations.parameters import set_size
from equivariance.workflow.config import Config
from equivariance.workflow.recipes import NEEDED, recipe_mistakes

RESERVED = (OWN, UNTRAINED)  # used in the place of a set or data set
SHARED = ("data", "store")  # folders of results/ that are of no run
EMPTY = "the list is empty; give at least one name"
SET_OF_TRAINING = {"transformations": {"rotations": {"count": 2}}, "padding": "border"}
"""An example of the settings that a family with `needs_set` takes from its training."""


def cross_field_mistakes(config: Config, unreadable: Collection[tuple[str, ...]] = ()) -> list[str]:
    """Every mistake across the sections of a configuration, one text each.

    `unreadable` are entries, such as ("models", "simple_conv"), that do not fit their schema: their names are
    valid, their contents are not checked.
    """
    shared = [f"run: the name {config.run!r} is that of a folder of all runs; choose another one"]
    return [
        *(shared if config.run in SHARED else []),
        *_datasets(config, unreadable),
        *_groups(config),
        *_sets(config, unreadable),
        *_models(config, unreadable),
        *(
            text
            for name, entry in config.experiments.items()
            if ("experiments", name) not in unreadable
            for text in _experiment(f"experiments.{name}", entry, config, unreadable)
        ),
    ]


def drawable_data(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """The sorts of data of an experiment that a figure can be drawn from: see `Kind.draws`."""
    if "images" in entry or "feature_maps" in entry:
        return ("images",)
    if "measure" in entry:
        return ("profiles", "units", "networks")
    return ("accuracies", "class_accuracies") if "test" in entry else ("histories",)


def _datasets(config: Config, unreadable: Collection[tuple[str, ...]]) -> Iterator[str]:
    yield from recipe_mistakes(config.datasets, config.recipe_of, config.recipe_groups)
    for name, entry in config.datasets.items():
        if name in RESERVED:
            yield f"datasets.{name}: the name {name!r} is reserved; choose another one"
        if ("datasets", name) not in unreadable:
            yield from unknown_names(f"datasets.{name}.source", "source", [entry["source"]], datasets.SOURCES)


def _groups(config: Config) -> Iterator[str]:
    for key, kind, groups, valid in (
        ("dataset_groups", "data set", config.dataset_groups, config.datasets),
        ("recipe_groups", "data set", config.recipe_groups, config.datasets),
        ("set_groups", "set", config.set_groups, config.transformations),
    ):
        for name, members in groups.items():
            yield from unknown_names(f"{key}.{name}", kind, members, valid)
            if name in valid:
                yield f"{key}.{name}: the name of a {kind} cannot be the name of a group"
            if name in RESERVED:
                yield f"{key}.{name}: the name {name!r} is reserved; choose another one"


def _sets(config: Config, unreadable: Collection[tuple[str, ...]]) -> Iterator[str]:
    if NONE not in config.transformations:
        yield "transformations: the set 'none' (identity only) is missing"
    for name in config.transformations:
        if name in RESERVED:
            yield f"transformations.{name}: the name {name!r} is reserved; choose another one"
        if ("transformations", name) in unreadable:
            continue
        try:
            if set_size(config.set_definition(name)) > 1 and name == NONE:
                yield "transformations.none: 'none' is reserved for the identity; use another name"
        except UserError as error:
            yield f"transformations.{name}: {error}"


def _models(config: Config, unreadable: Collection[tuple[str, ...]]) -> Iterator[str]:
    places: dict[str, list[str]] = {}  # of each mistake; models that are like each other have the same
    for name, model in config.models.items():
        if ("models", name) in unreadable:
            continue
        valid = [*config.datasets, *config.recipe_groups]
        for text in unknown_names("datasets", "data set or recipe group", model["datasets"], valid):
            places.setdefault(text, []).append(f"models.{name}")
        if model["family"] not in FAMILIES:
            text = f"family: {unknown('family', model['family'], FAMILIES)}"
            places.setdefault(text, []).append(f"models.{name}")
            continue
        for text in _recipe_of_all(model):
            places.setdefault(text, []).append(f"models.{name}")
        given = SET_OF_TRAINING if FAMILIES[model["family"]].needs_set else {}
        for dataset, recipe in model["datasets"].items():
            for text in _recipe(model, recipe):
                places.setdefault(text, []).append(f"models.{name} for {dataset}")
            if "widths" not in recipe:
                continue
            try:
                read_settings(model["family"], {**model["settings"], **recipe["widths"], **given})
            except UserError as error:
                places.setdefault(str(error), []).append(f"models.{name} for {dataset}")
    for text, (place, *others) in places.items():
        yield f"{place}{f' (and {len(others)} more)' if others else ''}: {text}"


def _recipe_of_all(model: Mapping[str, Any]) -> Iterator[str]:
    """Mistakes in what a model has in common for all data sets: settings, optimizer, schemes."""
    if FAMILIES[model["family"]].needs_set:
        for key in SET_OF_TRAINING:
            if key in model["settings"]:
                yield f"settings: {model['family']} takes {key} from its training; leave out {key}"
    optimizer = model["optimizer"]
    needed = "penalty" if optimizer["name"] == "linear_svm" else "learning_rate"
    if needed not in optimizer:
        yield f"optimizer: {optimizer['name']} needs a {needed}; give optimizer.{needed}"
    if NONE in model["schemes"]:
        yield "schemes: 'none' is reserved: it retrains nothing; choose another name"


def _recipe(model: Mapping[str, Any], recipe: Mapping[str, Any]) -> Iterator[str]:
    """Mistakes in the recipe of a model for one data set."""
    for key in NEEDED:
        if key not in recipe:
            yield f"{key} is missing; a recipe needs {', '.join(NEEDED)}"
    if model["schemes"] and "retraining_epochs" not in recipe:
        yield "retraining_epochs is missing; the model has schemes of retraining"
    threshold = recipe.get("threshold")
    if threshold is None:
        return
    if model["task"] == "classification" and not 0 <= threshold < 1:
        yield f"threshold is {threshold}; valid for classification: an accuracy, at least 0 and below 1"
    elif model["task"] != "classification" and threshold <= 0:
        yield f"threshold is {threshold}; valid for {model['task']}: a relative absolute error above 0"


def _experiment(
    place: str, entry: Mapping[str, Any], config: Config, unreadable: Collection[tuple[str, ...]]
) -> Iterator[str]:
    yield from _figure(place, entry)
    grid_key = "images" if "images" in entry else "train"
    grid = entry[grid_key]
    chosen = config.dataset_names(grid["datasets"])
    known_datasets = [*config.datasets, *config.dataset_groups]
    yield from unknown_names(f"{place}.{grid_key}.datasets", "data set", chosen, known_datasets)
    sets = config.set_names(grid["sets"])
    known_sets = [*config.transformations, *config.set_groups]
    also = [] if grid_key == "images" else [UNTRAINED]
    yield from unknown_names(f"{place}.{grid_key}.sets", "set", sets, [*known_sets, *also])
    for key in ("datasets", "models", "sets"):
        if key in grid and not grid[key]:
            yield f"{place}.{grid_key}.{key}: {EMPTY}"
    if grid_key == "train":
        yield from unknown_names(f"{place}.train.seeds", "number of seeds", [grid["seeds"]], config.seeds)
        yield from unknown_names(f"{place}.train.models", "model", grid["models"], config.models)
        readable = [name for name in grid["models"] if ("models", name) not in unreadable]
        yield from _recipes(place, chosen, readable, config)
    if "test" in entry:
        tested = config.set_names(entry["test"])
        yield from unknown_names(f"{place}.test", "set to test with", tested, [*known_sets, OWN])
        if not tested:
            yield f"{place}.test: {EMPTY}"
    if grid_key == "train":
        yield from _tasks(place, entry, [name for name in readable if name in config.models], sets, config)
    if "retrain" in entry:
        yield from _retraining(f"{place}.retrain", entry, readable, config)
    blocks = _blocks(place, entry)
    for block_place, block in blocks:
        yield from _measure(block_place, block, sets, config)
    if "feature_maps" in entry and any(block["stratified"] for _, block in blocks):
        yield f"{place}.feature_maps: maps of single classes cannot be shown; measure with stratified: false"
    if "panels" in entry["figure"]:
        yield from _panels(f"{place}.figure.panels", entry["figure"]["panels"], blocks)


def _tasks(
    place: str, entry: Mapping[str, Any], names: Iterable[str], sets: Iterable[str], config: Config
) -> Iterator[str]:
    """Mistakes of networks that predict the transformation and not the class."""
    for name in names:
        if config.models[name]["task"] == "classification":
            continue
        if "test" in entry:
            yield f"{place}.test: {name} does not classify, so it has no accuracy"
        for one in sets:
            if one in (NONE, UNTRAINED):
                yield f"{place}.train.sets: {name} predicts transformations; {one!r} is only the identity"


def _retraining(place: str, entry: Mapping[str, Any], names: Iterable[str], config: Config) -> Iterator[str]:
    with_sets = config.set_names(entry["retrain"]["with"])
    yield from unknown_names(f"{place}.with", "set", with_sets, [*config.transformations, *config.set_groups])
    if entry["train"].get("savepoints") == "all":
        yield f"{place}: retrained networks keep no savepoints; leave out train.savepoints"
    for name in names:
        if name in config.models:
            schemes = config.schemes(name, entry["retrain"]["schemes"])
            known = config.schemes(name, "all")
            yield from unknown_names(f"{place}.schemes", f"scheme of {name}", schemes, known)


def _figure(place: str, entry: Mapping[str, Any]) -> Iterator[str]:
    name = entry["figure"]["kind"]
    if name not in KINDS:
        yield from unknown_names(f"{place}.figure.kind", "kind of figure", [name], KINDS)
        return
    given, kind = drawable_data(entry), figure_kind(name)
    if not {*kind.draws} & {*given}:
        draws = f"{name} draws {' or '.join(kind.draws)}, the experiment gives {' and '.join(given)}"
        yield f"{place}.figure.kind: {draws}; valid: {', '.join(drawable_kinds(given))}"
    if kind.needs_classes and not all(block["stratified"] for _, block in _blocks(place, entry)):
        yield f"{place}.figure.kind: {name} draws classes; measure with stratified: true"


def _blocks(place: str, entry: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """List what an experiment measures, each with its place."""
    given = entry.get("measure", [])
    if isinstance(given, Mapping):
        return [(f"{place}.measure", given)]
    return [(f"{place}.measure.{index}", block) for index, block in enumerate(given)]


def _measure(place: str, block: Mapping[str, Any], trained: Collection[str], config: Config) -> Iterator[str]:
    for name in block["measures"]:
        if wrong := mistake(name):
            yield f"{place}.measures: {wrong}"
    yield from unknown_names(f"{place}.aggregations", "aggregation", block["aggregations"], AGGREGATIONS)
    yield from unknown_names(f"{place}.samples", "number of samples", [block["samples"]], config.samples)
    measured_on = config.dataset_names(block["datasets"])
    yield from unknown_names(
        f"{place}.datasets", "data set", measured_on, [*config.datasets, *config.dataset_groups, OWN]
    )
    if not measured_on:
        yield f"{place}.datasets: {EMPTY}"
    yield from _with(f"{place}.with", block["with"], trained, config)


def _panels(
    place: str, panels: Mapping[str, list[str]], blocks: Iterable[tuple[str, Mapping[str, Any]]]
) -> Iterator[str]:
    measured = dict.fromkeys(measure for _, block in blocks for measure in block["measures"])
    for title, measures in panels.items():
        yield from unknown_names(f"{place}.{title}", "measure among those asked for", measures, measured)


def _recipes(place: str, chosen: Iterable[str], names: Iterable[str], config: Config) -> Iterator[str]:
    for model in names:
        for dataset in chosen:
            recipes = config.models.get(model, {}).get("datasets")
            if recipes is not None and dataset in config.datasets and dataset not in recipes:
                has = ", ".join(sorted(recipes))
                yield (
                    f"{place}: model {model!r} has no recipe for data set {dataset!r}, only for {has}; "
                    f"add models.{model}.datasets.{dataset}, or datasets.{dataset}.recipe_of: one of these"
                )


def _with(place: str, given: Any, trained: Collection[str], config: Config) -> Iterator[str]:
    """Mistakes in the sets to measure with, for all networks or by the set that they are trained with."""
    if not isinstance(given, Mapping):
        yield from _measured_sets(place, given, UNTRAINED in trained, config)
        return
    given_for = [name for key in given for name in config.set_names(key)]
    for key, names in given.items():
        yield from unknown_names(place, "set trained with", config.set_names(key), trained)
        untrained = UNTRAINED in config.set_names(key)
        yield from _measured_sets(f"{place}.{key}", names, untrained, config)
    for missing in [name for name in trained if name not in given_for]:
        yield f"{place}: no sets are given for networks trained with {missing!r}"


def _measured_sets(place: str, given: str | list[str], untrained: bool, config: Config) -> Iterator[str]:
    names = config.set_names(given)
    yield from unknown_names(place, "set", names, [*config.transformations, *config.set_groups, OWN])
    if not names:
        yield f"{place}: {EMPTY}"
    if OWN in names and untrained:
        yield f"{place}: an untrained network has no set of its own; name the sets to measure with"
