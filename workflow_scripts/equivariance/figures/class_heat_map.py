"""Heat maps of classes: rows are classes, columns are layers, a cell is the mean of the layer.

The table has a column `class`, the class whose images a row was measured on. `figure.row` and
`figure.column` cut it into panels. Cells are means over seeds; panels of one measure share their colours.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from equivariance.figures.kind import Entry, Kind

if TYPE_CHECKING:
    import pandas as pd

    from equivariance.figures.facets import Facets


class ClassHeatMap(Kind):
    """Classes by layers."""

    axes = ("class",)
    needs_classes = True
    measured_on = "images of a class"

    def draw(self, facets: "Facets", data: "pd.DataFrame", entry: Entry) -> float:
        """Draw the cells."""
        from equivariance.figures.colors import class_rows, color_scale, draw_cells
        from equivariance.figures.layers import kind_entries, layer_axis, merged_layers
        from equivariance.figures.measure_names import measure_name
        from equivariance.figures.tables import levels

        layers = merged_layers(facets.data)
        means = {}
        for panel in facets.panels:
            found = panel.data.pivot_table(index="class", columns="layer", values="mean", aggfunc="mean")
            means[panel.place] = found.reindex(levels(panel.data["class"]), columns=[name for name, _ in layers])
        height, step = class_rows(max(map(len, means.values())), facets.room)
        measure_of = {panel.place: str(panel.data["measure"].iloc[0]) for panel in facets.panels}
        scales = {}
        for measure in dict.fromkeys(measure_of.values()):
            own = [found.to_numpy().ravel() for place, found in means.items() if measure_of[place] == measure]
            scales[measure] = color_scale([value for values in own for value in values])
        for panel in facets.panels:
            found = means[panel.place]
            draw_cells(panel.axes, found, scales[measure_of[panel.place]], yticklabels=step)
            panel.axes.tick_params(axis="y", labelleft=facets.shows_names(panel, "class"))
            layer_axis(panel.axes, layers, facets.width, panel.is_lowest, first=0.5)
        for measure, scale in scales.items():
            facets.color_bar(scale, measure_name(measure).full)
        facets.foot |= kind_entries(layers)
        facets.label_y("class", height)
        return height

    def subject(self, rows: "pd.DataFrame") -> str:
        """Measures of classes."""
        from equivariance.figures.captions import measures_text

        return (
            f"{measures_text(rows)} measured on the images of one class: in each panel a row for each class and a "
            "column for each layer, whose feature maps or units a cell is the mean of"
        )

    def remarks(self, rows: "pd.DataFrame", data: "pd.DataFrame", mapping: Mapping[str, Any]) -> list[str]:
        """What colours mean."""
        return ["Colours mean the same in all panels of a measure"]
