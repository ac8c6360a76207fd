"""Facets: a table cut into panels, panels laid on a figure, legends where they hide nothing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend import Legend as MplLegend

from equivariance.figures.style import GREY, SMALL, TEXT_WIDTH, new_figure
from equivariance.figures.tables import display, levels

EDGE, GAP, BETWEEN = 0.03, 0.07, 0.1
"""Empty inches at the edge of the figure, above a legend, and between panels."""

LINE = SMALL * 1.3 / 72
"""Height of a line of small type, in inches."""


@dataclass(frozen=True)
class Panel:
    """One cell of the figure: its place, its titles and its rows of the table."""

    row: int
    column: int
    row_title: str
    column_title: str
    data: pd.DataFrame


@dataclass
class Legend:
    """Entries by their text (equal texts are one entry), under a title."""

    title: str = ""
    entries: dict[str, Artist] = field(default_factory=dict)


class Margins(NamedTuple):
    """What a panel needs outside its axes, in inches."""

    left: float
    right: float
    top: float
    bottom: float


def panels(data: pd.DataFrame, figure: Mapping[str, Any], labels: dict[str, str]) -> list[Panel]:
    """Cut a table by the columns that the entry maps to `row` and `column`; empty cells are left out."""
    cut = []
    row_by, column_by = figure.get("row"), figure.get("column")
    for row, row_value in enumerate(levels(data[row_by]) if row_by else [None]):
        of_row = data[data[row_by] == row_value] if row_by else data
        for column, column_value in enumerate(levels(data[column_by]) if column_by else [None]):
            cell = of_row[of_row[column_by] == column_value] if column_by else of_row
            if cell.empty:
                continue
            row_title = display(row_by, row_value, labels) if row_by else ""
            column_title = display(column_by, column_value, labels) if column_by else ""
            cut.append(Panel(row, column, row_title, column_title, cell))
    return cut


def scope(texts: Mapping[tuple[int, int], Mapping[Any, str]]) -> str:
    """Where a legend is true: "figure", "column" or "panel".

    `texts` gives for each panel (row, column) the entry of each level. One legend serves panels whose levels
    have the same text everywhere; columns with wholly different levels (ranges of rotations, of scales) get
    one each.
    """

    def agree(group: Sequence[Mapping[Any, str]]) -> bool:
        union: dict[Any, str] = {}
        return all(union.setdefault(level, text) == text for entry in group for level, text in entry.items())

    by_column: dict[int, list[Mapping[Any, str]]] = {}
    for (_, column), entry in texts.items():
        by_column.setdefault(column, []).append(entry)
    if not all(agree(group) for group in by_column.values()):
        return "panel"
    firsts = [set().union(*group) for group in by_column.values()]
    foreign = any(
        a.isdisjoint(b) and len(a) > 1 for index, a in enumerate(firsts) for b in firsts[index + 1 :]
    )
    return "figure" if agree(list(texts.values())) and not foreign else "column"


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
        self._y_label = ""

    def titles(self, panels: Sequence[Panel]) -> None:
        """Column titles above the first panel of a column, row titles at the right of the last of a row."""
        for panel in panels:
            axes = self.axes[panel.row, panel.column]
            if panel.row == min(row for row, column in self.axes if column == panel.column):
                axes.set_title(panel.column_title)
            if panel.row_title and panel.column == max(
                column for row, column in self.axes if row == panel.row
            ):
                axes.annotate(
                    panel.row_title, (1, 0.5), xytext=(4, 0), xycoords="axes fraction",
                    textcoords="offset points", rotation=270, ha="left", va="center", fontsize=8,
                )  # fmt: skip

    def label_y(self, text: str) -> None:
        """Label the y axes once, at the left of the figure."""
        self._y_label = text

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
        widest: float = TEXT_WIDTH,
    ) -> Figure:
        """Place everything and return the figure.

        `heights(row, width)` is the height of a row's panels of a width, in inches; `legends` are keyed by
        panel and stand `where` (see `scope`); `foot` is a further legend at the foot and `note` a line of
        small type under all; no panel is wider than `widest`.
        """
        legends, renderer = legends or {}, self.figure.canvas.get_renderer()  # type: ignore[attr-defined]
        margins = {key: self._margins(axes, renderer) for key, axes in self.axes.items()}
        left = [max(margins[key].left for key in margins if key[1] == column) for column in self.columns]
        right = [max(margins[key].right for key in margins if key[1] == column) for column in self.columns]
        label = self.figure.text(0, 0, self._y_label, rotation=90, fontsize=8, ha="left", va="center")
        start = label.get_window_extent(renderer).width / self.figure.dpi + GAP if self._y_label else 0.0
        free = TEXT_WIDTH - EDGE * 2 - start - sum(left) - sum(right) - BETWEEN * (len(self.columns) - 1)
        width = min(free / len(self.columns), widest)
        spare = free - width * len(self.columns)
        x = dict.fromkeys(self.columns, 0.0)
        at = EDGE + start + spare / 2
        for index, column in enumerate(self.columns):
            x[column] = at + left[index]
            at = x[column] + width + right[index] + BETWEEN
        # From the top down: y is what is used up so far; the figure's height is known only at the end.
        placed: list[tuple[Axes, float, float, float]] = []
        drawn: list[tuple[MplLegend, float, float]] = []
        y = EDGE
        for row in self.rows:
            of_row = [key for key in self.axes if key[0] == row]
            y += max(margins[key].top for key in of_row)
            height = heights(row, width)
            placed += [(self.axes[key], x[key[1]], y, height) for key in of_row]
            y += height + max(margins[key].bottom for key in of_row)
            if where == "panel":
                y += self._row_of_legends(
                    [(legends[key], x[key[1]] + width / 2) for key in of_row],
                    width + BETWEEN,
                    y,
                    drawn,
                    renderer,
                )
            y += BETWEEN if row != self.rows[-1] else 0
        bottom = y
        if where == "column":
            merged = [(self._merged(legends, column), x[column] + width / 2) for column in self.columns]
            y += self._row_of_legends(merged, width + BETWEEN, y, drawn, renderer)
        if where == "figure":
            y += self._row_of_legends(
                [(self._merged(legends, None), TEXT_WIDTH / 2)], TEXT_WIDTH, y, drawn, renderer
            )
        if foot:
            y += self._row_of_legends([(foot, TEXT_WIDTH / 2)], TEXT_WIDTH, y, drawn, renderer)
        y += (LINE + GAP if note else 0) + EDGE
        self.figure.set_size_inches(TEXT_WIDTH, y)
        for axes, across, top, height in placed:
            axes.set_position((across / TEXT_WIDTH, 1 - (top + height) / y, width / TEXT_WIDTH, height / y))
        for legend, across, top in drawn:
            legend.set_bbox_to_anchor((across / TEXT_WIDTH, 1 - top / y), transform=self.figure.transFigure)
        middle = (placed[0][2] + placed[-1][2] + placed[-1][3]) / 2 if placed else bottom / 2
        label.set_position((EDGE / TEXT_WIDTH, 1 - middle / y))
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
        """Draw a legend in as many columns as fit in `width` inches."""
        for columns in range(len(legend.entries), 0, -1):
            made = self.figure.legend(
                list(legend.entries.values()), list(legend.entries), title=legend.title or None,
                ncols=columns, loc="upper center", borderaxespad=0, borderpad=0,
            )  # fmt: skip
            if columns == 1 or made.get_window_extent(renderer).width <= width * self.figure.dpi:
                break
            made.remove()
        return made

    @staticmethod
    def _merged(legends: Mapping[tuple[int, int], Legend], column: int | None) -> Legend:
        """One legend of the panels of a column, or of all."""
        chosen = [legend for (_, at), legend in sorted(legends.items()) if column in (None, at)]
        merged = Legend(next((legend.title for legend in chosen), ""))
        for legend in chosen:
            for text, handle in legend.entries.items():
                merged.entries.setdefault(text, handle)
        return merged


def stand_in_note(datasets: Sequence[str], stand_ins: Mapping[str, str], labels: Mapping[str, str]) -> str:
    """What a figure of stand-in data says on its face; "" where all data are real."""
    named = [
        f"{labels.get(name, name)} for {labels.get(stand_ins[name], stand_ins[name])}"
        for name in dict.fromkeys(datasets)
        if stand_ins.get(name)
    ]
    return f"stand-in data: {', '.join(named)}" if named else ""
