"""The models of this repository: their recipes fit their networks, whatever the data set and the width."""

from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import nn

from equivariance import models
from equivariance.datasets.image_set import ImageSet
from equivariance.datasets.sizes import expected_size
from equivariance.errors import UserError
from equivariance.models import FAMILIES
from equivariance.training.freezing import learning_layers, matching_layers
from equivariance.training.loop import Training
from equivariance.training.settings import TrainingSettings
from equivariance.transformations.parameters import set_size
from equivariance.workflow.checks import SET_OF_TRAINING
from equivariance.workflow.config import Config
from equivariance.workflow.loading import load_config
from equivariance.workflow.plan import Plan
from equivariance.workflow.yaml_files import read_yaml

FILES = ("config", "models", "transformations", "experiments", "claims")
CONFIG = Path(__file__).parents[3] / "config"
MODELS = tuple(yaml.safe_load((CONFIG / "models.yaml").read_text(encoding="utf-8"))["models"])

# Parameters with the widths of 2020 on MNIST, CIFAR10, LSA16 and RWTH, counted by hand from the descriptions.
PARAMETERS = {
    "simple_conv": (540_970, 6_412_298, 4_314_832, 6_413_975),
    "simple_conv_bn": (541_738, 6_415_114, 4_317_520, 6_416_791),
    "simple_conv_k5": (656_170, 8_253_450, 6_155_984, 8_255_127),
    "simple_conv_k7": (828_970, 11_015_178, 8_917_712, 11_016_855),
    "all_convolutional": (38_570, 610_058, 610_832, 2_435_863),
    "all_convolutional_bn": (38_986, 611_722, 612_496, 2_439_191),
    "vgg16d": (490_810, 8_952_138, 7_702_416, 8_958_807),
    "vgg16d_bn": (492_154, 8_957_514, 7_707_792, 8_964_183),
    "resnet18": (11_163_210, 11_164_362, 11_167_440, 11_171_031),
    "resnet18_bn": (11_172_810, 11_173_962, 11_177_040, 11_180_631),
    "resnet34": (21_263_946, 21_265_098),
    "resnet34_bn": (21_280_970, 21_282_122),
    "ti_pooling": (236_282, 2_653_898, 1_605_008, 1_191_095),
}
# Epochs of 2020 on the same data sets, before scaling.
EPOCHS = {
    "simple_conv": (5, 25, 25, 25),
    "ti_pooling": (5, 20, 25, 25),
    "all_convolutional": (30, 40, 20, 20),
    "vgg16d": (10, 30, 20, 20),
    "resnet18": (7, 40, 20, 20),
    "feed_forward": (10, 30, 25, 15),
}
STANDARD = ("mnist", "cifar10", "lsa16", "rwth")


@pytest.fixture(scope="module")
def thesis() -> Config:
    return config_of()


@cache
def config_of(*runs: str) -> Config:
    files = [CONFIG / f"{name}.yaml" for name in (*FILES, *runs)]
    return load_config(read_yaml(*files), CONFIG / "schemas")


def network(config: Config, name: str, dataset: str, width: float = 1.0) -> nn.Module:
    """A model for a data set, without memory for its weights where the family allows."""
    model = config.models[name]
    widths = model["datasets"][dataset]["widths"]
    scaled = {key: max(1, round(value * width)) for key, value in widths.items()}
    given = SET_OF_TRAINING if FAMILIES[model["family"]].needs_set else {}
    size = expected_size(config.dataset_source(dataset))
    assert size is not None
    with torch.device("cpu" if given else "meta"):  # sets of transformations are computed
        return models.build(
            model["family"], size.shape, size.classes, {**model["settings"], **scaled, **given}, model["task"]
        )


def recipes(config: Config, name: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The data sets of a model whose networks differ in shape or width, each with its recipe."""
    seen = set()
    for dataset, recipe in config.models[name]["datasets"].items():
        size = expected_size(config.dataset_source(dataset))
        kind = (size, tuple(sorted(recipe["widths"].items())))
        if kind not in seen:
            seen.add(kind)
            yield dataset, recipe


def parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("width", [1.0, 0.25])
def test_every_model_can_be_built_for_every_data_set_that_it_has_a_recipe_for(
    name: str, width: float, thesis: Config
) -> None:
    for dataset, _ in recipes(thesis, name):
        assert parameters(network(thesis, name, dataset, width)) > 0, dataset


@pytest.mark.parametrize("name", PARAMETERS)
def test_networks_of_2020_have_as_many_parameters_as_they_had(name: str, thesis: Config) -> None:
    counts = PARAMETERS[name]
    datasets = STANDARD[: len(counts)]
    assert tuple(parameters(network(thesis, name, dataset)) for dataset in datasets) == counts


@pytest.mark.parametrize("name", EPOCHS)
def test_epochs_of_2020_are_those_of_its_table(name: str, thesis: Config) -> None:
    assert tuple(thesis.epochs(name, dataset, "none") for dataset in STANDARD) == EPOCHS[name]


@pytest.mark.parametrize("name", MODELS)
def test_every_scheme_retrains_layers_that_learn_and_no_two_the_same(name: str, thesis: Config) -> None:
    schemes = thesis.models[name]["schemes"]
    if not schemes:
        return
    dataset = next(iter(thesis.models[name]["datasets"]))
    model = network(thesis, name, dataset)
    chosen = {scheme: matching_layers(model, patterns) for scheme, patterns in schemes.items()}
    assert chosen["all"] == list(learning_layers(model))
    assert len({tuple(layers) for layers in chosen.values()}) == len(chosen)
    single = [layers for scheme, layers in chosen.items() if not scheme.startswith("all")]
    assert sorted(layer for layers in single for layer in layers) == sorted(chosen["all"])


def test_a_normalization_is_retrained_with_its_convolution(thesis: Config) -> None:
    schemes = thesis.models["all_conv_retraining"]["schemes"]
    model = network(thesis, "all_conv_retraining", "mnist")
    assert matching_layers(model, schemes["conv3"]) == ["conv3", "conv3_bn"]


@pytest.mark.parametrize("name", MODELS)
def test_other_rates_are_those_of_some_parameters_and_not_of_all(name: str, thesis: Config) -> None:
    rates = thesis.models[name]["optimizer"]["other_rates"]
    for dataset, _ in recipes(thesis, name):
        if not rates:
            break
        names = [key for key, _ in network(thesis, name, dataset).named_parameters()]
        for pattern in rates:
            matched = [key for key in names if fnmatchcase(key, pattern)]
            assert 0 < len(matched) < len(names), pattern


def test_specialised_networks_are_compared_with_plain_ones_of_their_kind(thesis: Config) -> None:
    """The trunk behind a transformer is the plain network; p4 networks have the settings of the plain one."""
    for plain, special in (("simple_conv_2018", "stn_simple_conv"), ("all_conv_2018", "stn_all_conv")):
        for dataset in thesis.models[plain]["datasets"]:
            trunk = dict(network(thesis, plain, dataset).named_parameters())
            other = dict(network(thesis, special, dataset).named_parameters())
            behind = {key: value for key, value in other.items() if not key.startswith("transformer.")}
            assert {key: value.shape for key, value in behind.items()} == {
                key: value.shape for key, value in trunk.items()
            }
    for plain, special in (("simple_conv_2018", "g_simple_conv"), ("all_conv_2018", "g_all_conv")):
        settings, of_special = thesis.models[plain]["settings"], thesis.models[special]["settings"]
        assert {key: settings[key] for key in of_special} == of_special


@pytest.mark.parametrize("runs", [(), ("laptop",), ("quick",)])
def test_ti_pooling_is_half_as_wide_as_the_network_it_is_compared_with(runs: tuple[str, ...]) -> None:
    config = config_of(*runs)
    for dataset in config.models["ti_pooling"]["datasets"]:
        pooled, plain = (config.widths(model, dataset) for model in ("ti_pooling", "simple_conv"))
        share = 4 if dataset.startswith("rwth") else 2  # in the code of the thesis, too
        assert pooled == {**plain, "filters": plain["filters"] // share}, dataset


@pytest.mark.parametrize("runs", [(), ("laptop",), ("quick",)])
def test_ti_pooling_and_its_comparison_have_the_same_sets_of_about_16_members(runs: tuple[str, ...]) -> None:
    plan = Plan(config_of(*runs))
    conditions = [
        {
            (one.dataset, one.trained_with, one.seed)
            for one in plan.networks("ti_pooling")
            if one.model == model
        }
        for model in ("ti_pooling", "simple_conv")
    ]
    assert conditions[0] == conditions[1] != set()
    sizes = {name: set_size(plan.config.set_definition(name)) for _, name, _ in conditions[0]}
    assert sizes == {"rotation_16": 16, "scale_16": 13, "translation_16": 17}
    measured = {(one.network, one.measured_with) for one in plan.measurements("ti_pooling")}
    assert measured == {(network, network.trained_with) for network in plan.networks("ti_pooling")}


def test_given_epochs_of_augmentation_are_not_scaled_with_the_set(thesis: Config) -> None:
    assert thesis.epochs("simple_conv_2018", "mnist", "none") == 5
    assert {thesis.epochs("simple_conv_2018", "mnist", one) for one in ("rotation", "scale", "combined")} == {
        15
    }


@pytest.mark.parametrize("run", ["laptop", "quick"])
def test_a_smaller_run_has_no_larger_network_and_no_longer_training(run: str, thesis: Config) -> None:
    smaller = config_of(run)
    sets = [one for one in ("none", "rotation", "combined") if one in smaller.transformations]
    for name in MODELS:
        for dataset in thesis.models[name]["datasets"]:
            widths, full = smaller.widths(name, dataset), thesis.widths(name, dataset)
            assert all(widths[key] <= full[key] for key in full), (name, dataset)
            for one in sets:
                limit = smaller.training["max_epochs"]
                assert smaller.epochs(name, dataset, one) <= limit


def test_every_handshape_data_set_has_the_networks_of_2017(thesis: Config) -> None:
    handshapes = {name for name in thesis.datasets if name.startswith(("lsa16", "rwth", "drawn_hands"))}
    for name in MODELS:
        if name.endswith("_2017"):
            recipes_of = thesis.models[name]["datasets"]
            assert set(recipes_of) == handshapes, name
            for dataset, recipe in recipes_of.items():
                if not dataset.startswith("drawn"):
                    assert (recipe["epochs"], recipe["batch_size"]) == (8 if "_mr_" in dataset else 120, 16)


def scheme_without_epochs(raw: dict[str, Any]) -> None:
    raw["models"]["plain"]["schemes"] = {"first": ["conv1"]}
    raw["models"]["plain"]["datasets"]["digits"]["retraining_epochs"] = 1


MISTAKES: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "no source": (
        lambda raw: raw["models"]["plain"].pop("source"),
        "models.plain: 'source' is a required property",
    ),
    "an unknown task": (
        lambda raw: raw["models"]["plain"].update(task="clasification"),
        "models.plain.task: unknown value 'clasification'; valid: classification, transformation_regression",
    ),
    "an unknown optimizer": (
        lambda raw: raw["models"]["plain"]["optimizer"].update(name="adamx"),
        "models.plain.optimizer.name: unknown value 'adamx'; valid: adam",
    ),
    "a support vector machine without penalty": (
        lambda raw: raw["models"]["plain"].update(optimizer={"name": "linear_svm"}),
        "models.plain (and 1 more): optimizer: linear_svm needs a penalty; give optimizer.penalty",
    ),
    "an optimizer without rate": (
        lambda raw: raw["models"]["plain"].update(optimizer={"name": "adam"}),
        "models.plain (and 1 more): optimizer: adam needs a learning_rate; give optimizer.learning_rate",
    ),
    "a scheme with the name of the one that is built in": (
        lambda raw: [
            raw["models"]["plain"].update(schemes={"none": ["conv1"]}),
            *(one.update(retraining_epochs=1) for one in raw["models"]["plain"]["datasets"].values()),
        ],
        "models.plain (and 1 more): schemes: 'none' is reserved: it retrains nothing; choose another name",
    ),
    "a scheme without epochs": (
        scheme_without_epochs,
        "models.plain for natural_patches (and 1 more): retraining_epochs is missing; the model has schemes ",
    ),
    "a scheme without layers": (
        lambda raw: raw["models"]["plain"].update(schemes={"first": []}),
        "models.plain.schemes.first: [] should be non-empty",
    ),
    "a threshold in per cent": (
        lambda raw: raw["models"]["plain"]["datasets"]["digits"].update(threshold=90),
        "models.plain for digits (and 1 more): threshold is 90; valid for classification: an accuracy, at ",
    ),
    "a threshold that cannot be reached": (
        lambda raw: raw["models"]["plain"]["datasets"]["digits"].update(threshold=1.0),
        "models.plain for digits (and 1 more): threshold is 1.0; valid for classification: ",
    ),
    "an incomplete recipe": (
        lambda raw: raw["models"]["plain"]["datasets"]["digits"].pop("epochs"),
        "models.plain for digits (and 1 more): epochs is missing; a recipe needs widths, epochs, batch_size",
    ),
    "an unknown data set in a group": (
        lambda raw: raw.update(recipe_groups={"bundled": ["digist"]}),
        "recipe_groups.bundled: unknown data set 'digist'; valid: digits, natural_patches",
    ),
    "a data set in two groups": (
        lambda raw: raw.update(recipe_groups={"one": ["digits"], "other": ["digits", "natural_patches"]}),
        "recipe_groups: 'digits' is in one and other; leave it in one of them",
    ),
    "a group with the name of a data set": (
        lambda raw: raw.update(recipe_groups={"digits": ["natural_patches"]}),
        "recipe_groups.digits: the name of a data set cannot be the name of a group",
    ),
    "the recipes of an unknown data set": (
        lambda raw: raw["datasets"]["digits"].update(recipe_of="mnist"),
        "datasets.digits.recipe_of: unknown data set 'mnist'; valid: digits, natural_patches",
    ),
    "recipes of a data set and of a group": (
        lambda raw: [
            raw["datasets"]["digits"].update(recipe_of="natural_patches"),
            raw.update(recipe_groups={"bundled": ["digits", "natural_patches"]}),
        ],
        "datasets.digits: it has recipe_of and is in recipe_groups.bundled; give one of them",
    ),
    "recipes of the data set itself": (
        lambda raw: raw["datasets"]["digits"].update(recipe_of="digits"),
        "datasets.digits.recipe_of: goes in a circle: digits -> digits",
    ),
    "a data set that is no name": (
        lambda raw: raw["datasets"]["digits"].update(recipe_of=["natural_patches"]),
        "datasets.digits.recipe_of: ['natural_patches'] is not of type 'string'",
    ),
    "a set of its own for TI-pooling": (
        lambda raw: raw["models"]["plain"].update(
            family="ti_pooling", settings={"transformations": {"rotations": {"count": 4}}}
        ),
        "models.plain (and 1 more): settings: ti_pooling takes transformations from its training",
    ),
}


@pytest.mark.parametrize("kind", MISTAKES)
def test_a_mistake_in_a_recipe_is_said_once_in_words(kind: str, raw: dict[str, Any], schemas: Path) -> None:
    change, text = MISTAKES[kind]
    change(raw)
    with pytest.raises(UserError) as caught:
        load_config(raw, schemas)
    _, *found = str(caught.value).splitlines()
    assert len(found) == 1
    assert found[0].removeprefix("  - ").startswith(text)


def test_a_recipe_of_a_data_set_changes_that_of_its_group_key_by_key(
    raw: dict[str, Any], schemas: Path
) -> None:
    raw["recipe_groups"] = {"bundled": ["digits", "natural_patches"]}
    raw["models"]["plain"]["datasets"] = {
        "bundled": {"widths": {"filters": 4, "hidden": 8}, "epochs": 10, "batch_size": 16},
        "natural_patches": {"widths": {"filters": 6}, "epochs": 20},
    }
    config = load_config(raw, schemas)
    assert config.models["plain"]["datasets"] == config.models["normalized"]["datasets"]
    assert config.models["plain"]["datasets"] == {
        "digits": {"widths": {"filters": 4, "hidden": 8}, "epochs": 10, "batch_size": 16},
        "natural_patches": {"widths": {"filters": 6, "hidden": 8}, "epochs": 20, "batch_size": 16},
    }


def test_a_data_set_of_ones_own_has_all_recipes_of_one_that_it_is_like(schemas: Path) -> None:
    files = read_yaml(*(CONFIG / f"{name}.yaml" for name in FILES))
    like = {name for name, model in files["models"].items() if model.get("like") == "simple_conv"}
    files["datasets"]["leaves"] = {"source": "folder", "path": "leaves", "recipe_of": "lsa16"}
    files["datasets"]["needles"] = {"source": "folder", "path": "needles", "recipe_of": "leaves"}
    files["dataset_groups"]["standard"] = ["leaves", "needles"]
    files["models"]["simple_conv"]["datasets"]["leaves"] = {"epochs": 7}
    config = load_config(files, schemas)
    for name, model in config.models.items():
        recipes = model["datasets"]
        own = {"epochs": 7} if name in {"simple_conv", *like} else {}
        assert recipes["leaves"] == recipes["needles"] == recipes["lsa16"] | own, name
    assert config.dataset_source("leaves") == {"source": "folder", "path": "leaves", "stand_in_for": ""}
    assert {one.dataset for one in Plan(config).networks("compare_models")} == {"leaves", "needles"}


def test_some_experiments_of_a_small_run_have_one_data_set(raw: dict[str, Any], schemas: Path) -> None:
    raw["one_dataset"] = ["profiles", "looks"]
    config = load_config(raw, schemas)
    assert config.experiments["profiles"]["train"]["datasets"] == ["digits"]
    assert config.experiments["looks"]["images"]["datasets"] == "both"
    raw["one_dataset"] = ["profile"]
    with pytest.raises(UserError, match=r"one_dataset: unknown experiment 'profile'; valid: profiles"):
        load_config(raw, schemas)


def test_an_error_of_no_transformation_is_no_threshold(raw: dict[str, Any], schemas: Path) -> None:
    raw["models"]["telling"] = {"like": "plain", "task": "transformation_regression"}
    raw["models"]["telling"]["datasets"] = {"digits": {"threshold": 0}}
    with pytest.raises(UserError, match=r"threshold is 0; valid for transformation_regression: a relative"):
        load_config(raw, schemas)
    raw["models"]["telling"]["datasets"] = {"digits": {"threshold": 1.5}}
    assert load_config(raw, schemas).models["telling"]["datasets"]["digits"]["threshold"] == 1.5


def test_ti_pooling_takes_the_set_from_its_training(raw: dict[str, Any], schemas: Path) -> None:
    raw["models"]["pooled"] = {"like": "plain", "family": "ti_pooling"}
    assert load_config(raw, schemas).models["pooled"]["settings"] == {}


def test_the_padding_of_a_run_reaches_every_warp(
    raw: dict[str, Any], schemas: Path, make_images: Callable[..., ImageSet]
) -> None:
    raw["padding"] = "zeros"
    raw["models"]["normalized"] = {"like": "plain", "title": "Pooling", "family": "ti_pooling"}
    plan = Plan(load_config(raw, schemas))
    assert {plan.measuring_settings(one)["padding"] for one in plan.measurements()} == {"zeros"}
    trainings = [TrainingSettings.from_mapping(plan.training_settings(one)) for one in plan.networks()]
    assert {one.padding for one in trainings} == {"zeros"}
    settings = next(one for one in trainings if (one.family, one.trained_with) == ("ti_pooling", "scale"))
    training = Training(settings, make_images(size=16), torch.device("cpu"))
    assert {data.padding for data in (training.train, training.test, training.watched)} == {"zeros"}
    trained, images = training.model.eval(), torch.rand(2, 1, 16, 16)
    for padding, same in (("zeros", True), ("border", False)):
        other = models.build("ti_pooling", (1, 16, 16), 2, {**settings.settings, "padding": padding}).eval()
        other.load_state_dict(trained.state_dict())
        assert torch.allclose(trained(images), other(images)) is same


def test_a_circle_of_recipes_is_reported_from_each_data_set_in_it(raw: dict[str, Any], schemas: Path) -> None:
    raw["datasets"]["digits"]["recipe_of"] = "natural_patches"
    raw["datasets"]["natural_patches"]["recipe_of"] = "digits"
    raw["datasets"]["leaves"] = {"source": "folder", "recipe_of": "digits"}
    with pytest.raises(UserError) as caught:
        load_config(raw, schemas)
    first, second = str(caught.value).splitlines()[1:]
    assert first == "  - datasets.digits.recipe_of: goes in a circle: digits -> natural_patches -> digits"
    assert second.startswith("  - datasets.natural_patches.recipe_of: goes in a circle: natural_patches -> ")
