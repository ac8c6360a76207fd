"""Heat maps of the error of a measure by numbers of images and of transformations; see `relative_errors`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from equivariance.figures.cell_map import CellMap
from equivariance.figures.style import text_width
from equivariance.language import N_, _

if TYPE_CHECKING:
    from pandas import DataFrame

    from equivariance.figures.facets import Facets, Panel
    from equivariance.figures.layers import Layers


class RelativeErrorMap(CellMap):
    """Images by transformations."""

    axes = ("samples", "transformations")
    by_layers = False
    label = N_("samples")
    height = 1.0
    subject = N_(
        "relative difference in per cent between the {measures} of a network measured on some images "
        "(rows, more of them upwards) with some transformations (columns, more of them to the right), and "
        "on the most images with the most transformations, the largest corner: |p − q| / (|p| + |q|) of "
        "the means p and q of a layer, then the mean over layers"
    )

    def cells(self, rows: DataFrame, layers: Layers) -> DataFrame:
        """Differences in per cent, more images upwards."""
        from equivariance.analysis.relative_errors import relative_errors

        return 100 * relative_errors(rows).iloc[::-1]

    def measure(self, panel: Panel) -> str:
        """Differences have one scale."""
        return _("mean relative difference to the largest corner (%)")

    def texts(self, cells: DataFrame) -> DataFrame:
        """The percentages."""
        return cells.map(text_of)

    def name_columns(self, panel: Panel, cells: DataFrame, facets: Facets) -> None:
        """Name the numbers of transformations; turn them and the percentages where they would touch."""
        names = [f"{number:,}" for number in cells.columns]
        room = facets.width / len(names) - 0.05
        turned = room < max(map(text_width, names))
        panel.axes.set_xticks([at + 0.5 for at in range(len(names))], names, rotation=90 * turned)
        for text in panel.axes.texts:
            text.set_rotation(90 * (room < text_width("9999")))
        panel.axes.set_xlabel(_("transformations") if panel.is_lowest else "")


def text_of(value: float) -> str:
    """A percentage with two significant digits, "" for none.

    >>> [text_of(value) for value in (0, 0.001, 0.0123, 0.9, 5, 9.96, 100, float("nan"))]
    ['0', '<.01', '.012', '.90', '5.0', '10', '100', '']
    """
    if value != value:
        return ""
    if 0 < value < 0.01:
        return "<.01"
    if value == 0 or value >= 9.95:
        return f"{value:.0f}"
    return f"{value:#.2g}".removeprefix("0")
