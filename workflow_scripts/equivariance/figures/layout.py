"""Facets: a table cut into panels, panels laid on a figure, legends where they hide nothing."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from textwrap import fill
from typing import Any, Literal, NamedTuple

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.legend import Legend as MplLegend
from matplotlib.ticker import MaxNLocator

from equivariance.figures.style import GREY, SMALL, TEXT_WIDTH, new_figure
from equivariance.figures.tables import combinations, display, told

EDGE, GAP, BETWEEN = 0.03, 0.07, 0.1
"""Empty inches at the edge of the figure, above a legend, and between panels."""

LINE = SMALL * 1.3 / 72
"""Height of a line of small type, in inches."""

TITLE = 8
"""Size of titles and labels of axes, in points."""

PAGE = 8.6
"""A figure is at most about so many inches high, so that it fits on a page with its caption."""

LETTER = 0.58
"""Width of a letter, on average, as a part of the type's size."""

SLACK = 0.97
"""Part of a width that a legend may fill: its type is a little wider in a file than where it was measured."""

BAR = 0.09
"""Height of a colour bar, in inches."""


@dataclass(frozen=True)
class Panel:
    """One cell of the figure: its place, its titles and its rows of the table."""

    row: int
    column: int
    row_title: str
    column_title: str
    data: pd.DataFrame
    values: dict[str, Any]
    """What of the columns of the table makes the panel."""

    def part_of(self, data: pd.DataFrame) -> pd.DataFrame:
        """The rows of another table that belong in the panel."""
        for column, value in self.values.items():
            data = data[data[column] == value]
        return data


@dataclass
class Legend:
    """Entries by their text (equal texts are one entry), under a title."""

    title: str = ""
    entries: dict[str, Artist] = field(default_factory=dict)


class ColorBar(NamedTuple):
    """A colour bar at the foot of a figure: colours, what they mean, and where values lie beyond them."""

    colors: ScalarMappable
    label: str
    extend: Literal["neither", "min", "max", "both"] = "neither"


class Margins(NamedTuple):
    """What a panel needs outside its axes, in inches."""

    left: float
    right: float
    top: float
    bottom: float


def panels(data: pd.DataFrame, figure: Mapping[str, Any], labels: dict[str, str]) -> list[Panel]:
    """Cut a table by the columns that the entry maps to `row` and `column`; empty cells are left out.

    Of several columns, each combination that occurs is a row or a column.
    """
    cut = []
    rows_by, columns_by = told(figure, "row"), told(figure, "column")
    for row, of_row in enumerate(combinations(data, rows_by)):
        for column, of_column in enumerate(combinations(data, columns_by)):
            values = dict(zip([*rows_by, *columns_by], [*of_row, *of_column], strict=True))
            panel = Panel(
                row,
                column,
                _title(rows_by, of_row, labels),
                _title(columns_by, of_column, labels),
                data,
                values,
            )
            cell = panel.part_of(data)
            if not cell.empty:
                cut.append(replace(panel, data=cell))
    return cut


def _title(columns: Sequence[str], values: Sequence[Any], labels: dict[str, str]) -> str:
    return ", ".join(display(column, value, labels) for column, value in zip(columns, values, strict=True))


def panel_height(usual: float, rows: int, under: float = 0.0) -> float:
    """The height of panels in inches: the usual one, less where `rows` of them, each with something `under`
    it, would not fit on a page."""
    return min(usual, (PAGE - 1.9) / rows - 2 * BETWEEN - under)


def scope(texts: Mapping[tuple[int, int], Mapping[Any, str]]) -> str:
    """Where a legend is true: "figure", "column", "row" or "panel".

    `texts` gives for each panel (row, column) the entry of each level. One legend serves panels whose levels
    have the same text everywhere; columns, or rows, with wholly different levels (ranges of rotations, of
    scales) get one each.
    """

    def agree(group: Sequence[Mapping[Any, str]]) -> bool:
        union: dict[Any, str] = {}
        return all(union.setdefault(level, text) == text for entry in group for level, text in entry.items())

    def foreign(groups: Iterable[Sequence[Mapping[Any, str]]]) -> bool:
        levels = [set().union(*group) for group in groups]
        return any(
            a.isdisjoint(b) and len(a) > 1 for index, a in enumerate(levels) for b in levels[index + 1 :]
        )

    columns, rows = (
        [[entry for key, entry in texts.items() if key[side] == at] for at in {key[side] for key in texts}]
        for side in (1, 0)
    )
    if not foreign(columns) and foreign(rows) and all(agree(group) for group in rows):
        return "row"
    if not all(agree(group) for group in columns):
        return "panel"
    return "figure" if agree(list(texts.values())) and not foreign(columns) else "column"


class Layout:
    """A figure of panels with legends under the figure, under each column or under each panel.

    Everything is placed in inches, from what was measured of it: panels of a column are aligned, nothing
    overlaps, and the figure is exactly as high as it needs to be. Draw into `axes[row, column]`, then call
    `arrange`.
    """

    def __init__(self, used: Sequence[tuple[int, int]]) -> None:
        """`used` names the (row, column) of the panels; other cells stay empty."""
        self.figure: Figure = new_figure(TEXT_WIDTH)
        self.axes: dict[tuple[int, int], Axes] = {
            key: self.figure.add_axes((0.3, 0.3, 0.4, 0.4), label=f"panel {key}") for key in sorted(used)
        }
        self.rows = sorted({row for row, _ in used})
        self.columns = sorted({column for _, column in used})
        self._y_labels: dict[int, str] = {}

    def titles(self, panels: Sequence[Panel], height: float = PAGE) -> None:
        """Column titles above the first panel of a column, row titles at the right of the last of a row.

        Titles longer than their panel is wide, or `height` inches high, are broken.
        """
        width = TEXT_WIDTH * 0.85 / len(self.columns)
        for panel in panels:
            axes = self.axes[panel.row, panel.column]
            if panel.row == min(row for row, column in self.axes if column == panel.column):
                axes.set_title(broken(panel.column_title, width, TITLE))
            if panel.row_title and panel.column == max(
                column for row, column in self.axes if row == panel.row
            ):
                text = broken(panel.row_title, height, TITLE)
                longest = max(len(line) for line in text.split("\n"))
                axes.annotate(
                    text, (1, 0.5), xytext=(4, 0), xycoords="axes fraction",
                    textcoords="offset points", rotation=270, ha="left", va="center", multialignment="center",
                    fontsize=TITLE if longest * LETTER * TITLE / 72 <= height else SMALL,
                )  # fmt: skip

    def label_y(self, text: str, column: int | None = None) -> None:
        """Label the y axes once, at the left of the figure or of the panels of a column."""
        self._y_labels[self.columns[0] if column is None else column] = text

    def is_first(self, row: int, column: int) -> bool:
        """Whether the panel is the first of its row."""
        return column == min(at for of, at in self.axes if of == row)

    def is_lowest(self, row: int, column: int) -> bool:
        """Whether the panel is the lowest of its column."""
        return row == max(of for of, at in self.axes if at == column)

    def arrange(
        self,
        heights: Callable[[int, float], float],
        legends: Mapping[tuple[int, int], Legend] | None = None,
        where: str = "figure",
        foot: Legend | None = None,
        note: str = "",
        bars: Sequence[ColorBar] = (),
        widest: float = TEXT_WIDTH,
    ) -> Figure:
        """Place everything and return the figure.

        `heights(row, width)` is the height of a row's panels of a width, in inches; `legends` are keyed by
        panel and stand `where` (see `scope`); `bars` are colour bars side by side, `foot` is a further
        legend at the foot and `note` a line of small type under all; no panel is wider than `widest`.
        """
        legends, renderer = legends or {}, self.figure.canvas.get_renderer()  # type: ignore[attr-defined]
        for (row, _), axes in self.axes.items():  # ticks, and so their labels, depend on the height
            axes.set_position((0.3, 0.3, 0.4, heights(row, 0.4 * TEXT_WIDTH) / TEXT_WIDTH))
        margins = {key: self._margins(axes, renderer) for key, axes in self.axes.items()}
        left = [max(margins[key].left for key in margins if key[1] == column) for column in self.columns]
        right = [max(margins[key].right for key in margins if key[1] == column) for column in self.columns]
        labels = {
            column: self.figure.text(
                0, 0, text, rotation=90, fontsize=TITLE, ha="left", va="center", multialignment="center"
            )
            for column, text in self._y_labels.items()
        }
        taken = dict.fromkeys(self.columns, 0.0)
        for column, label in labels.items():
            taken[column] = label.get_window_extent(renderer).width / self.figure.dpi + GAP
        margins_of_all = sum([*taken.values(), *left, *right])
        free = TEXT_WIDTH - EDGE * 2 - margins_of_all - BETWEEN * (len(self.columns) - 1)
        width = min(free / len(self.columns), widest)
        spare = free - width * len(self.columns)
        x = dict.fromkeys(self.columns, 0.0)
        at = EDGE + spare / 2
        for index, column in enumerate(self.columns):
            if column in labels:
                labels[column].set_x((at if index else EDGE) / TEXT_WIDTH)
            at += taken[column]
            x[column] = at + left[index]
            at = x[column] + width + right[index] + BETWEEN
        # From the top down: y is what is used up so far; the figure's height is known only at the end.
        placed: list[tuple[Axes, float, float, float, float]] = []
        drawn: list[tuple[MplLegend, float, float]] = []
        y = EDGE
        for row in self.rows:
            of_row = [key for key in self.axes if key[0] == row]
            y += max(margins[key].top for key in of_row)
            height = heights(row, width)
            placed += [(self.axes[key], x[key[1]], y, height, width) for key in of_row]
            y += height + max(margins[key].bottom for key in of_row)
            if where == "panel":
                y += self._row_of_legends(
                    [(legends[key], x[key[1]] + width / 2) for key in of_row],
                    width + BETWEEN,
                    y,
                    drawn,
                    renderer,
                )
            if where == "row":
                merged = self._merged(legends[key] for key in of_row)
                y += self._row_of_legends([(merged, TEXT_WIDTH / 2)], TEXT_WIDTH, y, drawn, renderer)
            y += BETWEEN if row != self.rows[-1] else 0
        middle = (placed[0][2] + placed[-1][2] + placed[-1][3]) / 2
        if where == "column":
            # In all the room of a column, with that of its labels: entries may be long.
            outside = {
                column: (taken[column] + left[index], right[index])
                for index, column in enumerate(self.columns)
            }
            of_columns = [
                (
                    self._merged(legends[key] for key in sorted(legends) if key[1] == column),
                    x[column] + (width + after - before) / 2,
                )
                for column, (before, after) in outside.items()
            ]
            room = width + min(sum(around) for around in outside.values())
            y += self._row_of_legends(of_columns, room, y, drawn, renderer)
        if where == "figure":
            merged = self._merged(legends[key] for key in sorted(legends))
            y += self._row_of_legends([(merged, TEXT_WIDTH / 2)], TEXT_WIDTH, y, drawn, renderer)
        colored = self._bars(bars, renderer)
        if bars:
            y += 2 * GAP
            placed += [(axes, start, y, BAR, length) for axes, start, length, _ in colored]
            y += BAR + max(below for *_, below in colored)
        if foot:
            y += self._row_of_legends([(foot, TEXT_WIDTH / 2)], TEXT_WIDTH, y, drawn, renderer)
        y += (LINE + GAP if note else 0) + EDGE
        self.figure.set_size_inches(TEXT_WIDTH, y)
        for axes, across, top, height, wide in placed:
            axes.set_position((across / TEXT_WIDTH, 1 - (top + height) / y, wide / TEXT_WIDTH, height / y))
        for legend, across, top in drawn:
            legend.set_bbox_to_anchor((across / TEXT_WIDTH, 1 - top / y), transform=self.figure.transFigure)
        for label in labels.values():
            label.set_y(1 - middle / y)
        if note:
            self.figure.text(
                1 - EDGE / TEXT_WIDTH,
                EDGE / y,
                note,
                fontsize=SMALL,
                style="italic",
                color=GREY,
                ha="right",
                va="bottom",
            )
        return self.figure

    def _margins(self, axes: Axes, renderer: Any) -> "Margins":
        """What of a panel lies outside its axes, in inches."""
        inner, outer = axes.get_window_extent(renderer), axes.get_tightbbox(renderer)
        assert outer is not None
        return Margins(*(
            max(0.0, float(points)) / self.figure.dpi
            for points in (inner.x0 - outer.x0, outer.x1 - inner.x1, outer.y1 - inner.y1, inner.y0 - outer.y0)
        ))  # fmt: skip

    def _row_of_legends(
        self,
        row: Sequence[tuple[Legend, float]],
        width: float,
        y: float,
        drawn: list[tuple[MplLegend, float, float]],
        renderer: Any,
    ) -> float:
        """Make the legends of a row, centred at the given places; return the height they take, in inches."""
        highest = 0.0
        for legend, centre in row:
            if legend.entries:
                made = self._fit(legend, width, renderer)
                drawn.append((made, centre, y + GAP))
                highest = max(highest, made.get_window_extent(renderer).height / self.figure.dpi + GAP)
        return highest

    def _fit(self, legend: Legend, width: float, renderer: Any) -> MplLegend:
        """Draw a legend in as many columns as fit in `width` inches; break what is too long for one."""
        width *= SLACK
        for columns in range(len(legend.entries), 0, -1):
            made = self._legend(legend, list(legend.entries), columns)
            if made.get_window_extent(renderer).width <= width * self.figure.dpi:
                return made
            made.remove()
        room = width - 3 * SMALL / 72  # beside the handle
        return self._legend(legend, [broken(text, room) for text in legend.entries], 1)

    def _legend(self, legend: Legend, texts: Sequence[str], columns: int) -> MplLegend:
        return self.figure.legend(
            list(legend.entries.values()), texts, title=legend.title or None,
            ncols=columns, loc="upper center", borderaxespad=0, borderpad=0,
        )  # fmt: skip

    def _bars(self, bars: Sequence[ColorBar], renderer: Any) -> list[tuple[Axes, float, float, float]]:
        """Make colour bars side by side: axes, start, length and what is under the bar, in inches."""
        each = (TEXT_WIDTH - 2 * EDGE) / max(len(bars), 1)
        length = min(0.8 * each, 3.0)
        made = []
        for index, bar in enumerate(bars):
            axes = self.figure.add_axes((0.1, 0.3, length / TEXT_WIDTH, 0.01), label=f"colour bar {index}")
            drawn = self.figure.colorbar(
                bar.colors, cax=axes, orientation="horizontal", extend=bar.extend, extendfrac=0.04
            )
            drawn.outline.set_linewidth(0.4)
            drawn.set_label(broken(bar.label, each, TITLE), labelpad=2)
            drawn.locator = MaxNLocator(5)
            drawn.update_ticks()
            axes.tick_params(length=1.5, pad=1.5)
            below = self._margins(axes, renderer).bottom
            made.append((axes, EDGE + each * (index + 0.5) - length / 2, length, below))
        return made

    @staticmethod
    def _merged(legends: Iterable[Legend]) -> Legend:
        """One legend of several, under the title of the first."""
        merged = Legend()
        for legend in legends:
            merged.title = merged.title or legend.title
            for text, handle in legend.entries.items():
                merged.entries.setdefault(text, handle)
        return merged


def broken(text: str, width: float, size: float = SMALL) -> str:
    """Break a text into lines of about `width` inches of type of `size` points; words stay whole.

    >>> broken("MNIST, rotations", 0.6)
    'MNIST,\\nrotations'
    """
    text = text.replace(" = ", "\u00a0=\u00a0")  # an equation stays on a line
    letters = int(width / (LETTER * size / 72))
    return fill(text, max(letters, 1), break_long_words=False, break_on_hyphens=False)


def stand_in_note(datasets: Sequence[str], stand_ins: Mapping[str, str], labels: Mapping[str, str]) -> str:
    """What a figure of stand-in data says on its face; "" where all data are real."""
    named = [
        f"{labels.get(name, name)} for {labels.get(stand_ins[name], stand_ins[name])}"
        for name in dict.fromkeys(datasets)
        if stand_ins.get(name)
    ]
    return f"stand-in data: {', '.join(named)}" if named else ""
