"""What a network is trained to predict: the class of an image, or the transformation applied to it.

Transformation regression (experiments of 2022): the input is t(x), the targets are the parameters of t, the
last layer is a sigmoid, the loss is the mean squared error.
"""

from typing import Literal, Protocol

import torch
from torch import Tensor, nn

from equivariance.errors import UserError
from equivariance.training.data import DeviceImages
from equivariance.training.evaluation import accuracy, errors
from equivariance.transformations.sets import TransformationSet

TaskName = Literal["classification", "transformation_regression"]


class Task(Protocol):
    """Loss of a batch, and what is reported of a network."""

    outputs: int  # of the network
    watched: tuple[str, ...]  # metrics of each epoch

    def loss(self, outputs: Tensor, labels: Tensor, members: Tensor) -> Tensor:
        """Mean loss of a batch: outputs (N, K), labels (N,), members of the set (N,)."""

    def metrics(
        self, model: nn.Module, data: DeviceImages, transformations: TransformationSet, per_image: int | None
    ) -> dict[str, float]:
        """Metrics over images transformed by members of a set; empty if the set is not that of the task."""

    def converged(self, metrics: dict[str, float], threshold: float) -> bool:
        """Whether a network is as good as it has to be."""

    def goodness(self, metrics: dict[str, float]) -> float:
        """A number that is larger for a better network."""


class Classification:
    """Negative log-likelihood of the class; accuracy."""

    watched: tuple[str, ...] = ("accuracy",)

    def __init__(self, classes: int) -> None:
        self.outputs = classes

    def loss(self, outputs: Tensor, labels: Tensor, members: Tensor) -> Tensor:
        """Of log-probabilities (N, classes)."""
        return nn.functional.nll_loss(outputs, labels)

    def metrics(
        self, model: nn.Module, data: DeviceImages, transformations: TransformationSet, per_image: int | None
    ) -> dict[str, float]:
        """Accuracy in [0, 1]."""
        return {"accuracy": accuracy(model, data, transformations, per_image)}

    def converged(self, metrics: dict[str, float], threshold: float) -> bool:
        """Whether the accuracy reaches the threshold."""
        return metrics["accuracy"] >= threshold

    def goodness(self, metrics: dict[str, float]) -> float:
        """The accuracy."""
        return metrics["accuracy"]


class TransformationRegression:
    """Mean squared error of the parameters of the transformation; mae, smape, rae."""

    watched: tuple[str, ...] = ("mae", "rae")

    def __init__(self, transformations: TransformationSet, device: torch.device) -> None:
        """Take the targets of a set. Raises UserError for a set without two different members."""
        self.set = transformations
        self.targets = regression_targets(transformations).float().to(device)  # (T, K)
        self.outputs = self.targets.shape[1]

    def loss(self, outputs: Tensor, labels: Tensor, members: Tensor) -> Tensor:
        """Of outputs in [0, 1] (N, K)."""
        return nn.functional.mse_loss(outputs, self.targets[members])

    def metrics(
        self, model: nn.Module, data: DeviceImages, transformations: TransformationSet, per_image: int | None
    ) -> dict[str, float]:
        """Errors with the set of the training; the parameters of another set were not learned."""
        if transformations.name != self.set.name:
            return {}
        return errors(model, data, transformations, self.targets, per_image)

    def converged(self, metrics: dict[str, float], threshold: float) -> bool:
        """Whether the relative absolute error is below the threshold."""
        return metrics["rae"] < threshold

    def goodness(self, metrics: dict[str, float]) -> float:
        """The negative of the relative absolute error."""
        return -metrics["rae"]


def make_task(name: TaskName, classes: int, own: TransformationSet, device: torch.device) -> Task:
    """Make the task of a training with its own set, on images of so many classes."""
    return Classification(classes) if name == "classification" else TransformationRegression(own, device)


def regression_targets(transformations: TransformationSet) -> Tensor:
    """The parameters of each member in [0, 1]: float64 (T, K).

    Columns: cosine and sine of the angle, scales sx and sy, translations dx and dy; each is scaled linearly
    to go from 0 to 1 over the set, and left out if all members have the same. Raises UserError if none is
    left.
    """
    turns, *others = transformations.parameters.T  # (5, T)
    angle = 2 * torch.pi * turns
    columns = torch.stack([angle.cos(), angle.sin(), *others], dim=1)  # (T, 6)
    lowest, highest = columns.amin(0), columns.amax(0)
    varies = highest - lowest > 1e-9
    if not varies.any():
        raise UserError(f"the set {transformations.name!r} has no two transformations to tell apart")
    return ((columns - lowest) / (highest - lowest))[:, varies]
