"""How much work a run is: counts in closed form, and the laws that they follow."""

import copy
import json
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, get_args, get_origin

import pandas as pd
import pytest

from equivariance.cli.plan import count_jobs
from equivariance.datasets.sizes import Size
from equivariance.models import FAMILIES
from equivariance.training.settings import TrainingSettings
from equivariance.transformations.parameters import Spec
from equivariance.workflow.estimate import (
    A100_PEAKS,
    A100_SHARES,
    COUNTS,
    KINDS,
    SWEEP_FACTORS,
    ImageCost,
    _count,
    experiment_flops,
    image_flops,
    measuring_cost,
    passes_cost,
    run_costs,
    run_flops,
    sweep_factor,
    training_costs,
)
from equivariance.workflow.loading import load_config
from equivariance.workflow.plan import Network, Plan, shared_sweeps

SIZE = Size((1, 12, 12), 5, 100, 40)
MNIST = Size((1, 28, 28), 10, 60_000, 10_000)

MakeSettings = Callable[..., TrainingSettings]


@pytest.fixture
def plan(raw: dict[str, Any], schemas: Path) -> Plan:
    return Plan(load_config(raw, schemas))


def training_flops(settings: TrainingSettings) -> dict[str, float]:
    return training_costs(settings, SIZE, image_flops)


def convolution(inputs: int, outputs: int, side: int, kernel: int = 3) -> int:
    """Two operations for each multiplication with its addition, of a convolution that keeps the size."""
    return 2 * kernel**2 * inputs * outputs * side**2


def test_a_network_of_convolutions_and_linear_layers_is_counted_in_closed_form(
    make_settings: MakeSettings,
) -> None:
    f, hidden = 8, 32
    settings = make_settings(settings={"filters": f, "hidden": hidden})
    first = convolution(1, f, 28)
    others = convolution(f, f, 28) + convolution(f, 2 * f, 14) + convolution(2 * f, 2 * f, 14)
    others += convolution(2 * f, 4 * f, 7) + 2 * (4 * f * 7 * 7 * hidden + hidden * 10)
    flops = image_flops(settings, MNIST)
    assert flops.forward == first + others
    # The backward pass has a product for the weights and one for the input, which images do not need.
    assert flops.step == 3 * flops.forward - first


def test_frozen_layers_cost_what_is_left_of_them(make_settings: MakeSettings) -> None:
    settings = make_settings(family="feed_forward", settings={"hidden1": 6, "hidden2": 7})
    first, second, third = 2 * 144 * 6, 2 * 6 * 7, 2 * 7 * 5
    forward = first + second + third
    every = image_flops(settings, SIZE)
    assert every == (forward, forward + first + 2 * second + 2 * third, 0)
    last = image_flops(replace(settings, trained_layers=("fc3",)), SIZE)
    assert last == (forward, forward + third, 0)
    middle = image_flops(replace(settings, trained_layers=("fc2",)), SIZE)
    assert middle == (forward, forward + second + third, 0), "weights of fc2, input of fc3"


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_is_counted_without_its_values(family: str) -> None:
    def value(expected: Any) -> Any:
        if get_origin(expected) is not None and expected != Spec:
            return get_args(expected)[0]
        return {"rotations": {"count": 4}} if expected == Spec else 4

    needed = [field for field in fields(FAMILIES[family]) if field.default is field.default_factory]
    settings = TrainingSettings.from_mapping(
        {
            "dataset": "any",
            "family": family,
            "settings": {field.name: value(field.type) for field in needed},
            "optimizer": {"name": "adam", "learning_rate": 0.1},
            "batch_size": 1,
            "epochs": 1,
            "trained_with": "none",
            "transformations": {},
            "seed": 0,
        }
    )
    flops = image_flops(settings, Size((3, 32, 32), 10, 100, 10))
    assert flops.forward > 0
    assert flops.step == pytest.approx(3 * flops.forward, rel=0.2) or family == "feed_forward"


def test_pooling_over_many_transformations_is_counted_from_a_few(make_settings: MakeSettings) -> None:
    rotations = {"rotations": {"count": 9}}
    given = {"filters": 2, "hidden": 4, "transformations": rotations, "padding": "border"}
    settings = make_settings(family="ti_pooling", settings=given)
    whole = _count("ti_pooling", json.dumps(given), SIZE.shape, SIZE.classes, "classification", None)
    assert image_flops(settings, SIZE) == whole


def test_a_regression_has_as_many_outputs_as_its_set_has_parameters(make_settings: MakeSettings) -> None:
    settings = make_settings(
        family="feed_forward", settings={}, task="transformation_regression", trained_with="scale"
    )
    scales = {"scales": {"steps": 1, "smallest": 0.5, "largest": 1.25}}
    assert image_flops(replace(settings, transformations=scales), SIZE).forward == 2 * 144 * 2


def test_training_is_linear_in_epochs_and_images(make_settings: MakeSettings) -> None:
    settings = make_settings(epochs=3, images=20)
    one = training_flops(settings)
    assert one["training"] == image_flops(settings, SIZE).step * 3 * 20
    assert training_flops(replace(settings, epochs=12))["training"] == 4 * one["training"]
    assert training_flops(replace(settings, images=60))["training"] == 3 * one["training"]
    every = training_flops(replace(settings, images=None))["training"]
    assert every == training_flops(replace(settings, images=10**6))["training"] == 5 * one["training"]


def test_evaluation_follows_each_epoch_and_the_last(make_settings: MakeSettings) -> None:
    settings = make_settings(epochs=3, images=40, test_images=30)
    forward = image_flops(settings, SIZE).forward
    assert training_flops(settings)["evaluation"] == forward * (3 * 2 * 5 + 2 * 30)
    kept = replace(settings, savepoints=(0, 50))
    assert training_flops(kept) == training_flops(settings)
    untrained = training_flops(replace(settings, epochs=0))
    assert untrained == {"training": 0, "evaluation": forward * 2 * 30}


def test_a_measurement_is_its_inputs_times_a_factor(plan: Plan, make_settings: MakeSettings) -> None:
    one = plan.measurements("profiles")[0]
    settings = TrainingSettings.from_mapping(plan.training_settings(one.network))
    images = min(SIZE.test, one.samples)
    expected = image_flops(settings, SIZE).forward * images * 4 * SWEEP_FACTORS["variances"]
    assert measuring_cost(plan, [one], lambda name: SIZE, image_flops) == pytest.approx(expected)
    few = replace(one, samples=10)
    plan._all_values[few] = plan._all_values[one]
    assert measuring_cost(plan, [few], lambda name: SIZE, image_flops) == pytest.approx(
        expected * 10 / images
    )


def test_a_shared_sweep_has_the_passes_of_the_largest_and_the_work_of_each_family(plan: Plan) -> None:
    one = plan.measurements("profiles")[0]
    settings = TrainingSettings.from_mapping(plan.training_settings(one.network))
    wanted = {
        replace(one, samples=10): "nv",
        replace(one, samples=30): "nd",  # of which the first ten have nv too, which costs less
        replace(one, samples=20, family="same_equivariance"): "nvse",
    }
    for measurement, measure in wanted.items():
        plan._all_values[measurement] = {(measure, "before_mean")}
    nd, nvse = SWEEP_FACTORS["invariance"] - 1, SWEEP_FACTORS["same_equivariance"] - 1
    passes = 30 + 30 * nd + 20 * nvse
    expected = image_flops(settings, SIZE).forward * 4 * passes
    for order in (list(wanted), list(wanted)[::-1]):
        assert measuring_cost(plan, order, lambda name: SIZE, image_flops) == pytest.approx(expected)
    plan._all_values[replace(one, samples=40)] = {("nv", "before_mean")}
    more = measuring_cost(plan, [*wanted, replace(one, samples=40)], lambda name: SIZE, image_flops)
    expected += image_flops(settings, SIZE).forward * 4 * 10 * SWEEP_FACTORS["variances"]
    assert more == pytest.approx(expected)


@pytest.mark.parametrize(
    ("measures", "factor"),
    [
        (["nv", "sv", "tv"], SWEEP_FACTORS["variances"]),
        (["nv", "anova@0.9"], SWEEP_FACTORS["invariance"]),
        (["nvse"], SWEEP_FACTORS["same_equivariance"]),
        ([], 1),
    ],
)
def test_measures_cost_more_than_forward_passes(measures: list[str], factor: float) -> None:
    assert sweep_factor(measures) == factor


def test_a_run_is_the_sum_of_its_networks_and_measurements(plan: Plan) -> None:
    flops = run_flops(plan, lambda name: SIZE)
    assert set(flops.index) == {"plain", "normalized"}
    assert flops["networks"].sum() == len(plan.networks())
    assert flops["measurements"].sum() == len(plan.measurements())
    assert flops["retrained"].sum() == 0
    trained = [
        training_flops(TrainingSettings.from_mapping(plan.training_settings(one))) for one in plan.networks()
    ]
    for kind in ("training", "evaluation"):
        assert flops[kind].sum() == sum(one[kind] for one in trained)
    sweeps = shared_sweeps(plan.measurements())
    assert flops["measuring"].sum() == sum(
        passes_cost(plan, sweep, lambda name: SIZE, image_flops) for sweep in sweeps
    )
    costs = run_costs(plan, lambda name: SIZE, image_flops)
    assert costs["measuring"].sum() == sum(
        measuring_cost(plan, sweep, lambda name: SIZE, image_flops) for sweep in sweeps
    )
    assert costs["training"].sum() == flops["training"].sum()
    assert flops[list(KINDS)].sum(axis=1).is_monotonic_decreasing
    assert isinstance(flops, pd.DataFrame)


def test_retrained_networks_are_counted_by_themselves(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network("digits", "plain", "none", 0)
    again = replace(network, retrained_with="rotation", scheme="last")
    settings = plan.training_settings(network)
    monkeypatch.setattr(plan, "networks", lambda: [network, again])
    monkeypatch.setattr(plan, "measurements", lambda: [])
    monkeypatch.setattr(
        plan,
        "training_settings",
        lambda one: settings | ({"trained_layers": ["fc2"]} if one.retrained else {}),
    )
    flops = run_flops(plan, lambda name: SIZE).loc["plain"]
    assert (flops["networks"], flops["retrained"], flops["measurements"]) == (1, 1, 0)
    every, last = (
        training_flops(TrainingSettings.from_mapping(plan.training_settings(one)))["training"]
        for one in (network, again)
    )
    assert flops["training"] == every + last
    assert last < every / 2


def test_jobs_are_counted_by_rule_and_batches_as_one() -> None:
    graph = (
        'digraph snakemake_dag {\n\t0[label = "all", color = "0.1 0.6 0.85", style="rounded"];\n'
        '\t1[label = "train_networks_0\\ndataset: a", color = "0"];\n\t2[label = "train_networks_11"];\n'
        '\t12[label = "plot_figure\\nexperiment: a_1", style="rounded,dashed"];\n\t1 -> 0\n}\n'
    )
    assert list(count_jobs(graph).items()) == [("train_networks", 2), ("all", 1), ("plot_figure", 1)]


@pytest.fixture
def overlapping(raw: dict[str, Any]) -> dict[str, Any]:
    """Experiments of which one repeats another, two differ in measures, and one alone asks for savepoints."""
    experiments = raw["experiments"]
    profiles, accuracies = experiments["profiles"], experiments["accuracies"]
    experiments["repeated"] = copy.deepcopy(profiles)
    experiments["more_measures"] = copy.deepcopy(profiles) | {
        "measure": {"with": "own", "measures": ["anova"]}
    }
    experiments["same_sweep"] = copy.deepcopy(profiles) | {"measure": {"with": "own", "measures": ["nvse"]}}
    final = {key: value for key, value in accuracies["train"].items() if key != "savepoints"}
    figure = {"kind": "bars", "x": "trained_with"}
    experiments["final_accuracies"] = copy.deepcopy(accuracies) | {"train": final, "figure": figure}
    return raw


def total(raw: dict[str, Any], schemas: Path) -> pd.Series:
    """Counts of a run, and its FLOPs."""
    sums = run_flops(Plan(load_config(raw, schemas)), lambda name: SIZE).sum()
    return pd.Series({**sums[COUNTS], "flops": sums[list(KINDS)].sum()})


def test_what_an_experiment_needs_is_the_run_of_it_only(overlapping: dict[str, Any], schemas: Path) -> None:
    table = experiment_flops(Plan(load_config(overlapping, schemas)), lambda name: SIZE)
    assert set(table.index) == set(overlapping["experiments"])
    for name, row in table.iterrows():
        alone = total(overlapping | {"only": [name]}, schemas)
        assert row[list(alone.index)].to_dict() == pytest.approx(alone.to_dict())


def test_what_only_an_experiment_needs_is_what_a_run_without_it_saves(
    overlapping: dict[str, Any], schemas: Path
) -> None:
    table = experiment_flops(Plan(load_config(overlapping, schemas)), lambda name: SIZE)
    whole = total(overlapping, schemas)["flops"]
    for name in table.index:
        others = [other for other in table.index if other != name]
        saved = whole - total(overlapping | {"only": others}, schemas)["flops"]
        assert table.loc[name, "own"] == pytest.approx(saved, abs=whole * 1e-12), name
    assert (table["own"] <= table["flops"]).all()
    assert 0 < table["own"].sum() < whole
    assert table["own"].is_monotonic_decreasing


def test_an_experiment_that_shares_everything_needs_nothing_alone(
    overlapping: dict[str, Any], schemas: Path
) -> None:
    own = experiment_flops(Plan(load_config(overlapping, schemas)), lambda name: SIZE)["own"]
    assert own[["looks", "profiles", "repeated", "final_accuracies"]].tolist() == [0, 0, 0, 0]
    assert own["more_measures"] == own["same_sweep"] == 0, "the same passes, for more measures"
    assert own["accuracies"] > 0, "the accuracies at its savepoints"


def test_images_that_are_transformed_cost_that_besides(plan: Plan, make_settings: MakeSettings) -> None:
    def cost(settings: TrainingSettings, size: Size) -> ImageCost:
        return ImageCost(forward=1.0, step=10.0, warp=100.0)

    settings = make_settings(epochs=3, images=40, test_images=30)
    plain = replace(settings, trained_with="none", transformations={})
    by_itself = replace(settings, augmented=False)
    evaluated = 3 * 5 + 30  # images after each epoch, and at the end
    assert training_costs(settings, SIZE, cost) == {"training": 3 * 40 * 110, "evaluation": evaluated * 102}
    assert training_costs(plain, SIZE, cost) == {"training": 3 * 40 * 10, "evaluation": evaluated * 2}
    assert training_costs(by_itself, SIZE, cost) == {"training": 3 * 40 * 10, "evaluation": evaluated * 102}
    one = plan.measurements("profiles")[0]
    inputs = min(SIZE.test, one.samples) * 4
    assert measuring_cost(plan, [one], lambda name: SIZE, cost) == inputs * 101 * SWEEP_FACTORS["variances"]


def test_the_range_assumed_of_a_gpu_has_the_published_speed_of_resnet50_within_it() -> None:
    low, high = A100_SHARES
    flops_per_image = 3 * 8.2e9  # a training step is three forward passes
    for precision, images_per_second in (("TF32", 5322.1 / 8), ("bfloat16", 9488.39 / 8)):
        assert low < flops_per_image * images_per_second / A100_PEAKS[precision] < high
