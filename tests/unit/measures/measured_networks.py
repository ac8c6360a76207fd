"""Networks, images and the definition of NV that the tests of this folder share."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from equivariance.measures.measuring import measure
from equivariance.transformations.sets import build_set
from equivariance.transformations.warp import warp

ROTATIONS = build_set("rotation", {"rotations": {"count": 4}})
IMAGES = torch.rand(10, 3, 16, 16, generator=torch.Generator().manual_seed(0))


class Net(nn.Module):
    """A network of some parts and a function `(network, images) -> output`."""

    def __init__(self, function: Callable[..., Any], **parts: Any) -> None:
        super().__init__()
        self.function = function
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, *inputs: Any) -> Any:
        return self.function(self, *inputs)


def conv(inputs: int = 3, outputs: int = 4, size: int = 3, **options: Any) -> nn.Conv2d:
    torch.manual_seed(0)
    return nn.Conv2d(inputs, outputs, size, **options)


def small() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(196, 5))


def measured(model: nn.Module, measures: Any = "nv", **changes: Any) -> pd.DataFrame:
    given = {"images": IMAGES, "transformations": ROTATIONS, "measures": measures}
    return measure(model, **given | changes)


def layers(table: pd.DataFrame) -> list[str]:
    return list(table["layer"].unique())


def values(table: pd.DataFrame, layer: str, name: str = "nv") -> np.ndarray:
    return table[(table["layer"] == layer) & (table["measure"] == name)]["value"].to_numpy()


@torch.no_grad()
def transformed(function: Callable[[Tensor], Tensor], images: Tensor = IMAGES) -> Tensor:
    """What a function gives for the transformed images, (n, T, ...)."""
    return torch.stack([function(warp(images, matrix[None])) for matrix in ROTATIONS.matrices], 1)


def nv(activations: Tensor) -> np.ndarray:
    """NV by its definition of activations (n, T, C, H, W), or (n, T, units): a value per map or unit."""
    tv, sv = activations.double().std(1).mean(0), activations.double().std(0).mean(0)
    if tv.dim() == 3:
        tv, sv = tv.mean((-2, -1)), sv.mean((-2, -1))
    return torch.where((tv == 0) & (sv == 0), 1.0, tv / sv).flatten().numpy()


def assert_nv(table: pd.DataFrame, layer: str, activations: Tensor, relative: float = 1e-4) -> None:
    np.testing.assert_allclose(values(table, layer), nv(activations), rtol=relative, atol=1e-5)
