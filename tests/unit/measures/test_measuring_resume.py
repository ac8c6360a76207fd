"""A measurement that was cut short goes on where it was, to the same values."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from equivariance.checkpoint import load_checkpoint
from equivariance.errors import Interrupted, UserError
from equivariance.measures import measuring, planning
from equivariance.measures.measuring import measure
from equivariance.measures.planning import Group
from equivariance.transformations.sets import TransformationSet, build_set

COUNT = 24
TILE = 2
MEASURES = [
    "nv",
    "anova",
    "nd@8",
    "goodfellow_normal@0.8",
    "goodfellow_percentile_original@0.8",
    "nvse",
    "dses",
]


class Killed(BaseException):
    """Stands for whatever ends a process."""


@pytest.fixture(autouse=True)
def save_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "SAVE_EVERY", -1)


class Counted(nn.Module):
    """A network that counts the images it sees, without their transformations, and dies after some."""

    def __init__(self, die_after: int | None = None) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.norm, self.fc = nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Linear(3 * 6 * 6, 4)
        self.seen = -TILE  # the look is no measuring
        self.die_after = die_after

    def forward(self, x: Tensor) -> Tensor:
        if len(x) == TILE * 4:  # not those of small passes and the calibration
            if self.seen == self.die_after:
                raise Killed
            self.seen += TILE
        return self.fc(self.norm(self.conv(x)).tanh().flatten(1))


def rotations(count: int = 4) -> TransformationSet:
    return build_set("rotation", {"rotations": {"count": count}})


def images() -> Tensor:
    return torch.rand(COUNT, 1, 8, 8, generator=torch.Generator().manual_seed(1))


def run(model: nn.Module, checkpoint: Path | None, **changes) -> pd.DataFrame:
    given = {"images": images(), "transformations": rotations(), "measures": MEASURES, "tile": TILE}
    return measure(model, **given | changes, checkpoint=checkpoint)


def assert_equal_tables(ours: pd.DataFrame, expected: pd.DataFrame) -> None:
    assert ours.drop(columns="value").equals(expected.drop(columns="value"))
    np.testing.assert_allclose(ours["value"], expected["value"], rtol=1e-10)
    assert ours.attrs == expected.attrs


@pytest.mark.parametrize("kills", [[4], [10], [22], [6, 8, 14]])
def test_a_killed_measurement_goes_on_to_the_same_values(tmp_path: Path, kills: list[int]) -> None:
    done = 0
    for images_seen in kills:
        with pytest.raises(Killed):
            run(Counted(images_seen - done), tmp_path / "checkpoint")
        done = images_seen
    last = Counted()
    assert_equal_tables(run(last, tmp_path / "checkpoint"), run(Counted(), None))
    assert last.seen == COUNT - done


def test_a_tile_of_a_killed_measurement_is_not_measured_again(tmp_path: Path) -> None:
    with pytest.raises(Killed):
        run(Counted(14), tmp_path / "checkpoint")
    saved = torch.load(tmp_path / "checkpoint.0", weights_only=True)
    assert saved["done"] == 14
    last = Counted()
    run(last, str(tmp_path / "checkpoint"))  # a path may be text
    assert last.seen == COUNT - 14


def test_the_calibration_is_not_done_again(tmp_path: Path) -> None:
    with pytest.raises(Killed):
        run(Counted(8), tmp_path / "checkpoint")
    last, seen = Counted(), []
    last.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
    run(last, tmp_path / "checkpoint")
    assert COUNT not in seen


def test_nothing_is_measured_twice_over_groups_and_classes(tmp_path: Path) -> None:
    """Four sweeps, of two classes and two layers; the third is killed."""
    changes = {
        "labels": [0, 1] * (COUNT // 2),
        "layers": ["conv", "fc"],
        "memory": 1,
        "measures": ["nv", "nd@8"],
    }
    with pytest.raises(Killed):
        run(Counted(2 * COUNT // 2 + 8), tmp_path / "checkpoint", **changes)
    assert sorted(file.name for file in tmp_path.iterdir()) == [f"checkpoint.{index}" for index in range(3)]
    last = Counted()
    assert_equal_tables(run(last, tmp_path / "checkpoint", **changes), run(Counted(), None, **changes))
    assert last.seen == 4 * COUNT // 2 - (2 * COUNT // 2 + 8)


def test_a_finished_measurement_leaves_no_file(tmp_path: Path) -> None:
    run(Counted(), tmp_path / "checkpoint", labels=[0, 1] * (COUNT // 2), memory=1)
    assert list(tmp_path.iterdir()) == []


def test_files_are_written_only_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "SAVE_EVERY", 60)
    with pytest.raises(Killed):
        run(Counted(22), tmp_path / "checkpoint")
    assert list(tmp_path.iterdir()) == []


def other_weights() -> nn.Module:
    model = Counted()
    with torch.no_grad():
        model.fc.bias[0] += 1
    return model


@pytest.mark.parametrize(
    "changes",
    [
        {"model": other_weights()},
        {"images": images() / 2},
        {"images": images()[:-2]},
        {"transformations": rotations(5)},
        {"measures": ["nv"]},
        {"aggregations": ["none"]},
        {"labels": [0] * COUNT},
        {"layers": ["fc"]},
        {"padding": "zeros"},
        {"mask": True},
        {"dtype": torch.float64},
        {"autocast": torch.bfloat16},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_checkpoint_of_other_settings_is_refused(tmp_path: Path, changes: dict) -> None:
    with pytest.raises(Killed):
        run(Counted(8), tmp_path / "checkpoint")
    model = changes.get("model", Counted())
    rest = {name: value for name, value in changes.items() if name != "model"}
    with pytest.raises(UserError, match=r"checkpoint\.0 belongs to a run with other settings"):
        run(model, tmp_path / "checkpoint", **rest)


@pytest.mark.parametrize("memory", [1, None, 10**9])
def test_a_measurement_goes_on_in_its_groups_whatever_memory_is_free(tmp_path: Path, memory: float) -> None:
    changes = {"layers": ["conv", "fc"], "measures": ["nv", "nvse"]}
    with pytest.raises(Killed):
        run(Counted(COUNT + 8), tmp_path / "checkpoint", memory=1, **changes)
    last = Counted()
    table = run(last, tmp_path / "checkpoint", memory=memory, **changes)
    assert_equal_tables(table, run(Counted(), None, memory=1, **changes))
    assert last.seen == 2 * COUNT - (COUNT + 8)


def in_two_passes(count: int, samples: int, memory: float) -> list[Group]:
    return [Group(("conv", "norm"), members=3), Group(("fc",), members=1)]


@pytest.mark.parametrize("kills", [[1], [5], [7, 4, 9], [16]])
def test_two_passes_go_on_to_the_same_values(
    tmp_path: Path, kills: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pass of rows and two of columns, then one of rows and four of columns: 7 passes of the images."""
    monkeypatch.setattr(planning, "groups", in_two_passes)
    expected = run(Counted(), None)
    model = Counted()
    passes = []
    model.register_forward_pre_hook(lambda _, inputs: passes.append(len(inputs[0])))
    for after in kills:
        limit = len(passes) + 8 + after  # of the look, and then of tiles

        def die(_module: nn.Module, _inputs: tuple[Tensor], limit: int = limit) -> None:
            if len(passes) > limit:
                raise Killed

        hook = model.register_forward_pre_hook(die)
        with pytest.raises(Killed):
            run(model, tmp_path / "checkpoint")
        hook.remove()
    assert_equal_tables(run(model, tmp_path / "checkpoint"), expected)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_says_what_is_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupting(Counted):
        def forward(self, x: Tensor) -> Tensor:
            try:
                return super().forward(x)
            except Killed:
                raise KeyboardInterrupt from None

    with pytest.raises(Interrupted, match=r"stopped; 50% is saved: repeat the command to resume"):
        run(Interrupting(12), tmp_path / "checkpoint")
    with pytest.raises(Interrupted, match=r"stopped; 67% is saved"):  # 4 images more
        run(Interrupting(4), tmp_path / "checkpoint")
    with pytest.raises(Interrupted, match="nothing is saved: no checkpoint was requested"):
        run(Interrupting(4), None)
    monkeypatch.setattr(measuring, "SAVE_EVERY", 60)
    with pytest.raises(Interrupted, match="nothing is saved yet"):
        run(Interrupting(4), tmp_path / "other")
    assert issubclass(Interrupted, KeyboardInterrupt)


def test_a_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    (tmp_path / "checkpoint.0").write_bytes(b"half")
    with pytest.raises(UserError, match=r"checkpoint\.0 is not a readable checkpoint; delete it"):
        run(Counted(), tmp_path / "checkpoint")


def test_a_killed_process_goes_on_to_the_same_values(root: Path, tmp_path: Path) -> None:
    code = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
import torch
import test_measuring_resume as case
from equivariance.measures import measuring
torch.set_num_threads(1)
measuring.SAVE_EVERY = -1
save, written = torch.save, []

def dies(state, file):
    written.append(file)
    if len(written) == 4:  # half of the fourth checkpoint is on the disk
        Path(file).write_bytes(b"half")
        os.kill(os.getpid(), signal.SIGKILL)
    save(state, file)

torch.save = dies
case.run(case.Counted(), Path(sys.argv[1]) / "checkpoint")
"""
    environment = {**os.environ, "PYTHONPATH": str(root / "workflow_scripts")}
    arguments = [sys.executable, "-c", code, str(tmp_path), str(Path(__file__).parent)]
    done = subprocess.run(arguments, env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    digest = torch.load(tmp_path / "checkpoint.0", weights_only=True)["digest"]
    saved = load_checkpoint(tmp_path / "checkpoint.0", digest)
    assert saved is not None
    assert saved["done"] == 3 * TILE
    last = Counted()
    assert_equal_tables(run(last, tmp_path / "checkpoint"), run(Counted(), None))
    assert last.seen == COUNT - saved["done"]


def test_a_checkpoint_that_is_kept_gives_the_table_without_measuring(tmp_path: Path) -> None:
    expected = run(Counted(), tmp_path / "checkpoint", keep_checkpoint=True)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.0"]
    again = Counted()
    assert_equal_tables(run(again, tmp_path / "checkpoint"), expected)
    assert again.seen <= 0  # the look is no measuring
    assert list(tmp_path.iterdir()) == []
