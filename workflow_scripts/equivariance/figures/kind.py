"""What a kind of figure has to say of itself. Imports nothing heavy: the workflow asks on every start."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from equivariance.analysis.columns import measures_name
from equivariance.analysis.reading import first_seed, is_floor, network_values, read_table
from equivariance.errors import UserError
from equivariance.figures import captions
from equivariance.figures.mapping import (
    by_panel,
    has_one_line_per_panel,
    mapped_columns,
    mapping_of,
    require_one_value,
)
from equivariance.measures.names import MEAN_OF_CLASSES, is_normalized

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

    from equivariance.figures.facets import Facets

Entry = Mapping[str, Any]
"""An experiment: its entry in `experiments.yaml` with its name."""

Labels = Mapping[str, str]
"""Display names of data sets, models and sets."""


class Number(NamedTuple):
    """A column of the table of numbers in the paper: its title, and digits behind the point.

    With `digits` None the largest value is given, as a whole number.
    """

    title: str
    digits: int | None = 3


Numbers = tuple[Any, dict[str, Number]]
"""A DataFrame with a row for each network and condition, and which of its columns to show."""


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

    # For captions: the first sentence with {measures} for their names, what is made of {} seeds, what rows
    # and columns are those of, on what a measure was measured, whether a line marks 1.
    subject: ClassVar[str] = ""
    replicates: ClassVar[str] = "cells are means over {}"
    of: ClassVar[str] = ""
    images: ClassVar[str] = "images"
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
        return captions.sentences([
            self.subject.format(measures=named) if named or "{" not in self.subject else "test accuracy",
            captions.mapping_text(mapping, rows, self.keys, self.of),
            captions.seeds_text(rows, self.replicates_text(rows, mapping)),
            captions.measured_text(mapping, rows, labels, self.images, self.keys),
            captions.ONE if self.marks_one and named and is_normalized(rows["measure"]) else "",
            *self.remarks(rows, data, mapping),
        ])  # fmt: skip

    def replicates_text(self, rows: DataFrame, mapping: Entry) -> str:
        """What is made of several seeds of some rows."""
        return self.replicates

    def remarks(self, rows: DataFrame, data: DataFrame, mapping: Entry) -> list[str]:
        """More sentences of the caption."""
        return []

    def numbers(self, data: Any, entry: Entry, labels: Labels) -> Numbers | None:
        """The numbers that the paper gives; None where the figure prints its numbers, or has none."""
        rows = self.rows(data, entry)
        values = network_values(rows.drop_duplicates([name for name in rows if name != "panel"]))
        name = measures_name(values["measure"], labels)
        shown = {"layers": Number("layers", None)} if values["layers"].nunique() > 1 else {}
        shown["over_layers"] = Number(f"{name}, mean over layers")
        shown["last_layer"] = Number(f"{name}, last layer")
        return values, {**shown, "accuracy": Number("accuracy (%)", 1)}


class LineKind(Kind):
    """Lines that are means over seeds: with single seeds where a panel has one line, else with a band."""

    def replicates_text(self, rows: DataFrame, mapping: Entry) -> str:
        """Thin lines, or bands."""
        if has_one_line_per_panel(rows, mapping):
            return "thick lines are means over {}, thin lines single seeds"
        return "lines are means over {}, bands reach from the smallest to the largest of them"
