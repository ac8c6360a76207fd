"""Grids of images: members of transformation sets on samples, ST matrices as samples x transformations.

Panels come from a file of `equivariance.figures.grids`, which describes its format. `figure.row` and
`figure.column` may each be `dataset` or `measured_with`. With neither, data sets make the rows; where the
columns of a panel are labelled (it is wide), sets make the rows. Panels with titles of their own (the layers
of feature maps) then follow each other: in reading order, or where titles begin anew (with another measure),
downwards, with the next ones beside them. Columns whose labels begin anew (with another sample) stand apart.
"""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from equivariance.errors import UserError
from equivariance.figures import tables
from equivariance.figures.grids import Grid
from equivariance.figures.layout import PAGE, Layout, stand_in_note
from equivariance.figures.style import SETTINGS, SMALL

INPUT = ("images",)

GAP = 0.06
"""Space between images, as a share of an image's height."""

APART = 0.4
"""Space between the images of two samples in one row, likewise."""

PANEL_WIDTH = 5.4  # of all panels of a row together, about
LARGEST = 0.75
"""An image is at most so many inches wide."""

OUTSIDE = 0.35
"""Inches above and below the images of a panel, about."""


def plot(
    data: Sequence[Grid], experiment: dict[str, Any], labels: dict[str, str], stand_ins: dict[str, str]
) -> Figure:
    """Draw the panels of an experiment. Raises UserError when two panels would fall on one place."""
    mapping = experiment["figure"]
    row_by, column_by = mapping.get("row"), mapping.get("column")
    flowing = not row_by and not column_by and any(grid.title for grid in data)
    if row_by is None and column_by is None and not flowing:
        row_by, column_by = "dataset", "measured_with"
        if any(any(grid.columns) for grid in data):
            row_by, column_by = column_by, row_by
    placed = _in_order(data) if flowing else _by_value(data, row_by, column_by, experiment["name"])
    note = stand_in_note([grid.dataset for grid in data], stand_ins, labels)
    with mpl.rc_context(SETTINGS):
        layout = Layout(list(placed))
        room = PANEL_WIDTH / len(layout.columns)
        for (row, column), grid in placed.items():
            axes = layout.axes[row, column]
            lowest = layout.is_lowest(row, column)
            _draw(axes, grid, room, lowest or not flowing)
            if lowest:
                axes.set_xlabel(grid.column_axis, labelpad=2, fontsize=SMALL)
            titles = [_of_several(data, grid, labels)] if flowing else []
            if column_by and row == 0:
                titles.append(tables.display(column_by, _value(grid, column_by), labels))
            axes.set_title("\n".join(text for text in (*titles, grid.title) if text))
            if row_by and column == 0:
                title = tables.display(row_by, _value(grid, row_by), labels)
                axes.set_ylabel(f"{title}\n{grid.row_axis}" if grid.row_axis else title)
            elif column == 0:
                axes.set_ylabel(grid.row_axis)
        shapes = {
            row: max(_height(grid, 1) for (at, _), grid in placed.items() if at == row) for row in layout.rows
        }
        widest = LARGEST * max(grid.images.shape[1] for grid in data)
        if flowing:
            widest = min(widest, (PAGE - OUTSIDE * len(shapes)) / sum(shapes.values()))
        return layout.arrange(lambda row, width: shapes[row] * width, note=note, widest=widest)


def _in_order(grids: Sequence[Grid]) -> dict[tuple[int, int], Grid]:
    """Panels with titles of their own by (row, column): two in a row, or two runs of titles side by side."""
    starts = [index for index, grid in enumerate(grids) if grid.title == grids[0].title]
    if len(starts) == 1:
        return {divmod(index, 2): grid for index, grid in enumerate(grids)}
    runs = [grids[start:end] for start, end in pairwise([*starts, len(grids)])]
    longest = max(len(run) for run in runs)
    return {
        (index // 2 * longest + at, index % 2): grid
        for index, run in enumerate(runs)
        for at, grid in enumerate(run)
    }


def _by_value(
    grids: Sequence[Grid], row_by: str | None, column_by: str | None, name: str
) -> dict[tuple[int, int], Grid]:
    """Panels in the row and the column of their data set or set, by (row, column)."""
    rows = list(dict.fromkeys(_value(grid, row_by) for grid in grids))
    columns = list(dict.fromkeys(_value(grid, column_by) for grid in grids))
    placed: dict[tuple[int, int], Grid] = {}
    for grid in grids:
        place = rows.index(_value(grid, row_by)), columns.index(_value(grid, column_by))
        if place in placed:
            raise UserError(
                f"figure of {name}: two panels ({grid.dataset}, {grid.measured_with}) fall on "
                "one place; map dataset and measured_with to row and column, or neither"
            )
        placed[place] = grid
    return placed


def _of_several(grids: Sequence[Grid], grid: Grid, labels: dict[str, str]) -> str:
    """Name the data set and the set of a panel, where there are several."""
    return ", ".join(
        tables.display(by, _value(grid, by), labels)
        for by in ("dataset", "measured_with")
        if len({_value(other, by) for other in grids}) > 1
    )


def _value(grid: Grid, by: str | None) -> str:
    if by not in (None, "dataset", "measured_with"):
        raise UserError(f"image grids are cut by dataset or measured_with, not by {by!r}")
    return str(getattr(grid, by)) if by else ""


def _height(grid: Grid, width: float) -> float:
    """Height in inches of the images of a panel `width` inches wide."""
    high, wide, _ = mosaic(grid.images, grid.columns).shape
    return float(high / wide * width)


def mosaic(images: NDArray[np.float32], labels: Sequence[str] = ()) -> NDArray[np.float32]:
    """Lay images (R, K, C, H, W) on one white sheet (R*H + gaps, K*W + gaps, 3).

    Gaps are wider where the labels of the K columns begin anew.
    """
    rows, columns, channels, height, width = images.shape
    gap = max(1, round(GAP * height))
    lefts = _lefts(labels or [""] * columns, height, width)
    sheet = np.ones((rows * (height + gap) - gap, lefts[-1] + width, 3), dtype=np.float32)
    for row in range(rows):
        for column in range(columns):
            image = np.moveaxis(images[row, column], 0, -1)  # (H, W, C)
            top, left = row * (height + gap), lefts[column]
            sheet[top : top + height, left : left + width] = (
                np.repeat(image, 3, axis=-1) if channels == 1 else image
            )
    return sheet


def _lefts(labels: Sequence[str], height: int, width: int) -> list[int]:
    """Where each column of images of a height and a width begins, in pixels."""
    gap, apart = max(1, round(GAP * height)), max(2, round(APART * height))
    anew = [label == labels[0] != "" for label in labels[1:]]
    return list(accumulate((width + (apart if new else gap) for new in anew), initial=0))


def _draw(axes: Axes, grid: Grid, room: float, named: bool) -> None:
    """Draw one panel, about `room` inches wide, with the labels of its rows and, if `named`, its columns."""
    rows, columns, _, height, width = grid.images.shape
    gap = max(1, round(GAP * height))
    axes.imshow(np.clip(mosaic(grid.images, grid.columns), 0, 1), interpolation="nearest")
    axes.grid(False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(length=0, pad=1.5)
    x = (
        [left + (width - 1) / 2 for left in _lefts(grid.columns, height, width)]
        if named and any(grid.columns)
        else []
    )
    y = [row * (height + gap) + (height - 1) / 2 for row in range(rows)] if any(grid.rows) else []
    slot = min((room - _width(grid.rows)) / columns, LARGEST)
    texts = list(grid.columns)
    if _width(texts) > slot - 0.05:
        texts = [text.replace(", ", ",\n") for text in texts]
    axes.set_xticks(x, texts if x else [], rotation=90 if _width(texts) > slot else 0)
    axes.set_yticks(y, grid.rows if y else [])


def _width(texts: Sequence[str]) -> float:
    """Width in inches of the longest line of some texts, about."""
    return max((len(line) for text in texts for line in text.split("\n")), default=0) * SMALL * 0.56 / 72
