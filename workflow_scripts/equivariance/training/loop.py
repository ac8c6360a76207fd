"""The training loop."""

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn
from tqdm import tqdm

from equivariance.checkpoint import load_checkpoint, save_checkpoint
from equivariance.datasets.image_set import ImageSet
from equivariance.errors import UserError
from equivariance.models import build
from equivariance.models.standardize import Standardize
from equivariance.sampling import derived_seed, generator, stratified_sample
from equivariance.training.data import DeviceImages, epoch_batches
from equivariance.training.evaluation import accuracy
from equivariance.training.settings import TrainingSettings
from equivariance.transformations.sets import TransformationSet, build_set

log = logging.getLogger(__name__)

PROGRESS = "epoch %(epoch)d: loss %(loss).4f, test accuracy %(test_accuracy_own).3f"
HISTORY_IMAGES = 1000  # most test images of the accuracies after each epoch; those at the end take all


@dataclass
class Trained:
    """A trained network, its metrics, and one row of history per epoch."""

    model: nn.Module
    accuracy: dict[str, float]  # by set: none, and the one it was trained with
    savepoints: dict[int, dict[str, Any]]  # by per cent: epoch, accuracy, state
    history: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0  # of training, kills included, evaluation not
    test_images: int = 0


class Training:
    """One training: the state that a checkpoint holds, and the steps that change it.

    The random numbers of the initial weights, of the order of images, of the transformations and of layers
    that draw (dropout) come from generators of their own, all from the experiment's seed.
    """

    def __init__(self, settings: TrainingSettings, image_set: ImageSet, device: torch.device) -> None:
        """Move the images to the device and build the network with its initial weights."""
        self.settings = settings
        self.device = device
        self.set = build_set(settings.trained_with, settings.transformations)
        self.none = build_set("none", {})
        images, labels = image_set.part("train")
        rows = stratified_sample(labels, settings.images, f"training images of {image_set.name}")
        self.train = DeviceImages(images[rows], labels[rows], device)
        test_images, test_labels = image_set.part("test")
        rows = stratified_sample(test_labels, settings.evaluation.images, f"test images of {image_set.name}")
        self.test = DeviceImages(test_images[rows], test_labels[rows], device)
        few = min(HISTORY_IMAGES, max(1, len(self.train) // 4))  # watching stays cheap beside training
        rows = stratified_sample(test_labels, few, f"history images of {image_set.name}")
        self.watched = DeviceImages(test_images[rows], test_labels[rows], device)

        channels, height, width = images.shape[1:]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derived_seed(settings.seed, "initial weights"))
            self.model = build(
                settings.family,
                image_shape=(channels, height, width),
                classes=len(image_set.classes),
                settings=settings.settings,
            )
        pixels = self.train.images.double().div_(255)
        standardize = cast(Standardize, self.model.get_submodule("standardize"))
        standardize.set(pixels.mean((0, 2, 3)), pixels.std((0, 2, 3)))
        self.model.to(device)
        self.optimizer = _optimizer(settings, self.model)
        self.order = generator(settings.seed, "order of images")
        self.draws = generator(settings.seed, "transformations")
        torch.manual_seed(derived_seed(settings.seed, "layers"))
        self.epoch = 0
        self.seconds = 0.0
        self.history: list[dict[str, float]] = []
        self.savepoints: dict[int, dict[str, Any]] = {}

    def run_epoch(self) -> None:
        """Train on every image once, each under a transformation of its own."""
        start = time.perf_counter()
        self.model.train()
        loss_sum = torch.zeros((), device=self.device, dtype=torch.float64)
        right = torch.zeros((), device=self.device, dtype=torch.int64)
        for images, labels in epoch_batches(
            self.train, self.set, self.settings.batch_size, self.settings.padding, self.order, self.draws
        ):
            scores = self.model(images)  # (N, classes), log-probabilities
            loss = nn.functional.nll_loss(scores, labels)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.step()
            loss_sum += loss.detach() * len(labels)
            right += (scores.detach().argmax(1) == labels).sum()
        self.epoch += 1
        mean_loss = float(loss_sum) / len(self.train)  # waits for the device, so before the clock is read
        self.seconds += time.perf_counter() - start
        if not (math.isfinite(mean_loss) and all(bool(p.isfinite().all()) for p in self.model.parameters())):
            raise UserError(
                f"training diverged: epoch {self.epoch} has loss {mean_loss} or weights that are not finite; "
                f"lower the learning rate (now {self.settings.optimizer.learning_rate})"
            )
        self.history.append(
            {
                "epoch": self.epoch,
                "loss": mean_loss,
                "train_accuracy": int(right) / len(self.train),
                "test_accuracy_none": self._accuracy(self.watched, self.none, 1),
                "test_accuracy_own": self._accuracy(self.watched, self.set, 1),
            }
        )

    def keep_savepoints(self) -> None:
        """Keep the weights if a savepoint is due after this epoch."""
        for percent, epoch in self.settings.savepoint_epochs().items():
            if epoch == self.epoch and percent not in self.savepoints:
                tensors = self.model.state_dict().items()
                state = {name: tensor.detach().cpu().clone() for name, tensor in tensors}
                self.savepoints[percent] = {"epoch": epoch, "accuracy": self.accuracies(), "state": state}

    def accuracies(self) -> dict[str, float]:
        """Test accuracy without transformations and under the set it is trained with, by name of the set."""
        per_image = self.settings.evaluation.transformations_per_image
        return {one.name: self._accuracy(self.test, one, per_image) for one in (self.none, self.set)}

    def state(self) -> dict[str, Any]:
        """All that the next epoch depends on."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "order": self.order.get_state(),
            "draws": self.draws.get_state(),
            "layers": torch.get_rng_state(),
            "layers_on_gpu": torch.cuda.get_rng_state(self.device) if self.device.type == "cuda" else None,
            "epoch": self.epoch,
            "seconds": self.seconds,
            "history": self.history,
            "savepoints": self.savepoints,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state()` of an earlier training with the same settings."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.order.set_state(state["order"])
        self.draws.set_state(state["draws"])
        torch.set_rng_state(state["layers"])
        if state["layers_on_gpu"] is not None:
            torch.cuda.set_rng_state(state["layers_on_gpu"], self.device)
        self.epoch = state["epoch"]
        self.seconds = state["seconds"]
        self.history = state["history"]
        self.savepoints = state["savepoints"]

    def _accuracy(
        self, data: DeviceImages, transformations: TransformationSet, per_image: int | None
    ) -> float:
        return accuracy(self.model, data, transformations, per_image, self.settings.padding)


def train(
    settings: TrainingSettings,
    image_set: ImageSet,
    device: torch.device,
    checkpoint: Path | None = None,
    code: str = "",
    after_epoch: Callable[[Training], None] | None = None,
    progress: bool = False,
) -> Trained:
    """Train a network; the same settings give the same bits on one kind of machine and number of threads.

    With `checkpoint`, a file, every epoch is saved there, and a training that was killed goes on from it;
    `code` is a digest of the code, so that changed code does not go on from the state of another one.
    `after_epoch` is called with the training after each epoch. Raises UserError where the loss or a weight is
    no longer finite.
    """
    digest = settings.digest(code)
    training = Training(settings, image_set, device)
    saved = load_checkpoint(checkpoint, digest) if checkpoint else None
    if saved is not None:
        training.restore(saved)
        log.info("goes on after epoch %d of %d", training.epoch, settings.epochs)
    training.keep_savepoints()
    epochs = range(training.epoch, settings.epochs)
    for _ in tqdm(epochs, desc="epochs", unit="epoch", disable=not progress):
        training.run_epoch()
        training.keep_savepoints()
        log.info(PROGRESS, training.history[-1])
        if checkpoint:
            save_checkpoint(checkpoint, digest, training.state())
        if after_epoch:
            after_epoch(training)
    return Trained(
        model=training.model.eval(),
        accuracy=training.accuracies(),
        savepoints=training.savepoints,
        history=training.history,
        seconds=training.seconds,
        test_images=len(training.test),
    )


def _optimizer(settings: TrainingSettings, model: nn.Module) -> torch.optim.Optimizer:
    kinds = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
    chosen = settings.optimizer
    # The fused step is one kernel instead of a dozen per parameter.
    return kinds[chosen.name](
        model.parameters(), lr=chosen.learning_rate, weight_decay=chosen.weight_decay, fused=True
    )
