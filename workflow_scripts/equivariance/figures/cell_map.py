"""What heat maps have in common: panels of cells, whose colours mean the same in all panels of a measure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from equivariance.figures.kind import Kind
from equivariance.measures.names import measure_name

if TYPE_CHECKING:
    from pandas import DataFrame

    from equivariance.figures.facets import Facets, Panel
    from equivariance.figures.layers import Layers


class CellMap(Kind):
    """Panels of cells; by layers, or by columns that `name_columns` names."""

    of = " of panels"

    label: ClassVar[str] = ""
    """What rows of cells are."""

    missing: ClassVar[str] = "no value"
    """What grey cells are."""

    by_layers: ClassVar[bool] = True
    """Whether columns are layers."""

    clip: ClassVar[float] = 0
    """Colours end at this percentile of the finite values, and at 100 less it."""

    options: ClassVar[dict[str, Any]] = {}
    """More arguments of `seaborn.heatmap`."""

    def cells(self, rows: DataFrame, layers: Layers, name: str) -> DataFrame:
        """The cells of a panel, from its rows of the table, the first row at the top."""
        raise NotImplementedError

    def measure(self, panel: Panel) -> str:
        """What the values of a panel are, in words; panels of the same share a colour bar."""
        return measure_name(str(panel.data["measure"].iloc[0])).full

    def name_columns(self, panel: Panel, cells: DataFrame, facets: Facets) -> None:
        """Name columns that are no layers."""

    def values(self, panel: Panel, cells: DataFrame) -> Any:
        """The values that the range of colours is made of."""
        return cells.to_numpy().ravel()

    def draw(self, facets: Facets, name: str) -> None:
        """Draw the cells."""
        import numpy as np
        from matplotlib.patches import Patch

        from equivariance.figures.colors import INFINITE, MISSING, color_scale, draw_cells
        from equivariance.figures.layers import kind_entries, layer_axis, merged_layers

        layers = merged_layers(facets.data) if self.by_layers else []
        cells = {panel.place: self.cells(panel.data, layers, name) for panel in facets.panels}
        values: dict[str, list[Any]] = {}
        for panel in facets.panels:
            values.setdefault(self.measure(panel), []).append(self.values(panel, cells[panel.place]))
        scales = {measure: color_scale(np.concatenate(found), self.clip) for measure, found in values.items()}
        for panel in facets.panels:
            found, scale = cells[panel.place], scales[self.measure(panel)]
            draw_cells(panel.axes, found, scale, facets.height, **self.options)
            panel.axes.tick_params(axis="y", labelleft=panel.is_first or not facets.same_rows(cells, panel))
            if layers:
                layer_axis(panel.axes, layers, facets.width, panel.is_lowest, first=0.5)
            else:
                self.name_columns(panel, found, facets)
        for measure, scale in reversed(scales.items()):  # the last one is the uppermost
            facets.color_bar(scale, measure)
        every = np.concatenate([found.to_numpy().ravel() for found in cells.values()])
        if np.isinf(every).any():
            facets.foot["infinite"] = Patch(facecolor=INFINITE)
        if np.isnan(every).any():
            facets.foot[self.missing] = Patch(facecolor=MISSING)
        facets.foot |= kind_entries(layers)
        facets.label_y(self.label)
