"""The figure of published numbers beside those of a run: a panel for each quantity and data set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from equivariance.analysis.columns import display, stand_in_name
from equivariance.analysis.published import QUANTITIES, VERDICTS, middle
from equivariance.figures.captions import note_of, sentences
from equivariance.figures.style import CATEGORIES, GREY, PAGE, SMALL, finish, new_figure, style
from equivariance.figures.style import TITLE as LABEL
from equivariance.language import N_, _

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from pandas import DataFrame

TITLE = N_("Published beside reproduced")
"""Its title, and that of its chapter."""

QUESTION = N_("Does this run give the numbers that were published?")
SOURCE = N_("logs, notebooks, tables and figures of the author's repositories, 2017 to 2021")

HEIGHT = 1.3
"""Height of a panel in inches; less where its rows would not fit on a page."""

LOOKS: dict[str, dict[str, Any]] = {
    "yes": {"marker": "o", "color": CATEGORIES[0], "zorder": 3},
    "no": {"marker": "X", "color": CATEGORIES[1], "markersize": 4.2, "markeredgewidth": 0, "zorder": 4},
    "not comparable": {"marker": "o", "color": GREY, "markerfacecolor": "none", "zorder": 2},
}
"""How points of each verdict look; told apart by their shape too."""

BAND: dict[str, Any] = {"color": CATEGORIES[0], "alpha": 0.25, "linewidth": 0}
"""How tolerances look."""


def plot_published(compared: DataFrame, labels: Mapping[str, str]) -> Figure:
    """Draw what `compare` gives: published numbers against ours, the mean over seeds.

    `labels` are display names. A run without any of the numbers gets a sentence in the place of panels.
    """
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    from equivariance.figures.facets import add_legend

    shown = compared.assign(published=middle(compared)).dropna(subset="ours")
    rows = [name for name in QUANTITIES if name in set(shown["quantity"])]
    columns = sorted(shown["dataset"].unique(), key=[*labels].index)
    with style():
        figure = new_figure()
        if not rows:
            figure.text(0.5, 0.5, _("This run has none of the published numbers."), ha="center")
            figure.set_figheight(1)
            return figure
        # Nested, so that the note is under the legend, and this under the panels.
        around: SubFigure = figure.subfigures()  # type: ignore[assignment]  # 1 x 1 is no array
        area: SubFigure = around.subfigures()  # type: ignore[assignment]
        grid = area.subplots(len(rows), len(columns), squeeze=False)
        height = min(HEIGHT, (PAGE - 1.2) / len(rows) - 0.32)
        for quantity, line in zip(rows, grid, strict=True):
            for dataset, axes in zip(columns, line, strict=True):
                part = shown[(shown["quantity"] == quantity) & (shown["dataset"] == dataset)]
                if part.empty:
                    axes.set_axis_off()
                    continue
                _draw(axes, part)
                axes.set_title(display("dataset", dataset, labels), loc="right", fontsize=SMALL)
            leftmost = next(axes for axes in line if axes.axison)
            leftmost.set_title(_(QUANTITIES[quantity]), loc="left", fontsize=SMALL, fontweight="bold")
        area.supxlabel(_("published"), fontsize=LABEL)
        area.supylabel(_("this run"), fontsize=LABEL)
        legend: dict[str, Artist] = {
            _(VERDICTS[verdict]): Line2D([], [], linestyle="none", **look) for verdict, look in LOOKS.items()
        }
        legend[_("tolerance")] = Patch(**BAND)
        add_legend(around, legend)
        first = next(axes for axes in grid.flat if axes.axison)
        return finish(figure, first, lambda width: [height] * len(rows), _note(shown, labels))


def caption(compared: DataFrame, reduced: bool) -> str:
    """What the figure shows, and how many numbers it shows and lacks; `reduced` says whether the run trains
    less than the published recipes."""
    counts = {verdict: int((compared["within"] == verdict).sum()) for verdict in VERDICTS}
    return sentences([
        _("each point is a published number and that of this run, the line is where both are equal"),
        _("the band is the tolerance of numbers of the same recipe"),
        _("bars are the standard deviation over seeds") if compared["seeds"].max() > 1 else "",
        _("of {count} published numbers {yes} are within the tolerance, {no} outside it").format(
            count=len(compared), yes=counts["yes"], no=counts["no"]
        ),
        _("{count} are not comparable").format(count=counts["not comparable"]),
        _("{count} are missing in this run").format(count=counts["missing"]),
        _("the table published.csv gives the reason for each number that is missing or not comparable"),
        _("this run trains less, or narrower networks, than the published recipes") if reduced else "",
    ])  # fmt: skip


def _draw(axes: Axes, part: DataFrame) -> None:
    """Draw the points of a panel, the line of equal numbers, and the tolerance around it."""
    values = [*part["published"], *part["ours"]]
    room = 0.06 * (max(values) - min(values)) or 0.1
    ends = [min(values) - room, max(values) + room]
    tolerance = part["tolerance"].max()
    if tolerance > 0:
        lower, upper = ([end + way * tolerance for end in ends] for way in (-1, 1))
        axes.fill_between(ends, lower, upper, **BAND)
    axes.plot(ends, ends, color=GREY, linewidth=0.6, zorder=1)
    for verdict, look in LOOKS.items():
        of_verdict = part[part["within"] == verdict]
        center, deviation = of_verdict["published"], of_verdict["sd"].fillna(0)
        span = [center - of_verdict["low"].fillna(center), of_verdict["high"].fillna(center) - center]
        axes.errorbar(center, of_verdict["ours"], deviation, span, linestyle="none", elinewidth=0.5, **look)
    axes.set(xlim=ends, ylim=ends)


def _note(shown: DataFrame, labels: Mapping[str, str]) -> str:
    """Which data stand in for published ones."""
    pairs = shown[shown["dataset"] != shown["our_dataset"]][["our_dataset", "dataset"]].drop_duplicates()
    return note_of(stand_in_name(ours, theirs, labels) for ours, theirs in pairs.itertuples(index=False))
