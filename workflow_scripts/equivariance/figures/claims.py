"""The verdicts on claims: a row for each, its statistic with its interval against its threshold.

Statistics have different units. In the figure each is in half widths of its interval from its threshold, the
claimed side to the right: an interval reaches from -1 to +1 around its statistic, and one that crosses the
line decides nothing. Of each claim the row that speaks most against it is shown; its numbers are beside it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from equivariance.analysis.claims.conclusions import conclusions, deciding_row, number_parts, position
from equivariance.analysis.claims.estimates import (
    CONTRADICTED,
    JUDGED,
    NOT_RUN,
    REPORTED,
    SUPPORTED,
    UNDECIDED,
    Bound,
)
from equivariance.figures.captions import note_of
from equivariance.figures.style import CATEGORIES, GREY, PAGE, SMALL, TEXT_WIDTH, style, wrapped
from equivariance.language import _, listed, ngettext

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LOOKS: Mapping[str, tuple[str, str]] = {
    SUPPORTED: ("o", CATEGORIES[2]),
    UNDECIDED: ("d", GREY),
    CONTRADICTED: ("X", CATEGORIES[1]),
    REPORTED: (".", GREY),
    NOT_RUN: ("", GREY),
}
"""Shape and colour of each verdict."""

MARKER: dict[str, Any] = {
    "markersize": 6.5,
    "markeredgecolor": "white",
    "markeredgewidth": 0.6,
    "clip_on": False,
}
FARTHEST = 6.0  # half widths that are shown; what is farther is at the edge
LETTERS = 62  # of a statement in a line
SHORT = 12  # letters of a reason that fits beside a threshold
TEXT, PLOT = 3.35, 1.15  # widths in inches: statements, and the axis; numbers and verdicts have the rest
LINE = 0.118  # height of a line of text in inches


def plot(table: pd.DataFrame, claims: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Draw a row for each claim, within a page, from the table of `analysis.claims.judging.judge`."""
    concluded = conclusions(table, claims)
    deciding = [
        deciding_row(table[table["claim"] == row["claim"]]) if row["verdict"] != NOT_RUN else None
        for _place, row in concluded.iterrows()
    ]
    statements = [_(str(text)) for text in concluded["statement"]]
    beside = [tests(row) for _place, row in concluded.iterrows()]
    return _plot(concluded.assign(statement=statements, beside=beside), deciding, PAGE)


def plot_tests(table: pd.DataFrame) -> Figure:
    """Draw a row for each test of each claim, however high the figure gets."""
    rows = table.assign(
        claim=table["claim"].where(~table["claim"].duplicated(), ""),
        statement=[f"{row['cell']}: {_(row['criterion'])}" for _place, row in table.iterrows()],
        beside=[
            ngettext("{count} seed", "{count} seeds", seeds).format(count=seeds) if seeds else ""
            for seeds in table["seeds"].tolist()
        ],
        reason="",
    )
    judged = [row if row["verdict"] != NOT_RUN else None for _place, row in table.iterrows()]
    return _plot(rows, judged, math.inf)


def _plot(shown: pd.DataFrame, deciding: Sequence[Any], most: float) -> Figure:
    """Draw rows with their claim, statement, verdict, reason and what is `beside` it, at most so many
    inches high; `deciding` are the rows of the table of claims whose intervals are drawn."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    statements = [wrap(text, LETTERS, break_on_hyphens=False) for text in shown["statement"]]
    heights = np.array([max(len(lines), 2) + 0.55 for lines in statements])
    note = wrapped(stand_in_note(shown), TEXT_WIDTH)
    below = 0.3 + LINE * note.count("\n")
    unit = min(LINE, (most - 0.35 - below) / heights.sum())
    tops = np.concatenate([[0], heights.cumsum()])
    middles = (tops[:-1] + tops[1:]) / 2
    height = unit * heights.sum() + 0.35 + below
    size = min(SMALL, 72 * unit / 1.18)
    with style():
        figure = Figure(figsize=(TEXT_WIDTH, height))
        FigureCanvasAgg(figure)
        place = (TEXT / TEXT_WIDTH, below / height, PLOT / TEXT_WIDTH, unit * heights.sum() / height)
        axes = figure.add_axes(place)
        _frame(axes, float(tops[-1]), tops)
        for (_place, row), judged, lines, middle in zip(
            shown.iterrows(), deciding, statements, middles, strict=True
        ):
            _row(axes, row, judged, lines, float(middle), size)
        _legend(axes, shown["verdict"], size)
        figure.text(0.995, 0.06 / height, note, ha="right", fontsize=SMALL, style="italic", color=GREY)
    return figure


def caption(table: pd.DataFrame, claims: Mapping[str, Mapping[str, Any]], confidence: float) -> str:
    """What the figure shows."""
    verdicts = conclusions(table, claims)["verdict"]
    counts = listed(
        f"{_(name)}: {(verdicts == name).sum()}"
        for name in (*JUDGED, REPORTED, NOT_RUN)
        if (verdicts == name).any()
    )
    text = _(
        "Claims of the thesis and what this run says of them ({counts}). Of each claim, the cell that speaks "
        "most against it: the statistic and its {confidence:.0%} interval over seeds, in half widths of the "
        "interval from the threshold (line), with the claimed side to the right. Beside it the statistic and "
        "its threshold, how many of the judged tests support the claim, and the verdict."
    )
    return text.format(counts=counts, confidence=confidence)


def stand_in_note(concluded: pd.DataFrame) -> str:
    """What a figure of stand-in data says on its face; "" where all data are real."""
    return note_of(part for text in concluded["stand_in"] for part in str(text).split("; ") if part)


def _frame(axes: Axes, height: float, tops: Any) -> None:
    """The axis, the thresholds as its line, and thin lines between claims."""
    axes.set(xlim=(-FARTHEST - 0.6, FARTHEST + 0.6), ylim=(height, 0), yticks=[])
    axes.set_xticks([-FARTHEST, 0, FARTHEST], [_("against"), _("threshold"), _("for")])
    axes.tick_params(labelsize=SMALL - 1)
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    axes.axvline(0, color="black", linewidth=0.7)
    for top in tops[1:-1]:
        axes.axhline(
            top,
            xmin=-TEXT / PLOT,
            xmax=(TEXT_WIDTH - TEXT) / PLOT,
            color="#dddddd",
            linewidth=0.5,
            clip_on=False,
        )


def _row(axes: Axes, row: Any, deciding: Any, lines: Sequence[str], middle: float, size: float) -> None:
    """A claim: its statement, its interval, its numbers and its verdict."""
    shape, color = LOOKS[row["verdict"]]
    place = axes.get_yaxis_transform()
    text: dict[str, Any] = {"transform": place, "va": "center", "fontsize": size, "linespacing": 1.05}
    axes.text(-TEXT / PLOT + 0.01, middle, row["claim"], fontweight="bold", **text)
    axes.text(-(TEXT - 0.36) / PLOT, middle, "\n".join(lines), **text)
    if deciding is not None:
        at = position(deciding)
        if not math.isnan(at):
            low, high = ends(deciding, at)
            axes.plot([low, high], [middle, middle], color=color, linewidth=1.3, solid_capstyle="butt")
            shown = float(np.clip(at, -FARTHEST, FARTHEST))
            axes.plot(shown, middle, shape, color=color, **MARKER)
    number, threshold = numbers(row, deciding)
    # The verdict is a word as well as a shape and a colour, in bold where it is one for or against.
    weight = "bold" if row["verdict"] in (SUPPORTED, CONTRADICTED) else "normal"
    right = (TEXT_WIDTH - TEXT) / PLOT - 0.01
    above, below = middle - 0.52, middle + 0.52
    axes.text(1.04, above if threshold else middle, number, **text)
    axes.text(1.04, below, threshold, color=GREY, **text)
    word = {"color": color, "fontweight": weight, "ha": "right", **text}
    axes.text(right, above if row["beside"] else middle, _(str(row["verdict"])), **word)
    axes.text(right, below, row["beside"], color=GREY, ha="right", **text)


def ends(row: Any, at: float) -> tuple[float, float]:
    """Where the interval of a row ends, in half widths from its threshold, within what is shown."""
    half = (row["high"] - row["low"]) / 2
    if not half > 0:
        shown = float(np.clip(at, -FARTHEST, FARTHEST))
        return shown, shown
    bound = Bound(row["direction"], row["threshold"])
    margins = sorted(bound.margin(end) / half for end in (row["low"], row["high"]))
    low, high = np.clip(margins, -FARTHEST - 0.6, FARTHEST + 0.6)
    return float(low), float(high)


def numbers(row: Any, deciding: Any) -> tuple[str, str]:
    """The statistic of a claim, and its threshold with how many seeds it is from, where they are too few."""
    if deciding is None:
        return "", ""
    statistic, threshold = number_parts(deciding)
    seeds = str(row["reason"]).partition(";")[0]
    few = f"· {seeds}" if row["verdict"] == UNDECIDED and 0 < len(seeds) <= SHORT else ""
    return statistic, f"{threshold} {few}".strip(" ·")


def tests(row: Any) -> str:
    """How many tests support a claim, of those that could be judged."""
    judged = int(row["judged"])
    text = ngettext("{supported} of {judged} test", "{supported} of {judged} tests", judged)
    return text.format(supported=row["supported"], judged=judged) if judged else ""


def _legend(axes: Axes, verdicts: pd.Series[Any], size: float) -> None:
    """The shape of each verdict that occurs."""
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], marker=shape, color=color, linestyle="none", label=_(name), **MARKER)
        for name, (shape, color) in LOOKS.items()
        if shape and (verdicts == name).any()
    ]
    axes.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(-TEXT / PLOT, 1.0),
        ncols=len(handles),
        fontsize=SMALL,
    )
