"""The settings that determine a trained network."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from equivariance.devices import Precision
from equivariance.transformations.warp import Padding


@dataclass(frozen=True)
class Optimizer:
    """Adam or AdamW at a constant learning rate, or a linear support vector machine for the last layer."""

    name: str
    learning_rate: float = 0.0  # of adam and adamw
    weight_decay: float = 0.0
    other_rates: Mapping[str, float] = field(default_factory=dict)  # by patterns of parameter names
    penalty: float = 0.0  # C of linear_svm


@dataclass(frozen=True)
class TrainingSettings:
    """All that determines the weights and metrics of a network, besides the images themselves."""

    dataset: str
    family: str
    settings: Mapping[str, Any]  # of the family, widths included
    optimizer: Optimizer
    batch_size: int
    epochs: int  # 0 leaves the initial weights
    trained_with: str
    transformations: Mapping[str, Any]  # families of the set; {} is the identity alone
    seed: int
    images: int | None = None  # most training images; None is all
    padding: Padding = "border"
    savepoints: tuple[int, ...] = ()  # per cent of the epochs, below 100
    test_images: int | None = None  # most test images at the end; None is all
    task: Literal["classification", "transformation_regression"] = "classification"
    augmented: bool = True  # False: trained on untransformed images, but tested with the set
    random_flips: bool = False  # left and right exchanged with probability 1/2
    trained_layers: tuple[str, ...] | None = None  # patterns; other layers are frozen. None freezes none
    threshold: float | None = None  # to be reached, see `training.tasks`; else it starts again
    restarts: int = 0  # at most
    precision: Precision = "float32"  # of products; auto is what `devices.choose_precision` chooses

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> "TrainingSettings":
        """Build from plain values, as JSON and workflows have them. Raises TypeError for an unknown key."""
        plain = dict(values)
        plain["optimizer"] = Optimizer(**plain["optimizer"])
        plain["savepoints"] = tuple(plain.get("savepoints", ()))
        if plain.get("trained_layers") is not None:
            plain["trained_layers"] = tuple(plain["trained_layers"])
        return cls(**plain)

    def as_mapping(self) -> dict[str, Any]:
        """The plain values, fit for JSON."""
        plain = {**asdict(self), "savepoints": list(self.savepoints)}
        return plain | ({} if self.trained_layers is None else {"trained_layers": list(self.trained_layers)})

    def digest(self, *more: str) -> str:
        """Short name of these settings, and of `more` that the weights depend on."""
        text = json.dumps([self.as_mapping(), *more], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def savepoint_epochs(self) -> dict[int, int]:
        """Epoch after which each savepoint is kept: its per cent of all, rounded up; 0 is untrained."""
        return {percent: -(-percent * self.epochs // 100) for percent in self.savepoints}
