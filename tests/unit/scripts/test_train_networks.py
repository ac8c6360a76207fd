"""The script that trains networks."""

import hashlib
import json
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

import train_networks as script
from equivariance.datasets.image_set import ImageSet
from equivariance.errors import UserError
from equivariance.models.saved import load_network
from equivariance.training.data import DeviceImages
from equivariance.training.evaluation import accuracy
from equivariance.training.settings import TrainingSettings
from equivariance.transformations.sets import build_set

Run = Callable[..., list[Path]]


@pytest.fixture
def run(
    tmp_path: Path, make_images: Callable[..., ImageSet], make_settings: Callable[..., TrainingSettings]
) -> Run:
    """Train a network for each change of the settings; gives their folders. The store is empty by default."""
    make_images().save(tmp_path / "rows.npz")
    stores = (tmp_path / f"store{number}" for number in count())

    def make(
        *changes: dict[str, Any],
        code: str = "code",
        initial: list[Path | None] | None = None,
        store: Path | None = None,
    ) -> list[Path]:
        folders = [
            tmp_path / "models" / "rows" / "plain" / "rotation" / f"seed{n}" for n in range(len(changes))
        ]
        script.train_networks(
            folders=folders,
            settings=[make_settings(**one).as_mapping() for one in changes],
            datasets={"rows": tmp_path / "rows.npz"},
            checkpoints=tmp_path / "checkpoints",
            store=store or next(stores),
            codes=[code] * len(changes),
            device="cpu",
            threads=1,
            initial=initial or [None] * len(changes),
        )
        return folders

    return make


def files(folder: Path) -> list[str]:
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())


def test_a_folder_holds_a_network_its_savepoints_its_history_and_what_it_is(run: Run, tmp_path: Path) -> None:
    [folder] = run({"savepoints": [0, 50]})
    assert files(folder) == [
        "history.csv",
        "model.json",
        "savepoints/0.safetensors",
        "savepoints/50.safetensors",
        "weights.safetensors",
    ]
    description = json.loads((folder / "model.json").read_text())
    assert description["image_shape"] == [1, 8, 8]
    assert description["classes"] == ["row 0", "row 1"]
    assert description["settings"]["savepoints"] == [0, 50]
    assert description["savepoints"].keys() == {"0", "50"}
    assert description["savepoints"]["50"].keys() == {"epoch"}
    assert (description["outputs"], description["restarts"], description["initial_sha256"]) == (2, 0, None)
    assert (
        description["sha256_by_file"]["weights.safetensors"]
        == hashlib.sha256((folder / "weights.safetensors").read_bytes()).hexdigest()
    )
    assert description["code"] == "code"
    assert description["threads"] == 1
    assert list(pd.read_csv(folder / "history.csv")["epoch"]) == [1, 2, 3]
    assert sorted(description["seconds_by_epoch"]) == description["seconds_by_epoch"]
    assert len(description["seconds_by_epoch"]) == 3
    assert list((tmp_path / "checkpoints").iterdir()) == []


def test_a_network_that_is_loaded_has_the_accuracy_that_its_description_says(
    run: Run, make_images: Callable[..., ImageSet]
) -> None:
    [folder] = run({"epochs": 6})
    model, description = load_network(folder)
    said = description["metrics"]
    data = DeviceImages(*make_images().part("test"), torch.device("cpu"))
    for name, families in (("none", {}), ("rotation", {"rotations": {"count": 4}})):
        assert accuracy(model, data, build_set(name, families), 1) == said[name]["accuracy"]


def test_an_untrained_network_has_a_whole_folder_too(run: Run) -> None:
    [folder] = run({"epochs": 0, "trained_with": "none", "transformations": {}})
    assert files(folder) == ["history.csv", "model.json", "weights.safetensors"]
    assert (folder / "history.csv").read_text() == "epoch,loss\n"
    load_network(folder)


def test_networks_of_one_job_are_those_of_jobs_of_their_own(run: Run, tmp_path: Path) -> None:
    together = [(folder / "weights.safetensors").read_bytes() for folder in run({"seed": 0}, {"seed": 1})]
    [alone] = run({"seed": 1})
    assert (alone / "weights.safetensors").read_bytes() == together[1]
    assert together[0] != together[1]


def test_a_job_that_was_cut_short_goes_on_and_writes_the_same_bytes(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = [(folder / "weights.safetensors").read_bytes() for folder in run({"seed": 0}, {"seed": 1})]
    plain = script.train

    def cut_short(settings: TrainingSettings, *rest: Any, **more: Any) -> Any:
        def kill(training: Any) -> None:
            if settings.seed == 1 and training.epoch == 2:
                raise KeyboardInterrupt

        return plain(settings, *rest, **more, after_epoch=kill)

    with monkeypatch.context() as patch:
        patch.setattr(script, "train", cut_short)
        with pytest.raises(KeyboardInterrupt):
            run({"seed": 0}, {"seed": 1})
    assert len(list((tmp_path / "checkpoints").iterdir())) == 1
    folders = run({"seed": 0}, {"seed": 1})
    assert [(folder / "weights.safetensors").read_bytes() for folder in folders] == whole
    assert list((tmp_path / "checkpoints").iterdir()) == []


def test_what_a_job_has_finished_is_not_trained_again(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[int] = []
    plain = script.train

    def watched(settings: TrainingSettings, *rest: Any, **more: Any) -> Any:
        trained.append(settings.seed)
        return plain(settings, *rest, **more)

    monkeypatch.setattr(script, "train", watched)
    store, changes = tmp_path / "kept", [{"seed": 0}, {"seed": 1, "savepoints": [0, 50]}]
    before = {
        file: file.read_bytes() for folder in run(*changes, store=store) for file in folder.rglob("*.*")
    }
    for file in before:
        file.unlink()  # as Snakemake does before it runs a job again
    run(*changes, store=store)
    assert trained == [0, 1]
    assert {file: file.read_bytes() for file in before} == before
    run({"seed": 2}, changes[0], store=store)
    run(*changes, store=store, code="edited")
    assert trained == [0, 1, 2, 0, 1]


def test_changed_code_does_not_go_on_from_a_checkpoint(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = script.train

    def kill(_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(script, "train", lambda *given, **more: plain(*given, **more, after_epoch=kill))
        with pytest.raises(KeyboardInterrupt):
            run({}, code="old")
    [folder] = run({}, code="new")
    assert json.loads((folder / "model.json").read_text())["code"] == "new"
    assert len(pd.read_csv(folder / "history.csv")) == 3


def test_what_is_cut_short_while_it_writes_is_no_finished_network(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(script, "write_description", full)
    with pytest.raises(OSError, match="No space left"):
        run({})
    with pytest.raises(UserError, match="no finished network"):
        load_network(tmp_path / "models" / "rows" / "plain" / "rotation" / "seed0")
    assert not [*(tmp_path / "models").rglob(".*")], "nothing unfinished is left"
    assert len(list((tmp_path / "checkpoints").iterdir())) == 1  # so that nothing is trained again


def test_a_training_that_diverges_says_which_one_it_is(run: Run) -> None:
    with pytest.raises(UserError, match=r"rotation/seed1: training diverged"):
        run({"seed": 0}, {"optimizer": {"name": "adam", "learning_rate": 1e30}})


def test_history_is_that_of_the_training(run: Run) -> None:
    [folder] = run({"epochs": 15, "trained_with": "none", "transformations": {}})
    history = pd.read_csv(folder / "history.csv")
    assert np.isfinite(history.to_numpy()).all()
    assert history["loss"].iloc[-1] < history["loss"].iloc[0]


def test_a_retraining_starts_from_the_weights_of_another_network(run: Run, tmp_path: Path) -> None:
    [first] = run({"trained_with": "none", "transformations": {}})
    start = first.rename(tmp_path / "start") / "weights.safetensors"
    [again] = run({"trained_layers": ["fc*"]}, initial=[start])
    before, after = load_file(start), load_file(again / "weights.safetensors")
    assert before.keys() == after.keys()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"}
    description = json.loads((again / "model.json").read_text())
    assert description["initial_sha256"] == hashlib.sha256(start.read_bytes()).hexdigest()
    assert set(description["metrics"]) == {"none", "rotation"}


def test_a_retraining_does_not_start_from_weights_that_were_changed(run: Run, tmp_path: Path) -> None:
    [first] = run({})
    start = first.rename(tmp_path / "start") / "weights.safetensors"
    content = bytearray(start.read_bytes())
    content[len(content) // 2] ^= 1
    start.write_bytes(content)
    with pytest.raises(UserError, match=r"start is damaged \(weights\.safetensors is changed\)"):
        run({"trained_layers": ["fc*"]}, initial=[start])


def test_other_initial_weights_do_not_go_on_from_a_checkpoint(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts = []
    for seed in (0, 1):
        [folder] = run({"seed": seed})
        starts.append(folder.rename(tmp_path / f"start{seed}") / "weights.safetensors")
    change = {"trained_layers": ["fc2"], "seed": 5}
    [expected] = run(change, initial=[starts[1]])
    whole = (expected / "weights.safetensors").read_bytes()
    plain = script.train

    def kill(_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(script, "train", lambda *given, **more: plain(*given, **more, after_epoch=kill))
        with pytest.raises(KeyboardInterrupt):
            run(change, initial=[starts[0]])
    [folder] = run(change, initial=[starts[1]])
    assert (folder / "weights.safetensors").read_bytes() == whole


def test_a_regression_network_says_its_errors_and_is_loaded_with_its_sigmoid(run: Run) -> None:
    [folder] = run({"task": "transformation_regression", "transformations": {"rotations": {"count": 4}}})
    model, description = load_network(folder)
    assert set(description["metrics"]["rotation"]) == {"mae", "smape", "rae"}
    assert description["outputs"] == 2
    assert model(torch.rand(3, 1, 8, 8)).shape == (3, 2)
    assert "sigmoid" in dict(model.named_children())
