"""Grids of images: members of transformation sets on samples, ST matrices as samples x transformations.

Panels come from a file that `equivariance.analysis.image_grids` describes. Data sets make the rows
and sets the columns; where the columns of a panel are labelled (it is wide), the other way round. Panels with
titles of their own (the layers of feature maps) follow each other: in reading order, or where titles begin
anew (with another measure), downwards, with the next ones beside them. Columns whose labels begin anew (with
another sample) stand apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

from equivariance.analysis.columns import display
from equivariance.errors import UserError
from equivariance.figures import captions
from equivariance.figures.kind import Entry, Kind, Labels
from equivariance.figures.style import LETTER, PAGE, SMALL, TEXT_WIDTH, finish, new_figure, style
from equivariance.language import _, listed

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from equivariance.analysis.image_grids import Grid

GAP, APART = 0.06, 0.4
"""Space between images, and between those of two samples in one row, as a share of an image's height."""

LARGEST = 0.75
"""An image is at most so many inches wide."""

SIDES = ("dataset", "measured_with")


class ImageGrid(Kind):
    """Grids of images."""

    draws = ("images",)

    def read(self, path: Path) -> list[Grid]:
        """Grids of images."""
        from equivariance.analysis.image_grids import load_grids

        return load_grids(path)

    def plot(
        self, data: Sequence[Grid], entry: Entry, labels: Labels, stand_ins: Mapping[str, str]
    ) -> Figure:
        """Draw the panels of an experiment. Raises UserError where it is mapped to rows or columns."""
        import numpy as np

        if {"row", "column"} & {*entry["figure"]}:
            raise UserError(f"figure of {entry['name']}: image grids have no `row` and `column`; remove them")
        flowing = any(grid.title for grid in data)
        sides = SIDES[::-1] if any(any(grid.columns) for grid in data) else SIDES
        several = [by for by in SIDES if len({getattr(grid, by) for grid in data}) > 1]
        placed = _in_order(data) if flowing else _by_value(data, sides)
        rows, columns = (max(place[side] for place in placed) + 1 for side in (0, 1))
        mosaics = {place: mosaic(grid.images, grid.columns) for place, grid in placed.items()}
        shapes = [0.0] * rows
        for (row, _column), sheet in mosaics.items():
            shapes[row] = max(shapes[row], sheet.shape[0] / sheet.shape[1])
        widest = LARGEST * max(grid.images.shape[1] for grid in data)
        if flowing:
            widest = min(widest, (PAGE - 0.35 * rows) / sum(shapes))
        with style():
            figure = new_figure()
            grid_of_axes = figure.subplots(rows, columns, squeeze=False, height_ratios=shapes)
            for (row, column), axes in np.ndenumerate(grid_of_axes):
                if (row, column) not in placed:
                    axes.remove()
                    continue
                grid = placed[row, column]
                names = {by: display(by, getattr(grid, by), labels) for by in SIDES}
                is_lowest = (row + 1, column) not in placed
                title, left = names[sides[1]] if row == 0 else "", names[sides[0]] if column == 0 else ""
                if flowing:
                    above = ", ".join(names[by] for by in several)
                    title, left = f"{above}\n{_(grid.title)}".strip(), ""
                axes.set_label(f"panel {row, column}")
                axes.imshow(mosaics[row, column].clip(0, 1), interpolation="nearest")
                _name_images(axes, grid, (TEXT_WIDTH - 0.6) / columns, is_lowest or not flowing)
                axes.set_title(title)
                axes.set_xlabel(_(grid.column_axis) if is_lowest else "", fontsize=SMALL)
                axes.set_ylabel(f"{left}\n{_(grid.row_axis)}".strip() if column == 0 else "")
            note = captions.stand_in_note([grid.dataset for grid in data], stand_ins, labels)

            def heights(width: float) -> list[float]:
                return [shape * min(width, widest) for shape in shapes]

            return finish(figure, grid_of_axes[min(placed)], heights, note, images=True)

    def caption(self, data: Sequence[Grid], entry: Entry, labels: Labels) -> str:
        """Which images are shown under which sets, and what rows and columns are."""
        datasets, sets = (
            listed(dict.fromkeys(display(by, getattr(grid, by), labels) for grid in data)) for by in SIDES
        )
        rows, columns = (
            next((_(axis) for grid in data if (axis := getattr(grid, side))), "")
            for side in ("row_axis", "column_axis")
        )
        text, parts = _("images of {datasets} under members of the sets {sets}"), []
        if any(grid.title for grid in data):
            text = _(
                "feature maps for images of {datasets} under members of the sets {sets}, a panel for each "
                "layer"
            )
            parts = [_("the values of a feature map are scaled to shades from black to white")]
        if rows and columns:
            parts = [_("rows are {rows}, columns are {columns}").format(rows=rows, columns=columns), *parts]
        return captions.sentences([text.format(datasets=datasets, sets=sets), *parts])


def _by_value(grids: Sequence[Grid], sides: Sequence[str]) -> dict[tuple[int, int], Grid]:
    """Panels in the row and the column of their data set and set, by (row, column)."""
    rows, columns = (list(dict.fromkeys(getattr(grid, by) for grid in grids)) for by in sides)
    return {
        (rows.index(getattr(grid, sides[0])), columns.index(getattr(grid, sides[1]))): grid for grid in grids
    }


def _in_order(grids: Sequence[Grid]) -> dict[tuple[int, int], Grid]:
    """Panels with titles by (row, column): two in a row, or two runs of titles side by side."""
    runs = list(accumulate(int(grid.title == grids[0].title) for grid in grids))  # 1, 1, ..., 2, 2, ...
    if runs[-1] == 1:
        return {divmod(index, 2): grid for index, grid in enumerate(grids)}
    longest = max(map(runs.count, runs))
    return {
        ((run - 1) // 2 * longest + index - runs.index(run), (run - 1) % 2): grid
        for index, (run, grid) in enumerate(zip(runs, grids, strict=True))
    }


def mosaic(images: NDArray[np.float32], labels: Sequence[str] = ()) -> NDArray[np.float32]:
    """Lay images (R, K, C, H, W) on one white sheet (R*H + gaps, K*W + gaps, 3).

    Gaps are wider where the labels of the K columns begin anew.
    """
    import numpy as np

    height, width = images.shape[3:]
    tops, lefts = _starts(images, labels)
    sheet = np.ones((tops[-1] + height, lefts[-1] + width, 3), dtype=np.float32)
    for row, column in np.ndindex(images.shape[:2]):
        top, left = tops[row], lefts[column]
        sheet[top : top + height, left : left + width] = np.moveaxis(images[row, column], 0, -1)
    return sheet


def _starts(images: NDArray[np.float32], labels: Sequence[str]) -> tuple[list[int], list[int]]:
    """Where rows and columns of images begin on a sheet, in pixels."""
    rows, columns, _channels, height, width = images.shape
    gap, apart = max(1, round(GAP * height)), max(2, round(APART * height))
    anew = [label == labels[0] != "" for label in labels[1:]] or [False] * (columns - 1)
    lefts = list(accumulate((width + (apart if new else gap) for new in anew), initial=0))
    return [row * (height + gap) for row in range(rows)], lefts


def _name_images(axes: Axes, grid: Grid, room: float, named: bool) -> None:
    """Name the rows and, if `named`, the columns of a panel about `room` inches wide."""
    axes.grid(False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, pad=1.5)
    (tops, lefts), (height, width) = _starts(grid.images, grid.columns), grid.images.shape[3:]
    texts = [str(text) for text in grid.columns] if named and any(grid.columns) else []
    slot = min((room - _width(grid.rows)) / len(lefts), LARGEST)
    if _width(texts) > slot - 0.05:
        texts = [text.replace(", ", ",\n") for text in texts]
    x = [left + (width - 1) / 2 for left in lefts] if texts else []
    axes.set_xticks(x, texts, rotation=90 if _width(texts) > slot else 0)
    y = [top + (height - 1) / 2 for top in tops] if any(grid.rows) else []
    axes.set_yticks(y, grid.rows if y else [])


def _width(texts: Sequence[str]) -> float:
    """Width in inches of the longest line of some texts, about."""
    return max((len(line) for text in texts for line in text.split("\n")), default=0) * LETTER * SMALL
