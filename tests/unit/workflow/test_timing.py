"""How long networks take here: which are measured, and what follows for the others."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from equivariance.datasets.sizes import Size
from equivariance.models import FAMILIES
from equivariance.training.settings import TrainingSettings
from equivariance.workflow import timing
from equivariance.workflow.estimate import ImageCost, image_flops
from equivariance.workflow.loading import load_config
from equivariance.workflow.plan import Plan
from equivariance.workflow.timing import Timed, time_network, time_networks

SIZE = Size((1, 12, 12), 5, 100, 40)
CPU = torch.device("cpu")


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[TrainingSettings]:
    """The settings of the networks that are measured; each is faster than the one before."""
    found: list[TrainingSettings] = []

    def timed(settings: TrainingSettings, size: Size, device: torch.device) -> Timed:
        found.append(settings)
        flops = image_flops(settings, size)
        return Timed(ImageCost(flops.forward / len(found), 2 * flops.step / len(found), 0.25), flops)

    monkeypatch.setattr(timing, "time_network", timed)
    return found


@pytest.fixture
def plan(raw: dict[str, Any], schemas: Path) -> Plan:
    return Plan(load_config(raw, schemas))


def settings_of(plan: Plan) -> list[TrainingSettings]:
    return [TrainingSettings.from_mapping(plan.training_settings(one)) for one in plan.networks()]


def test_each_model_is_measured_once_on_each_data_set(plan: Plan, measured: list[TrainingSettings]) -> None:
    # Both data sets have images of one size here, and differ in the width of the networks.
    seconds, count, kinds = time_networks(plan, lambda name: SIZE, CPU)
    assert count == kinds == len(measured) == 4
    for settings in settings_of(plan):
        place = next(
            number for number, one in enumerate(measured, start=1) if one.settings == settings.settings
        )
        flops = image_flops(settings, SIZE)
        assert seconds(settings, SIZE) == (flops.forward / place, 2 * flops.step / place, 0.25)


def test_what_there_is_no_time_for_has_the_speed_of_the_most_alike(
    plan: Plan, measured: list[TrainingSettings]
) -> None:
    seconds, count, kinds = time_networks(plan, lambda name: SIZE, CPU, budget=0)
    assert (count, kinds, len(measured)) == (1, 4, 1)
    for settings in settings_of(plan):
        flops = image_flops(settings, SIZE)
        assert seconds(settings, SIZE) == (flops.forward, 2 * flops.step, 0.25)
    wider = {settings.settings["filters"] for settings in settings_of(plan)}
    assert measured[0].settings["filters"] == max(wider), "the one with the most FLOPs is first"


def test_members_of_a_set_cost_in_proportion(
    plan: Plan, measured: list[TrainingSettings], make_settings: Callable[..., TrainingSettings]
) -> None:
    def pooling(count: int) -> TrainingSettings:
        given = {"transformations": {"rotations": {"count": count}}, "padding": "border"}
        return make_settings(family="ti_pooling", settings={"filters": 2, "hidden": 4, **given})

    seconds = time_networks(plan, lambda name: SIZE, CPU, budget=0).seconds
    few, more, many = (seconds(pooling(count), SIZE).forward for count in (4, 8, 12))
    assert many - more == pytest.approx(more - few)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("task", ["classification", "transformation_regression"])
def test_a_network_is_measured_as_it_would_be_trained(
    make_settings: Callable[..., TrainingSettings], task: Any, precision: Any
) -> None:
    settings = make_settings(task=task, precision=precision, images=7, savepoints=[0])
    timed = time_network(settings, SIZE, CPU)
    assert timed.flops == image_flops(settings, SIZE)
    assert all(0 < value < 1 for value in timed.seconds)
    assert timed.seconds.step > timed.seconds.forward


def test_a_network_with_a_set_of_its_own_is_measured(make_settings: Callable[..., TrainingSettings]) -> None:
    assert FAMILIES["ti_pooling"].needs_set
    own = {"transformations": {"rotations": {"count": 4}}, "padding": "border"}
    settings = make_settings(
        family="ti_pooling", settings={"filters": 2, "hidden": 4, **own}, augmented=False
    )
    assert all(value > 0 for value in time_network(settings, SIZE, CPU).seconds)
    frozen = replace(settings, trained_layers=("fc*",))
    assert all(value > 0 for value in time_network(frozen, SIZE, CPU).seconds)
