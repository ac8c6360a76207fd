"""The training loop."""

import logging
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from tqdm import tqdm

from equivariance.checkpoint import load_checkpoint, save_checkpoint
from equivariance.datasets.image_set import ImageSet
from equivariance.devices import choose_precision, in_precision
from equivariance.errors import UserError
from equivariance.models import build
from equivariance.models.standardize import Standardize
from equivariance.reserved import NONE, OWN
from equivariance.sampling import derived_seed, stratified_sample
from equivariance.training.data import DeviceImages, epoch_batches
from equivariance.training.freezing import freeze_all_but
from equivariance.training.layout import channels_last, keep_layout
from equivariance.training.optimizers import make_optimizer
from equivariance.training.settings import TrainingSettings
from equivariance.training.tasks import make_task
from equivariance.transformations.sets import TransformationSet, build_set

log = logging.getLogger(__name__)

HISTORY_IMAGES = 1000  # at most so many test images after each epoch; at the end all are used


@dataclass
class Trained:
    """A trained network, its metrics, and one row of history per epoch."""

    model: nn.Module
    metrics: dict[str, dict[str, float]]  # by set (none, its own): accuracy, or mae, smape and rae
    savepoints: dict[int, dict[str, Any]]  # by per cent: epoch, state
    history: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0  # of training, also before it was interrupted; without evaluation
    test_images: int = 0
    outputs: int = 0  # of the network: classes, or parameters of a transformation
    restarts: int = 0  # after trainings that did not reach the threshold
    precision: str = "float32"  # of products


class Training:
    """One training: the state that a checkpoint holds, and the steps that change it.

    The random numbers of the initial weights, of the order of images, of the transformations and of layers
    that draw (dropout) come from generators of their own, all from the experiment's seed.
    """

    def __init__(
        self,
        settings: TrainingSettings,
        image_set: ImageSet,
        device: torch.device,
        initialize: Callable[[nn.Module], None] | None = None,
        attempt: int = 0,
    ) -> None:
        """Move the images to the device and build the network with its initial weights.

        `initialize` is called with the network and may change them; `attempt` counts restarts, each of which
        draws other random numbers.
        """
        self.settings = settings
        self.device = device
        self.attempt = attempt
        self.set = build_set(settings.trained_with, settings.transformations)
        self.none = build_set(NONE, {})
        self.seen = self.set if settings.augmented else self.none
        self.task = make_task(settings.task, len(image_set.classes), self.set, device)
        images, labels = image_set.part("train")
        rows = stratified_sample(labels, settings.images, f"training images of {image_set.name}")
        self.train = DeviceImages(images[rows], labels[rows], device, settings.padding)
        test_images, test_labels = image_set.part("test")
        rows = stratified_sample(test_labels, settings.test_images, f"test images of {image_set.name}")
        self.test = DeviceImages(test_images[rows], test_labels[rows], device, settings.padding)
        few = min(HISTORY_IMAGES, max(1, len(self.train) // 8))  # watching stays cheap beside training
        rows = stratified_sample(test_labels, few, f"history images of {image_set.name}")
        self.watched = DeviceImages(test_images[rows], test_labels[rows], device, settings.padding)

        channels, height, width = images.shape[1:]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self._seed("initial weights"))
            self.model = build(
                settings.family,
                (channels, height, width),
                self.task.outputs,
                settings.settings,
                settings.task,
            )
        pixels = self.train.images.double().div_(255)
        standardize = cast(Standardize, self.model.get_submodule("standardize"))
        standardize.set(pixels.mean((0, 2, 3)), pixels.std((0, 2, 3)))
        if initialize is not None:
            initialize(self.model)
        if settings.trained_layers is not None:
            freeze_all_but(self.model, settings.trained_layers)
        self.precision = choose_precision(settings.precision, device)
        self.model.to(device)
        channels_last(self.model)
        keep_layout(self.model)
        self.optimizer = make_optimizer(settings.optimizer, self.model)
        self.order = torch.Generator().manual_seed(self._seed("order of images"))
        self.draws = torch.Generator().manual_seed(self._seed("transformations"))
        torch.manual_seed(self._seed("layers"))
        self.epoch = 0
        self.seconds = 0.0
        self.history: list[dict[str, float]] = []
        self.savepoints: dict[int, dict[str, Any]] = {}

    def batches(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """The batches of an epoch, see `epoch_batches`: each image once, with its own transformation."""
        settings = self.settings
        return epoch_batches(
            self.train, self.seen, settings.batch_size, self.order, self.draws, settings.random_flips
        )

    def step(self, images: Tensor, labels: Tensor, members: Tensor) -> Tensor:
        """Change the weights once by a batch, and return its mean loss, from before that."""
        with in_precision(self.precision, self.device):
            outputs = self.model(images)  # (N, K)
        loss = self.task.loss(outputs.float(), labels, members)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def run_epoch(self) -> None:
        """Train on every image once, each with its own transformation."""
        start = time.perf_counter()
        mean_loss = self.train_epoch()
        self.epoch += 1
        self.seconds += time.perf_counter() - start
        # Buffers too: the statistics of a batch normalization can overflow while weights and loss do not.
        finite = all(bool(tensor.isfinite().all()) for tensor in self.model.state_dict().values())
        if not (math.isfinite(mean_loss) and finite):
            raise UserError(
                f"training diverged: epoch {self.epoch} has loss {mean_loss} or weights that are not finite; "
                f"lower the learning rate (now {self.settings.optimizer.learning_rate})"
            )
        row = {"epoch": self.epoch, "seconds": round(self.seconds, 3), "loss": mean_loss}
        for one, name in ((self.none, NONE), (self.set, OWN)):
            found = self._metrics(self.watched, one)
            row |= {f"test_{metric}_{name}": found[metric] for metric in self.task.watched if metric in found}
        self.history.append(row)

    def train_epoch(self) -> float:
        """Take the steps of an epoch, and nothing else; gives the mean loss."""
        self.model.train()
        loss_sum = torch.zeros((), device=self.device, dtype=torch.float64)
        for images, labels, members in self.batches():
            loss_sum += self.step(images, labels, members) * len(labels)
        return float(loss_sum) / len(self.train)  # waits for the device, so that the clock can be read

    def keep_savepoints(self) -> None:
        """Keep the weights if a savepoint is due after this epoch."""
        for percent, epoch in self.settings.savepoint_epochs().items():
            if epoch == self.epoch and percent not in self.savepoints:
                tensors = self.model.state_dict().items()
                state = {name: tensor.detach().cpu().clone() for name, tensor in tensors}
                self.savepoints[percent] = {"epoch": epoch, "state": state}

    def metrics(self) -> dict[str, dict[str, float]]:
        """Metrics on the test images, as they are and under the set of the training, by name of the set.

        Each image is transformed once: its member of the set is drawn from a fixed seed. That decides on
        restarts; accuracies that are shown in detail are measured with more draws.
        """
        return {one.name: self._metrics(self.test, one) for one in (self.none, self.set)}

    def state(self) -> dict[str, Any]:
        """Everything that the next epoch depends on."""
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
        """Continue from the `state()` of a training with the same settings."""
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

    def _metrics(self, data: DeviceImages, transformations: TransformationSet) -> dict[str, float]:
        with in_precision(self.precision, self.device):
            return self.task.metrics(self.model, data, transformations, per_image=1)

    def _seed(self, purpose: str) -> int:
        """Seed of a purpose; a retraining and a restart draw other numbers than the training before them."""
        again = "retraining: " if self.settings.trained_layers is not None else ""
        again += f"restart {self.attempt}: " if self.attempt else ""
        return derived_seed(self.settings.seed, f"{again}{purpose}")


def train(
    settings: TrainingSettings,
    image_set: ImageSet,
    device: torch.device,
    checkpoint: Path | None = None,
    code: str = "",
    after_epoch: Callable[[Training], None] | None = None,
    progress: bool = False,
    initialize: Callable[[nn.Module], None] | None = None,
) -> Trained:
    """Train a network; the same settings give the same bits on one kind of machine and number of threads.

    With `checkpoint`, a file, every epoch is saved there, and an interrupted training continues from it;
    `code` is a digest of all that it depends on besides the settings, so that no training continues from the
    state of another one. `after_epoch` is called with the training after each epoch, `initialize` with the
    network before the first. A training that does not reach the threshold of the settings starts again from
    other initial weights, and the best one counts. That is decided on images like those of the training:
    under the set, or as they are for a network that transforms them itself. Raises UserError where the loss
    or a weight is no longer finite.
    """
    best: tuple[Training, dict[str, dict[str, float]]] | None = None
    for attempt in range(settings.restarts + 1):
        training = Training(settings, image_set, device, initialize, attempt)
        file = checkpoint and restart_checkpoint(checkpoint, attempt)
        _run(training, file, settings.digest(code, str(attempt)), after_epoch, progress)
        metrics, seen = training.metrics(), training.seen.name
        if best is None or training.task.goodness(metrics[seen]) > training.task.goodness(best[1][seen]):
            best = training, metrics
        if settings.threshold is None or training.task.converged(metrics[seen], settings.threshold):
            break
        log.info("attempt %d reached %s; the threshold is %s", attempt + 1, metrics[seen], settings.threshold)
    assert best is not None
    chosen, metrics = best
    return Trained(
        model=chosen.model.eval(),
        metrics=metrics,
        savepoints=chosen.savepoints,
        history=chosen.history,
        seconds=chosen.seconds,
        test_images=len(chosen.test),
        outputs=chosen.task.outputs,
        restarts=attempt,
        precision=str(chosen.precision).removeprefix("torch."),
    )


def restart_checkpoint(checkpoint: Path, attempt: int) -> Path:
    """The file of an attempt; it is kept until the last attempt has ended."""
    return checkpoint.with_name(f"{checkpoint.stem}-{attempt}{checkpoint.suffix}") if attempt else checkpoint


def _run(
    training: Training,
    checkpoint: Path | None,
    digest: str,
    after_epoch: Callable[[Training], None] | None,
    progress: bool,
) -> None:
    """Train to the last epoch, from the checkpoint if there is one."""
    settings = training.settings
    saved = load_checkpoint(checkpoint, digest) if checkpoint else None
    if saved is not None:
        training.restore(saved)
        log.info("continuing after epoch %d of %d", training.epoch, settings.epochs)
    training.keep_savepoints()
    if settings.optimizer.name == "linear_svm":
        from equivariance.training.linear_svm import fit_linear_svm

        fit_linear_svm(
            training.model, training.train, settings.optimizer.penalty, settings.batch_size, settings.seed
        )
        return
    for _ in tqdm(range(training.epoch, settings.epochs), desc="epochs", unit="epoch", disable=not progress):
        training.run_epoch()
        training.keep_savepoints()
        log.info(", ".join(f"{name} {value:.6g}" for name, value in training.history[-1].items()))
        if checkpoint:
            save_checkpoint(checkpoint, digest, training.state())
        if after_epoch:
            after_epoch(training)
