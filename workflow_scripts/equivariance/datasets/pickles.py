"""Pickles of plain values and arrays, read without running anything that they name."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np

_RECONSTRUCT = np.empty(0).__reduce__()[0]  # what numpy makes an array with, whatever its module is called
_KNOWN: dict[tuple[str, str], Any] = {
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,  # as numpy 1 names it
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}


def read_pickle(path: Path) -> Any:
    """Read a pickle of Python 2 or 3 that has plain values and numpy's arrays; texts of Python 2 are latin-1.

    Raises pickle.UnpicklingError for a file that names any other class or function, without running it, and
    for one that is damaged.
    """
    with path.open("rb") as file:
        try:
            return _Arrays(file, encoding="latin1").load()
        except pickle.UnpicklingError:
            raise
        except Exception as error:  # a damaged pickle may raise anything
            raise pickle.UnpicklingError(f"{path.name} is damaged ({error})") from error


class _Arrays(pickle.Unpickler):
    """Knows what arrays are made of, and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _KNOWN:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which is neither a value nor an array")
        return _KNOWN[module, name]
