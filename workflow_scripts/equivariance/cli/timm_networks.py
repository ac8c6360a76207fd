"""Networks of timm, with random weights or published ones."""

from contextlib import redirect_stdout
from io import StringIO
from typing import Any

import torch

from equivariance.cli.arguments import TIMM
from equivariance.cli.network import Network, quiet, reason
from equivariance.errors import UserError, unknown

DEFAULT = "DEFAULT"
LISTED = 10  # of more than a thousand names


def load_timm(given: str, seed: int) -> Network:
    """Make `timm:NAME` with random weights of a seed, or `timm:NAME:WEIGHTS`, one of timm's tags or DEFAULT.

    Raises UserError where timm is not installed, for an unknown name, and for weights that cannot be
    downloaded.
    """
    name, colon, weights = given.removeprefix(TIMM).partition(":")
    try:
        import timm
    except ImportError as error:
        raise UserError(f'{given} needs timm: pip install "equivariance[timm]"') from error
    names = timm.list_models()
    if name not in names:
        name, _, tag = name.partition(".")  # as timm itself writes them
        if tag and name in names:
            raise UserError(f"write {given} as {TIMM}{name}:{tag}")
        raise UserError(unknown("timm network", name, names, LISTED))
    tags = [one.removeprefix(f"{name}.") for one in timm.list_pretrained(f"{name}.*")]
    valid = [DEFAULT, *tags] if timm.is_model_pretrained(name) else []
    if colon and weights not in valid:
        raise UserError(unknown(f"weights of {name}", weights, valid))
    torch.manual_seed(seed)
    full = name if weights in ("", DEFAULT) else f"{name}.{weights}"
    try:
        with redirect_stdout(StringIO()), quiet():
            model = timm.create_model(full, pretrained=bool(weights))
    except Exception as error:  # no internet, or a file that is not whole: errors of several libraries
        if not weights:
            raise
        raise UserError(
            f"the weights {weights} of {name} cannot be downloaded ({reason(error)}); "
            f"leave out :{weights} for random weights"
        ) from error
    published: Any = model.pretrained_cfg
    channels, height, width = published["input_size"]
    return Network(
        model,
        f"{name} {weights}".strip(),
        channels,
        size=(height, width) if published.get("fixed_input_size") else None,
        mean=list(published["mean"]) if weights else None,
        std=list(published["std"]) if weights else None,
    )
