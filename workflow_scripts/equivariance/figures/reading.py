"""Read what the figure of an experiment is drawn from."""

from pathlib import Path
from typing import Any

from equivariance.errors import UserError, unknown
from equivariance.figures import INPUTS
from equivariance.figures.grids import load_grids
from equivariance.figures.tables import read_table


def read(kind: str, path: str | Path) -> Any:
    """A checked DataFrame or a list of grids, as a kind of figure draws it.

    Raises UserError for an unknown kind and for a file that is not what the kind draws.
    """
    if kind not in INPUTS:
        raise UserError(unknown("kind of figure", kind, INPUTS))
    return load_grids(path) if INPUTS[kind] == ("images",) else read_table(path, INPUTS[kind])
