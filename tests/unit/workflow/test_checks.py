"""Mistakes in a configuration: each is found, and all are said together."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from equivariance.errors import UserError
from equivariance.workflow.loading import load_config

Change = Callable[[dict[str, Any]], Any]


def put(path: str, value: Any) -> Change:
    """A change of a configuration: put a value at a place such as `models.plain.family`."""

    def change(raw: dict[str, Any]) -> None:
        *outer, last = path.split(".")
        for key in outer:
            raw = raw.setdefault(key, {})
        raw[last] = value

    return change


def retraining(savepoints: str = "final", **changes: Any) -> Change:
    """Retrain the networks of an experiment."""

    def change(raw: dict[str, Any]) -> None:
        raw["models"]["plain"]["schemes"] = {"first": ["conv1"]}
        for recipe in raw["models"]["plain"]["datasets"].values():
            recipe["retraining_epochs"] = 1
        entry = raw["experiments"]["profiles"]
        entry["train"] |= {"models": ["plain"], "sets": ["none"], "savepoints": savepoints}
        entry["retrain"] = {"with": "rotation", "schemes": "all", **changes}

    return change


def regression_on_none(raw: dict[str, Any]) -> None:
    """Train a network on untransformed images to tell the transformation."""
    raw["models"]["plain"]["task"] = "transformation_regression"
    del raw["experiments"]["accuracies"]
    raw["experiments"]["profiles"]["train"] |= {"models": ["plain"], "sets": ["none"]}


def accuracy_of_regression(raw: dict[str, Any]) -> None:
    """Ask for the accuracy of a network that tells the transformation."""
    raw["models"]["plain"]["task"] = "transformation_regression"
    raw["experiments"]["accuracies"]["train"]["sets"] = "simple"


MEASURED = {"with": "own", "measures": ["nv"]}
RECIPE = {"widths": {"filters": 3, "hidden": 3}, "epochs": 1, "batch_size": 1}

# What is wrong, and how what is said about it begins.
MISTAKES: dict[str, tuple[Change, str]] = {
    "unknown key": (
        put("trainign", {}),
        "configuration: unknown key 'trainign'; valid: training, container, dataset_groups, ",
    ),
    "unknown inner key": (
        put("training.witdh", 2),
        "training: unknown key 'witdh'; valid: width, ",
    ),
    "wrong type": (
        put("training.width", "half"),
        "training.width: 'half' is not of type 'number' (Multiplies the widths of every model; ",
    ),
    "wrong name of a value": (
        put("padding", "zero"),
        "padding: unknown value 'zero'; valid: zeros, border (What a transformed image or feature map shows ",
    ),
    "key of the top level": (
        put("training.padding", "zeros"),
        "training.padding: 'padding' is not part of training; write it at the top level",
    ),
    "out of range": (
        put("seeds.few", 0),
        "seeds.few: 0 is less than the minimum of 1",
    ),
    "unknown source": (
        put("datasets.digits.source", "digist"),
        "datasets.digits.source: unknown source 'digist'; valid: digits, cifar10, drawn_hands, folder, ",
    ),
    "unknown family": (
        put("models.plain.family", "simple_cnv"),
        "models.plain (and 1 more): family: unknown family 'simple_cnv'; valid: simple_conv",
    ),
    "unknown setting of a family": (
        put("models.plain.settings", {"kernel": 3}),
        "models.plain for digits (and 3 more): unknown setting of simple_conv 'kernel'; valid: kernel_size, "
        "activation, batch_norm, downsampling, filters, hidden",
    ),
    "wrong setting of a family": (
        put("models.plain.settings", {"kernel_size": 4}),
        "models.plain for digits (and 3 more): kernel_size is 4; valid: odd numbers, which keep the size",
    ),
    "widths of another family": (
        put("models.plain.datasets.digits.widths", {"filters": 3}),
        "models.plain for digits (and 1 more): simple_conv: hidden missing; settings: filters, hidden, ",
    ),
    "recipe for an unknown data set": (
        put("models.normalized.datasets.dgits", RECIPE),
        "models.normalized: datasets: unknown data set or recipe group 'dgits'; valid: digits, ",
    ),
    "unknown like": (
        put("models.other", {"like": "plane"}),
        "models.other.like: unknown model 'plane'; valid: plain, normalized, other",
    ),
    "circular like": (
        put("models.other", {"like": "other"}),
        "models.other.like: goes in a circle: other -> other",
    ),
    "unknown member of a group": (
        put("dataset_groups.few", ["digit"]),
        "dataset_groups.few: unknown data set 'digit'; valid: digits, natural_patches",
    ),
    "unknown set of a group": (
        put("set_groups.few", ["rotations"]),
        "set_groups.few: unknown set 'rotations'; valid: rotation, none, scale",
    ),
    "group named like a data set": (
        put("dataset_groups.digits", ["natural_patches"]),
        "dataset_groups.digits: the name of a data set cannot be the name of a group",
    ),
    "group named like a set": (
        put("set_groups.scale", ["rotation"]),
        "set_groups.scale: the name of a set cannot be the name of a group",
    ),
    "set with a name that has a meaning": (
        put("transformations.untrained", {"title": "?"}),
        "transformations.untrained: the name 'untrained' is reserved; choose another one",
    ),
    "group with a name that has a meaning": (
        put("set_groups.untrained", ["rotation"]),
        "set_groups.untrained: the name 'untrained' is reserved; choose another one",
    ),
    "set without the identity": (
        put("transformations.rotation.rotations", {"count": 4, "turn": 0.5}),
        "transformations.rotation: rotations: count is 4; a turn of 0.5 needs an odd count to contain 0",
    ),
    "none that transforms": (
        put("transformations.none.rotations", {"count": 4}),
        "transformations.none: 'none' is reserved for the identity; use another name",
    ),
    "unknown model": (
        put("experiments.profiles.train.models", ["normalised"]),
        "experiments.profiles.train.models: unknown model 'normalised'; valid: normalized, plain",
    ),
    "unknown set": (
        put("experiments.profiles.train.sets", ["rotatoin"]),
        "experiments.profiles.train.sets: unknown set 'rotatoin'; valid: rotation, none, scale, simple, ",
    ),
    "images of a network": (
        put("experiments.looks.images.sets", ["untrained"]),
        "experiments.looks.images.sets: unknown set 'untrained'; valid: none, rotation, scale, simple",
    ),
    "unknown data set": (
        put("experiments.profiles.train.datasets", "mnsit"),
        "experiments.profiles.train.datasets: unknown data set 'mnsit'; valid: both, digits, natural_patches",
    ),
    "unknown number of seeds": (
        put("experiments.profiles.train.seeds", "man"),
        "experiments.profiles.train.seeds: unknown number of seeds 'man'; valid: many, few",
    ),
    "unknown measure": (
        put("experiments.profiles.measure.measures", ["vn"]),
        "experiments.profiles.measure.measures: unknown measure 'vn'; valid: ",
    ),
    "wrong parameter of a measure": (
        put("experiments.profiles.measure.measures", ["nv", "nd@1"]),
        "experiments.profiles.measure.measures: measure 'nd@1': invalid parameter; valid: a whole ",
    ),
    "unknown measure of several": (
        put("experiments.profiles.measure", [MEASURED, {**MEASURED, "measures": ["vn"]}]),
        "experiments.profiles.measure.1.measures: unknown measure 'vn'; valid: ",
    ),
    "unknown key of several": (
        put("experiments.profiles.measure", [MEASURED, {**MEASURED, "part": "test"}]),
        "experiments.profiles.measure.1: unknown key 'part'; valid: parts, ",
    ),
    "a list in a list": (
        put("experiments.profiles.measure", [[MEASURED]]),
        "experiments.profiles.measure.0: [",
    ),
    "no measures": (
        put("experiments.profiles.measure", []),
        "experiments.profiles.measure: [] should be non-empty",
    ),
    "unknown aggregation": (
        put("experiments.profiles.measure.aggregations", ["before_men"]),
        "experiments.profiles.measure.aggregations: unknown aggregation 'before_men'; valid: before_mean, ",
    ),
    "unknown number of samples": (
        put("experiments.profiles.measure.samples", "standrd"),
        "experiments.profiles.measure.samples: unknown number of samples 'standrd'; valid: standard",
    ),
    "too few samples": (
        put("samples.standard", 1),
        "samples.standard: 1 is not valid under any of the given schemas",
    ),
    "unknown part": (
        put("experiments.profiles.measure.parts", ["tset"]),
        "experiments.profiles.measure.parts.0: unknown value 'tset'; valid: test, train",
    ),
    "measured on an unknown data set": (
        put("experiments.profiles.measure.datasets", ["own", "mnsit"]),
        "experiments.profiles.measure.datasets: unknown data set 'mnsit'; valid: ",
    ),
    "measured on nothing": (
        put("experiments.profiles.measure.datasets", []),
        "experiments.profiles.measure.datasets: the list is empty",
    ),
    "a panel of what is not measured": (
        put("experiments.profiles.figure.panels", {"Ratios": ["nv", "nd"]}),
        "experiments.profiles.figure.panels.Ratios: unknown measure among those asked for 'nd'; valid: nv",
    ),
    "an unknown column": (
        put("experiments.profiles.figure.hue", "classes"),
        "experiments.profiles.figure.hue: unknown value 'classes'; valid: ",
    ),
    "an unknown one of several columns": (
        put("experiments.profiles.figure.row", ["dataset", "modle"]),
        "experiments.profiles.figure.row: ['dataset', 'modle'] is not valid under any of the given schemas",
    ),
    "classes that are not measured": (
        put("experiments.profiles.figure", {"kind": "class_heat_map"}),
        "experiments.profiles.figure.kind: class_heat_map draws classes; measure with stratified: true",
    ),
    "feature maps of classes": (
        lambda raw: raw["experiments"]["profiles"].update(
            feature_maps={"samples": 1, "maps": 1, "members": 1, "layers": 1},
            figure={"kind": "image_grid"},
            measure={**MEASURED, "stratified": True},
        ),
        "experiments.profiles.feature_maps: maps of single classes cannot be shown; measure with ",
    ),
    "feature maps as lines": (
        put("experiments.profiles.feature_maps", {"samples": 1, "maps": 1, "members": 1, "layers": 1}),
        "experiments.profiles.figure.kind: layer_profile draws profiles, the experiment gives images; valid: "
        "image_grid",
    ),
    "feature maps that nothing is measured of": (
        put("experiments.accuracies.feature_maps", {"samples": 1, "maps": 1, "members": 1, "layers": 1}),
        "experiments.accuracies: give either `images`, or `train` alone, with `measure` (and ",
    ),
    "unknown kind of figure": (
        put("experiments.profiles.figure.kind", "layer_profiles"),
        "experiments.profiles.figure.kind: unknown kind of figure 'layer_profiles'; valid: layer_profile, ",
    ),
    "figure of another kind of table": (
        put("experiments.accuracies.figure.kind", "layer_profile"),
        "experiments.accuracies.figure.kind: layer_profile draws profiles, the experiment gives accuracies "
        "and class_accuracies; valid: bars, accuracy_heat_map",
    ),
    "no recipe for a data set": (
        put("datasets.more", {"source": "digits"}),
        "experiments.accuracies: model 'plain' has no recipe for data set 'more', only for digits, "
        "natural_patches; add models.plain.datasets.more, or datasets.more.recipe_of: one of these",
    ),
    "empty grid": (
        put("experiments.profiles.train.models", []),
        "experiments.profiles.train.models: the list is empty",
    ),
    "no sets": (
        put("experiments.profiles.train.sets", []),
        "experiments.profiles.train.sets: the list is empty",
    ),
    "no data": (
        put("experiments.looks.images.datasets", []),
        "experiments.looks.images.datasets: the list is empty",
    ),
    "no tests": (
        put("experiments.accuracies.test", []),
        "experiments.accuracies.test: the list is empty",
    ),
    "measured with nothing": (
        put("experiments.profiles.measure.with", []),
        "experiments.profiles.measure.with: the list is empty",
    ),
    "measured with nothing for one set": (
        put("experiments.profiles.measure.with", {"rotation": [], "scale": "own"}),
        "experiments.profiles.measure.with.rotation: the list is empty",
    ),
    "tested with another set": (
        put("experiments.accuracies.test", ["scales"]),
        "experiments.accuracies.test: unknown set to test with 'scales'; valid: scale, ",
    ),
    "unknown set to measure with": (
        put("experiments.profiles.measure.with", ["onw"]),
        "experiments.profiles.measure.with: unknown set 'onw'; valid: own, none, rotation, scale, simple",
    ),
    "a mapping that misses a set": (
        put("experiments.profiles.measure.with", {"rotation": "own"}),
        "experiments.profiles.measure.with: no sets are given for networks trained with 'scale'",
    ),
    "a mapping with a set too many": (
        put("experiments.profiles.measure.with", {"rotation": "own", "scale": "own", "none": "own"}),
        "experiments.profiles.measure.with: unknown set trained with 'none'; valid: rotation, scale",
    ),
    "neither of three": (
        lambda raw: raw["experiments"]["accuracies"].pop("test"),
        "experiments.accuracies.figure.kind: bars draws accuracies or networks, the experiment gives "
        "histories; valid: learning_curves",
    ),
    "retraining of images": (
        put("experiments.looks.retrain", {"with": "rotation", "schemes": "all"}),
        "experiments.looks: 'train' is a dependency of 'retrain'",
    ),
    "retraining with an unknown set": (
        retraining(**{"with": "rotations"}),
        "experiments.profiles.retrain.with: unknown set 'rotations'; valid: rotation, ",
    ),
    "unknown scheme": (
        retraining(schemes=["frist"]),
        "experiments.profiles.retrain.schemes: unknown scheme of plain 'frist'; valid: first, none",
    ),
    "savepoints of a retraining": (
        retraining(savepoints="all"),
        "experiments.profiles.retrain: retrained networks keep no savepoints; leave out train.savepoints",
    ),
    "accuracy of a regression": (
        accuracy_of_regression,
        "experiments.accuracies.test: plain does not classify, so it has no accuracy",
    ),
    "nothing to tell": (
        regression_on_none,
        "experiments.profiles.train.sets: plain predicts transformations; 'none' is only the identity",
    ),
    "unknown experiment": (
        put("only", ["profile"]),
        "only: unknown experiment 'profile'; valid: profiles, ",
    ),
    "untrained without a set": (
        put("experiments.profiles.train.sets", ["untrained"]),
        "experiments.profiles.measure.with: an untrained network has no set of its own; name the sets ",
    ),
}


def said(raw: dict[str, Any], schemas: Path) -> list[str]:
    with pytest.raises(UserError, match=r"^The configuration has mistakes:\n") as caught:
        load_config(raw, schemas)
    return [line.removeprefix("  - ") for line in str(caught.value).splitlines()[1:]]


def test_the_configuration_of_these_tests_is_right(raw: dict[str, Any], schemas: Path) -> None:
    assert load_config(raw, schemas).run == "small"


@pytest.mark.parametrize("kind", MISTAKES)
def test_a_mistake_is_found_and_said_once_with_what_is_valid(
    kind: str, raw: dict[str, Any], schemas: Path
) -> None:
    change, text = MISTAKES[kind]
    change(raw)
    if kind == "no recipe for a data set":
        put("experiments.accuracies.train.datasets", ["digits", "more"])(raw)
    found = said(raw, schemas)
    assert len(found) == 1
    assert found[0].startswith(text)


def test_own_for_untrained_networks_is_found_in_a_mapping_too(raw: dict[str, Any], schemas: Path) -> None:
    put("experiments.profiles.train.sets", ["untrained", "scale"])(raw)
    put("experiments.profiles.measure.with", {"untrained": "own", "scale": "own"})(raw)
    [text] = said(raw, schemas)
    assert text.startswith("experiments.profiles.measure.with.untrained: an untrained network has no set")


def test_all_mistakes_of_all_files_are_said_together(raw: dict[str, Any], schemas: Path) -> None:
    paths = {
        "trainign": {},
        "training.width": "half",
        "jobs.threads": 0,
        "datasets.digits.source": "digist",
        "models.other": {"like": "plane"},
        "models.another": {"like": "plain", "settings": {"kernel_size": 4}},
        "models.third": {"like": "plain", "optimizer": {"learning_rate": "1e-3"}},
        "transformations.large": {"title": "large", "translations": {"steps": 1, "largest": 2}},
        "transformations.even": {"title": "even", "rotations": {"count": 4, "turn": 0.5}},
        "set_groups.few": ["rotations"],
        "experiments.looks.question": 3,
        "experiments.accuracies.train.seeds": "fw",
        "experiments.profiles.train.models": ["plain", "other", "third", "missing"],
        "experiments.profiles.figure.kind": "bar",
    }
    for path, value in paths.items():
        put(path, value)(raw)
    found = said(raw, schemas)
    starts = [
        *["configuration: unknown key 'trainign'", "training.width: ", "jobs.threads: "],
        *["datasets.digits.source: ", "models.other.like: ", "models.another for digits (and 1 more): "],
        *["models.third.optimizer.learning_rate: ", "transformations.large.translations.largest: "],
        *["transformations.even: ", "set_groups.few: ", "experiments.looks.question: "],
        *[
            "experiments.accuracies.train.seeds: ",
            "experiments.profiles.train.models: unknown model 'missing'",
        ],
        "experiments.profiles.figure.kind: ",
    ]
    assert [[text for text in found if text.startswith(start)][1:] for start in starts] == [[]] * len(starts)
    assert len(found) == len(starts)


def test_a_name_that_yaml_reads_as_something_else_is_said_first(raw: dict[str, Any], schemas: Path) -> None:
    raw["transformations"][False] = {"title": "no"}
    raw["seeds"][5] = 5
    assert said(raw, schemas) == [
        "seeds: the key 5 is not text; put it in quotes or choose another name",
        "transformations: the key False is not text; put it in quotes or choose another name",
    ]
