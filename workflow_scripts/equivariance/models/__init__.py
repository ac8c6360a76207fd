"""Families of networks, one file each, and the registry that builds them by name.

Importing this package does not import torch: a configuration is checked with the names alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from equivariance.errors import UserError
from equivariance.models import settings as _settings

if TYPE_CHECKING:
    from torch import nn

FAMILIES = tuple(_settings.FAMILIES)


def build(
    family: str, image_shape: tuple[int, int, int], classes: int, settings: Mapping[str, Any]
) -> nn.Module:
    """Build an untrained network: images in [0, 1] (N, C, H, W) to log-probabilities (N, classes).

    The weights are torch's default draw, from its global generator. Raises UserError for an unknown family,
    an unknown, missing or wrong setting, or images that the network cannot take.
    """
    checked = _settings.read_settings(family, settings)
    if classes < 2:
        raise UserError(f"{family}: {classes} classes; valid: at least 2")
    network: nn.Module = import_module(f"{__name__}.{family}").build(tuple(image_shape), classes, checked)
    return network
