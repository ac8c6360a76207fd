"""Grids of images, as the computing script writes them and the figure reads them. Needs numpy only.

The file is an `.npz` of P panels. `datasets`, `measured_with`, `row_axes`, `column_axes`, `titles` are text
arrays (P,): whose images, transformed by which set, what rows and columns are, and a title ("" for none).
For panel p (three digits: `000`, ...):

    images_<p>    uint8 (R, K, C, H, W), R rows of K images with C = 1 or 3 channels
    rows_<p>      text (R,), a label for each row ("" for none)
    columns_<p>   text (K,), a label for each column ("" for none)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from equivariance.files import DAMAGED_ARCHIVE, atomic_path, damaged


@dataclass(frozen=True)
class Grid:
    """A panel: R x K images in [0, 1] of one data set, transformed by members of one set.

    An ST matrix is a grid whose rows are samples and whose columns are transformations. A grid of feature
    maps, whose rows are maps and whose title is their layer, is another.
    """

    dataset: str
    measured_with: str
    images: NDArray[np.float32]  # (R, K, C, H, W)
    rows: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    row_axis: str = ""
    column_axis: str = ""
    title: str = ""

    def __post_init__(self) -> None:
        shape = self.images.shape
        if len(shape) != 5 or shape[2] not in (1, 3):
            raise ValueError(f"images of a grid are (R, K, 1 or 3, H, W), not {shape}")
        for name, given, length in (("rows", self.rows, shape[0]), ("columns", self.columns, shape[1])):
            if given and len(given) != length:
                raise ValueError(f"{len(given)} labels for {length} {name} of a grid")


def save_grids(path: str | Path, grids: Sequence[Grid]) -> None:
    """Write panels to `path` (.npz), whole or absent, in 8 bits a channel; equal panels give equal bytes."""
    arrays: dict[str, NDArray[np.generic]] = {
        "datasets": np.array([grid.dataset for grid in grids], dtype=np.str_),
        "measured_with": np.array([grid.measured_with for grid in grids], dtype=np.str_),
        "row_axes": np.array([grid.row_axis for grid in grids], dtype=np.str_),
        "column_axes": np.array([grid.column_axis for grid in grids], dtype=np.str_),
        "titles": np.array([grid.title for grid in grids], dtype=np.str_),
    }
    for index, grid in enumerate(grids):
        arrays[f"images_{index:03}"] = np.round(np.clip(grid.images, 0, 1) * 255).astype(np.uint8)
        arrays[f"rows_{index:03}"] = np.array(grid.rows, dtype=np.str_)
        arrays[f"columns_{index:03}"] = np.array(grid.columns, dtype=np.str_)
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]  # the stub takes the names for its own flag


def load_grids(path: str | Path) -> list[Grid]:
    """Read the panels of `path`. Raises UserError where the file is no such archive."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return [
                Grid(
                    dataset=str(dataset),
                    measured_with=str(arrays["measured_with"][index]),
                    images=(arrays[f"images_{index:03}"] / np.float32(255)).astype(np.float32),
                    rows=tuple(arrays[f"rows_{index:03}"].tolist()),
                    columns=tuple(arrays[f"columns_{index:03}"].tolist()),
                    row_axis=str(arrays["row_axes"][index]),
                    column_axis=str(arrays["column_axes"][index]),
                    title=str(arrays["titles"][index]),
                )
                for index, dataset in enumerate(arrays["datasets"])
            ]
    except DAMAGED_ARCHIVE as error:
        raise damaged(path, error) from error
