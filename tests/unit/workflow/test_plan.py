"""What a run consists of."""

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equivariance.errors import UserError
from equivariance.workflow.loading import SECTIONS, load_config, read_yaml
from equivariance.workflow.plan import ACCURACY, Measurement, Network, Plan, shared_sweeps

NAMES = st.sampled_from(["a", "b", "c"])
NETWORKS = st.builds(Network, NAMES, NAMES, NAMES, st.integers(0, 3))
MEASUREMENTS = st.builds(
    Measurement, NETWORKS, NAMES, NAMES, st.sampled_from(["test", "train"]), NAMES, st.integers(2, 4), NAMES
)


@pytest.fixture
def plan(schemas: Path) -> Callable[[dict[str, Any]], Plan]:
    return lambda raw: Plan(load_config(raw, schemas))


def sweeps(plan: Plan) -> list[Measurement]:
    """The measurements of a plan that are no accuracies."""
    return [one for one in plan.measurements() if one.family != "accuracy"]


def test_the_grid_of_an_experiment_is_data_sets_by_models_by_sets_by_seeds(
    raw: dict[str, Any], plan: Callable[..., Plan]
) -> None:
    networks = plan(raw).networks("profiles")
    assert len(networks) == len(set(networks)) == 2 * 2 * 2 * 3
    assert Network("natural_patches", "normalized", "scale", 2) in networks
    assert plan(raw).networks("looks") == []


def test_experiments_share_networks_and_measurements(raw: dict[str, Any], plan: Callable[..., Plan]) -> None:
    twice = copy.deepcopy(raw)
    twice["experiments"]["again"] = copy.deepcopy(raw["experiments"]["profiles"])
    twice["experiments"]["fewer"] = copy.deepcopy(raw["experiments"]["profiles"])
    twice["experiments"]["fewer"]["train"]["seeds"] = "few"
    assert plan(twice).networks() == plan(raw).networks()
    assert plan(twice).measurements() == plan(raw).measurements()
    assert plan(twice).measurements("again") == plan(raw).measurements("profiles")
    # Of the accuracies, those with rotations and scales are networks of the profiles too.
    assert len(plan(raw).networks()) == 24 + 2


def test_measures_of_one_family_are_one_measurement(raw: dict[str, Any], plan: Callable[..., Plan]) -> None:
    before = sweeps(plan(raw))
    raw["experiments"]["profiles"]["measure"]["measures"] = [
        "nv",
        "anova@0.95",
        "nd_keep@8",
        "goodfellow_normal",
    ]
    assert sweeps(plan(raw)) == before
    raw["experiments"]["profiles"]["measure"]["measures"] += ["nvse"]
    families = {one.family for one in sweeps(plan(raw))}
    assert families == {"invariance", "same_equivariance"}
    assert len(sweeps(plan(raw))) == 2 * len(before)
    raw["experiments"]["profiles"]["measure"]["stratified"] = True
    families = {one.family for one in sweeps(plan(raw))}
    assert families == {"stratified_invariance", "stratified_same_equivariance"}


def test_a_measurement_has_the_measures_and_aggregations_of_all_experiments(
    raw: dict[str, Any], plan: Callable[..., Plan]
) -> None:
    other = copy.deepcopy(raw["experiments"]["profiles"])
    other["train"] |= {"sets": ["rotation"], "seeds": "few"}
    other["measure"] |= {"measures": ["nvse", "nd@8", "tv"], "aggregations": ["after_mean", "before_mean"]}
    raw["experiments"]["other"] = other
    made = plan(raw)
    for one in sweeps(made):
        found = made.measuring_settings(one)
        shared = one in made.measurements("other")
        if one.family == "same_equivariance":
            assert found["measures"] == ["nvse", "svse", "tvse"]
        else:
            both = ["nd@8", "nv", "sd@8", "sv", "td@8", "tv"]
            assert found["measures"] == (both if shared else ["nv", "sv", "tv"])
        assert found["aggregations"] == (["before_mean", "after_mean"] if shared else ["before_mean"])
        assert found["stratified"] is False
    # An experiment gets what it asked for, whoever else asks for more.
    first = next(one for one in made.measurements("other") if one.family == "invariance")
    assert made.values("profiles", first) == [("nv", "before_mean")]
    assert ("nv", "before_mean") not in made.values("other", first)
    assert made.measures("other") == ["nvse", "nd@8", "tv"]


def test_another_experiment_changes_only_the_measurements_that_it_asks_for(
    raw: dict[str, Any], plan: Callable[..., Plan]
) -> None:
    raw["experiments"]["other"] = copy.deepcopy(raw["experiments"]["profiles"])
    raw["experiments"]["other"]["train"] |= {"models": ["normalized"], "sets": ["scale"]}
    before = plan(raw)
    raw["experiments"]["other"]["measure"]["measures"] = ["nd"]
    after = plan(raw)
    assert after.measurements() == before.measurements()
    changed = {
        one for one in after.measurements() if after.measuring_settings(one) != before.measuring_settings(one)
    }
    assert changed == {*after.measurements("other")}
    assert len(changed) < len(after.measurements())


def test_a_list_gives_measures_samples_and_data_that_go_together(
    raw: dict[str, Any], plan: Callable[..., Plan]
) -> None:
    raw["samples"] = {"standard": 40, "few": [4, 8]}
    raw["experiments"]["profiles"]["measure"] = [
        {"with": "own", "measures": ["nd"], "aggregations": ["before_mean", "after_mean"]},
        {"with": "own", "measures": ["nd_keep"]},
        {"with": "own", "measures": ["nv"], "samples": "few", "parts": ["train", "test"], "stratified": True},
    ]
    made = plan(raw)
    networks = made.networks("profiles")
    found = [one for one in made.measurements("profiles") if one.network == networks[0]]
    assert {(one.family, one.part, one.samples) for one in found} == {
        ("invariance", "test", 40),
        *(("stratified_invariance", part, samples) for part in ("train", "test") for samples in (4, 8)),
    }
    assert made.values("profiles", found[0]) == [
        ("nd", "before_mean"),
        ("nd", "after_mean"),
        ("nd_keep", "before_mean"),
    ]
    assert made.measures("profiles") == ["nd", "nd_keep", "nv"]


def test_networks_are_measured_on_their_own_data_set_and_on_others_once(
    raw: dict[str, Any], plan: Callable[..., Plan]
) -> None:
    raw["experiments"]["profiles"]["train"]["datasets"] = "digits"
    assert plan(raw).datasets("profiles") == ("digits",)
    raw["experiments"]["profiles"]["measure"]["datasets"] = ["own", "both"]
    made = plan(raw)
    assert made.datasets("profiles") == ("digits", "natural_patches")
    assert len(sweeps(made)) == 2 * len(made.networks("profiles"))
    assert {(one.network.dataset, one.measured_on) for one in sweeps(made)} == {
        ("digits", "digits_test"),
        ("digits", "natural_patches_test"),
    }


def test_single_units_are_those_of_the_first_seed(raw: dict[str, Any], plan: Callable[..., Plan]) -> None:
    raw["experiments"]["profiles"]["figure"] = {
        "kind": "heat_map",
        "row": "dataset",
        "column": "trained_with",
    }
    made = plan(raw)
    assert made.kind("profiles") == "units"
    assert len(made.networks("profiles")) == 24
    assert len(made.measurements("profiles")) == 8
    assert {one.network.seed for one in made.measurements("profiles")} == {0}
    entry = raw["experiments"]["profiles"]
    entry |= {
        "figure": {"kind": "image_grid"},
        "feature_maps": {"samples": 1, "maps": 1, "members": 1, "layers": 1},
    }
    assert plan(raw).kind("profiles") == "feature_maps"
    assert {(one.network.seed, one.dataset) for one in plan(raw).measurements("profiles")} == {(0, "digits")}


def test_a_mapping_may_name_groups(raw: dict[str, Any], plan: Callable[..., Plan]) -> None:
    raw["experiments"]["profiles"]["train"]["sets"] = ["none", "simple"]
    raw["experiments"]["profiles"]["measure"]["with"] = {"none": "simple", "simple": "own"}
    pairs = {(one.network.trained_with, one.measured_with) for one in plan(raw).measurements("profiles")}
    assert pairs == {("none", "rotation"), ("none", "scale"), ("rotation", "rotation"), ("scale", "scale")}


def test_own_is_the_set_of_training_and_is_measured_once(
    raw: dict[str, Any], plan: Callable[..., Plan]
) -> None:
    own = plan(raw).measurements("profiles")
    assert {(one.network.trained_with, one.measured_with) for one in own} == {
        ("rotation", "rotation"),
        ("scale", "scale"),
    }
    raw["experiments"]["profiles"]["measure"]["with"] = ["own", "simple"]
    both = plan(raw).measurements("profiles")
    assert len(both) == len(set(both)) == 2 * len(own)


def test_a_mapping_gives_the_sets_to_measure_with_by_the_set_of_training(
    raw: dict[str, Any], plan: Callable[..., Plan]
) -> None:
    raw["experiments"]["profiles"]["measure"]["with"] = {"rotation": ["none", "own"], "scale": "simple"}
    pairs = {(one.network.trained_with, one.measured_with) for one in plan(raw).measurements("profiles")}
    assert pairs == {
        ("rotation", "none"),
        ("rotation", "rotation"),
        ("scale", "rotation"),
        ("scale", "scale"),
    }


def test_files_are_named_by_what_determines_them() -> None:
    network = Network("mnist", "simple_conv", "rotation", 3)
    assert network.folder == "models/mnist/simple_conv/rotation/seed3"
    again = replace(network, retrained_with="scale", scheme="fc1")
    assert again.folder == "retrained/mnist/simple_conv/rotation-scale/fc1/seed3"
    measurement = Measurement(network, "final", "mnist", "test", "scale", 256, "invariance")
    assert measurement.measured_on == "mnist_test"
    sweep = "mnist/simple_conv/rotation/seed3/final/mnist_test/scale-256"
    assert measurement.path == f"{sweep}/invariance.parquet"
    assert not measurement.stratified
    assert replace(measurement, family="stratified_invariance").stratified


@settings(deadline=None)
@given(st.lists(MEASUREMENTS, unique=True, max_size=30))
def test_measurements_that_differ_have_files_of_their_own(measurements: list[Measurement]) -> None:
    assert len({one.path for one in measurements}) == len(measurements)


@given(NETWORKS, st.sampled_from(["", "fc1", "all_conv"]))
def test_a_network_can_be_told_from_its_name(network: Network, scheme: str) -> None:
    if scheme:
        network = replace(network, retrained_with="b", scheme=scheme)
    assert Network.of(network.name) == network
    assert network.folder.endswith(network.name)
    assert network.retrained == bool(scheme)
    assert network.initial == replace(network, retrained_with="none", scheme="none")
    assert network.own_set == ("b" if scheme else network.trained_with)


@settings(deadline=None)
@given(measurements=st.lists(MEASUREMENTS, unique=True, max_size=30))
def test_measurements_share_a_sweep_where_they_see_the_same_network_on_the_same_images(
    measurements: list[Measurement],
) -> None:
    groups = shared_sweeps(measurements)
    assert sorted(one for group in groups for one in group) == sorted(measurements)
    seen = [replace(group[0], samples=0, family="") for group in groups]
    for group, images in zip(groups, seen, strict=True):
        assert {replace(one, samples=0, family="") for one in group} == {images}
        assert len({one.stratified for one in group}) == 1
        assert len(group) == 1 or all(one.family != ACCURACY for one in group)
    swept = [
        (one, group[0].stratified)
        for one, group in zip(seen, groups, strict=True)
        if group[0].family != ACCURACY
    ]
    assert len(set(swept)) == len(swept), "what can share is one group"


def test_networks_and_measurements_come_in_the_order_of_the_experiments_that_need_them(
    raw: dict[str, Any], plan: Callable[..., Plan]
) -> None:
    made = plan(raw)
    networks, measurements = made.in_order()
    assert sorted(networks) == made.networks()
    assert sorted(measurements) == made.measurements()
    first = next(iter(made.config.experiments))
    assert set(networks[: len(made.networks(first))]) == set(made.networks(first))


FAMILY_NAMES = st.sampled_from(["invariance", "same_equivariance", "stratified_invariance", "accuracy"])


@settings(deadline=None)
@given(
    st.lists(
        st.builds(replace, MEASUREMENTS, family=FAMILY_NAMES, samples=st.integers(2, 4)),
        unique=True,
        max_size=30,
    )
)
def test_a_sweep_makes_all_measurements_of_a_network_images_and_set(measurements: list[Measurement]) -> None:
    def sweep(one: Measurement) -> tuple[Any, ...]:
        own = one if one.family == "accuracy" else one.stratified
        return one.network, one.savepoint, one.measured_on, one.measured_with, own

    groups = shared_sweeps(measurements)
    assert sorted(one for group in groups for one in group) == sorted(measurements)
    assert all(len({sweep(one) for one in group}) == 1 for group in groups)
    assert len({sweep(group[0]) for group in groups}) == len(groups)
    firsts = [measurements.index(group[0]) for group in groups]
    assert firsts == sorted(firsts)


@pytest.mark.parametrize("run", ["thesis", "laptop", "quick"])
def test_no_network_is_measured_twice_at_a_savepoint(root: Path, schemas: Path, run: str) -> None:
    """Whatever experiments ask for a savepoint, images, a set and a form, there is one sweep of them."""
    files = [root / f"config/{name}.yaml" for name in ("config", *SECTIONS)]
    extra = [] if run == "thesis" else [root / f"config/{run}.yaml"]
    plan = Plan(load_config(read_yaml(*files, *extra), schemas))
    asked = [one for name in plan.config.experiments for one in plan.measurements(name)]
    groups = shared_sweeps(asked)
    assert len({group[0].sweep for group in groups}) == len(groups) == len(shared_sweeps(plan.measurements()))
    assert len({one.path for one in plan.measurements()}) == len(plan.measurements()) < len(asked)
    shared = {
        name: {*plan.measurements(name)} for name in ("during_training", "dataset_size", "compare_models")
    }
    assert shared["during_training"] & shared["dataset_size"] & shared["compare_models"]


def test_savepoints_are_kept_by_the_networks_that_an_experiment_asks_it_of(
    raw: dict[str, Any], plan: Callable[..., Plan]
) -> None:
    made = plan(raw)
    asked = set(made.networks("accuracies"))
    for network in made.networks():
        kept = made.training_settings(network)["savepoints"]
        assert kept == ([0, 1, 3, 5, 10, 30, 50] if network in asked else [])
    assert made.savepoints("accuracies") == ("0", "1", "3", "5", "10", "30", "50", "final")
    assert made.savepoints("profiles") == ("final",)


def test_every_savepoint_that_is_measured_is_kept(raw: dict[str, Any], plan: Callable[..., Plan]) -> None:
    entry = raw["experiments"]["profiles"]
    entry["train"] |= {"savepoints": "all", "sets": ["untrained", "rotation"]}
    entry["measure"]["with"] = "simple"
    made = plan(raw)
    for one in made.measurements():
        kept = made.training_settings(one.network)["savepoints"]
        assert one.savepoint == "final" or int(one.savepoint) in kept


@pytest.mark.parametrize("task", ["classification", "transformation_regression"])
def test_where_measures_are_shown_at_savepoints_the_accuracy_of_classifiers_is_measured_there(
    raw: dict[str, Any], plan: Callable[..., Plan], task: str
) -> None:
    raw["models"]["other"] = {"like": "plain", "title": "Other", "task": task}
    raw["experiments"]["profiles"]["train"] |= {"savepoints": "all", "models": ["other"]}
    made = plan(raw)
    networks = made.networks("profiles") if task == "classification" else []
    savepoints = made.savepoints("profiles")[:-1]  # that of the last epoch the training knows
    tested = {one for one in made.measurements("profiles") if one.family == "accuracy"}
    assert tested == {made.accuracy(network, savepoint) for network in networks for savepoint in savepoints}
    assert all(one.measured_with == one.network.trained_with for one in tested)
    assert set(made.sweeps("profiles")) == set(made.measurements("profiles")) - tested


def test_an_untrained_network_is_one_of_no_epochs_and_no_transformations(
    raw: dict[str, Any], plan: Callable[..., Plan]
) -> None:
    raw["experiments"]["profiles"]["train"]["sets"] = ["untrained"]
    raw["experiments"]["profiles"]["measure"]["with"] = "rotation"
    settings = plan(raw).training_settings(Network("digits", "plain", "untrained", 0))
    assert (settings["epochs"], settings["trained_with"], settings["transformations"]) == (0, "none", {})


def test_training_settings_are_those_of_the_network(raw: dict[str, Any], plan: Callable[..., Plan]) -> None:
    raw["training"] = {"width": 0.5, "images": 100, "savepoints": [0, 100]}
    raw["evaluation"] = {"images": 50}
    assert plan(raw).training_settings(Network("digits", "normalized", "rotation", 2)) == {
        "dataset": "digits",
        "family": "simple_conv",
        "settings": {"batch_norm": True, "filters": 2, "hidden": 4},
        "task": "classification",
        "optimizer": {"name": "adamw", "learning_rate": 0.001, "weight_decay": 0.0, "other_rates": {}},
        "augmented": True,
        "random_flips": False,
        "trained_layers": None,
        "threshold": None,
        "restarts": 0,
        "precision": "float32",
        "batch_size": 16,
        "epochs": 15,  # 10 x 1.1 ln 4
        "trained_with": "rotation",
        "transformations": {"rotations": {"count": 4, "turn": 1.0}},
        "seed": 2,
        "images": 100,
        "padding": "border",
        "savepoints": [],
        "test_images": 50,
    }


def changed_networks(raw: dict[str, Any], plan: Callable[..., Plan], change: Callable[..., Any]) -> set[str]:
    """Models whose training settings a change of the configuration changes."""
    before = plan(raw)
    change(raw)
    after = plan(raw)
    return {
        network.model
        for network in before.networks()
        if before.training_settings(network) != after.training_settings(network)
    }


@pytest.mark.parametrize(
    ("model", "change"),
    [
        ("normalized", {"settings": {"kernel_size": 5}}),
        ("normalized", {"optimizer": {"learning_rate": 0.5}}),
        ("normalized", {"datasets": {"digits": {"batch_size": 3}}}),
    ],
)
def test_a_setting_of_a_model_changes_the_trainings_of_that_model_only(
    raw: dict[str, Any], plan: Callable[..., Plan], model: str, change: dict[str, Any]
) -> None:
    assert changed_networks(raw, plan, lambda raw: raw["models"][model].update(change)) == {model}


@pytest.mark.parametrize("section", ["models.plain", "datasets.digits", "transformations.rotation"])
def test_a_title_changes_no_training_and_no_measurement(
    raw: dict[str, Any], plan: Callable[..., Plan], section: str
) -> None:
    outer, inner = section.split(".")
    before = plan(raw)
    raw[outer][inner]["title"] = "Another"
    after = plan(raw)
    assert after.config.titles() != before.config.titles()
    for network in before.networks():
        assert after.training_settings(network) == before.training_settings(network)
    for one in before.measurements():
        assert after.measuring_settings(one) == before.measuring_settings(one)


@pytest.mark.parametrize(
    "change", [{"samples": {"standard": 7}}, {"jobs": {"minutes": 5}}, {"device": "cpu"}, {"mirror": "data"}]
)
def test_what_does_not_determine_a_network_changes_no_training(
    raw: dict[str, Any], plan: Callable[..., Plan], change: dict[str, Any]
) -> None:
    assert changed_networks(raw, plan, lambda raw: raw.update(change)) == set()


def test_samples_are_an_entry_of_the_configuration(raw: dict[str, Any], plan: Callable[..., Plan]) -> None:
    raw["samples"] = {"standard": 40, "sizes": [4, 8]}
    assert {one.samples for one in plan(raw).measurements("profiles")} == {40}
    raw["experiments"]["profiles"]["measure"] |= {"samples": "sizes", "parts": ["train"]}
    assert {(one.samples, one.measured_on) for one in plan(raw).measurements("profiles")} == {
        (samples, name) for samples in (4, 8) for name in ("digits_train", "natural_patches_train")
    }
    assert plan(raw).measuring_settings(plan(raw).measurements("profiles")[0]) == {
        "measures": ["nv", "sv", "tv"],
        "aggregations": ["before_mean"],
        "stratified": False,
        "part": "train",
        "measured_with": "rotation",
        "transformations": {"rotations": {"count": 4, "turn": 1.0}},
        "samples": 4,
        "padding": "border",
    }


def test_an_experiment_is_of_the_kind_of_what_it_shows(
    raw: dict[str, Any], plan: Callable[..., Plan]
) -> None:
    made = plan(raw)
    assert {kind: made.experiments(kind) for kind in ("images", "accuracies", "profiles")} == {
        "images": ["looks"],
        "accuracies": ["accuracies"],
        "profiles": ["profiles"],
    }
    assert made.datasets("looks") == made.datasets("profiles") == ("digits", "natural_patches")


def test_a_retraining_starts_from_networks_that_are_trained_and_measures_those_that_it_gives(
    raw: dict[str, Any], plan: Callable[..., Plan]
) -> None:
    raw["models"]["plain"] |= {"schemes": {"first": ["conv1"], "all": ["*"]}}
    for recipe in raw["models"]["plain"]["datasets"].values():
        recipe["retraining_epochs"] = 4
    raw["experiments"]["profiles"] |= {
        "train": {"datasets": "digits", "models": ["plain"], "sets": ["none"], "seeds": "few"},
        "retrain": {"with": "rotation", "schemes": "all"},
    }
    made = plan(raw)
    networks = made.networks("profiles")
    assert {(one.trained_with, one.retrained_with, one.scheme) for one in networks} == {
        ("none", "none", "none"),
        ("none", "rotation", "first"),
        ("none", "rotation", "all"),
    }
    assert {one.initial for one in networks} <= {*made.networks()}
    found = made.training_settings(networks[1])
    assert (found["epochs"], found["trained_layers"], found["trained_with"]) == (4, ["conv1"], "rotation")
    assert made.training_settings(networks[0])["trained_layers"] is None
    assert {one.measured_with for one in made.measurements("profiles")} == {"none", "rotation"}
    raw["experiments"]["profiles"]["retrain"]["schemes"] = ["first"]
    assert {one.scheme for one in plan(raw).networks("profiles")} == {"first"}
    assert {one.scheme for one in plan(raw).networks()} == {"none", "first"}


def test_accuracies_are_measured_under_each_set_that_is_asked_for(
    raw: dict[str, Any], plan: Callable[..., Plan]
) -> None:
    raw["evaluation"] = {"images": 50, "transformations_per_image": 3}
    raw["experiments"]["accuracies"] |= {"test": ["none", "own", "scale"]}
    raw["experiments"]["accuracies"]["train"]["savepoints"] = "final"
    made = plan(raw)
    found = {(one.network.trained_with, one.measured_with) for one in made.measurements("accuracies")}
    assert found == {
        *(("none", one) for one in ("none", "scale")),
        *(("rotation", one) for one in ("none", "rotation", "scale")),
        *(("scale", one) for one in ("none", "scale")),
    }
    one = made.measurements("accuracies")[0]
    assert (one.family, one.samples, one.part) == ("accuracy", 50, "test")
    assert made.measuring_settings(one)["transformations_per_image"] == 3
    # What a network is tested with does not change it.
    before = {network: made.training_settings(network) for network in made.networks()}
    raw["experiments"]["accuracies"]["test"] = ["none"]
    after = plan(raw)
    assert {network: after.training_settings(network) for network in after.networks()} == before


def test_a_network_with_ti_pooling_pools_over_its_set_and_sees_untransformed_images(
    raw: dict[str, Any], plan: Callable[..., Plan]
) -> None:
    raw["models"]["normalized"] = {"like": "plain", "title": "Pooling", "family": "ti_pooling"}
    made = plan(raw)
    network = next(one for one in made.networks("profiles") if one.model == "normalized")
    found = made.training_settings(network)
    assert found["settings"]["transformations"] == made.config.set_definition(network.trained_with)
    assert found["augmented"] is False
    plain = made.training_settings(replace(network, model="plain"))
    assert (plain["augmented"], plain["epochs"]) == (True, found["epochs"])


def test_experiments_with_published_weights_are_left_out_by_name(
    raw: dict[str, Any], plan: Callable[..., Plan]
) -> None:
    for recipe in raw["models"]["plain"]["datasets"].values():
        recipe["widths"] = {"hidden": 8}
    raw["models"]["plain"] |= {"family": "inception_transfer", "settings": {"head": "network"}}
    del raw["models"]["normalized"]
    raw["experiments"]["profiles"]["train"]["models"] = ["plain"]
    made = plan(raw)
    assert made.config.left_out == {}
    assert made.training_settings(made.networks()[0])["trained_layers"] == ["fc*"]
    raw["pretrained"] = False
    left = plan(raw).config
    assert set(left.experiments) == {"looks"}
    assert set(left.left_out) == {"Accuracies", "Profiles"}


def test_a_run_may_be_of_some_experiments_only(raw: dict[str, Any], plan: Callable[..., Plan]) -> None:
    raw["only"] = ["profiles"]
    made = plan(raw)
    assert set(made.config.experiments) == {"profiles"}
    assert made.config.left_out == {}
    raw["only"] = ["profile"]
    with pytest.raises(UserError, match=r"only: unknown experiment 'profile'.*profiles"):
        plan(raw)
