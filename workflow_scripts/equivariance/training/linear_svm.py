"""A linear support vector machine as the last layer of a network."""

import logging
import warnings

import numpy as np
import torch
from torch import Tensor, nn

from equivariance.errors import UserError
from equivariance.training.data import DeviceImages
from equivariance.training.freezing import learning_layers

LAYER = "fc1"
ITERATIONS = 10_000  # at most; features that are not standardised need more than the library's 1000
NEVER = -1e9  # bias of a class without images, far below any decision value

log = logging.getLogger(__name__)


def fit_linear_svm(model: nn.Module, data: DeviceImages, penalty: float, batch_size: int, seed: int) -> None:
    """Fit the linear layer `fc1`, the last that learns, as a linear SVM on the features that enter it.

    One class against the rest, squared hinge loss, C = `penalty`. The features are those of the untransformed
    images in evaluation mode, and are not scaled. The outputs of the layer become the decision values of the
    classes, so that the largest is what the SVM predicts; of two classes, one has the negative values of
    the other. A class without images is never predicted. The mode of the network is restored. Raises
    UserError for a network with another end, or images of fewer than two classes.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.svm import LinearSVC

    layer = _last_layer(model)
    labels = data.labels.cpu().numpy()
    if len(np.unique(labels)) < 2:
        raise UserError("a linear SVM needs training images of at least two classes")
    svm = LinearSVC(C=penalty, max_iter=ITERATIONS, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # it is logged below
        svm.fit(_features(model, layer, data, batch_size), labels)
    if svm.n_iter_ >= ITERATIONS:
        log.warning("the linear SVM did not converge in %d iterations", ITERATIONS)
    weight, bias = svm.coef_, svm.intercept_  # (K, F) and (K,) for K classes, but one row for two
    if len(weight) == 1:
        weight, bias = np.concatenate([-weight, weight]), np.concatenate([-bias, bias])
    present = torch.from_numpy(svm.classes_)
    weights = torch.zeros_like(layer.weight, device="cpu")
    biases = torch.full_like(layer.bias, NEVER, device="cpu")
    weights[present] = torch.from_numpy(weight).to(weights.dtype)
    biases[present] = torch.from_numpy(bias).to(biases.dtype)
    with torch.no_grad():
        layer.weight.copy_(weights)
        layer.bias.copy_(biases)


def _last_layer(model: nn.Module) -> nn.Linear:
    names = list(learning_layers(model))
    layer = model.get_submodule(LAYER) if names and names[-1] == LAYER else None
    if not isinstance(layer, nn.Linear):
        raise UserError(
            f"a linear SVM replaces a linear layer {LAYER!r} behind all others; the layers of this network"
            f" are {', '.join(names)}"
        )
    return layer


def _features(model: nn.Module, layer: nn.Linear, data: DeviceImages, batch_size: int) -> np.ndarray:
    """What enters the layer, for all images: (N, F)."""
    found: list[Tensor] = []
    hook = layer.register_forward_pre_hook(lambda _, inputs: found.append(inputs[0].float().cpu()))
    training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            for rows in torch.split(torch.arange(len(data), device=data.labels.device), batch_size):
                model(data.batch(rows))
    finally:
        model.train(training)
        hook.remove()
    return torch.cat(found).numpy()
