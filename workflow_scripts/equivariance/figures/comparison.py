"""The figure of a run beside the reference: accuracies, and distances of layer profiles.

It belongs to a command, whose language is English.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from equivariance.figures.style import CATEGORIES, GREY, SMALL, finish, new_figure, style, wrapped
from equivariance.measures.names import base, measure_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from pandas import DataFrame

HEIGHT, ROW = 2.7, 0.23
"""Least height of the panels, and height of a measure, in inches."""

LABEL = 1.9
"""Width of the names of measures, in inches."""

LOOKS: dict[bool, dict[str, Any]] = {
    True: {"marker": "o", "color": CATEGORIES[0], "zorder": 3},
    False: {"marker": "X", "color": CATEGORIES[1], "markersize": 4.5, "markeredgewidth": 0, "zorder": 4},
}
"""How points within and outside the tolerance look; told apart by their shape too."""


def plot_comparison(compared: DataFrame, mine: str, reference: str) -> Figure:
    """Draw accuracies and distances of profiles of `compare`; `mine` and `reference` are names of runs."""
    from matplotlib.lines import Line2D

    from equivariance.figures.facets import add_legend

    with style():
        figure = new_figure()
        area = figure.subfigures()
        left, right = area.subplots(1, 2, width_ratios=[1, 1])  # type: ignore[union-attr]
        _draw_accuracies(left, compared[compared["what"] == "accuracy"], mine, reference)
        _draw_profiles(right, compared[compared["what"] == "profile"])
        names = {True: "within the tolerance", False: "outside the tolerance"}
        entries = {names[way]: Line2D([], [], linestyle="none", **look) for way, look in LOOKS.items()}
        entries["tolerance"] = Line2D([], [], color=GREY, linewidth=0.8)
        add_legend(area, entries)  # type: ignore[arg-type]
        height = max(HEIGHT, ROW * len(right.get_yticks()))
        return finish(figure, left, lambda width: [height], "")


def _draw_accuracies(axes: Axes, rows: DataFrame, mine: str, reference: str) -> None:
    """Mean accuracies against each other, and the tolerance of each as a bar: it should meet the line."""
    axes.set_title("accuracies of networks", loc="left", fontsize=SMALL, fontweight="bold")
    axes.set_xlabel(f"accuracy of the run {reference}, %")
    axes.set_ylabel(f"accuracy of the run {mine}, %")
    if rows.empty:
        axes.text(0.5, 0.5, "none in both", ha="center", transform=axes.transAxes)
        return
    ours, theirs = 100 * rows["mine"].astype(float), 100 * rows["reference"].astype(float)
    ends = [min(*ours, *theirs) - 3, max(*ours, *theirs) + 3]
    axes.plot(ends, ends, color=GREY, linewidth=0.6, zorder=1)
    axes.errorbar(
        theirs,
        ours,
        100 * rows["tolerance"].astype(float),
        linestyle="none",
        elinewidth=0.5,
        ecolor=GREY,
        zorder=2,
    )
    for way, look in LOOKS.items():
        part = rows["agrees"].astype(bool) == way
        axes.plot(theirs[part], ours[part], linestyle="none", **look)
    axes.set(xlim=ends, ylim=ends)


def _draw_profiles(axes: Axes, rows: DataFrame) -> None:
    """The distances of profiles, a row for each measure whatever its parameter; its tolerance is a line."""
    axes.set_title("layer profiles", loc="left", fontsize=SMALL, fontweight="bold")
    axes.set_xlabel("relative difference of profiles, 0 to 1")
    axes.grid(True, axis="x")
    if rows.empty:
        axes.text(0.5, 0.5, "none in both", ha="center", transform=axes.transAxes)
        return
    measured = rows["group"].map(base)
    measures = list(dict.fromkeys(measured))
    places = measured.map(measures.index)
    # Points of one measure beside each other, so that few of them hide others.
    spread = places + 0.5 * (rows.groupby(measured).cumcount() % 7 / 6 - 0.5)
    for way, look in LOOKS.items():
        part = rows["agrees"].astype(bool) == way
        distances = rows["difference"].astype(float)[part]
        (points,) = axes.plot(distances, spread[part], linestyle="none", clip_on=False, **look)
        points.set_in_layout(False)  # a point on an axis takes no room of its own
    for place, measure in enumerate(measures):
        tolerance = rows.loc[measured == measure, "tolerance"].max()
        axes.plot([tolerance] * 2, [place - 0.4, place + 0.4], color=GREY, linewidth=0.8, zorder=2)
    names = [wrapped(measure_name(one).short, LABEL) for one in measures]
    axes.set_yticks(range(len(measures)), names, fontsize=SMALL, linespacing=0.9)
    axes.set_ylim(len(measures) - 0.4, -0.6)
    axes.set_xlim(left=0)
