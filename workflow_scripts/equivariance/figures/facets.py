"""Facets: a table cut into panels of a figure, with titles and legends that hide nothing."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple

import pandas as pd
import seaborn as sns
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D

from equivariance.analysis.columns import column_name, combinations, display, levels, mapped_columns
from equivariance.figures import style
from equivariance.figures.mapping import lone_lines
from equivariance.figures.style import PAGE, SMALL, TEXT_WIDTH, TITLE, wrapped
from equivariance.language import _
from equivariance.measures.names import is_normalized

HANDLE = 3 * SMALL / 72
"""Width of the mark of an entry in a legend with the space around it, in inches."""

BESIDE = 1.5
"""Width of a legend at the right of a row of panels, in inches."""

USUAL, LOWEST = 5.7, 0.42
"""Height of a figure that has room on a page beside its answer and its table, and the least of a panel that
is made lower for it, in inches."""

Place = tuple[int, int]
"""The row and the column of a panel."""


class Look(NamedTuple):
    """What tells a level of the hue from others."""

    color: str
    marker: str


@dataclass
class Panel:
    """One panel: its axes, its rows of the table, the values of columns that make it, and the looks of the
    levels of the hue that it has ("" without a hue)."""

    axes: Axes
    data: pd.DataFrame
    conditions: dict[str, Any]
    place: Place
    looks: dict[Any, Look]
    is_first: bool
    is_lowest: bool


class Facets:
    """The panels of a figure, cut by `row` and `column` of a mapping, and what stands around them.

    Draw into the axes of `panels`; give the legend's marks (`handle`) and entries of a second legend
    (`foot`); then `finish`. Matplotlib's constrained layout places everything: the figure has three nested
    areas, so that the note is under the second legend and this is under the first. `table` is the whole table
    that `data` are the shown rows of.
    """

    def __init__(
        self,
        data: pd.DataFrame,
        table: pd.DataFrame,
        mapping: Mapping[str, Any],
        labels: Mapping[str, str],
        height: float,
    ) -> None:
        self.data, self.table, self.mapping, self.labels = data, table, mapping, labels
        self.hue: str | None = mapping.get("hue")
        self.handle: Callable[[Look], Artist] = lambda look: Line2D([], [], **look._asdict())
        self.foot: dict[str, Artist] = {}
        sides = [mapped_columns(mapping, side) for side in ("row", "column")]
        keys = [combinations(data, by) for by in sides]
        self.rows, self.columns = map(len, keys)
        self.height = min(
            height, max((USUAL - 1.8) / self.rows - 0.25, LOWEST), (PAGE - 1.8) / self.rows - 0.25
        )
        places = list(product(range(self.rows), range(self.columns)))
        named = [[dict(zip(by, key, strict=True)) for key in of] for by, of in zip(sides, keys, strict=True)]
        parts = {(row, column): part_of(data, named[0][row] | named[1][column]) for row, column in places}
        parts = {place: part for place, part in parts.items() if len(part)}
        self._looks = self._looks_of_legends({place: self._levels(part) for place, part in parts.items()})
        self.figure = style.new_figure()
        self._around: SubFigure = self.figure.subfigures()  # type: ignore[assignment]  # 1 x 1 is no array
        self._inner: SubFigure = self._around.subfigures()  # type: ignore[assignment]
        ratios = [1.0] * self.rows + [0.01] * (self.scope == "column")  # a row of legends
        self._grid = self._inner.subplots(len(ratios), self.columns, squeeze=False, height_ratios=ratios)
        for empty in {*places} - {*parts}:
            self._grid[empty].remove()
        self.panels = []
        for place, part in parts.items():
            row, column = place
            rows, columns = (
                {other[side] for other in parts if other[not side] == place[not side]} for side in (0, 1)
            )
            looks = {level: self._looks[self._legend(place)][level] for level in self._levels(part)}
            conditions = named[0][row] | named[1][column]
            panel = Panel(
                self._grid[place], part, conditions, place, looks, column == min(columns), row == max(rows)
            )
            panel.axes.set_label(f"panel {place}")
            self.panels.append(panel)
            self._title(
                panel, self._names(named[0][row]), self._names(named[1][column]) if row == min(rows) else ""
            )

    @property
    def width(self) -> float:
        """Width of a panel in inches, about."""
        free = TEXT_WIDTH - 0.4 - (BESIDE if self.scope == "row" else 0.0)
        return free / self.columns - (0.3 if self.mapping.get("panels") else 0.1)

    def level_of(self, rows: pd.DataFrame) -> Any:
        """The level of the hue of each row; "" without a hue."""
        return rows[self.hue] if self.hue else ""

    def draw_line(self, panel: Panel, rows: pd.DataFrame, x: str, y: str, look: Look, **more: Any) -> None:
        """Draw the mean over seeds, with single seeds as thin lines where a panel has one line, else with a
        band from the smallest to the largest; `more` goes to the line of the mean."""
        line: dict[str, Any] = {"x": x, "y": y, "ax": panel.axes, "color": look.color, "legend": False}
        several, alone = rows["seed"].nunique() > 1, lone_lines(self.data, self.mapping)
        if several and alone:
            sns.lineplot(rows, units="seed", estimator=None, linewidth=0.5, alpha=0.55, label="_seed", **line)
            self.foot[_("mean over seeds")] = Line2D([], [], **look._asdict())
            self.foot[_("one seed")] = Line2D([], [], color=look.color, linewidth=0.5)
        more = {"marker": look.marker, "markeredgewidth": 0, **more}
        more |= {"errorbar": ("pi", 100) if several and not alone else None}
        sns.lineplot(rows, err_kws={"alpha": 0.18, "linewidth": 0, "label": "_band"}, **line, **more)

    def mark_one(self, panel: Panel) -> float:
        """Mark the value 1 where measures are normalized. Returns the mark, or 0."""
        if not is_normalized(panel.data["measure"]):
            return 0.0
        panel.axes.axhline(1, color=style.GREY, linewidth=0.6, zorder=1.5, label="_one")
        return 1.0

    def label_y(self, text: str) -> None:
        """Label the y axes once, at the left of all rows; only the first panel of a row has numbers."""
        self._inner.supylabel(wrapped(text, self.rows * self.height, TITLE), fontsize=TITLE)
        for panel in self.panels:
            panel.axes.set_ylabel("")
            panel.axes.tick_params(axis="y", labelleft=panel.is_first)

    def color_bar(self, mappable: Any, label: str, extend: str) -> None:
        """Add a colour bar under the panels."""
        bar = self._inner.colorbar(
            mappable, ax=[panel.axes for panel in self.panels], location="bottom", shrink=0.5,
            aspect=40, pad=0.02, extend=extend, label=wrapped(label, 5.0, TITLE),
        )  # fmt: skip
        bar.ax.set_label("colour bar")
        bar.outline.set_linewidth(0.4)

    def finish(self, note: str) -> Figure:
        """Add legends and a note, and give all their places."""
        for legend, looks in self._looks.items() if self.hue else ():
            entries = {self._text(level): self.handle(look) for level, look in looks.items()}
            self._add_legend(legend, entries)
        if self.foot:
            add_legend(self._around, self.foot)
        self._inner.align_ylabels(self._grid)
        return style.finish(self.figure, self.panels[0].axes, lambda _width: [self.height] * self.rows, note)

    def _names(self, conditions: Mapping[str, Any]) -> str:
        return ", ".join(display(column, value, self.labels) for column, value in conditions.items())

    def _levels(self, data: pd.DataFrame) -> list[Any]:
        return levels(data[self.hue]) if self.hue else [""]

    def _text(self, level: Any) -> str:
        return display(self.hue, level, self.labels) if self.hue else ""

    def _legend(self, place: Place) -> int:
        """The number of the legend that serves a panel."""
        return {"figure": 0, "row": place[0], "column": place[1]}[self.scope]

    def _looks_of_legends(self, shown: Mapping[Place, list[Any]]) -> dict[int, dict[Any, Look]]:
        """The levels in each legend; there are several where columns or rows have mostly other levels."""
        every = self._levels(self.data)
        ordered = is_ordered(self.mapping, [list(map(self._text, found)) for found in shown.values()])
        for self.scope in ("column", "row", "figure"):
            served: dict[int, set[Any]] = {}
            for place, found in shown.items():
                served.setdefault(self._legend(place), set()).update(found)
            if len(served) > 1 and len(every) >= 2 * max(map(len, served.values())):
                break
        looks = {}
        for legend, present in served.items():
            own = [level for level in every if level in present]
            looked = zip(style.colors(len(own), ordered), style.markers(len(own), ordered), strict=True)
            looks[legend] = {level: Look(*look) for level, look in zip(own, looked, strict=True)}
        return looks

    def _title(self, panel: Panel, of_row: str, of_column: str) -> None:
        """Name the column above its first panel, and the row above its first panel, on a line of its own."""
        lines = [wrapped(of_column, self.width, TITLE)] if of_column else []
        panel.axes.set_title("\n".join([*lines, *([" "] if of_row else [])]), linespacing=1.4)
        if of_row and panel.is_first:
            title = panel.axes.annotate(
                of_row, (0, 1), xytext=(0, 3), xycoords="axes fraction", textcoords="offset points",
                ha="left", va="bottom", fontsize=SMALL, fontweight="bold",
            )  # fmt: skip
            title.set_in_layout(False)  # it may reach over the panels at its right; its line is kept free

    def _add_legend(self, legend: int, entries: Mapping[str, Artist]) -> None:
        """Add the legend of the figure under its panels, that of a row beside it, of a column under it."""
        if self.scope == "figure":
            add_legend(self._inner, entries, column_name(str(self.hue)))
        elif self.scope == "row":
            axes = [panel.axes for panel in self.panels if panel.place[0] == legend][-1]
            add_legend(axes, entries, width=BESIDE, loc="center left", bbox_to_anchor=(1.02, 0.5))
        else:
            self._grid[-1, legend].set_axis_off()
            width = TEXT_WIDTH / self.columns
            add_legend(
                self._grid[-1, legend], entries, width=width, loc="upper center", bbox_to_anchor=(0.5, 1)
            )


def add_legend(
    area: SubFigure | Axes,
    entries: Mapping[str, Artist],
    title: str = "",
    width: float = TEXT_WIDTH,
    **place: Any,
) -> None:
    """Add a legend: beside an axes one entry on a line, under an area as many as its width has room for."""
    place = place or {"loc": "outside lower center"}
    texts = [wrapped(text, width - HANDLE - 0.1) for text in entries]
    for lines in range(1 if isinstance(area, SubFigure) else len(texts), len(texts) + 1):
        legend = area.legend(
            list(entries.values()), texts, ncols=-(-len(texts) // lines), title=title or None, borderpad=0,
            borderaxespad=0 if "bbox_to_anchor" in place else None, **place,
        )  # fmt: skip
        if lines == len(texts) or legend.get_window_extent().width <= 0.97 * width * area.figure.dpi:
            return
        legend.remove()


def part_of(data: pd.DataFrame, conditions: Mapping[str, Any]) -> pd.DataFrame:
    """The rows of a table with the values of some columns."""
    for column, value in conditions.items():
        data = data[data[column] == value]
    return data


def is_ordered(mapping: Mapping[str, Any], panels: Iterable[Sequence[str]]) -> bool:
    """Whether the colours of a figure are steps of one quantity.

    They are where the entry says `ordered`, for savepoints, and where the texts of each panel differ in their
    numbers only (8 rotations, 16 rotations).
    """
    if "ordered" in mapping or mapping.get("hue") == "savepoint":
        return bool(mapping.get("ordered", True))
    texts = [set(found) for found in panels]
    steps = all(len({re.sub(r"[\d.,]+", "#", text) for text in found}) == 1 for found in texts)
    return steps and any(len(found) > 1 for found in texts)
