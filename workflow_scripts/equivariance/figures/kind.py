"""What a kind of figure has to say of itself. Imports nothing heavy: the workflow asks on every start."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from equivariance.errors import UserError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from equivariance.figures.facets import Facets

Entry = Mapping[str, Any]
"""An experiment: its entry in `experiments.yaml` with its name."""


class Number(NamedTuple):
    """A column of the table of numbers in the paper: its title, and digits behind the point.

    With `digits` None the largest value is given, as a whole number.
    """

    title: str
    digits: int | None = 3


class Kind:
    """A kind of figure; each has a class of its own, with other values and methods where it differs."""

    draws: ClassVar[tuple[str, ...]] = ("profiles",)
    """What it draws, any one of: tables of `profiles` of layers, single `units`, whole `networks`,
    `accuracies`, `class_accuracies` (by class and transformation), `histories` of trainings; or `images`."""

    keys: ClassVar[tuple[str, ...]] = ("row", "column")
    """What of `figure` in an entry names columns of the table that are told apart."""

    axes: ClassVar[tuple[str, ...]] = ()
    """Columns of the table that are told apart on the axes, whatever the entry."""

    needs_classes: ClassVar[bool] = False
    """Whether its table has a row for each class, so that measures have to be stratified."""

    shows_floors: ClassVar[bool] = False
    """Whether its table has resampling floors too."""

    one_network: ClassVar[bool] = False
    """Whether it shows one network of each condition, that of the first seed."""

    replicates: ClassVar[str] = "Cells are means over {}"
    """What is made of seeds, for captions."""

    mapped: ClassVar[Mapping[str, str]] = {"row": "rows of panels", "column": "columns of panels"}
    """What `keys` are in captions."""

    measured_on: ClassVar[str] = "images"
    """What samples are, for captions."""

    def plot(self, data: Any, entry: Entry, labels: Mapping[str, str], stand_ins: Mapping[str, str]) -> "Figure":
        """Draw an experiment.

        `data` is what `read` gives, `labels` are the display names of data sets, models and sets, `stand_ins`
        says for each data set which one it stands in for ("" for real data). Raises UserError when the entry
        leaves rows of different conditions on one line or cell.
        """
        from equivariance.figures import captions, tables
        from equivariance.figures.facets import Facets
        from equivariance.figures.style import style

        rows = self.rows(data, entry)
        with style():
            facets = Facets(rows, tables.mapping_of(entry), dict(labels))
            height = self.draw(facets, data, entry)
            return facets.finish(height, captions.stand_in_note(rows["dataset"], stand_ins, labels))

    def draw(self, facets: "Facets", data: "pd.DataFrame", entry: Entry) -> float:
        """Draw into the panels; `data` is the whole table. Returns the height of a panel in inches."""
        raise NotImplementedError

    def read(self, path: Path) -> Any:
        """The data of a figure from their file: a checked DataFrame, or a list of `Grid`.

        Raises UserError for a file of something else.
        """
        from equivariance.figures.tables import read_table

        return read_table(path, self.draws)

    def rows(self, data: "pd.DataFrame", entry: Entry) -> "pd.DataFrame":
        """The rows of a table that are shown, with a column `panel` where the entry has panels of measures.

        Those are of all measures where the figure tells them apart, else of the first; without resampling
        floors, and without means over classes where classes are shown. Raises UserError when conditions are
        left that nothing tells apart.
        """
        from equivariance.figures import tables
        from equivariance.measures.names import MEAN_OF_CLASSES

        mapping, name = tables.mapping_of(entry), entry["name"]
        columns = list(dict.fromkeys([*tables.mapped_columns(mapping, *self.keys), *self.axes]))
        tables.require_columns(data, columns if not mapping.get("panels") else [], name)
        if self.needs_classes:
            data = data[data["class"] != MEAN_OF_CLASSES]
        if "measure" in data:
            data = data[~tables.is_floor(data)]
            if not mapping.get("panels") and "measure" not in columns:
                data = data[data["measure"] == (entry.get("measures") or [data["measure"].iloc[0]])[0]]
            data = tables.by_panel(data, mapping)
            if data.empty:
                raise UserError(f"figure of {name}: its table has no rows of the measures it shows")
        if self.one_network:
            data = tables.first_seed(data)
        tables.require_one_value(data, columns, name)
        return data

    def caption(self, data: Any, entry: Entry, labels: Mapping[str, str]) -> str:
        """What a figure shows, in sentences and from its data: conditions, seeds, samples."""
        from equivariance.figures import captions, tables

        mapping, rows = tables.mapping_of(entry), self.rows(data, entry)
        return captions.sentences([
            self.subject(rows),
            captions.mapping_text(mapping, rows, self.mapped),
            captions.seeds_text(rows, self.replicates_text(rows, mapping)),
            captions.measured_text(mapping, rows, labels, self.measured_on, self.mapped),
            *self.remarks(rows, data, mapping),
        ])  # fmt: skip

    def subject(self, rows: "pd.DataFrame") -> str:
        """What is drawn: the first sentence of the caption."""
        raise NotImplementedError

    def replicates_text(self, rows: "pd.DataFrame", mapping: Mapping[str, Any]) -> str:
        """What is made of several seeds."""
        return self.replicates

    def remarks(self, rows: "pd.DataFrame", data: "pd.DataFrame", mapping: Mapping[str, Any]) -> list[str]:
        """More sentences of the caption."""
        return []

    def numbers(
        self, data: Any, entry: Entry, labels: Mapping[str, str]
    ) -> "tuple[pd.DataFrame, dict[str, Number]] | None":
        """The numbers that the paper gives: a row for each network and condition, and columns to show.

        None where the figure prints its numbers, or has none.
        """
        from equivariance.figures import tables

        values = tables.network_values(self.rows(data, entry))
        name = tables.measures_name(values["measure"], labels)
        columns = {"over_layers": Number(f"{name}, mean over layers"), "last_layer": Number(f"{name}, last layer")}
        if values["layers"].nunique() > 1:
            columns = {"layers": Number("layers", None), **columns}
        return values, {**columns, "accuracy": Number("accuracy (%)", 1)}
