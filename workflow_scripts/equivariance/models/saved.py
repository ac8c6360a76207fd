"""A trained network on disk: a folder with its weights, their description and the history of the training.

The folder holds::

    weights.safetensors   the final weights and buffers
    savepoints/           weights at per cents of the epochs, `30.safetensors`, for networks that keep them
    history.csv           one row per epoch
    model.json            settings, metrics, seconds, versions; written last, when the rest is there
"""

from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from equivariance.errors import UserError
from equivariance.files import atomic_path, read_json
from equivariance.models import build
from equivariance.reserved import FINAL


def weights_file(folder: Path, savepoint: str = FINAL) -> Path:
    """The file of a savepoint: `final`, or per cent of the epochs as text."""
    return folder / ("weights.safetensors" if savepoint == FINAL else f"savepoints/{savepoint}.safetensors")


def save_weights(model: nn.Module, file: Path) -> None:
    """Write parameters and buffers; no incomplete file is left if that fails."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    with atomic_path(file) as temporary:
        save_file(tensors, temporary)


def load_network(folder: str | Path, savepoint: str = FINAL) -> tuple[nn.Module, dict[str, Any]]:
    """Build a network from its folder and load the weights of a savepoint, on the CPU and in evaluation mode.

    Returns the network and its `model.json`. Raises UserError for a folder without one, without that
    savepoint, or with weights that are damaged.
    """
    folder = Path(folder)
    if not (folder / "model.json").is_file():
        raise UserError(f"{folder} contains no finished network (model.json is missing); train it again")
    description = read_json(folder / "model.json")
    model = build(
        description["settings"]["family"],
        image_shape=tuple(description["image_shape"]),
        outputs=description["outputs"],
        settings=description["settings"]["settings"],
        task=description["settings"]["task"],
    )
    file = weights_file(folder, savepoint)
    if not file.is_file():
        kept = ", ".join([FINAL, *map(str, description["settings"]["savepoints"])])
        raise UserError(f"{folder} has no savepoint {savepoint!r}; it has {kept}")
    load_weights(model, file)
    return model.eval(), description


def load_weights(model: nn.Module, file: Path) -> None:
    """Put the weights of a file into a network; raises UserError for a file that is damaged or of another
    network."""
    try:
        model.load_state_dict(load_file(file))
    except (SafetensorError, RuntimeError) as error:
        raise UserError(f"{file} is damaged ({error}); delete {file.parent} to train again") from error
