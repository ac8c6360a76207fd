"""What a kind of figure has to say of itself. Imports nothing heavy: the workflow asks on every start."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from equivariance.analysis.columns import mapped_columns
from equivariance.analysis.reading import first_seed, is_floor, read_table
from equivariance.errors import UserError
from equivariance.figures import captions
from equivariance.figures.mapping import by_panel, lone_lines, mapping_of, require_one_value
from equivariance.language import N_, _
from equivariance.measures.names import MEAN_OF_CLASSES, is_normalized

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

    from equivariance.figures.facets import Facets

Entry = Mapping[str, Any]
"""An experiment: its entry in `experiments.yaml` with its name."""

Labels = Mapping[str, str]
"""Display names of data sets, models and sets."""


class Kind:
    """A kind of figure; each has a class of its own, with other values and methods where it differs."""

    draws: ClassVar[tuple[str, ...]] = ("profiles",)
    """What it draws, any one of: tables of `profiles` of layers, single `units`, whole `networks`,
    `accuracies`, `class_accuracies` (by class and transformation), `histories` of trainings; or `images`."""

    keys: ClassVar[tuple[str, ...]] = ("row", "column")
    """What of `figure` in an entry names columns of the table that are told apart."""

    # Columns that are told apart on the axes; whether measures are stratified; whether resampling floors are
    # in the table; whether one network of each condition is shown, that of the first seed.
    axes: ClassVar[tuple[str, ...]] = ()
    needs_classes: ClassVar[bool] = False
    shows_floors: ClassVar[bool] = False
    one_network: ClassVar[bool] = False

    height: ClassVar[float] = 1.5
    """Height of a panel in inches; less where its rows would not fit on a page."""

    # For captions: the first sentence with {measures} for their names, what is made of {seeds}, on what
    # {images} a measure was measured, whether cells are in rows and columns, whether a line marks 1.
    subject: ClassVar[str] = ""
    replicates: ClassVar[str] = N_("cells are means over {seeds}")
    images: ClassVar[str] = N_("measured on {images} images{conditions}")
    has_cells: ClassVar[bool] = False
    marks_one: ClassVar[bool] = False

    @property
    def module(self) -> str:
        """Its module, in dotted form."""
        return type(self).__module__

    def read(self, path: Path) -> Any:
        """A checked DataFrame, or a list of `Grid`. Raises UserError for a file of something else."""
        return read_table(path, self.draws)

    def plot(self, data: Any, entry: Entry, labels: Labels, stand_ins: Mapping[str, str]) -> Figure:
        """Draw an experiment from what `read` gives.

        `stand_ins` says for each data set which one it stands in for ("" for real data). Raises UserError
        when the entry leaves rows of different conditions on one line or cell.
        """
        from equivariance.figures.facets import Facets
        from equivariance.figures.style import style

        rows = self.rows(data, entry)
        with style():
            facets = Facets(rows, data, mapping_of(entry), labels, self.height)
            self.draw(facets, entry["name"])
            return facets.finish(captions.stand_in_note(rows["dataset"], stand_ins, labels))

    def draw(self, facets: Facets, name: str) -> None:
        """Draw into the panels of the figure of an experiment."""
        raise NotImplementedError

    def rows(self, data: DataFrame, entry: Entry) -> DataFrame:
        """The rows of a table that are shown, with a column `panel` where the entry has panels of measures.

        Those are of all measures where the figure tells them apart, else of the first; without resampling
        floors, and without means over classes where classes are shown. Raises UserError when conditions are
        left that nothing tells apart.
        """
        mapping, name = mapping_of(entry), entry["name"]
        columns = list(dict.fromkeys([*mapped_columns(mapping, *self.keys), *self.axes]))
        missing = {*columns} - {*data.columns, "panel"}
        if missing:
            raise UserError(f"figure of {name}: its table has no column {', '.join(sorted(missing))}")
        if self.needs_classes:
            data = data[data["class"] != MEAN_OF_CLASSES]
        if "measure" in data:
            data = data[~is_floor(data)]
            if not mapping.get("panels") and "measure" not in columns:
                data = data[data["measure"] == (entry.get("measures") or [data["measure"].iloc[0]])[0]]
            data = by_panel(data, mapping)
            if data.empty:
                raise UserError(f"figure of {name}: its table has no rows of the measures it shows")
        if self.one_network:
            data = first_seed(data)
        require_one_value(data, columns, name)
        return data

    def caption(self, data: Any, entry: Entry, labels: Labels) -> str:
        """What a figure shows, in sentences and from its data: conditions, seeds, samples."""
        mapping, rows = mapping_of(entry), self.rows(data, entry)
        named = captions.measures_text(rows["measure"]) if "measure" in rows else ""
        subject = self.subject if named or "{" not in self.subject else N_("test accuracy")
        return captions.sentences([
            _(subject).format(measures=named),
            captions.mapping_text(mapping, rows, self.keys, self.has_cells),
            captions.seeds_text(rows, self.replicates_text(rows, mapping)),
            captions.measured_text(mapping, rows, labels, self.images, self.keys),
            _(captions.ONE) if self.marks_one and named and is_normalized(rows["measure"]) else "",
            *self.remarks(rows, data, mapping),
        ])  # fmt: skip

    def replicates_text(self, rows: DataFrame, mapping: Entry) -> str:
        """What is made of several {seeds} of some rows."""
        return _(self.replicates)

    def remarks(self, rows: DataFrame, data: DataFrame, mapping: Entry) -> list[str]:
        """More sentences of the caption."""
        return []


class LineKind(Kind):
    """Lines that are means over seeds: with single seeds where a panel has one line, else with a band."""

    def replicates_text(self, rows: DataFrame, mapping: Entry) -> str:
        """Thin lines, or bands."""
        if lone_lines(rows, mapping):
            return _("thick lines are means over {seeds}, thin lines single seeds")
        return _("lines are means over {seeds}, bands reach from the smallest to the largest of them")
