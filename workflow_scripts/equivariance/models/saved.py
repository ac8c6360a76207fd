"""The weights of networks: written, and read into a network that is built for them."""

from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from equivariance.errors import UserError
from equivariance.files import atomic_path, read_sealed
from equivariance.models import build
from equivariance.network_folder import DESCRIPTION, checked_weights
from equivariance.reserved import FINAL


def save_weights(model: nn.Module, file: Path) -> None:
    """Write parameters and buffers; no incomplete file is left if that fails."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    with atomic_path(file) as temporary:
        save_file(tensors, temporary)


def load_network(folder: str | Path, savepoint: str = FINAL) -> tuple[nn.Module, dict[str, Any]]:
    """Build a network from its folder and load the weights of a savepoint, on the CPU and in evaluation mode.

    Returns the network and its `model.json`. Raises UserError for a folder without one, without that
    savepoint, or with files that are damaged.
    """
    folder = Path(folder)
    file = checked_weights(folder, savepoint)
    description = read_sealed(folder / DESCRIPTION)
    model = build(
        description["settings"]["family"],
        image_shape=tuple(description["image_shape"]),
        outputs=description["outputs"],
        settings=description["settings"]["settings"],
        task=description["settings"]["task"],
    )
    load_weights(model, file)
    return model.eval(), description


def load_weights(model: nn.Module, file: Path) -> None:
    """Put the weights of a file into a network; raises UserError for a file that is damaged or of another
    network."""
    try:
        model.load_state_dict(load_file(file))
    except (SafetensorError, RuntimeError) as error:
        raise UserError(f"{file} is damaged ({error}); delete {file.parent} to train again") from error
