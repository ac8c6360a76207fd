"""Where to compute."""

import os

import torch

from equivariance.errors import UserError


def choose_device(name: str) -> torch.device:
    """The device of a name: auto (a GPU if there is one), cpu or cuda.

    A GPU is set to give the same bits each time. Raises UserError for `cuda` where there is none.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise UserError("device: cuda was asked for, but torch sees no GPU; give cpu or auto")
    chosen = torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")
    if chosen.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # asked for by deterministic cuBLAS
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.backends.cudnn.benchmark = False
    return chosen
