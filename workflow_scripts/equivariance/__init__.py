"""Measures of invariance and same-equivariance of neural networks, and what the thesis needs around them.

The names below are imported when they are first used: importing the package alone loads no other.
"""

from importlib import import_module
from typing import Any

_MODULES = {
    "Report": "measures.measuring",
    "Sweep": "measures.sweep",
    "build_set": "transformations.sets",
    "list_layers": "measures.inspection",
    "measure": "measures.measuring",
    "measure_arrays": "measures.arrays",
    "measure_several": "measures.measuring",
    "write_figures": "figures.measured",
}
__all__ = tuple(_MODULES)


def __getattr__(name: str) -> Any:
    """Import one of the names of `__all__`."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    """List those names too."""
    return sorted([*globals(), *__all__])
