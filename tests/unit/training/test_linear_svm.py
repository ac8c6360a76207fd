"""A linear support vector machine as the last layer of a network."""

from collections import OrderedDict

import numpy as np
import pytest
import torch
from sklearn.svm import LinearSVC
from torch import nn

from equivariance.errors import UserError
from equivariance.training import linear_svm
from equivariance.training.data import DeviceImages
from equivariance.training.linear_svm import fit_linear_svm

PENALTY = 0.1


def network(classes: int, head: str = "fc1") -> nn.Module:
    """Features with dropout and normalization, so that the mode matters."""
    torch.manual_seed(0)
    layers = [
        ("conv1", nn.Conv2d(1, 6, 3)),
        ("conv1_bn", nn.BatchNorm2d(6)),
        ("conv1_act", nn.ReLU()),
        ("dropout", nn.Dropout(0.5)),
        ("flatten", nn.Flatten()),
        (head, nn.Linear(6 * 6 * 6, classes)),
        ("log_softmax", nn.LogSoftmax(dim=1)),
    ]
    return nn.Sequential(OrderedDict(layers))


def images(labels: np.ndarray, seed: int = 0) -> DeviceImages:
    """Noise with a bright row that tells the class, most of the time."""
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 140, (len(labels), 1, 8, 8))
    pixels[np.arange(len(labels)), 0, 1 + labels] += 40
    return DeviceImages(pixels.astype(np.uint8), labels.astype(np.int64), torch.device("cpu"))


def features_of(model: nn.Sequential, data: DeviceImages) -> np.ndarray:
    with torch.inference_mode():
        return model[:-2].eval()(data.images.float() / 255).numpy()


def scores_of(model: nn.Module, data: DeviceImages) -> np.ndarray:
    with torch.inference_mode():
        return model.eval()(data.images.float() / 255).numpy()


@pytest.mark.parametrize("present", [(0, 1), (0, 1, 2), (0, 1, 2, 3, 4), (1, 3), (4, 0, 2)], ids=str)
@pytest.mark.parametrize("batch_size", [7, 100])
def test_the_network_predicts_what_the_svm_does(present: tuple[int, ...], batch_size: int) -> None:
    classes = max(present) + 1
    model, data = network(classes), images(np.tile(present, 12))
    fit_linear_svm(model, data, PENALTY, batch_size, seed=3)
    svm = LinearSVC(C=PENALTY, max_iter=10_000, random_state=3).fit(
        features_of(model, data), data.labels.numpy()
    )
    for seen in (data, images(np.tile(present, 20), seed=1)):
        predicted = svm.predict(features_of(model, seen))
        np.testing.assert_array_equal(scores_of(model, seen).argmax(1), predicted)
        assert set(predicted) == set(present)
    unseen = images(np.tile(present, 20), seed=1)
    assert (scores_of(model, unseen).argmax(1) != unseen.labels.numpy()).any()  # or any SVM would agree


def test_the_outputs_of_the_layer_are_the_decision_values() -> None:
    model, data = network(4), images(np.tile([0, 2, 3], 12))
    fit_linear_svm(model, data, PENALTY, 10, seed=0)
    svm = LinearSVC(C=PENALTY, max_iter=10_000, random_state=0)
    svm.fit(features_of(model, data), data.labels.numpy())
    with torch.inference_mode():
        values = model[:-1].eval()(data.images.float() / 255).numpy()
    np.testing.assert_allclose(
        values[:, [0, 2, 3]], svm.decision_function(features_of(model, data)), rtol=1e-3, atol=1e-4
    )
    scores = scores_of(model, data)
    assert np.isfinite(scores).all()
    assert (scores[:, 1] < -1e6).all()  # the class without images


def test_of_two_classes_one_has_the_values_of_the_other_with_the_sign_turned() -> None:
    model, data = network(2), images(np.tile([0, 1], 12))
    fit_linear_svm(model, data, PENALTY, 10, seed=0)
    assert torch.equal(model.fc1.weight[0], -model.fc1.weight[1])
    assert torch.equal(model.fc1.bias[0], -model.fc1.bias[1])
    assert model.fc1.weight.abs().max() > 0


def test_the_penalty_is_cs() -> None:
    data, norms = images(np.tile([0, 1, 2], 12)), []
    for penalty in (1e-3, 0.1):
        model = network(3)
        fit_linear_svm(model, data, penalty, 10, seed=0)
        norms.append(model.fc1.weight.norm().item())
    assert norms[0] < norms[1]  # a smaller C holds the weights smaller


@pytest.mark.parametrize("training", [True, False])
def test_nothing_else_of_the_network_changes(training: bool) -> None:
    model, data = network(3).train(training), images(np.tile([0, 1, 2], 6))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    fit_linear_svm(model, data, PENALTY, 10, seed=0)
    changed = [name for name, tensor in model.state_dict().items() if not torch.equal(tensor, before[name])]
    assert changed == ["fc1.weight", "fc1.bias"]
    assert all(module.training == training for module in model.modules())
    assert not model.fc1._forward_pre_hooks
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_the_same_seed_gives_the_same_bits() -> None:
    found = []
    for _ in range(2):
        model = network(3)
        fit_linear_svm(model, images(np.tile([0, 1, 2], 12)), PENALTY, 10, seed=5)
        found.append(model.fc1.weight.detach())
    assert torch.equal(*found)


def test_that_it_did_not_converge_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    data = images(np.tile([0, 1, 2], 12))
    fit_linear_svm(network(3), data, PENALTY, 10, seed=0)
    assert not caplog.records
    monkeypatch.setattr(linear_svm, "ITERATIONS", 2)
    fit_linear_svm(network(3), data, PENALTY, 10, seed=0)
    assert "did not converge in 2 iterations" in caplog.text


def test_images_of_one_class_are_refused() -> None:
    with pytest.raises(UserError, match="at least two classes"):
        fit_linear_svm(network(3), images(np.full(6, 2)), PENALTY, 10, seed=0)


@pytest.mark.parametrize("model", [network(3, head="fc2"), nn.Sequential(nn.Flatten()), network(3)[:-2]])
def test_a_network_that_ends_otherwise_is_refused(model: nn.Module) -> None:
    with pytest.raises(UserError, match="replaces a linear layer 'fc1' behind all others"):
        fit_linear_svm(model, images(np.tile([0, 1], 6)), PENALTY, 10, seed=0)
