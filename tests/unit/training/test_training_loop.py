"""The training loop: what determines the weights, and what it does each epoch."""

import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from equivariance.datasets.image_set import ImageSet
from equivariance.errors import UserError
from equivariance.training import loop, tasks
from equivariance.training.loop import Trained, Training, train
from equivariance.training.settings import TrainingSettings

CPU = torch.device("cpu")
State = dict[str, torch.Tensor]
Run = Callable[..., Trained]


@pytest.fixture
def run(make_images: Callable[..., ImageSet], make_settings: Callable[..., TrainingSettings]) -> Run:
    """Train on the image set of these tests, with some settings changed."""

    def make(images: ImageSet | None = None, after_epoch: Any = None, **changes: Any) -> Trained:
        torch.set_num_threads(1)
        return train(make_settings(**changes), images or make_images(), CPU, after_epoch=after_epoch)

    return make


def same(first: State, second: State) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def state(trained: Trained) -> State:
    return trained.model.state_dict()


def untimed(trained: Trained) -> list[dict[str, float]]:
    """The history without seconds."""
    return [{name: value for name, value in row.items() if name != "seconds"} for row in trained.history]


def test_the_same_settings_give_the_same_bits(run: Run) -> None:
    first = run(savepoints=[0, 50])
    torch.manual_seed(99)
    torch.rand(5)
    second = run(savepoints=[0, 50])
    assert same(state(first), state(second))
    assert untimed(first) == untimed(second)
    assert first.metrics == second.metrics
    assert all(same(first.savepoints[p]["state"], second.savepoints[p]["state"]) for p in (0, 50))


def test_another_process_gives_the_same_bits(
    run: Run, root: Path, tmp_path: Path, make_images: Any, make_settings: Any
) -> None:
    make_images().save(tmp_path / "rows.npz")
    (tmp_path / "settings.json").write_text(json.dumps(make_settings().as_mapping()))
    code = """
import json, sys, torch
from pathlib import Path
from equivariance.datasets.image_set import ImageSet
from equivariance.training.loop import train
from equivariance.training.settings import TrainingSettings
torch.set_num_threads(1)
folder = Path(sys.argv[1])
settings = TrainingSettings.from_mapping(json.loads((folder / "settings.json").read_text()))
trained = train(settings, ImageSet.load(folder / "rows.npz"), torch.device("cpu"))
torch.save(trained.model.state_dict(), folder / "weights.pt")
"""
    environment = {"PYTHONPATH": str(root / "workflow_scripts"), "PYTHONHASHSEED": "77"}
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], env=environment, check=True)
    assert same(torch.load(tmp_path / "weights.pt"), state(run()))


def test_another_seed_gives_other_weights_from_the_first_on(run: Run) -> None:
    assert not same(state(run(seed=1)), state(run(seed=2)))
    assert not same(state(run(seed=1, epochs=0)), state(run(seed=2, epochs=0)))


def test_initial_weights_depend_on_the_seed_and_not_on_the_set_or_the_length(run: Run) -> None:
    untrained = run(epochs=0, trained_with="none", transformations={})
    scales = {"scales": {"steps": 1, "smallest": 0.5, "largest": 1}}
    other = run(epochs=2, trained_with="scale", transformations=scales, savepoints=[0])
    assert same(state(untrained), other.savepoints[0]["state"])
    assert not same(state(untrained), state(other))


def test_no_epochs_give_the_initial_weights_with_metrics_and_no_history(run: Run) -> None:
    trained = run(epochs=0, savepoints=[0, 50])
    assert trained.history == []
    assert set(trained.metrics) == {"none", "rotation"}
    assert same(state(trained), trained.savepoints[0]["state"])
    assert {p: kept["epoch"] for p, kept in trained.savepoints.items()} == {0: 0, 50: 0}


def test_it_learns_what_is_easy(run: Run) -> None:
    trained = run(epochs=25, trained_with="none", transformations={})
    assert trained.metrics == {"none": {"accuracy": 1.0}}
    assert trained.history[-1]["loss"] < 0.3 * trained.history[0]["loss"]


def test_history_has_a_row_for_each_epoch(run: Run) -> None:
    trained = run()
    assert [row["epoch"] for row in trained.history] == [1, 2, 3]
    for row in trained.history:
        assert set(row) == {"epoch", "seconds", "loss", "test_accuracy_none", "test_accuracy_own"}
        assert all(0 <= value <= 1 for name, value in row.items() if "accuracy" in name)
    seconds = [row["seconds"] for row in trained.history]
    assert seconds == sorted(seconds)
    assert trained.seconds > 0
    assert (trained.test_images, trained.outputs, trained.restarts) == (20, 2, 0)


def test_savepoints_are_the_weights_after_their_epochs(run: Run) -> None:
    weights: dict[int, State] = {}

    def keep(training: Training) -> None:
        weights[training.epoch] = {
            name: tensor.clone() for name, tensor in training.model.state_dict().items()
        }

    trained = run(epochs=4, savepoints=[0, 10, 50, 75], after_epoch=keep)
    assert {p: kept["epoch"] for p, kept in trained.savepoints.items()} == {0: 0, 10: 1, 50: 2, 75: 3}
    for percent in (10, 50, 75):
        kept = trained.savepoints[percent]
        assert same(kept["state"], weights[kept["epoch"]])
    assert same(state(trained), weights[4])


def test_savepoints_do_not_change_the_training(run: Run) -> None:
    assert same(state(run()), state(run(savepoints=[0, 1, 50, 99])))


def test_every_epoch_is_trained_in_train_mode_though_evaluation_comes_between(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    modes: list[bool] = []
    plain = loop.epoch_batches
    counted: list[int] = []

    class Watched(Training):
        def run_epoch(self) -> None:
            self.model.conv1_bn.register_forward_pre_hook(lambda module, _: modes.append(module.training))
            super().run_epoch()

    def batches(*given: Any) -> Any:
        for batch in plain(*given):
            modes.clear()
            yield batch
            counted.append(all(modes) and bool(modes))

    monkeypatch.setattr(loop, "Training", Watched)
    monkeypatch.setattr(loop, "epoch_batches", batches)
    run(settings={"filters": 2, "hidden": 4, "batch_norm": True}, savepoints=[0, 50])
    assert counted == [True] * 12  # 3 epochs of 32 images in batches of 8


def test_an_evaluation_that_forgets_to_go_back_to_train_mode_changes_nothing(run: Run) -> None:
    settings = {"filters": 2, "hidden": 4, "batch_norm": True}
    forgetful = run(settings=settings, after_epoch=lambda training: training.model.eval())
    assert same(state(forgetful), state(run(settings=settings)))


def test_statistics_of_batch_normalization_go_on_changing_in_every_epoch(run: Run) -> None:
    means: list[torch.Tensor] = []
    run(
        settings={"filters": 2, "hidden": 4, "batch_norm": True},
        after_epoch=lambda training: means.append(training.model.conv1_bn.running_mean.clone()),
    )
    assert len(means) == 3
    assert not torch.equal(means[0], means[1])
    assert not torch.equal(means[1], means[2])


def test_the_trained_network_is_in_evaluation_mode(run: Run) -> None:
    assert not any(module.training for module in run().model.modules())


def test_images_are_standardised_with_the_training_images_alone(
    run: Run, make_images: Callable[..., ImageSet]
) -> None:
    images = make_images(channels=3)
    pixels = images.train[0] / 255
    mean, std = pixels.mean((0, 2, 3)), pixels.std((0, 2, 3), ddof=1)
    changed = dataclasses.replace(
        images, images=np.where(images.test[:, None, None, None], 255, images.images)
    )
    for one in (images, changed):
        weights = state(run(one, epochs=1))
        np.testing.assert_allclose(weights["standardize.mean"], mean, rtol=1e-5)
        np.testing.assert_allclose(weights["standardize.std"], std, rtol=1e-5)
    assert same(state(run(images)), state(run(changed)))


def test_standardisation_takes_the_images_that_are_trained_on_and_no_more(
    make_images: Callable[..., ImageSet], make_settings: Callable[..., TrainingSettings]
) -> None:
    training = Training(make_settings(images=6), make_images(), CPU)
    assert len(training.train) == 6
    assert training.train.labels.bincount().tolist() == [3, 3]
    pixels = training.train.images.double() / 255
    torch.testing.assert_close(training.model.standardize.mean, pixels.mean((0, 2, 3)).float())


def test_a_constant_channel_can_be_trained_on(run: Run, make_images: Callable[..., ImageSet]) -> None:
    images = make_images(channels=3)
    pixels = images.images.copy()
    pixels[:, 1] = 7
    assert run(dataclasses.replace(images, images=pixels)).history[-1]["loss"] < 10


def test_evaluation_takes_the_images_that_are_asked_for_and_transforms_each_once(
    run: Run, make_images: Callable[..., ImageSet], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[int, str, int | None]] = []

    def watched(model: Any, data: Any, transformations: Any, per_image: int | None) -> float:
        asked.append((len(data), transformations.name, per_image))
        return 0.5

    monkeypatch.setattr(tasks, "accuracy", watched)
    trained = run(epochs=1, test_images=10)
    assert asked[-2:] == [(10, "none", 1), (10, "rotation", 1)]
    assert trained.metrics == {"none": {"accuracy": 0.5}, "rotation": {"accuracy": 0.5}}
    assert trained.test_images == 10
    assert asked[:2] == [(4, "none", 1), (4, "rotation", 1)]  # watching stays cheap


@pytest.mark.parametrize(("augmented", "restarts"), [(True, 2), (False, 0)])
def test_restarts_are_decided_by_images_like_those_of_the_training(
    run: Run, monkeypatch: pytest.MonkeyPatch, augmented: bool, restarts: int
) -> None:
    def watched(model: Any, data: Any, transformations: Any, per_image: int | None) -> float:
        return 0.9 if transformations.name == "none" else 0.1

    monkeypatch.setattr(tasks, "accuracy", watched)
    trained = run(epochs=1, threshold=0.5, restarts=2, augmented=augmented)
    assert trained.restarts == restarts


def test_one_training_does_not_change_the_next(run: Run) -> None:
    alone = state(run(seed=4))
    run(seed=3, batch_size=5)
    assert same(state(run(seed=4)), alone)


@pytest.mark.parametrize("rate", [1e30, 1e18])
def test_a_training_that_diverges_is_stopped_and_says_what_to_change(run: Run, rate: float) -> None:
    optimizer = {"name": "adam", "learning_rate": rate}
    with pytest.raises(UserError, match=r"training diverged.*lower the learning rate \(now 1e\+"):
        run(optimizer=optimizer, epochs=5)


def test_weights_that_are_lost_in_the_very_last_step_are_found(run: Run) -> None:
    optimizer = {"name": "adam", "learning_rate": 1e39}  # beyond float32
    with pytest.raises(UserError, match="diverged"):
        run(optimizer=optimizer, epochs=1, batch_size=32)


@pytest.mark.parametrize("optimizer", ["adam", "adamw"])
def test_weight_decay_is_decoupled_in_adamw_only(run: Run, optimizer: str) -> None:
    trainings: list[Training] = []
    values = {"name": optimizer, "learning_rate": 0.001, "weight_decay": 0.1}
    run(optimizer=values, epochs=1, after_epoch=trainings.append)
    group = trainings[0].optimizer.param_groups[0]
    assert (group["lr"], group["weight_decay"]) == (0.001, 0.1)
    assert bool(group.get("decoupled_weight_decay")) == (optimizer == "adamw")


def test_products_in_bfloat16_learn_the_same_and_weights_are_float32(run: Run) -> None:
    plain = {"epochs": 25, "trained_with": "none", "transformations": {}}
    trained = run(**plain, precision="bfloat16")
    assert (trained.precision, run(epochs=0).precision) == ("bfloat16", "float32")
    assert trained.metrics == {"none": {"accuracy": 1.0}}
    assert all(tensor.dtype == torch.float32 for tensor in trained.model.parameters())
    slow = run(**plain)
    assert trained.history[0]["loss"] == pytest.approx(slow.history[0]["loss"], rel=0.02)
    assert trained.history[0]["loss"] != slow.history[0]["loss"]
