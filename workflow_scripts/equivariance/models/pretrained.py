"""Published weights that a family of networks starts from: which, where they are had, and how to put them in.

Importing this module does not import torch: a workflow is planned with the names alone.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from pickle import UnpicklingError
from struct import error as StructError
from typing import TYPE_CHECKING

from equivariance.datasets.downloads import RemoteFile
from equivariance.errors import UserError, listed

if TYPE_CHECKING:
    from torch import Tensor, nn

FILES = {
    "inception_transfer": RemoteFile(
        name="torchvision/inception_v3_google-0cc3c7bd.pth",
        sha256="0cc3c7bd",  # its first digits, which by torch.hub's convention end the name
        how_by_hand="torchvision publishes it as Inception_V3_Weights.IMAGENET1K_V1. Get it in another way",
    )
}
"""The file of each family that needs one; `published_file` adds its URL."""

WEIGHTS = {"inception_transfer": "Inception_V3_Weights.IMAGENET1K_V1"}
"""What torchvision calls these weights."""

TRUNK = "inception"
"""The module of a network that the weights are for."""

HEAD = ("fc*",)
"""Patterns of the layers that learn; the others keep the published weights."""


def needs_weights(family: str) -> bool:
    """Tell whether networks of a family start from published weights."""
    return family in FILES


def published_file(family: str) -> RemoteFile:
    """The file of a family that needs one, at the URL that the installed torchvision has for it."""
    from torchvision.models import get_weight

    return replace(FILES[family], urls=(get_weight(WEIGHTS[family]).url,))


def load_pretrained(model: nn.Module, file: Path) -> None:
    """Put the weights in `file` into the trunk of `model`, a network that was built; the head stays as it is.

    What the file holds besides, such as its own classifier, is passed over. Raises UserError for a file that
    holds no weights, or not all of the trunk's.
    """
    found = _read(file)
    trunk = model.get_submodule(TRUNK)
    # Counters of training batches came late to torch, so that old files have none; evaluation needs none.
    needed = {
        name: tensor
        for name, tensor in trunk.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    missing = [name for name in needed if name not in found]
    other = [name for name in needed if name in found and found[name].shape != needed[name].shape]
    wrong = [
        f"{what} {listed(names)}"
        for what, names in (("it lacks", missing), ("of another shape are", other))
        if names
    ]
    if wrong:
        raise UserError(f"{file} does not hold the weights of this network: {'; '.join(wrong)}")
    trunk.load_state_dict({name: found[name] for name in needed}, strict=False)


def _read(file: Path) -> dict[str, Tensor]:
    """The tensors of a file that torch saved, by name."""
    import torch

    try:
        found = torch.load(file, map_location="cpu", weights_only=True)
    except (UnpicklingError, RuntimeError, EOFError, LookupError, ValueError, StructError) as error:
        raise UserError(f"{file} is damaged, or holds no weights: torch cannot read it") from error
    if not isinstance(found, dict):
        raise UserError(f"{file} holds a {type(found).__name__}, not weights by name")
    return {name: value for name, value in found.items() if isinstance(value, torch.Tensor)}
