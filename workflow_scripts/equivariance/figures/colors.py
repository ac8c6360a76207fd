"""Values as colours: the same colours for the same values in all panels of a measure."""

from typing import NamedTuple

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from numpy.typing import ArrayLike

from equivariance.figures.style import SMALL

INFINITE, MISSING = "#D55E00", "#d9d9d9"  # vermilion is far from all colours of the map


class Scale(NamedTuple):
    """What colours mean: values from `low` to `high`, and whether there are values beyond."""

    low: float
    high: float
    extend: str = "neither"

    @property
    def mappable(self) -> ScalarMappable:
        """The colours of the scale, for a colour bar."""
        return ScalarMappable(Normalize(self.low, self.high), mpl.colormaps["viridis"])


def color_scale(values: ArrayLike, clip: float = 0) -> Scale:
    """A scale from the `clip`-th percentile of the finite values to the (100 - clip)-th."""
    finite = np.asarray(values, np.float64)
    finite = finite[np.isfinite(finite)]
    low, high = map(float, np.percentile(finite, [clip, 100 - clip]) if finite.size else (0.0, 1.0))
    beyond = bool((finite < low).any()), bool((finite > high).any())
    extend = {(True, True): "both", (True, False): "min", (False, True): "max"}.get(beyond, "neither")
    if low == high:  # a single value: any range around it does
        low, high = low - 0.5, high + 0.5
    return Scale(low, high, extend)


def draw_cells(
    axes: Axes, values: pd.DataFrame, scale: Scale, height: float, texts: pd.DataFrame | None = None
) -> None:
    """Draw a heat map so many inches high, a cell for each value, the first row at the top.

    Finite values beyond the scale have the colour of its nearest end, infinite ones and missing ones (NaN)
    their own. As many rows are named as there is room for.
    """
    clipped = values.clip(scale.low, scale.high).mask(np.isinf(values), scale.high + 1)
    colors = mpl.colormaps["viridis"].with_extremes(over=INFINITE)
    step = int(np.ceil(1.2 * SMALL / 72 * len(values) / height - 1e-6))
    sns.heatmap(
        clipped, ax=axes, cmap=colors, vmin=scale.low, vmax=scale.high, annot=texts, fmt="", cbar=False,
        annot_kws={"size": SMALL}, xticklabels=False, yticklabels=step, rasterized=True,
    )  # fmt: skip
    axes.set(facecolor=MISSING, xlabel="", ylabel="")
    axes.grid(False)
    axes.tick_params(length=0, rotation=0)
    sns.despine(ax=axes, left=True, bottom=True)
