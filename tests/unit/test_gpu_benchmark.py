"""The benchmark of a GPU, at small sizes on a CPU: it works, and says so where something does not."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from benchmarks import gpu
from equivariance.datasets.sizes import Size
from equivariance.training.settings import TrainingSettings
from equivariance.workflow.estimate import KINDS, SWEEP_FACTORS, run_costs
from equivariance.workflow.loading import load_config
from equivariance.workflow.plan import Plan

CPU = torch.device("cpu")


@pytest.fixture
def case(make_settings: Callable[..., TrainingSettings]) -> gpu.Case:
    return gpu.Case("tiny", make_settings(batch_size=4), Size((1, 8, 8), 2, 300, 100))


def rows_of(tasks: list[gpu.Task], minutes: float = 8) -> list[dict[str, Any]]:
    return list(gpu.run(tasks, CPU, minutes, small=True))


@pytest.mark.parametrize("layout", gpu.LAYOUTS)
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_training_gives_images_epochs_and_flops(case: gpu.Case, precision: str, layout: str) -> None:
    row = gpu.time_training(case, precision, layout, False, CPU, gpu.FEW)
    assert row["epoch_s"] == pytest.approx(300 / row["images_per_s"])
    assert row["tflops"] == pytest.approx(case.flops.step * row["images_per_s"] / 1e12)
    assert row["first_s"] > 0


def test_each_form_is_a_row_and_tf32_needs_a_gpu(case: gpu.Case) -> None:
    tasks = list(gpu.training_tasks("training", [case], CPU, gpu.FEW))
    assert [task.about["precision"] for task in tasks] == 2 * ["TF32", "bfloat16", "float32"]
    assert [task.about["layout"] for task in tasks] == 3 * ["channels_last"] + 3 * ["contiguous"]
    assert "capability 8.0" in rows_of(tasks[:1])[0]["note"]


def test_tf32_is_put_back() -> None:
    before = torch.backends.cudnn.allow_tf32
    for allowed in (True, False):
        with gpu.tf32(allowed):
            assert torch.backends.cudnn.allow_tf32 == allowed
        assert torch.backends.cudnn.allow_tf32 == before


def test_two_processes_train_at_once(case: gpu.Case) -> None:
    (row,) = rows_of(list(gpu.sharing_tasks(case, [2], CPU, gpu.FEW)))
    assert (row["processes"], row["ratio"]) == (
        2,
        None,
    )  # without one process there is nothing to compare with
    assert row["tflops"] == pytest.approx(case.flops.step * row["images_per_s"] / 1e12)


def test_sweeps_are_compared_with_their_forward_passes(case: gpu.Case) -> None:
    rows = rows_of(list(gpu.sweep_tasks([case], CPU, gpu.FEW)))
    assert [row["sweep"] for row in rows] == [gpu.BARE, gpu.BARE_AND_BACK, "nv", "same_equivariance"]
    for row in rows:
        assert row["ratio"] == pytest.approx(rows[0]["images_per_s"] / row["images_per_s"])


def test_a_case_that_fails_is_a_row_with_the_reason(case: gpu.Case, monkeypatch: pytest.MonkeyPatch) -> None:
    def compile(model: torch.nn.Module) -> None:
        raise RuntimeError("no working\nC compiler")

    monkeypatch.setattr(torch.nn.Module, "compile", compile)
    tasks = list(gpu.training_tasks("compiled", [case], CPU, gpu.FEW))[1:3]
    assert [row["note"] for row in rows_of(tasks)] == 2 * ["RuntimeError: no working C compiler"]


def test_what_does_not_fit_into_the_time_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]

    def work(seconds: float) -> dict[str, Any]:
        clock[0] += seconds
        return {}

    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    tasks = [gpu.Task(part, {}, partial(work, s)) for part, s in (("a", 30.0), ("a", 20.0), ("b", 5.0))]
    monkeypatch.setattr(gpu, "PARTS", ("a", "b"))
    notes = [row.get("note", "") for row in rows_of(tasks, minutes=0.9)]
    assert notes == ["", "left out: no time left", ""]  # 24 seconds are left, the first took 30


def test_the_command_prints_tables_and_writes_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    gpu.main(["--minutes", "0", "--csv", str(tmp_path / "gpu.csv")])
    table = pd.read_csv(tmp_path / "gpu.csv")
    assert list(table.columns) == gpu.COLUMNS
    assert table.groupby("part", sort=False).size().to_dict() == {
        "training": 24,
        "processes": 4,
        "sweeps": 8,
        "hours": 1,
        "compiled": 24,
    }
    assert set(table["note"]) == {"left out: no time left"}
    assert "no GPU: small sizes on a CPU" in capsys.readouterr().out


def test_small_and_large_networks_are_the_whole_run(
    raw: dict[str, Any], schemas: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = Plan(load_config(raw, schemas))
    sizes = gpu.sizes_of(plan)
    monkeypatch.setattr(gpu, "LARGE_FLOPS", 0.0)
    whole = gpu.flops_by_size(plan, sizes)
    assert list(whole.loc[gpu.SMALL]) == [0, 0, 0]
    assert list(whole.loc[gpu.LARGE]) == pytest.approx(
        list(run_costs(plan, sizes, gpu.image_flops)[[*KINDS]].sum())
    )
    forward = max(
        gpu.image_flops(
            TrainingSettings.from_mapping(plan.training_settings(network)), sizes(network.dataset)
        )
        for network in plan.networks()
    ).forward
    monkeypatch.setattr(gpu, "LARGE_FLOPS", float(forward))
    split = gpu.flops_by_size(plan, sizes)
    assert (split["training"] > 0).all()
    assert list(split.sum()) == pytest.approx(list(whole.sum()))


def test_hours_are_flops_over_speeds(case: gpu.Case) -> None:
    small, large = case, gpu.Case("wide", case.settings, case.size)
    train = {"part": "training", "layout": "channels_last"}
    rows = [
        {**train, "network": "tiny", "precision": "bfloat16", "tflops": 2.0},
        {**train, "network": "wide", "precision": "bfloat16", "tflops": 50.0},
        {**train, "network": "wide", "precision": "float32", "tflops": 10.0},
        {"part": "processes", "processes": 1, "ratio": 1.0},
        {"part": "processes", "processes": 4, "ratio": 2.5},
        {"part": "processes", "processes": 8, "note": "OutOfMemoryError: no memory"},
        *(
            {"part": "sweeps", "network": name, "sweep": sweep, "tflops": tflops}
            for name, speeds in (("tiny", (3.0, 2.0, 1.0)), ("wide", (30.0, 28.0, 5.0)))
            for sweep, tflops in zip((gpu.BARE, "nv", "same_equivariance"), speeds, strict=True)
        ),
    ]
    flops = pd.DataFrame(
        [[1e16, 3e15, 6e15], [2e18, 6e16, 9e16]], index=[gpu.SMALL, gpu.LARGE], columns=KINDS
    )
    found = gpu.estimated_hours(rows, {gpu.SMALL: small, gpu.LARGE: large}, flops)
    by_precision = {row["precision"]: row for row in found}
    row, hour = by_precision["bfloat16"], 3600e12
    assert row["gain"] == 2.5
    assert row["training"] == pytest.approx((1e16 / (2 * 2.5) + 2e18 / 50) / hour)
    assert row["evaluation"] == pytest.approx((3e15 / (3 * 2.5) + 6e16 / 30) / hour)
    nv, back = SWEEP_FACTORS["variances"], SWEEP_FACTORS["same_equivariance"]
    slower = [min(nv * 2, back * 1), min(nv * 28, back * 5)]
    assert row["measuring"] == pytest.approx((6e15 / (slower[0] * 2.5) + 9e16 / slower[1]) / hour)
    assert row["total"] == pytest.approx(sum(row[kind] for kind in KINDS))
    for precision in ("float32", "TF32"):  # the small network, or both, have none
        assert by_precision[precision]["note"] == "some speeds are missing"
    only_large = flops.mul([0.0, 1.0], axis="index")
    found = gpu.estimated_hours(rows, {gpu.SMALL: small, gpu.LARGE: large}, only_large)
    assert found[2]["training"] == pytest.approx(2e18 / 10 / hour)
