"""Families of networks, one file each, and `build`, which makes a network of any of them by its name.

Importing this package does not import torch: a configuration is checked without building a network.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from equivariance.errors import UserError
from equivariance.models.settings import FAMILIES as FAMILIES
from equivariance.models.settings import read_settings

if TYPE_CHECKING:
    from torch import nn


def build(
    family: str,
    image_shape: tuple[int, int, int],
    outputs: int,
    settings: Mapping[str, Any],
    task: str = "classification",
) -> nn.Module:
    """Build an untrained network: images in [0, 1] (N, C, H, W) to log-probabilities (N, outputs) of classes.

    For the task `transformation_regression` the last layer is a sigmoid in the place of the logarithm of the
    softmax. The weights are torch's default draw, from its global generator. Raises UserError for an unknown
    family, an unknown, missing or wrong setting, or images that the network cannot take.
    """
    checked = read_settings(family, settings)
    if outputs < 2:
        raise UserError(f"{family}: {outputs} classes; valid: at least 2")
    network: nn.Module = import_module(f"{__name__}.{family}").build(tuple(image_shape), outputs, checked)
    return network if task == "classification" else _with_sigmoid(network)


def _with_sigmoid(network: nn.Module) -> nn.Module:
    from torch import nn

    if not isinstance(network, nn.Sequential) or not isinstance(network[-1], nn.LogSoftmax):
        raise UserError("transformation regression needs a family whose layers are a plain sequence")
    delattr(network, list(network._modules)[-1])  # `pop` would rename the other layers to numbers
    network.add_module("sigmoid", nn.Sigmoid())
    return network
