"""Facets: a table cut into panels of a figure, with titles, legends and colour bars that hide nothing."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import Any, NamedTuple

import pandas as pd
import seaborn as sns
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D

from equivariance.figures import style
from equivariance.figures.colors import Scale
from equivariance.figures.style import LETTER, PAGE, SMALL, TEXT_WIDTH, TITLE
from equivariance.figures.tables import (
    COLUMN_NAMES,
    combinations,
    display,
    has_one_line_per_panel,
    levels,
    mapped_columns,
)
from equivariance.measures.names import is_normalized

HANDLE = 3 * SMALL / 72
"""Width of the mark of an entry in a legend with the space around it, in inches."""

BESIDE = 1.5
"""Width of a legend at the right of a row of panels, in inches."""


class Look(NamedTuple):
    """What tells a level of the hue from others."""

    color: str
    marker: str


@dataclass
class Panel:
    """One panel: its axes, its rows of the table, and how it shows the levels of the hue that it has."""

    axes: Axes
    data: pd.DataFrame
    conditions: dict[str, Any]
    """What of the columns of the table makes the panel."""
    place: tuple[int, int]
    looks: dict[Any, Look]
    is_first: bool
    is_lowest: bool

    def part_of(self, data: pd.DataFrame) -> pd.DataFrame:
        """The rows of another table that belong in the panel."""
        return _part(data, self.conditions)


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
        self.handle: Callable[[Look], Artist] | None = None
        self.foot: dict[str, Artist] = {}
        self._alone = has_one_line_per_panel(data, mapping)
        by_row, by_column = mapped_columns(mapping, "row"), mapped_columns(mapping, "column")
        rows, columns = combinations(data, by_row), combinations(data, by_column)
        parts = {}
        for row, of_row in enumerate(rows):
            for column, of_column in enumerate(columns):
                conditions = dict(zip([*by_row, *by_column], [*of_row, *of_column], strict=True))
                parts[row, column] = conditions, _part(data, conditions)
        shown = {place: self._levels(part) for place, (_, part) in parts.items() if len(part)}
        self.scope = _scope(shown, self._levels(data))
        texts = [[self._text(level) for level in found] for found in shown.values()]
        self.ordered = is_ordered(mapping, texts)
        self.rows, self.columns = len(rows), len(columns)
        self.height = min(height, (PAGE - 1.8) / self.rows - 0.25)
        self.figure = style.new_figure()
        self._around: SubFigure = self.figure.subfigures()  # type: ignore[assignment]  # 1 x 1 is no array
        self._inner: SubFigure = self._around.subfigures()  # type: ignore[assignment]
        self._show(False)
        ratios = [1.0] * self.rows + [0.01] * (self.scope == "column")  # a row of legends
        self._grid = self._inner.subplots(len(ratios), self.columns, squeeze=False, height_ratios=ratios)
        self.panels = []
        for (row, column), (conditions, part) in parts.items():
            axes = self._grid[row, column]
            if part.empty:
                axes.remove()
                continue
            in_row, in_column = (
                [other for other in shown if other[at] == (row, column)[at]] for at in (0, 1)
            )
            panel = Panel(
                axes, part, conditions, (row, column), self._looks((row, column), shown),
                is_first=column == min(in_row)[1], is_lowest=row == max(in_column)[0],
            )  # fmt: skip
            axes.set_label(f"panel {row, column}")
            self.panels.append(panel)
            row_title, column_title = (
                ", ".join(display(name, conditions[name], labels) for name in by)
                for by in (by_row, by_column)
            )
            self._title(panel, row_title, column_title if row == min(in_column)[0] else "")

    @property
    def width(self) -> float:
        """Width of a panel in inches, about."""
        free = TEXT_WIDTH - 0.4 - (BESIDE if self.scope == "row" else 0.0)
        return free / self.columns - (0.3 if self.mapping.get("panels") else 0.1)

    def same_rows(self, cells: Mapping[tuple[int, int], pd.DataFrame], panel: Panel) -> bool:
        """Whether the cells of a panel have the rows of those of the first panel in its row."""
        first = min(place for place in cells if place[0] == panel.place[0])
        return cells[first].index.equals(cells[panel.place].index)

    def draw_line(self, panel: Panel, rows: pd.DataFrame, x: str, y: str, look: Look, **more: Any) -> None:
        """Draw the mean over seeds, with single seeds as thin lines where a panel has one line, else with a
        band from the smallest to the largest; `more` goes to the line of the mean."""
        line: dict[str, Any] = {"x": x, "y": y, "ax": panel.axes, "color": look.color, "legend": False}
        several, band = rows["seed"].nunique() > 1, {"alpha": 0.18, "linewidth": 0, "label": "_band"}
        if several and self._alone:
            sns.lineplot(rows, units="seed", estimator=None, linewidth=0.5, alpha=0.55, label="_seed", **line)
            self.foot["mean over seeds"] = Line2D([], [], color=look.color, marker=look.marker)
            self.foot["one seed"] = Line2D([], [], color=look.color, linewidth=0.5)
        errorbar = ("pi", 100) if several and not self._alone else None
        more = {"marker": look.marker, "markeredgewidth": 0, **more}
        sns.lineplot(rows, errorbar=errorbar, err_kws=band, **line, **more)

    def mark_one(self, panel: Panel) -> float:
        """Mark the value 1 where measures are normalized. Returns the mark, or 0."""
        if not is_normalized(panel.data["measure"]):
            return 0.0
        panel.axes.axhline(1, color=style.GREY, linewidth=0.6, zorder=1.5, label="_one")
        return 1.0

    def abbreviations(self, measures: "pd.Series[str]") -> str:
        """Measures by their abbreviations; "value" where a panel is too low for these."""
        names = [display("measure", measure, self.labels).split(",")[0] for measure in levels(measures)]
        text = ", ".join(dict.fromkeys(names))
        return text if text_width(text) < self.height else "value"

    def name_groups(self, axes: Axes, names: list[str]) -> None:
        """Name groups of bars; break the names, or turn them, where they would touch."""
        room = self.width / len(names) - 0.05
        lines = [wrapped(name, 0.9 * room) for name in names]  # names have more capitals than running text
        turned = max(map(text_width, lines)) * 1.1 > room
        if turned:
            lines = [wrapped(name, 1.2) for name in names]
        look: dict[str, Any] = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"} if turned else {}
        axes.set_xticks(range(len(names)), lines, **look)
        axes.set_xlim(-0.5, len(names) - 0.5)
        axes.tick_params(axis="x", length=0)

    def label_y(self, text: str) -> None:
        """Label the y axes once, at the left of all rows, as the entry says or by a text."""
        text = wrapped(self.mapping.get("y_label") or text, self.rows * self.height, TITLE)
        self._inner.supylabel(text, fontsize=TITLE)

    def color_bar(self, scale: Scale, label: str) -> None:
        """Add a colour bar under the panels."""
        bar = self._inner.colorbar(
            scale.mappable, ax=[panel.axes for panel in self.panels], location="bottom", shrink=0.5,
            aspect=40, pad=0.02, extend=scale.extend, label=wrapped(label, 5.0, TITLE),
        )  # fmt: skip
        bar.ax.set_label("colour bar")
        bar.outline.set_linewidth(0.4)

    def finish(self, note: str) -> Figure:
        """Add legends and a note, and give all their places."""
        self._show(True)
        if self.handle and self.hue:
            self._legends(self.handle)
        if self.foot:
            add_legend(self._around, self.foot)
        self._inner.align_ylabels(self._grid)
        return style.finish(self.figure, self.panels[0].axes, lambda _: [self.height] * self.rows, note)

    def _show(self, visible: bool) -> None:
        """Hide the figure while it is filled: seaborn's heat maps would draw all of it for each panel."""
        for area in (self.figure, self._around, self._inner):
            area.set_visible(visible)

    def _levels(self, data: pd.DataFrame) -> list[Any]:
        return levels(data[self.hue]) if self.hue else [None]

    def _text(self, level: Any) -> str:
        return display(self.hue, level, self.labels) if self.hue else ""

    def _group(self, place: tuple[int, int]) -> int:
        """The number of the legend that serves a panel."""
        return {"figure": 0, "column": place[1], "row": place[0]}[self.scope]

    def _looks(self, place: tuple[int, int], shown: Mapping[tuple[int, int], list[Any]]) -> dict[Any, Look]:
        served = [found for other, found in shown.items() if self._group(other) == self._group(place)]
        own = [level for level in self._levels(self.data) if any(level in found for found in served)]
        looks = map(Look, style.colors(len(own), self.ordered), style.markers(len(own), self.ordered))
        return {level: look for level, look in zip(own, looks, strict=True) if level in shown[place]}

    def _title(self, panel: Panel, of_row: str, of_column: str) -> None:
        """Name the column above its first panel, and the row above its first panel, on a line of its own."""
        lines = [wrapped(of_column, TEXT_WIDTH / self.columns - 0.1, TITLE)] if of_column else []
        panel.axes.set_title("\n".join([*lines, *([" "] if of_row else [])]), linespacing=1.4)
        if of_row and panel.is_first:
            title = panel.axes.annotate(
                of_row, (0, 1), xytext=(0, 3), xycoords="axes fraction", textcoords="offset points",
                ha="left", va="bottom", fontsize=SMALL, fontweight="bold",
            )  # fmt: skip
            title.set_in_layout(False)  # it may reach over the panels at its right; its line is kept free

    def _legends(self, handle: Callable[[Look], Artist]) -> None:
        groups: dict[int, list[Panel]] = {}
        for panel in self.panels:
            groups.setdefault(self._group(panel.place), []).append(panel)
        for group, panels in groups.items():
            looks = {level: look for panel in panels for level, look in panel.looks.items()}
            entries = {
                self._text(level): handle(looks[level]) for level in self._levels(self.data) if level in looks
            }
            if self.scope == "figure":
                add_legend(self._inner, entries, COLUMN_NAMES.get(str(self.hue), str(self.hue)))
            elif self.scope == "row":
                _axes_legend(panels[-1].axes, entries, BESIDE, loc="center left", bbox_to_anchor=(1.02, 0.5))
            else:
                axes, width = self._grid[-1, group], TEXT_WIDTH / self.columns
                _axes_legend(axes, entries, width, loc="upper center", bbox_to_anchor=(0.5, 1))
                axes.set_axis_off()


def add_legend(area: SubFigure, entries: Mapping[str, Artist], title: str = "") -> None:
    """Add a legend under an area of a figure, in as few lines as its width has room for."""
    texts = [wrapped(text, TEXT_WIDTH - HANDLE) for text in entries]
    for lines in range(1, len(texts) + 1):
        legend = area.legend(
            list(entries.values()), texts, ncols=-(-len(texts) // lines), loc="outside lower center",
            title=title or None, borderpad=0,
        )  # fmt: skip
        if legend.get_window_extent().width <= 0.97 * TEXT_WIDTH * area.figure.dpi:
            return
        if lines < len(texts):
            legend.remove()


def _axes_legend(axes: Axes, entries: Mapping[str, Artist], width: float, **place: Any) -> None:
    texts = [wrapped(text, width - HANDLE - 0.1) for text in entries]
    axes.legend(list(entries.values()), texts, borderaxespad=0, borderpad=0, **place)


def _part(data: pd.DataFrame, conditions: Mapping[str, Any]) -> pd.DataFrame:
    for column, value in conditions.items():
        data = data[data[column] == value]
    return data


def _scope(shown: Mapping[tuple[int, int], list[Any]], every: Sequence[Any]) -> str:
    """What a legend serves: the "figure", or each "column" or "row" where these have mostly other levels."""
    for scope, side in (("column", 1), ("row", 0)):
        groups: dict[int, set[Any]] = {}
        for place, found in shown.items():
            groups.setdefault(place[side], set()).update(found)
        if len(groups) > 1 and len(every) >= 2 * max(map(len, groups.values())):
            return scope
    return "figure"


def is_ordered(mapping: Mapping[str, Any], panels: Iterable[Sequence[str]]) -> bool:
    """Whether the colours of a figure are steps of one quantity.

    They are where the entry says `ordered`, for savepoints, and where the texts of each panel differ in their
    numbers only (8 rotations, 16 rotations).
    """
    if "ordered" in mapping:
        return bool(mapping["ordered"])
    if mapping.get("hue") == "savepoint":
        return True
    texts = [set(found) for found in panels]
    steps = all(len({re.sub(r"[\d.,]+", "#", text) for text in found}) == 1 for found in texts)
    return steps and any(len(found) > 1 for found in texts)


def text_width(text: str, size: float = SMALL) -> float:
    """Width of the longest line of a text in inches, about."""
    return max(map(len, text.split("\n"))) * LETTER * size


def wrapped(text: str, width: float, size: float = SMALL) -> str:
    """Break a text into lines of about `width` inches of type of `size` points; words stay whole.

    >>> wrapped("MNIST, rotations", 0.6)
    'MNIST,\\nrotations'
    """
    text = text.replace(" = ", "\u00a0=\u00a0")  # an equation stays on a line
    return fill(text, max(int(width / (LETTER * size)), 1), break_long_words=False, break_on_hyphens=False)


def thinned_names(names: Sequence[str], width: float, kept: int = 0) -> range:
    """Which of the names at equal distances under `width` inches do not touch; `kept` is among them."""
    step = -(-int(1000 * (max(map(text_width, names)) + 0.08) * len(names)) // int(1000 * width))
    return range(kept % step, len(names), step)
