"""Facets: a table cut into panels of a figure, with titles, legends and colour bars that hide nothing."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import Any, NamedTuple

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from equivariance.figures.colors import Scale
from equivariance.figures.style import (
    LETTER,
    PAGE,
    SMALL,
    TEXT_WIDTH,
    TITLE,
    colors,
    finish,
    markers,
    new_figure,
)
from equivariance.figures.tables import COLUMN_NAMES, combinations, display, levels, mapped_columns

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
    areas, so that the note is under the second legend and this is under the first.
    """

    def __init__(self, data: pd.DataFrame, mapping: Mapping[str, Any], labels: Mapping[str, str]) -> None:
        self.data, self.mapping, self.labels = data, mapping, labels
        self.hue: str | None = mapping.get("hue")
        self.handle: Callable[[Look], Artist] | None = None
        self.foot: dict[str, Artist] = {}
        by_row, by_column = mapped_columns(mapping, "row"), mapped_columns(mapping, "column")
        rows, columns = combinations(data, by_row), combinations(data, by_column)
        parts = {}
        for row, of_row in enumerate(rows):
            for column, of_column in enumerate(columns):
                conditions = dict(zip([*by_row, *by_column], [*of_row, *of_column], strict=True))
                if not (part := _part(data, conditions)).empty:
                    parts[row, column] = conditions, part
        shown = {place: self._levels(part) for place, (_, part) in parts.items()}
        self.scope = _scope(shown, self._levels(data))
        self.ordered = is_ordered(mapping, ([self.text(level) for level in found] for found in shown.values()))
        self.rows, self.columns = len(rows), len(columns)
        self.figure = new_figure()
        self._around = self.figure.subfigures()
        self._inner = self._around.subfigures()
        self._show(False)
        under = int(self.scope == "column")  # a row of legends
        ratios = [1.0] * self.rows + [0.01] * under
        self._grid = self._inner.subplots(len(ratios), self.columns, squeeze=False, height_ratios=ratios)
        self.panels = []
        for row, column in sorted({*_places(self.rows, self.columns)} - {*parts}):
            self._grid[row, column].remove()
        for place, (conditions, part) in parts.items():
            axes = self._grid[place]
            axes.set_label(f"panel {place}")
            others = [other for other in parts if other != place]
            is_top = not any(column == place[1] and row < place[0] for row, column in others)
            panel = Panel(
                axes, part, conditions, place, self._looks(place, shown),
                is_first=not any(row == place[0] and column < place[1] for row, column in others),
                is_lowest=not any(column == place[1] and row > place[0] for row, column in others),
            )  # fmt: skip
            self.panels.append(panel)
            self._title(panel, [str(self._name(conditions, by)) for by in (by_row, by_column)], is_top)

    @property
    def width(self) -> float:
        """Width of a panel in inches, about."""
        free = TEXT_WIDTH - 0.4 - (BESIDE if self.scope == "row" else 0.0)
        return free / self.columns - (0.3 if self.mapping.get("panels") else 0.1)

    @property
    def room(self) -> float:
        """The largest height of a panel in inches with which all rows fit on a page, about."""
        return (PAGE - 1.8) / self.rows - 0.25

    def shows_names(self, panel: Panel, column: str) -> bool:
        """Whether a panel has to name the values of a column at its left: the first one's may be other ones."""
        first = next(one for one in self.panels if one.place[0] == panel.place[0])
        return panel is first or levels(first.data[column]) != levels(panel.data[column])

    def text(self, level: Any) -> str:
        """The name of a level of the hue."""
        return display(self.hue, level, self.labels) if self.hue else ""

    def label_y(self, text: str, height: float) -> None:
        """Label the y axes once, at the left of all rows of so many inches."""
        self._inner.supylabel(wrapped(text, self.rows * height, TITLE), fontsize=TITLE)

    def color_bar(self, scale: Scale, label: str) -> None:
        """Add a colour bar under the panels."""
        axes = [panel.axes for panel in self.panels]
        bar = self._inner.colorbar(
            scale.mappable, ax=axes, location="bottom", shrink=0.5, aspect=40, pad=0.02, extend=scale.extend,
            label=wrapped(label, 5.0, TITLE),
        )  # fmt: skip
        bar.ax.set_label("colour bar")
        bar.outline.set_linewidth(0.4)  # type: ignore[operator]

    def finish(self, height: float, note: str) -> Figure:
        """Add legends and a note, and make the panels so many inches high, or less if a page is too low."""
        if self.handle and self.hue:
            self._legends()
        if self.foot:
            add_legend(self._around, self.foot)
        self._inner.align_ylabels(self._grid)
        self._show(True)
        return finish(self.figure, self.panels[0].axes, lambda _: [height] * self.rows, note)

    def _show(self, visible: bool) -> None:
        """Hide the figure while it is filled: seaborn's heat maps would draw all of it for each panel."""
        for area in (self.figure, self._around, self._inner):
            area.set_visible(visible)

    def _levels(self, data: pd.DataFrame) -> list[Any]:
        return levels(data[self.hue]) if self.hue else [None]

    def _name(self, conditions: Mapping[str, Any], columns: Iterable[str]) -> str:
        return ", ".join(display(column, conditions[column], self.labels) for column in columns)

    def _served(self, place: tuple[int, int], other: tuple[int, int]) -> bool:
        """Whether two panels share a legend."""
        return {"figure": True, "column": place[1] == other[1], "row": place[0] == other[0]}[self.scope]

    def _looks(self, place: tuple[int, int], shown: Mapping[tuple[int, int], list[Any]]) -> dict[Any, Look]:
        served = {level for other, found in shown.items() if self._served(place, other) for level in found}
        own = [level for level in self._levels(self.data) if level in served]
        looks = map(Look, colors(len(own), self.ordered), markers(len(own), self.ordered))
        return {level: look for level, look in zip(own, looks, strict=True) if level in shown[place]}

    def _title(self, panel: Panel, titles: Sequence[str], is_top: bool) -> None:
        """Name the column above its first panel, and the row above its first panel, on a line of its own."""
        of_row, of_column = titles
        lines = [wrapped(of_column, TEXT_WIDTH / self.columns - 0.1, TITLE)] if is_top and of_column else []
        panel.axes.set_title("\n".join([*lines, *([" "] if of_row else [])]))
        if of_row and panel.is_first:
            title = panel.axes.annotate(
                of_row, (0, 1), xytext=(0, 3), xycoords="axes fraction", textcoords="offset points",
                ha="left", va="bottom", fontsize=SMALL, fontweight="bold",
            )  # fmt: skip
            title.set_in_layout(False)  # it may reach over the panels at its right; its line is kept free

    def _legends(self) -> None:
        title = COLUMN_NAMES.get(str(self.hue), str(self.hue))
        groups: dict[int, list[Panel]] = {}
        for panel in self.panels:
            key = {"figure": 0, "column": panel.place[1], "row": panel.place[0]}[self.scope]
            groups.setdefault(key, []).append(panel)
        for key, panels in groups.items():
            entries = {
                self.text(level): self.handle(panel.looks[level])  # type: ignore[misc]
                for level in self._levels(self.data)
                for panel in panels
                if level in panel.looks
            }
            if self.scope == "figure":
                add_legend(self._inner, entries, title)
            elif self.scope == "row":
                _axes_legend(panels[-1].axes, entries, BESIDE, loc="center left", bbox_to_anchor=(1.02, 0.5))
            else:
                width = TEXT_WIDTH / self.columns
                _axes_legend(self._grid[-1, key], entries, width, loc="upper center", bbox_to_anchor=(0.5, 1))
        if self.scope == "column":
            for axes in self._grid[-1]:
                axes.set_axis_off()


def add_legend(area: Any, entries: Mapping[str, Artist], title: str = "") -> None:
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


def _places(rows: int, columns: int) -> Iterable[tuple[int, int]]:
    return ((row, column) for row in range(rows) for column in range(columns))


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
    texts = [list(dict.fromkeys(found)) for found in panels]
    return all(len({re.sub(r"[\d.,]+", "#", text) for text in found}) == 1 for found in texts) and any(
        len(found) > 1 for found in texts
    )


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
