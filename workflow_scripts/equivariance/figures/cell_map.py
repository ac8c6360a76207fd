"""What heat maps have in common: panels of cells, whose colours mean the same in all panels of a measure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from equivariance.figures.kind import Kind
from equivariance.language import N_, _
from equivariance.measures.names import measure_name

if TYPE_CHECKING:
    from pandas import DataFrame

    from equivariance.figures.facets import Facets, Panel
    from equivariance.figures.layers import Layers


class CellMap(Kind):
    """Panels of cells; by layers, or by columns that `name_columns` names."""

    has_cells = True

    # What rows of cells are, what grey cells are, whether columns are layers; colours end at the `clip`-th
    # percentile of the finite values and at the (100 - clip)-th.
    label: ClassVar[str] = ""
    missing: ClassVar[str] = N_("no value")
    by_layers: ClassVar[bool] = True
    clip: ClassVar[float] = 0

    def cells(self, rows: DataFrame, layers: Layers) -> DataFrame:
        """The cells of a panel, from its rows of the table, the first row at the top."""
        raise NotImplementedError

    def measure(self, panel: Panel) -> str:
        """What the values of a panel are, in words; panels of the same share a colour bar."""
        return measure_name(str(panel.data["measure"].iloc[0])).full

    def values(self, panel: Panel, cells: DataFrame) -> Any:
        """The values that the range of colours is made of."""
        return cells.to_numpy().ravel()

    def texts(self, cells: DataFrame) -> DataFrame | None:
        """What stands in the cells."""
        return None

    def name_columns(self, panel: Panel, cells: DataFrame, facets: Facets) -> None:
        """Name columns that are no layers."""

    def draw(self, facets: Facets, name: str) -> None:
        """Draw the cells."""
        import numpy as np
        from matplotlib.patches import Patch

        from equivariance.analysis.profiles import merged_layers
        from equivariance.figures.colors import INFINITE, MISSING, color_scale, draw_cells
        from equivariance.figures.layers import kind_entries, layer_axis

        layers = merged_layers(facets.data) if self.by_layers else []
        drawn = [(panel, self.cells(panel.data, layers)) for panel in facets.panels]
        values: dict[str, list[Any]] = {}
        for panel, cells in drawn:
            values.setdefault(self.measure(panel), []).append(self.values(panel, cells))
        scales = {measure: color_scale(np.concatenate(own), self.clip) for measure, own in values.items()}
        facets.label_y(_(self.label))
        for panel, cells in drawn:
            draw_cells(panel.axes, cells, scales[self.measure(panel)], facets.height, self.texts(cells))
            first = next(found for other, found in drawn if other.place[0] == panel.place[0])
            if not cells.index.equals(first.index):
                panel.axes.tick_params(axis="y", labelleft=True)
            if layers:
                layer_axis(panel.axes, layers, facets.width, panel.is_lowest, first=0.5)
            else:
                self.name_columns(panel, cells, facets)
        for measure, scale in reversed(scales.items()):  # the last one is the uppermost
            facets.color_bar(scale.mappable, measure, scale.extend)
        every = np.concatenate([cells.to_numpy().ravel() for _panel, cells in drawn])
        if np.isinf(every).any():
            facets.foot[_("infinite")] = Patch(facecolor=INFINITE)
        if np.isnan(every).any():
            facets.foot[_(self.missing)] = Patch(facecolor=MISSING)
        facets.foot |= kind_entries(layers)
