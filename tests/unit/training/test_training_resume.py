"""A training that was cut short goes on where it was, to the same bits."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from changed_bytes import with_any_byte_changed
from torch import nn

from equivariance.checkpoint import load_checkpoint, remove_checkpoint, save_checkpoint
from equivariance.datasets.image_set import ImageSet
from equivariance.errors import UserError
from equivariance.training.loop import Trained, Training, train
from equivariance.training.settings import TrainingSettings

CPU = torch.device("cpu")
CHANGES = {
    "epochs": 5,
    "savepoints": [0, 20, 60],
    "settings": {"filters": 2, "hidden": 4, "batch_norm": True},
}


class Killed(BaseException):
    """Stands for whatever ends a process."""


@pytest.fixture
def run(make_images: Callable[..., ImageSet], make_settings: Callable[..., TrainingSettings]) -> Any:
    def make(
        checkpoint: Path | None = None,
        kill_after: int = 0,
        code: str = "",
        after_epoch: Callable[[Training], None] | None = None,
        **changes: Any,
    ) -> Trained:
        torch.set_num_threads(1)

        def kill(training: Training) -> None:
            if training.epoch == kill_after:
                raise Killed

        return train(
            make_settings(**{**CHANGES, **changes}),
            make_images(),
            CPU,
            checkpoint,
            code,
            after_epoch=after_epoch or kill,
        )

    return make


def assert_same(first: Trained, second: Trained) -> None:
    assert_same_state(first.model.state_dict(), second.model.state_dict())
    assert untimed(first) == untimed(second)
    assert first.metrics == second.metrics
    assert first.savepoints.keys() == second.savepoints.keys()
    for percent, kept in first.savepoints.items():
        other = second.savepoints[percent]
        assert kept["epoch"] == other["epoch"]
        assert_same_state(kept["state"], other["state"])


def untimed(trained: Trained) -> list[dict[str, float]]:
    """The history without seconds."""
    return [{name: value for name, value in row.items() if name != "seconds"} for row in trained.history]


def assert_same_state(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> None:
    assert first.keys() == second.keys()
    assert [name for name in first if not torch.equal(first[name], second[name])] == []


@pytest.mark.parametrize("kills", [[1], [3], [5], [1, 2, 4]])
def test_a_killed_training_goes_on_to_the_same_bits(run: Any, tmp_path: Path, kills: list[int]) -> None:
    checkpoint = tmp_path / "checkpoint.pt"
    for epoch in kills:
        with pytest.raises(Killed):
            run(checkpoint, kill_after=epoch)
    assert_same(run(checkpoint), run())


def test_it_does_not_train_an_epoch_twice(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Killed):
        run(tmp_path / "checkpoint.pt", kill_after=3)
    epochs = []
    plain = Training.run_epoch
    monkeypatch.setattr(Training, "run_epoch", lambda self: (plain(self), epochs.append(self.epoch)))
    run(tmp_path / "checkpoint.pt")
    assert epochs == [4, 5]


def test_layers_that_draw_go_on_with_their_numbers(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from equivariance.training import loop

    def with_dropout(*given: Any, **settings: Any) -> nn.Module:
        model = build(*given, **settings)
        model.fc1_act = nn.Sequential(nn.ELU(), nn.Dropout(0.5))
        return model

    build = loop.build
    monkeypatch.setattr(loop, "build", with_dropout)
    with pytest.raises(Killed):
        run(tmp_path / "checkpoint.pt", kill_after=2)
    torch.rand(7)
    assert_same(run(tmp_path / "checkpoint.pt"), run())


def test_a_killed_process_goes_on_to_the_same_bits(
    run: Any, root: Path, tmp_path: Path, make_images: Any, make_settings: Any
) -> None:
    make_images().save(tmp_path / "rows.npz")
    (tmp_path / "settings.json").write_text(json.dumps(make_settings(**CHANGES).as_mapping()))
    code = """
import json, os, signal, sys, torch
from pathlib import Path
from equivariance.datasets.image_set import ImageSet
from equivariance import checkpoint
from equivariance.training import loop
from equivariance.training.settings import TrainingSettings
torch.set_num_threads(1)
folder = Path(sys.argv[1])
save = torch.save

def dies(state, file):
    if state["epoch"] == 4:  # half of the checkpoint of the fourth epoch is on the disk
        Path(file).write_bytes(b"half")
        os.kill(os.getpid(), signal.SIGKILL)
    save(state, file)

checkpoint.torch.save = dies
settings = TrainingSettings.from_mapping(json.loads((folder / "settings.json").read_text()))
images = ImageSet.load(folder / "rows.npz")
loop.train(settings, images, torch.device("cpu"), folder / "checkpoints" / "checkpoint.pt")
"""
    environment = {"PYTHONPATH": str(root / "workflow_scripts")}
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    checkpoint = tmp_path / "checkpoints" / "checkpoint.pt"
    assert torch.load(checkpoint)["epoch"] == 3
    assert_same(run(checkpoint), run())


@pytest.mark.parametrize("other", [{"seed": 1}, {"epochs": 6}, {"code": "changed"}])
def test_a_checkpoint_of_another_training_is_refused(run: Any, tmp_path: Path, other: dict[str, Any]) -> None:
    with pytest.raises(Killed):
        run(tmp_path / "checkpoint.pt", kill_after=2)
    with pytest.raises(UserError, match=r"checkpoint\.pt belongs to a run with other settings"):
        run(tmp_path / "checkpoint.pt", **other)


@pytest.mark.parametrize("damage", ["empty", "text", "cut short"])
def test_a_damaged_checkpoint_is_refused(run: Any, tmp_path: Path, damage: str) -> None:
    checkpoint = tmp_path / "checkpoint.pt"
    with pytest.raises(Killed):
        run(checkpoint, kill_after=2)
    whole = checkpoint.read_bytes()
    damaged = {"empty": b"", "text": b"not a checkpoint", "cut short": whole[: len(whole) // 2]}
    checkpoint.write_bytes(damaged[damage])
    with pytest.raises(UserError, match=r"not a readable checkpoint; delete it"):
        run(checkpoint)


def test_a_checkpoint_with_any_byte_changed_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "checkpoint.pt"
    save_checkpoint(file, "digest", {"weights": torch.arange(40.0), "epoch": 3})
    assert load_checkpoint(file, "digest") is not None
    for _ in with_any_byte_changed(file):
        with pytest.raises(
            UserError, match=r"checkpoint\.pt is not a readable checkpoint; delete it to start"
        ):
            load_checkpoint(file, "digest")


@pytest.mark.parametrize("content", [[1, 2], torch.zeros(3), {"epoch": 3}])
def test_a_file_of_torch_that_is_no_checkpoint_is_refused(tmp_path: Path, content: Any) -> None:
    torch.save(content, tmp_path / "checkpoint.pt")
    with pytest.raises(UserError, match="not a readable checkpoint"):
        load_checkpoint(tmp_path / "checkpoint.pt", "digest")


def test_a_checkpoint_cannot_run_code(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "checkpoint.pt", "digest", {"path": tmp_path})  # it is unpickled by a call
    with pytest.raises(UserError, match="not a readable checkpoint"):
        load_checkpoint(tmp_path / "checkpoint.pt", "digest")


def test_where_there_is_no_checkpoint_a_training_starts(tmp_path: Path) -> None:
    assert load_checkpoint(tmp_path / "checkpoint.pt", "digest") is None


def test_a_checkpoint_that_is_removed_leaves_those_of_others(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "folder" / "one.pt", "digest", {"epoch": 1})
    save_checkpoint(tmp_path / "folder" / "two.pt", "digest", {"epoch": 1})
    remove_checkpoint(tmp_path / "folder" / "one.pt")
    remove_checkpoint(tmp_path / "folder" / "one.pt")
    assert [file.name for file in (tmp_path / "folder").iterdir()] == ["two.pt"]


def test_restarts_go_on_where_they_were(run: Any, tmp_path: Path) -> None:
    impossible = {"threshold": 1.01, "restarts": 2}
    expected = run(**impossible)
    trainings: list[int] = []

    def kill_the_second(training: Training) -> None:
        trainings.append(training.attempt)
        if (training.attempt, training.epoch) == (1, 2):
            raise Killed

    checkpoint = tmp_path / "checkpoint.pt"
    with pytest.raises(Killed):
        run(checkpoint, after_epoch=kill_the_second, **impossible)
    trainings.clear()
    assert_same(
        run(checkpoint, after_epoch=lambda one: trainings.append(one.attempt), **impossible), expected
    )
    assert trainings == [1] * 3 + [2] * 5


def test_a_checkpoint_that_cannot_be_written_is_an_error_that_says_how_much_space_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_checkpoint(tmp_path / "one.pt", "digest", {"epoch": 1})

    def full(*given: object) -> None:
        raise RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 127488 vs 127376")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(UserError, match=r"one\.pt cannot be written; [\d,]+ MiB of its disk are free"):
        save_checkpoint(tmp_path / "one.pt", "digest", {"epoch": 2})
    assert load_checkpoint(tmp_path / "one.pt", "digest") == {"digest": "digest", "epoch": 1}
