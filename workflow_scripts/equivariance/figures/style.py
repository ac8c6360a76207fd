"""One look for all figures: sizes, type, colours, and how a figure becomes files."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from equivariance.files import atomic_path

TEXT_WIDTH = 6.3
"""Width of every figure in inches: the paper's text width, so that type keeps its size in print."""

SMALL = 7.0
"""Smallest type, in points."""

SETTINGS: Any = {  # matplotlib types its settings by a union of hundreds of names
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same glyphs on every machine
    "font.size": SMALL,
    "axes.titlesize": 8,
    "axes.titlepad": 4,
    "axes.labelsize": 8,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.5,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "lines.linewidth": 1.2,
    "lines.markersize": 2.8,
    "legend.fontsize": SMALL,
    "legend.title_fontsize": SMALL,
    "legend.frameon": False,
    "legend.handlelength": 1.6,
    "legend.handletextpad": 0.5,
    "legend.columnspacing": 1.2,
    "legend.labelspacing": 0.25,
    "figure.dpi": 100,
    "savefig.dpi": 220,
    "pdf.fonttype": 3,  # subsets of TrueType get a name from a salted hash: the bytes would differ by process
    "text.usetex": False,
}

# Okabe and Ito's palette, told apart with every common colour blindness; without yellow, too pale for a line.
CATEGORIES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
GREY = "#6b6b6b"


def colors(count: int, ordered: bool) -> list[str]:
    """`count` colours: a ramp from dark to light for ordered values, else told apart as far as they go."""
    if not ordered and count <= len(CATEGORIES):
        return list(CATEGORIES[:count])
    ramp = mpl.colormaps["viridis"]
    # The light end is left out: it is too pale on white.
    return [mpl.colors.to_hex(ramp(0.87 * index / max(count - 1, 1))) for index in range(count)]


def markers(count: int, ordered: bool) -> list[str]:
    """`count` markers: shapes help where colours fail; ordered values share one."""
    return ["o"] * count if ordered else [MARKERS[index % len(MARKERS)] for index in range(count)]


def new_figure(height: float) -> Figure:
    """An empty figure of the paper's width and a height in inches."""
    figure = Figure(figsize=(TEXT_WIDTH, height))
    FigureCanvasAgg(figure)
    return figure


def save(figure: Figure, stem: str | Path) -> None:
    """Write `<stem>.pdf` and `<stem>.png`, each whole or absent; equal figures give equal bytes."""
    stem = Path(stem)
    with mpl.rc_context(SETTINGS):
        with atomic_path(stem.with_name(stem.name + ".pdf")) as path:
            figure.savefig(path, format="pdf", metadata={"CreationDate": None})
        with atomic_path(stem.with_name(stem.name + ".png")) as path:
            figure.savefig(path, format="png", metadata={"Software": None})
