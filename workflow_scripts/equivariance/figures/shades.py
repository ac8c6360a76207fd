"""Values as colours: the same colours for the same values in all panels of a measure."""

from collections.abc import Mapping
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, Normalize
from numpy.typing import ArrayLike

from equivariance.figures.layout import ColorBar

MAP = "viridis"
INFINITE, MISSING = "#D55E00", "#d9d9d9"  # vermilion is far from all colours of the map


def color_bars(
    values: Mapping[str, ArrayLike], names: Mapping[str, str], clip: float = 0
) -> dict[str, ColorBar]:
    """A colour bar, with its colours, for the values of each measure, labelled by `names`.

    Colours reach from the `clip`-th percentile of the finite values to the (100 - clip)-th; values beyond
    have the colour of the nearest end, infinite and missing ones their own.
    """
    bars = {}
    for measure, given in values.items():
        finite = np.asarray(given, np.float64)
        finite = finite[np.isfinite(finite)]
        low, high = np.percentile(finite, [clip, 100 - clip]) if finite.size else (0.0, 1.0)
        below, above = bool((finite < low).any()), bool((finite > high).any())
        extend: Any = {(True, True): "both", (True, False): "min", (False, True): "max"}.get(
            (below, above), "neither"
        )
        if low == high:  # a single value: any range around it does
            low, high = low - 0.5, high + 0.5
        bars[measure] = ColorBar(ScalarMappable(Normalize(low, high), color_map()), names[measure], extend)
    return bars


def color_map() -> Colormap:
    """The colours of values, with one for missing values (NaN)."""
    return mpl.colormaps[MAP].with_extremes(bad=MISSING)


def painted(values: ArrayLike, bar: ColorBar) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Values (...) as colours (..., 4)."""
    given = np.asarray(values, np.float64)
    colors = np.array(bar.colors.to_rgba(np.ma.masked_invalid(given)))
    colors[np.isinf(given)] = mpl.colors.to_rgba(INFINITE)
    return colors
