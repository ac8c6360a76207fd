"""Agreement with tmeasures 1.2.11, given the same transformed images."""

import numpy as np
import pytest
import tmeasures
import torch
from torch import Tensor, nn

from equivariance.measures.measuring import measure
from equivariance.models import build
from equivariance.transformations.sets import build_set
from equivariance.transformations.warp import warp

ROTATIONS = build_set("rotation", {"rotations": {"count": 5}})


class Warp(tmeasures.pytorch.PyTorchTransformation):
    """A transformation of ours, as tmeasures calls it: its own rotate by other angles than they say."""

    def __init__(self, matrix: Tensor) -> None:
        super().__init__()
        self.matrix = matrix[None]

    def __call__(self, image: Tensor) -> Tensor:
        return warp(image[None], self.matrix)[0].detach()

    def inverse(self) -> "Warp":
        return Warp(torch.linalg.inv(self.matrix[0]))


def small_network(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    if seed == 0:
        return build("simple_conv", (1, 12, 12), 3, {"filters": 2, "hidden": 4}).eval()
    activation = (nn.ReLU, nn.Tanh)[seed - 1]
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), activation(), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(400, 5), nn.Softmax(1)
    ).eval()


def theirs(measure: tmeasures.pytorch.PyTorchMeasure, model: nn.Module, x: Tensor, transformations):
    return measure.eval(
        x,
        tmeasures.pytorch.PyTorchTransformationSet([Warp(matrix) for matrix in transformations.matrices]),
        tmeasures.pytorch.AutoActivationsModule(model, full_name=False),
        tmeasures.pytorch.PyTorchMeasureOptions(verbose=False),
    )


def images(seed: int, count: int) -> Tensor:
    return torch.rand(count, 1, 12, 12, generator=torch.Generator().manual_seed(seed))


def leaves(model: nn.Module) -> list[str]:
    return [name for name, module in model.named_modules() if not list(module.children())]


def assert_agreement(table, names: list[str], layers: list[Tensor]) -> None:
    for layer, values in zip(names, layers, strict=True):
        ours = table[table["layer"] == layer]["value"]
        np.testing.assert_allclose(ours, values.detach().flatten().numpy(), rtol=1e-4, atol=1e-7)


@pytest.mark.filterwarnings("ignore:.*pin_memory.*")
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_variances_agree_on_random_networks(seed):
    model, transformations, x = small_network(seed), ROTATIONS, images(seed, 8)
    measured = tmeasures.pytorch.NormalizedVarianceInvariance(tmeasures.pytorch.AverageFeatureMaps())
    found = theirs(measured, model, x, transformations)
    names = leaves(model)
    ours = measure(model, x, transformations, ["tv", "sv", "nv"], layers=names)
    for name, result in (("tv", found.x_result), ("sv", found.y_result), ("nv", found)):
        assert_agreement(ours[ours["measure"] == name], names, result.layers)


@pytest.mark.filterwarnings("ignore:.*pin_memory.*")
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_authors_form_of_goodfellow_agrees_on_random_networks(seed):
    model, transformations, x = small_network(seed), ROTATIONS, images(seed, 30)
    form = tmeasures.pytorch.GoodfellowInvariance(
        threshold_algorithm=tmeasures.pytorch.NormalPValueThreshold(alpha=0.8)
    )
    found = theirs(form, model, x, transformations)
    names = leaves(model)
    parts = {
        "": found,
        "_local": found.extra_values["local"],
        "_global": found.extra_values["global"],
        "_threshold": found.extra_values["thresholds"],
    }
    measures = [f"goodfellow_normal{part}@0.8" for part in parts]
    ours = measure(model, x, transformations, measures, layers=names, aggregations=["none"])
    for name, result in zip(measures, parts.values(), strict=True):
        assert_agreement(ours[ours["measure"] == name], names, result.layers)
    assert ours[ours["measure"] == measures[0]]["value"].nunique() > 10


@pytest.mark.filterwarnings("ignore:.*pin_memory.*")
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_same_equivariance_agrees_where_all_layers_have_maps(seed):
    torch.manual_seed(seed)
    activation = (nn.ReLU, nn.Tanh, nn.ELU)[seed]
    model = nn.Sequential(nn.Conv2d(1, 4, 3), activation(), nn.AvgPool2d(2), nn.Conv2d(4, 3, 2))
    x, names = images(seed, 8), leaves(model)
    form = tmeasures.pytorch.NormalizedVarianceSameEquivariance(tmeasures.pytorch.AverageFeatureMaps())
    found = theirs(form, model, x, ROTATIONS)
    ours = measure(model, x, ROTATIONS, ["tvse", "svse", "nvse"])
    for name, result in (("tvse", found.x_result), ("svse", found.y_result), ("nvse", found)):
        assert_agreement(ours[ours["measure"] == name], names, result.layers)
