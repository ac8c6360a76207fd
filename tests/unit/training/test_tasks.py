"""What networks are trained to tell."""

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from equivariance.datasets.image_set import ImageSet
from equivariance.errors import UserError
from equivariance.training.data import DeviceImages
from equivariance.training.evaluation import counts, errors
from equivariance.training.loop import train
from equivariance.training.settings import TrainingSettings
from equivariance.training.tasks import Classification, TransformationRegression, regression_targets
from equivariance.transformations.sets import build_set

CPU = torch.device("cpu")
ROTATIONS = {"rotations": {"count": 8}}
SCALES = {"scales": {"steps": 2, "smallest": 0.5, "largest": 1.25}}
TRANSLATIONS = {"translations": {"steps": 1, "largest": 0.15}}
NONE = build_set("none", {})


@pytest.mark.parametrize(
    ("spec", "columns"),
    [
        (ROTATIONS, 2),
        (SCALES, 2),
        (TRANSLATIONS, 2),
        ({**SCALES, **TRANSLATIONS}, 4),
        ({**ROTATIONS, **SCALES, **TRANSLATIONS}, 6),
    ],
)
def test_targets_go_from_0_to_1_and_tell_all_members_apart(
    spec: dict[str, dict[str, float]], columns: int
) -> None:
    one = build_set("set", spec)
    targets = regression_targets(one)
    assert targets.shape == (len(one), columns)
    torch.testing.assert_close(targets.amin(0), torch.zeros(columns, dtype=torch.float64))
    torch.testing.assert_close(targets.amax(0), torch.ones(columns, dtype=torch.float64))
    distances = torch.cdist(targets, targets) + torch.eye(len(one))
    assert distances.min() > 0.01


def test_angles_are_told_by_cosine_and_sine() -> None:
    targets = regression_targets(build_set("quarters", {"rotations": {"count": 4}}))
    angles = [2 * math.pi * turns for turns in (-0.25, 0.0, 0.25, 0.5)]
    expected = [[(math.cos(a) + 1) / 2, (math.sin(a) + 1) / 2] for a in angles]
    torch.testing.assert_close(targets, torch.tensor(expected, dtype=torch.float64))


def test_what_does_not_vary_is_no_target() -> None:
    only_up = build_set("enlarged", {"scales": {"steps": 1, "smallest": 1, "largest": 1.25}})
    assert regression_targets(only_up).shape == (4, 2)
    with pytest.raises(UserError, match="'none' has no two transformations to tell apart"):
        regression_targets(NONE)


class Constant(nn.Module):
    """Says the same of every image."""

    def __init__(self, *values: float) -> None:
        super().__init__()
        self.values = torch.tensor(values)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.values.expand(len(images), -1)


def images(count: int, classes: int = 2) -> DeviceImages:
    labels = torch.arange(count) % classes
    return DeviceImages(torch.zeros(count, 1, 4, 4, dtype=torch.uint8).numpy(), labels.numpy(), CPU)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.floats(0, 1, width=32), min_size=2, max_size=2), st.integers(1, 600))
def test_errors_are_those_of_their_formulas_over_all_pairs(said: list[float], count: int) -> None:
    one = build_set("quarters", {"rotations": {"count": 4}})
    targets = regression_targets(one)
    found = errors(Constant(*said), images(count), one, targets, None)
    p = torch.tensor(said, dtype=torch.float32).double().expand(4, 2)
    off = (p - targets).abs()
    size = p + targets
    assert found["mae"] == pytest.approx(float(off.mean()))
    assert found["smape"] == pytest.approx(
        float(sum(2 * o / s if s > 0 else 0 for o, s in zip(off.flatten(), size.flatten(), strict=True)) / 8)
    )
    assert found["rae"] == pytest.approx(float(off.mean() / (targets.mean(0) - targets).abs().mean()))


def test_saying_the_mean_has_a_relative_error_of_1_and_saying_the_truth_none() -> None:
    one = build_set("rotations", ROTATIONS)
    targets = regression_targets(one).float()
    assert errors(Constant(*targets.mean(0)), images(5), one, targets, None)["rae"] == pytest.approx(1)

    class Truth(nn.Module):
        def forward(self, batch: torch.Tensor) -> torch.Tensor:
            self.calls = getattr(self, "calls", -1) + 1
            return targets[self.calls].expand(len(batch), -1)

    assert errors(Truth(), images(5), one, targets, None) == {"mae": 0, "smape": 0, "rae": 0}


def test_pairs_are_counted_by_class_and_member() -> None:
    one = build_set("quarters", {"rotations": {"count": 4}})
    right, seen = counts(Constant(0.0, 1.0, 0.5), images(7, classes=3), one, None)
    assert seen.tolist() == [[3] * 4, [2] * 4, [2] * 4]
    assert right.tolist() == [[0] * 4, [2] * 4, [0] * 4]
    right, seen = counts(Constant(0.0, 1.0, 0.5), images(300, classes=3), one, 2)
    assert int(seen.sum()) == 600
    assert seen.sum(1).tolist() == [200] * 3
    assert int(right.sum()) == 200


def test_a_network_is_good_enough_from_the_threshold_on() -> None:
    classification = Classification(10)
    assert classification.converged({"accuracy": 0.9}, 0.9)
    assert not classification.converged({"accuracy": 0.89}, 0.9)
    assert classification.goodness({"accuracy": 0.9}) > classification.goodness({"accuracy": 0.8})
    regression = TransformationRegression(build_set("rotations", ROTATIONS), CPU)
    assert regression.converged({"rae": 0.29}, 0.3)
    assert not regression.converged({"rae": 0.3}, 0.3)
    assert regression.goodness({"rae": 0.2}) > regression.goodness({"rae": 0.3})
    assert regression.metrics(Constant(0, 1), images(4), NONE, None) == {}


def test_a_network_learns_to_tell_rotations(
    make_images: Callable[..., ImageSet], make_settings: Callable[..., TrainingSettings]
) -> None:
    torch.set_num_threads(1)
    chosen = make_settings(
        task="transformation_regression",
        settings={"filters": 4, "hidden": 16},
        transformations={"rotations": {"count": 4}},
        epochs=40,
    )
    trained = train(chosen, make_images(), CPU)
    assert trained.outputs == 2
    assert isinstance(trained.model.sigmoid, nn.Sigmoid)
    assert set(trained.metrics) == {"none", "rotation"}
    assert trained.metrics["none"] == {}
    assert trained.metrics["rotation"]["rae"] < 0.8
    assert set(trained.history[0]) == {"epoch", "seconds", "loss", "test_mae_own", "test_rae_own"}
    assert trained.history[-1]["loss"] < trained.history[0]["loss"]


def test_the_best_of_several_attempts_counts(
    make_images: Callable[..., ImageSet], make_settings: Callable[..., TrainingSettings]
) -> None:
    torch.set_num_threads(1)
    noisy = {"optimizer": {"name": "adam", "learning_rate": 0.002}, "epochs": 2}
    good = train(make_settings(**noisy, threshold=0.0, restarts=3), make_images(), CPU)
    assert good.restarts == 0
    impossible = train(make_settings(**noisy, threshold=1.01, restarts=3), make_images(), CPU)
    assert impossible.restarts == 3
    own = impossible.metrics["rotation"]["accuracy"]
    assert own >= good.metrics["rotation"]["accuracy"]
