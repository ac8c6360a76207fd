"""Networks that the command line can measure, each kind in a module of its own."""

from pathlib import Path

from equivariance.cli.arguments import TIMM, TORCHVISION, is_function_name
from equivariance.cli.exported import load_exported
from equivariance.cli.network import Network
from equivariance.cli.own_networks import load_own
from equivariance.cli.timm_networks import load_timm
from equivariance.cli.torchvision_networks import load_torchvision
from equivariance.cli.weights import load_weights


def load_network(given: str, seed: int, weights: Path | None = None) -> Network:
    """Load what `--model` names, with random weights of a seed, those that it comes with, or those of a file.

    Raises UserError for what cannot be had; see the loaders.
    """
    if given.startswith(TORCHVISION):
        network = load_torchvision(given, seed)
    elif given.startswith(TIMM):
        network = load_timm(given, seed)
    elif is_function_name(given):
        network = load_own(given, seed)
    else:
        return load_exported(Path(given))
    if weights:
        load_weights(network, weights)
    return network
