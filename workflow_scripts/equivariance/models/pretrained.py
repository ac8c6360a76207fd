"""Published weights that a family of networks starts from: where they are had, and how to put them in."""

from __future__ import annotations

from pathlib import Path
from pickle import UnpicklingError
from struct import error as StructError
from typing import TYPE_CHECKING

from equivariance.datasets.downloads import RemoteFile
from equivariance.errors import UserError, listed
from equivariance.models import FAMILIES

if TYPE_CHECKING:
    from torch import Tensor, nn


def published_file(family: str) -> RemoteFile:
    """The file of a family with published weights, at the URL that the installed torchvision has for it."""
    from torchvision.models import get_weight

    weights = FAMILIES[family].published
    assert weights is not None, family
    url = get_weight(weights.name).url
    name = url.rsplit("/", 1)[1]
    return RemoteFile(
        name=f"torchvision/{name}",
        urls=(url,),
        sha256=Path(name).stem.rsplit("-", 1)[1],  # torch.hub's convention: its start ends the name
        how_by_hand=f"torchvision publishes it as {weights.name}. Get it in another way",
    )


def load_pretrained(model: nn.Module, family: str, file: Path) -> None:
    """Put the weights in `file` into the trunk of `model`, a network of the family; the head stays as it is.

    Ignores what else the file holds, such as its own classifier. Raises UserError for a file that holds no
    weights, or not all of the trunk's.
    """
    weights = FAMILIES[family].published
    assert weights is not None, family
    found, trunk = _read(file), model.get_submodule(weights.trunk)
    # torch did not always count training batches, so that old files have no counters; evaluation needs none.
    needed = {
        name: tensor
        for name, tensor in trunk.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    missing = [name for name in needed if name not in found]
    other = [name for name in needed if name in found and found[name].shape != needed[name].shape]
    kinds = (("it lacks", missing), ("these have another shape:", other))
    if wrong := [f"{what} {listed(names)}" for what, names in kinds if names]:
        raise UserError(f"{file} does not hold the weights of this network: {'; '.join(wrong)}")
    if broken := [name for name in needed if not found[name].isfinite().all()]:
        raise UserError(f"{file} holds weights that are NaN or infinite ({listed(broken)}): replace it")
    trunk.load_state_dict({name: found[name] for name in needed}, strict=False)


def _read(file: Path) -> dict[str, Tensor]:
    """The tensors of a file that torch saved, by name."""
    import torch

    try:
        found = torch.load(file, map_location="cpu", weights_only=True)
    except (UnpicklingError, RuntimeError, EOFError, LookupError, ValueError, StructError) as error:
        raise UserError(f"{file} is damaged or holds no weights: torch cannot read it") from error
    if not isinstance(found, dict):
        raise UserError(f"{file} holds a {type(found).__name__}, not weights by name")
    return {name: value for name, value in found.items() if isinstance(value, torch.Tensor)}
