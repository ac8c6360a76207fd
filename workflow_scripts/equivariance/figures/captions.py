"""Parts of captions: what a figure shows, in words and from its data."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from equivariance.analysis.columns import (
    CONDITIONS,
    column_name,
    display,
    levels,
    mapped_columns,
    stand_in_name,
)
from equivariance.language import N_, _, listed
from equivariance.measures.names import measure_name
from equivariance.reserved import FINAL, NONE

if TYPE_CHECKING:
    from pandas import DataFrame, Series

CONSTANT = ("dataset", "model", "measured_with", "trained_with", "tested_with", "savepoint", "aggregation")
"""Columns that a caption gives the value of where there is one only."""

KEYS = {
    "row": N_("rows"),
    "column": N_("columns"),
    "x": N_("groups"),
    "hue": N_("colours"),
    "style": N_("dashes"),
}
OF_PANELS = {"row": N_("rows of panels"), "column": N_("columns of panels")}
"""What the keys of an entry's figure are, in captions; of panels, where cells have rows and columns too."""

ONE = N_("the thin line marks 1, where transforming an image moves a unit as much as changing it does")


def sentences(parts: Iterable[str]) -> str:
    """Parts as sentences, with a capital and a full stop; empty ones are left out."""
    return " ".join(f"{part[0].upper()}{part[1:]}." for part in parts if part)


def measures_text(measures: Series[str]) -> str:
    """The full names of measures."""
    return listed(measure_name(str(measure)).full for measure in levels(measures))


def mapping_text(mapping: Mapping[str, Any], data: DataFrame, keys: Iterable[str], has_cells: bool) -> str:
    """Which column of the table is shown as what."""
    parts = []
    for key in keys:
        columns = [column for column in mapped_columns(mapping, key) if data[column].nunique() > 1]
        if columns:
            shown = _((OF_PANELS if has_cells else KEYS)[key])
            parts.append(f"{shown}: {listed(map(column_name, columns))}")
    return "; ".join(parts)


def seeds_text(data: DataFrame, made: str) -> str:
    """How many seeds there are, and what is `made` of them, a text with {seeds} in the place of "3 seeds"."""
    counts = data.groupby([name for name in CONDITIONS if name in data], observed=True)["seed"].nunique()
    if counts.max() == 1:
        return _("one network for each condition")
    return made.format(seeds=_("{count} seeds").format(count=range_text(counts)))


def measured_text(
    mapping: Mapping[str, Any], data: DataFrame, labels: Mapping[str, str], images: str, keys: Iterable[str]
) -> str:
    """On how many images networks were measured or tested, and conditions that are the same everywhere."""
    fixed, mapped = [], mapped_columns(mapping, *keys)
    if "measured_with" in data and (data["measured_with"] == data["trained_with"]).all():
        fixed.append(_("with the set that the network was trained with"))
    for column in (name for name in CONSTANT if name in data and name not in mapped):
        value = data[column].iloc[0]
        if data[column].nunique() == 1 and (column, value) != ("savepoint", FINAL):
            fixed.append(f"{column_name(column)}: {display(column, value, labels)}")
    retrained = [value for value in data["retrained_with"].unique() if value != NONE]
    if len(retrained) == 1 and "retrained_with" not in mapped:
        fixed.append(f"{column_name('retrained_with')}: {display('retrained_with', retrained[0], labels)}")
    conditions = f" ({'; '.join(fixed)})" if fixed else ""
    if "samples" in data:
        return _(images).format(images=range_text(data["samples"]), conditions=conditions)
    if "images" not in data:
        return _("tested on images under the set of the training{conditions}").format(conditions=conditions)
    by = [column for column in (*CONDITIONS, "seed") if column in data and column != "class"]
    counts = range_text(data.groupby(by)["images"].sum())
    text = _("each network tested on {count} pairs of a test image and a transformation{conditions}")
    if (data["tested_with"] == NONE).all():
        text = _("each network tested on {count} test images{conditions}")
    return text.format(count=counts, conditions=conditions)


def stand_in_note(datasets: Iterable[str], stand_ins: Mapping[str, str], labels: Mapping[str, str]) -> str:
    """What a figure of stand-in data says on its face; "" where all data are real."""
    named = dict.fromkeys(datasets)
    return note_of(stand_in_name(name, stand_ins[name], labels) for name in named if stand_ins.get(name))


def note_of(stand_ins: Iterable[str]) -> str:
    """The note on stand-ins with their names, each once; "" without any."""
    names = ", ".join(dict.fromkeys(stand_ins))
    return _("stand-in data: {names}").format(names=names) if names else ""


def range_text(values: Series[Any]) -> str:
    """The smallest and the largest of some whole numbers, or the only one."""
    smallest, largest = int(values.min()), int(values.max())
    if smallest == largest:
        return f"{smallest:,}"
    return _("{smallest:,} to {largest:,}").format(smallest=smallest, largest=largest)


def report_caption(entry: Mapping[str, Any], caption: str) -> str:
    """The text beside a figure in the report, in reStructuredText."""
    source = _("Source: {source}.").format(source=_(entry["source"]))
    title, question, text, last = (
        re.sub(r"([\\*|_`])", r"\\\1", part)
        for part in (_(entry["title"]), _(entry["question"]), caption, source)
    )
    return f"**{title}.** {question}\n\n{text}\n\n{last}\n"
