"""`python -m equivariance plan`: the speeds that it measures or assumes, and its options."""

from pathlib import Path
from typing import Any

import pytest
import torch

from equivariance.cli.arguments import PlanArguments, parse
from equivariance.cli.main import main
from equivariance.cli.plan import _speeds
from equivariance.workflow.loading import load_config


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without a GPU that trains a network of n filters at n GFLOP/s, and twice that in bfloat16."""

    def speed(device: torch.device, filters: int, precision: torch.dtype) -> float:
        return filters * (2e9 if precision == torch.bfloat16 else 1e9)

    monkeypatch.setattr("equivariance.cli.plan.training_speed", speed)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def speeds(
    raw: dict[str, Any], schemas: Path, *options: str, **changes: Any
) -> tuple[dict[str, float], list[str]]:
    arguments = parse(["plan", *options])
    assert isinstance(arguments, PlanArguments)
    return _speeds(arguments, load_config(raw | changes, schemas))


def test_cores_are_measured_with_a_small_and_a_large_network(raw: dict[str, Any], schemas: Path) -> None:
    found, assumed = speeds(raw, schemas)
    assert found == {
        "one core of this machine, 16 GFLOP/s, measured with a SimpleConv of 16 filters": 16e9,
        "one core of this machine, 128 GFLOP/s, measured with a SimpleConv of 128 filters": 128e9,
    }
    assert assumed == []
    found, assumed = speeds(raw, schemas, "--cores", "4")
    assert list(found.values()) == [64e9, 512e9]
    assert assumed == ["4 cores are 4 times as fast as the one that was measured."]


def test_the_precision_of_the_run_is_that_of_the_measurement(raw: dict[str, Any], schemas: Path) -> None:
    training = {"precision": "bfloat16"}
    found, assumed = speeds(raw, schemas, training=training, jobs={"gpus": 1})
    assert list(found.values())[:2] == [32e9, 256e9]
    assert "bfloat16 peak of 312 TFLOP/s" in assumed[0]


@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_a_gpu_that_is_not_here_has_a_range_that_is_named(
    raw: dict[str, Any], schemas: Path, device: str
) -> None:
    found, assumed = speeds(raw, schemas, jobs={"gpus": 1}, device=device)
    low, high = (speed for name, speed in found.items() if "GPU" in name and "assumed" in name)
    assert 5e12 < low < high < 50e12
    assert assumed == [
        "A GPU, as there is none here, runs at 5% (small networks) to 15% (large ones) of an A100's TF32 "
        "peak of 156 TFLOP/s."
    ]
    assert not any("GPU" in name for name in speeds(raw, schemas, jobs={"gpus": 1}, device="cpu")[0])


def test_a_gpu_that_is_here_is_measured_and_nothing_is_assumed(
    raw: dict[str, Any], schemas: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("equivariance.cli.plan.choose_device", lambda name: torch.device("cuda"))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Some GPU")
    found, assumed = speeds(raw, schemas, "--cores", "4", jobs={"gpus": 1})
    assert [*found] == [
        "this GPU (Some GPU), 0.016 TFLOP/s, measured with a SimpleConv of 16 filters",
        "this GPU (Some GPU), 0.128 TFLOP/s, measured with a SimpleConv of 128 filters",
    ]
    assert assumed == []


def test_a_given_speed_is_the_only_one(raw: dict[str, Any], schemas: Path) -> None:
    found, assumed = speeds(raw, schemas, "--flops-per-second", "4e12", jobs={"gpus": 1})
    assert (found, assumed) == ({"4000 GFLOP/s, as given": 4e12}, [])


def test_flops_are_listed_by_model_or_by_experiment(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = parse(["plan"])
    assert isinstance(arguments, PlanArguments)
    assert (arguments.only, arguments.by) == (None, "model")
    assert main(["plan", "--by", "network"]) == 2
    assert "argument --by: invalid choice: 'network'" in capsys.readouterr().err
