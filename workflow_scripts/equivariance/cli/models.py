"""Networks that the command line can measure, each kind in a module of its own."""

from pathlib import Path

from equivariance.cli.arguments import TORCHVISION
from equivariance.cli.exported import load_exported
from equivariance.cli.network import Network
from equivariance.cli.torchvision_networks import load_torchvision


def load_network(given: str, seed: int) -> Network:
    """Load what `--model` names. Raises UserError for what cannot be had; see the loaders."""
    return load_torchvision(given, seed) if given.startswith(TORCHVISION) else load_exported(Path(given))
