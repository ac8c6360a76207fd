"""What a network is trained to tell: the class of an image, or the transformation that it is under.

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
        self,
        model: nn.Module,
        data: DeviceImages,
        transformations: TransformationSet,
        per_image: int | None,
    ) -> dict[str, float]:
        """Metrics over images under members of a set; none where the set leaves nothing to tell."""

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
        self,
        model: nn.Module,
        data: DeviceImages,
        transformations: TransformationSet,
        per_image: int | None,
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
        """Take the targets of a set. Raises UserError for a set whose members differ in nothing."""
        self.set = transformations
        self.targets = regression_targets(transformations).float().to(device)  # (T, K)
        self.outputs = self.targets.shape[1]

    def loss(self, outputs: Tensor, labels: Tensor, members: Tensor) -> Tensor:
        """Of outputs in [0, 1] (N, K)."""
        return nn.functional.mse_loss(outputs, self.targets[members])

    def metrics(
        self,
        model: nn.Module,
        data: DeviceImages,
        transformations: TransformationSet,
        per_image: int | None,
    ) -> dict[str, float]:
        """Errors under the set of the training; under another one its parameters are not what was learned."""
        if transformations.name != self.set.name:
            return {}
        return errors(model, data, transformations, self.targets, per_image)

    def converged(self, metrics: dict[str, float], threshold: float) -> bool:
        """Whether the relative absolute error is below the threshold."""
        return metrics["rae"] < threshold

    def goodness(self, metrics: dict[str, float]) -> float:
        """The relative absolute error, with its sign turned."""
        return -metrics["rae"]


def make_task(name: TaskName, classes: int, own: TransformationSet, device: torch.device) -> Task:
    """Make the task of a training on images of so many classes under its own set."""
    return Classification(classes) if name == "classification" else TransformationRegression(own, device)


def regression_targets(transformations: TransformationSet) -> Tensor:
    """The parameters of each member in [0, 1]: float64 (T, K).

    Columns: cosine and sine of the angle, scales sx and sy, translations dx and dy; each is moved and divided
    so that it goes from 0 to 1 over the set, and left out where it is the same for all members. Raises
    UserError where none is left.
    """
    turns, *others = transformations.parameters.T  # (5, T)
    angle = 2 * torch.pi * turns
    columns = torch.stack([angle.cos(), angle.sin(), *others], dim=1)  # (T, 6)
    lowest, highest = columns.amin(0), columns.amax(0)
    varies = highest - lowest > 1e-9
    if not varies.any():
        raise UserError(f"the set {transformations.name!r} has no transformation to tell from another")
    return ((columns - lowest) / (highest - lowest))[:, varies]
