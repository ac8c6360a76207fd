"""Networks of torchvision, with random weights or published ones."""

from contextlib import redirect_stdout
from io import StringIO

import torch

from equivariance.cli.arguments import TORCHVISION
from equivariance.cli.network import Network
from equivariance.errors import UserError, unknown


def load_torchvision(given: str, seed: int) -> Network:
    """Make `torchvision:NAME` with random weights of a seed, or `torchvision:NAME:WEIGHTS`.

    Raises UserError for an unknown name, and for weights that cannot be downloaded.
    """
    name, _, weights = given.removeprefix(TORCHVISION).partition(":")
    try:
        from torchvision import models
    except ImportError as error:
        raise UserError(f"{TORCHVISION}{name} needs torchvision: pip install torchvision") from error
    names = models.list_models(module=models)
    if name not in names:
        raise UserError(unknown("network of torchvision", name, names))
    torch.manual_seed(seed)
    if not weights:
        return Network(models.get_model(name, weights=None), name)
    trained = models.get_model_weights(name)
    if weights not in trained.__members__:
        raise UserError(unknown(f"weights of {name}", weights, trained.__members__))
    chosen = trained[weights]
    try:
        with redirect_stdout(StringIO()):  # standard output is for the paths of results
            model = models.get_model(name, weights=chosen)
    except (OSError, RuntimeError) as error:  # no internet, or a file that is not whole
        raise UserError(
            f"the weights {weights} of {name} cannot be had ({error}); "
            f"put {chosen.url} into {torch.hub.get_dir()}/checkpoints, "
            f"or leave :{weights} out for random ones"
        ) from error
    transforms = chosen.transforms()
    return Network(model, f"{name} {weights}", mean=list(transforms.mean), std=list(transforms.std))
