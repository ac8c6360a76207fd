"""Networks of torchvision, with random weights or published ones."""

from contextlib import redirect_stdout
from io import StringIO

import torch

from equivariance.cli.arguments import TORCHVISION
from equivariance.cli.network import Network, quiet
from equivariance.errors import UserError, unknown

LISTED = 10


def load_torchvision(given: str, seed: int) -> Network:
    """Make `torchvision:NAME` with random weights of a seed, or `torchvision:NAME:WEIGHTS`.

    There are the networks for classification and those for segmentation. Raises UserError for an unknown
    name, and for weights that cannot be downloaded.
    """
    name, colon, weights = given.removeprefix(TORCHVISION).partition(":")
    try:
        from torchvision import models
    except ImportError as error:
        raise UserError(f"{TORCHVISION}{name} needs torchvision: pip install torchvision") from error
    segmentation = models.list_models(module=models.segmentation)
    names = models.list_models(module=models) + segmentation
    if name not in names:
        raise UserError(unknown("torchvision network", name, names, LISTED))
    torch.manual_seed(seed)
    if not colon:
        parts = {"weights_backbone": None} if name in segmentation else {}  # else these would be downloaded
        with quiet():
            return Network(models.get_model(name, weights=None, **parts), name)
    trained = models.get_model_weights(name)
    if weights not in trained.__members__:
        raise UserError(unknown(f"weights of {name}", weights, trained.__members__))
    chosen = trained[weights]
    try:
        with redirect_stdout(StringIO()), quiet():
            model = models.get_model(name, weights=chosen)
    except (OSError, RuntimeError) as error:  # no internet, or a file that is not whole
        raise UserError(
            f"the weights {weights} of {name} cannot be downloaded ({error}); "
            f"put {chosen.url} into {torch.hub.get_dir()}/checkpoints, "
            f"or leave out :{weights} for random weights"
        ) from error
    transforms = chosen.transforms()
    return Network(model, f"{name} {weights}", mean=list(transforms.mean), std=list(transforms.std))
