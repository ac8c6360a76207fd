"""One look for all figures: sizes, type, colours, and how a figure becomes files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

from equivariance.files import atomic_path

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TEXT_WIDTH = 6.3
"""Width of every figure in inches: the paper's text width, so that type keeps its size in print."""

PAGE = 8.6
"""A figure is at most so many inches high, so that it fits on a page with its caption."""

SMALL, TITLE = 7.0, 8.0
"""The smallest type, and that of titles and of the labels of axes, in points."""

LETTER = 0.56 / 72
"""Width of a letter in inches, on average, for each point of its type."""

DIGITS = 9
"""Decimals of places in a figure: finer than those of a file, coarser than errors of the layout."""

SPACE: Any = {"w_pad": 0.03, "h_pad": 0.04, "wspace": 0, "hspace": 0}
"""Space around what is in a figure, in inches."""

SETTINGS: Any = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same glyphs on every machine
    **dict.fromkeys(("font.size", "xtick.labelsize", "ytick.labelsize"), SMALL),
    **dict.fromkeys(("legend.fontsize", "legend.title_fontsize"), SMALL),
    **dict.fromkeys(("axes.titlesize", "axes.labelsize"), TITLE),
    **dict.fromkeys(("axes.linewidth", "xtick.major.width", "ytick.major.width"), 0.6),
    **dict.fromkeys(("xtick.major.size", "ytick.major.size"), 2.5),
    **{"axes.titlepad": 3, "axes.labelpad": 2, "xtick.major.pad": 2, "ytick.major.pad": 2},
    **{"axes.spines.top": False, "axes.spines.right": False},
    **{"axes.grid": True, "axes.grid.axis": "y", "grid.color": "#e6e6e6", "grid.linewidth": 0.5},
    **{"lines.linewidth": 1.2, "lines.markersize": 2.8, "patch.linewidth": 0},
    **{"legend.frameon": False, "legend.handlelength": 1.6, "legend.handletextpad": 0.5},
    **{"legend.columnspacing": 1.2, "legend.labelspacing": 0.25},
    **{"figure.dpi": 100, "savefig.dpi": 220},
    "pdf.fonttype": 3,  # subsets of TrueType get a name from a salted hash: the bytes would differ by process
}

# Okabe and Ito's palette, told apart with every common colour blindness; without yellow, too pale for a line.
CATEGORIES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
GREY = "#6b6b6b"


def text_width(text: str, size: float = SMALL) -> float:
    """Width of the longest line of a text in inches, about."""
    return max(map(len, text.split("\n"))) * LETTER * size


def wrapped(text: str, width: float, size: float = SMALL) -> str:
    """Break a text into lines of about `width` inches of type of `size` points, at spaces and hyphens.

    >>> wrapped("MNIST, rotations", 0.6)
    'MNIST,\\nrotations'
    """
    text = text.replace(" = ", "\u00a0=\u00a0")  # an equation stays on a line
    return fill(text, max(int(width / (LETTER * size)), 1), break_long_words=False)


def style() -> Any:
    """The settings of all figures over seaborn's theme, as a context: nothing global changes."""
    import matplotlib as mpl
    import seaborn as sns

    return mpl.rc_context({**sns.axes_style("ticks"), **SETTINGS})


def colors(count: int, ordered: bool) -> list[str]:
    """`count` colours: a ramp from dark to light for ordered values, else told apart as far as they go."""
    import seaborn as sns

    if not ordered and count <= len(CATEGORIES):
        return list(CATEGORIES[:count])
    # The light end of the ramp is left out: it is too pale on white.
    ramp = sns.color_palette("viridis", as_cmap=True)
    return sns.color_palette([ramp(0.87 * index / max(count - 1, 1)) for index in range(count)]).as_hex()


def markers(count: int, ordered: bool) -> list[str]:
    """`count` markers: shapes help where colours fail; ordered values share one."""
    return ["o"] * count if ordered else [MARKERS[index % len(MARKERS)] for index in range(count)]


def new_figure() -> Figure:
    """An empty figure of the paper's width; it gets its height by `finish`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(TEXT_WIDTH, PAGE))
    FigureCanvasAgg(figure)
    figure.set_layout_engine("constrained", **SPACE)
    return figure


def finish(
    figure: Figure, first: Axes, heights: Callable[[float], list[float]], note: str, images: bool = False
) -> Figure:
    """Add a note, and make the figure so high that rows of panels have their heights, or as high as a page.

    `heights` gives those of all rows in inches for the width of the `first` panel. Panels of `images`, whose
    sides are in proportion, stand close together.
    """
    if note:
        figure.supxlabel(
            wrapped(note, TEXT_WIDTH), x=0.995, ha="right", fontsize=SMALL, style="italic", color=GREY
        )
    for _ in range(3 if images else 1):  # images get narrower beside labels that are higher than they are
        figure.draw_without_rendering()
        box = first.figure.transSubfigure.transform_bbox(first.get_position(original=True))
        wanted = heights(box.width / figure.dpi)
        missing = sum(wanted) * (1 - box.height / figure.dpi / wanted[0])  # rows are in proportion
        figure.set_figheight(round(min(figure.get_figheight() + missing, PAGE), DIGITS))
    if images:
        figure.set_layout_engine("compressed", **SPACE)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # what is placed stays: PDF and PNG are alike
    _round_places(figure)
    return figure


def _round_places(figure: Figure) -> None:
    """Round where axes and texts stand: the layout's solver sums in the order of addresses in memory."""
    import numpy as np
    from matplotlib.figure import FigureBase, SubFigure

    for axes in figure.axes:
        axes.set_position(tuple(round(side, DIGITS) for side in axes.get_position(original=True).bounds))
    for part in figure.findobj(FigureBase):
        if isinstance(part, SubFigure):
            part.bbox_relative.set_points(np.round(part.bbox_relative.get_points(), DIGITS))
        for text in part.texts:
            x, y = text.get_position()
            text.set_position((round(x, DIGITS), round(y, DIGITS)))


def save(figure: Figure, stem: str | Path) -> None:
    """Write `<stem>.pdf` and `<stem>.png`, each whole or absent; equal figures give equal bytes."""
    stem = Path(stem)
    with style():
        for suffix, metadata in (("pdf", {"CreationDate": None}), ("png", {"Software": None})):
            with atomic_path(stem.with_name(f"{stem.name}.{suffix}")) as path:
                figure.savefig(path, format=suffix, metadata=metadata)
