"""Agreement with tmeasures 1.2.11, given the same transformed images."""

import numpy as np
import pytest
import tmeasures
import torch
from torch import Tensor, nn

from equivariance.measures.sweep import measure
from equivariance.models import build
from equivariance.transformations.sets import build_set
from equivariance.transformations.warp import warp


class Warp(tmeasures.pytorch.PyTorchTransformation):
    """A transformation of ours, as tmeasures calls it: its own rotate by other angles than they say."""

    def __init__(self, matrix: Tensor) -> None:
        super().__init__()
        self.matrix = matrix[None]

    def __call__(self, image: Tensor) -> Tensor:
        return warp(image[None], self.matrix)[0].detach()


def small_network(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    if seed == 0:
        return build("simple_conv", (1, 12, 12), 3, {"filters": 2, "hidden": 4}).eval()
    activation = (nn.ReLU, nn.Tanh)[seed - 1]
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), activation(), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(400, 5), nn.Softmax(1)
    ).eval()


@pytest.mark.filterwarnings("ignore:.*pin_memory.*")
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("name, attribute", [("tv", "x_result"), ("sv", "y_result"), ("nv", None)])
def test_values_agree_on_random_networks(seed, name, attribute):
    model = small_network(seed)
    transformations = build_set("rotation", {"rotations": {"count": 5}})
    x = torch.rand(8, 1, 12, 12, generator=torch.Generator().manual_seed(seed))
    theirs = tmeasures.pytorch.NormalizedVarianceInvariance(tmeasures.pytorch.AverageFeatureMaps()).eval(
        x,
        tmeasures.pytorch.PyTorchTransformationSet([Warp(matrix) for matrix in transformations.matrices]),
        tmeasures.pytorch.AutoActivationsModule(model, full_name=False),
        tmeasures.pytorch.PyTorchMeasureOptions(verbose=False),
    )
    result = theirs if attribute is None else getattr(theirs, attribute)
    names = [name for name, module in model.named_modules() if not list(module.children())]
    ours = measure(model, x, transformations, layers=names)
    ours = ours[ours["measure"] == name]
    for layer, values in zip(names, result.layers, strict=True):
        np.testing.assert_allclose(
            ours[ours["layer"] == layer]["value"], values.detach().numpy(), rtol=1e-4, atol=1e-9
        )
