"""Grids of images: members of transformation sets on samples, ST matrices as samples x transformations.

Panels come from a file of `equivariance.figures.grids`, which describes its format. `figure.row` and
`figure.column` may each be `dataset` or `measured_with`. With neither, data sets make the rows; where the
columns of a panel are labelled (it is wide), sets make the rows. Panels with titles of their own (the layers
of feature maps) then follow each other: in reading order, or where titles begin anew (with another measure),
downwards, with the next ones beside them. Columns whose labels begin anew (with another sample) stand apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from equivariance.errors import UserError
from equivariance.figures import captions, tables
from equivariance.figures.kind import Entry, Kind
from equivariance.figures.style import LETTER, PAGE, SMALL, TEXT_WIDTH, finish, new_figure, style

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from equivariance.figures.grids import Grid

GAP = 0.06
"""Space between images, as a share of an image's height."""

APART = 0.4
"""Space between the images of two samples in one row, likewise."""

LARGEST = 0.75
"""An image is at most so many inches wide."""


class ImageGrid(Kind):
    """Grids of images."""

    draws = ("images",)

    def read(self, path: Path) -> list[Grid]:
        """Grids of images."""
        from equivariance.figures.grids import load_grids

        return load_grids(path)

    def plot(
        self, data: Sequence[Grid], entry: Entry, labels: Mapping[str, str], stand_ins: Mapping[str, str]
    ) -> Figure:
        """Draw the panels of an experiment. Raises UserError when two panels would fall on one place."""
        row_by, column_by, placed = _placed(data, entry)
        flowing = not row_by and not column_by
        rows, columns = (max(place[side] for place in placed) + 1 for side in (0, 1))
        shapes = [max(_shape(grid) for (at, _), grid in placed.items() if at == row) for row in range(rows)]
        widest = LARGEST * max(grid.images.shape[1] for grid in data)
        if flowing:
            widest = min(widest, (PAGE - 0.35 * rows) / sum(shapes))
        with style():
            figure = new_figure()
            grid_of_axes = figure.subplots(rows, columns, squeeze=False, height_ratios=shapes)
            for place in ((row, column) for row in range(rows) for column in range(columns)):
                if place not in placed:
                    grid_of_axes[place].remove()
            for (row, column), grid in placed.items():
                axes = grid_of_axes[row, column]
                axes.set_label(f"panel {row, column}")
                is_lowest = not any(at > row and across == column for at, across in placed)
                _draw(axes, grid, (TEXT_WIDTH - 0.6) / columns, is_lowest or not flowing)
                axes.set_xlabel(grid.column_axis if is_lowest else "", fontsize=SMALL)
                of_panel = _of_several(data, grid, labels) if flowing else ""
                of_column = tables.display(column_by, _value(grid, column_by), labels) if column_by else ""
                titles = [of_panel, of_column if row == 0 else "", grid.title]
                axes.set_title("\n".join(text for text in titles if text))
                of_row = tables.display(row_by, _value(grid, row_by), labels) if row_by else ""
                axes.set_ylabel("\n".join(text for text in (of_row, grid.row_axis) if text and column == 0))
            note = captions.stand_in_note([grid.dataset for grid in data], stand_ins, labels)

            def heights(width: float) -> list[float]:
                return [shape * min(width, widest) for shape in shapes]

            return finish(figure, grid_of_axes[min(placed)], heights, note, images=True)

    def caption(self, data: Sequence[Grid], entry: Entry, labels: Mapping[str, str]) -> str:
        """Which images are shown under which sets, and what rows and columns are."""
        datasets, sets = (
            captions.join(
                tables.display(by, name, labels) for name in dict.fromkeys(_value(grid, by) for grid in data)
            )
            for by in ("dataset", "measured_with")
        )
        rows = next((grid.row_axis for grid in data if grid.row_axis), "")
        columns = next((grid.column_axis for grid in data if grid.column_axis), "")
        axes = f"; rows are {rows}, columns are {columns}" if rows and columns else ""
        text = f"images of {datasets} under members of the sets {sets}"
        if not any(grid.title for grid in data):
            return captions.sentences([f"{text}{axes}"])
        scaled = "the values of a feature map are scaled to shades from black to white"
        return captions.sentences([f"feature maps for {text}, a panel for each layer{axes}", scaled])

    def numbers(self, data: Any, entry: Entry, labels: Mapping[str, str]) -> None:
        """None: images have no numbers."""


def _placed(
    grids: Sequence[Grid], entry: Entry
) -> tuple[str | None, str | None, dict[tuple[int, int], Grid]]:
    """What makes rows and columns, and panels by (row, column)."""
    row_by, column_by = entry["figure"].get("row"), entry["figure"].get("column")
    if not row_by and not column_by:
        if any(grid.title for grid in grids):
            return None, None, _in_order(grids)
        row_by, column_by = "dataset", "measured_with"
        if any(any(grid.columns) for grid in grids):
            row_by, column_by = column_by, row_by
    return row_by, column_by, _by_value(grids, row_by, column_by, entry["name"])


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


def _of_several(grids: Sequence[Grid], grid: Grid, labels: Mapping[str, str]) -> str:
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


def _shape(grid: Grid) -> float:
    """Height of the images of a panel, as a multiple of their width."""
    high, wide, _ = mosaic(grid.images, grid.columns).shape
    return float(high / wide)


def mosaic(images: NDArray[np.float32], labels: Sequence[str] = ()) -> NDArray[np.float32]:
    """Lay images (R, K, C, H, W) on one white sheet (R*H + gaps, K*W + gaps, 3).

    Gaps are wider where the labels of the K columns begin anew.
    """
    import numpy as np

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
    axes.imshow(mosaic(grid.images, grid.columns).clip(0, 1), interpolation="nearest")
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
    turned = _width(texts) > slot
    axes.set_xticks(x, texts if x else [], rotation=90 if turned else 0)
    axes.set_yticks(y, grid.rows if y else [])


def _width(texts: Sequence[str]) -> float:
    """Width in inches of the longest line of some texts, about."""
    return max((len(line) for text in texts for line in text.split("\n")), default=0) * LETTER * SMALL
