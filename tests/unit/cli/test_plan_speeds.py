"""`python -m equivariance plan`: the hours that it measures or assumes, and its options."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from equivariance.cli.arguments import PlanArguments, parse
from equivariance.cli.main import main
from equivariance.cli.plan import _hours, _machines
from equivariance.datasets.sizes import Size
from equivariance.training.settings import TrainingSettings
from equivariance.workflow.estimate import KINDS, ImageCost, image_flops, run_costs
from equivariance.workflow.loading import load_config
from equivariance.workflow.plan import Plan
from equivariance.workflow.timing import Speeds

SIZE = Size((1, 12, 12), 5, 100, 40)


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without a GPU, whose core computes 1 GFLOP/s, by measurements of 3 kinds of networks of 5."""

    def seconds(settings: TrainingSettings, size: Size) -> ImageCost:
        forward, step, _ = image_flops(settings, size)
        return ImageCost(forward / 1e9, step / 1e9)

    monkeypatch.setattr("equivariance.cli.plan.time_networks", lambda *given: Speeds(seconds, 3, 5))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def machines(
    raw: dict[str, Any], schemas: Path, *options: str, **changes: Any
) -> tuple[dict[str, float], list[str]]:
    """The speed of each machine, in FLOP/s, and what is assumed."""
    arguments = parse(["plan", *options])
    assert isinstance(arguments, PlanArguments)
    config = load_config(raw | changes, schemas)
    plan = Plan(config)
    flops = run_costs(plan, lambda name: SIZE, image_flops)
    found, assumed = _machines(arguments, config, plan, lambda name: SIZE)
    return {name: flops[list(KINDS)].sum().sum() / seconds.sum() for name, seconds in found.items()}, assumed


def test_a_core_is_measured_and_others_are_like_it(raw: dict[str, Any], schemas: Path) -> None:
    found, assumed = machines(raw, schemas)
    assert found == {"one core of this machine, measured": pytest.approx(1e9)}
    lacking = (
        "2 of 5 kinds of networks, for which there was no time, have the speed of the measured one whose "
        "FLOPs are most like theirs."
    )
    assert assumed == [lacking]
    found, assumed = machines(raw, schemas, "--cores", "4")
    assert found == {"4 cores of this machine, measured": pytest.approx(4e9)}
    assert assumed == [lacking, "4 cores are 4 times as fast as the one that was measured."]


@pytest.mark.parametrize("device", ["auto", "cuda"])
@pytest.mark.parametrize(
    ("precision", "peak"), [("float32", "TF32 peak of 156"), ("auto", "bfloat16 peak of 312")]
)
def test_a_gpu_that_is_not_here_has_a_range_that_is_named(
    raw: dict[str, Any], schemas: Path, device: str, precision: str, peak: str
) -> None:
    changes: dict[str, Any] = {"jobs": {"gpus": 1}, "training": {"precision": precision}}
    found, assumed = machines(raw, schemas, **changes, device=device)
    low, high = (speed for name, speed in found.items() if "GPU" in name and "assumed" in name)
    assert 5e12 < low < high < 50e12
    assert assumed[-1] == (
        "A GPU, as there is none here, runs at 5% (small networks) to 15% (large ones) of an A100's "
        f"{peak} TFLOP/s."
    )
    assert not any("GPU" in name for name in machines(raw, schemas, **changes, device="cpu")[0])


def test_a_gpu_that_is_here_is_measured_and_nothing_is_assumed_of_it(
    raw: dict[str, Any], schemas: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("equivariance.cli.plan.choose_device", lambda name: torch.device("cuda"))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Some GPU")
    found, assumed = machines(raw, schemas, "--cores", "4", jobs={"gpus": 1})
    assert found == {"this GPU (Some GPU), measured": pytest.approx(1e9)}
    assert len(assumed) == 1


def test_a_given_speed_is_the_only_one(raw: dict[str, Any], schemas: Path) -> None:
    found, assumed = machines(raw, schemas, "--flops-per-second", "4e12", jobs={"gpus": 1})
    assert (found, assumed) == ({"4000 GFLOP/s, as given": pytest.approx(4e12)}, [])


def test_hours_are_those_of_the_work_and_of_the_starts_of_jobs() -> None:
    seconds = pd.Series({"training": 7200, "evaluation": 3600, "measuring": 1800})
    rows = _hours({"a machine": seconds}, starting=900).splitlines()
    assert rows[1].split(maxsplit=5) == ["2", "1", "0.5", "0.25", "3.75", "a machine"]


def test_flops_are_listed_by_model_or_by_experiment(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = parse(["plan"])
    assert isinstance(arguments, PlanArguments)
    assert (arguments.only, arguments.by) == (None, "model")
    assert main(["plan", "--by", "network"]) == 2
    assert "argument --by: invalid choice: 'network'" in capsys.readouterr().err
