"""Parts of captions: what a figure shows, in words and from its data."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from equivariance.analysis.columns import COLUMN_NAMES, CONDITIONS, display, levels
from equivariance.figures.mapping import mapped_columns
from equivariance.measures.names import measure_name
from equivariance.reserved import FINAL, NONE

if TYPE_CHECKING:
    from pandas import DataFrame, Series

CONSTANT = ("dataset", "model", "measured_with", "trained_with", "tested_with", "savepoint", "aggregation")
"""Columns that a caption gives the value of where there is one only."""

KEYS = {"row": "rows", "column": "columns", "x": "groups", "hue": "colours", "style": "dashes"}
"""What the keys of an entry's figure are, in captions."""

ONE = "the thin line marks 1, where transforming an image moves a unit as much as changing it does"


def sentences(parts: Iterable[str]) -> str:
    """Parts as sentences, with a capital and a full stop; empty ones are left out."""
    return " ".join(f"{part[0].upper()}{part[1:]}." for part in parts if part)


def measures_text(measures: Series[str]) -> str:
    """The full names of measures."""
    return join(measure_name(str(measure)).full for measure in levels(measures))


def mapping_text(mapping: Mapping[str, Any], data: DataFrame, keys: Iterable[str], of: str = "") -> str:
    """Which column of the table is shown as what; rows and columns `of` panels, where cells have some too."""
    parts = []
    for key in keys:
        columns = [column for column in mapped_columns(mapping, key) if data[column].nunique() > 1]
        if columns:
            names = join(COLUMN_NAMES.get(column, column) for column in columns)
            parts.append(f"{KEYS[key]}{of}: {names}")
    return "; ".join(parts)


def seeds_text(data: DataFrame, made: str) -> str:
    """How many seeds there are, and what is `made` of them, a text with {} in the place of "3 seeds"."""
    by = [column for column in CONDITIONS if column in data.columns]
    counts = data.groupby(by, observed=True)["seed"].nunique()
    fewest, most = int(counts.min()), int(counts.max())
    if most == 1:
        return "One network for each condition"
    return made.format(f"{most} seeds" if fewest == most else f"{fewest} to {most} seeds")


def measured_text(
    mapping: Mapping[str, Any],
    data: DataFrame,
    labels: Mapping[str, str],
    images: str,
    keys: Iterable[str],
) -> str:
    """On how many images networks were measured or tested, and conditions that are the same everywhere."""
    fixed, mapped = [], mapped_columns(mapping, *keys)
    if "measured_with" in data.columns and (data["measured_with"] == data["trained_with"]).all():
        fixed.append("with the set that the network was trained with")
    for column in CONSTANT:
        if column in data.columns and data[column].nunique() == 1 and column not in mapped:
            value = data[column].iloc[0]
            if column != "savepoint" or value != FINAL:
                fixed.append(f"{COLUMN_NAMES[column]}: {display(column, value, labels)}")
    retrained = [value for value in data["retrained_with"].unique() if value != NONE]
    if len(retrained) == 1 and "retrained_with" not in mapped:
        fixed.append(f"retrained with: {display('retrained_with', retrained[0], labels)}")
    conditions = f" ({'; '.join(fixed)})" if fixed else ""
    if "samples" in data:
        return f"measured on {range_text(data['samples'])} {images}{conditions}"
    if "images" not in data:
        return f"tested on images under the set of the training{conditions}"
    by = [column for column in (*CONDITIONS, "seed") if column in data.columns and column != "class"]
    counts = data.groupby(by)["images"].sum()
    pairs = (
        "test images" if (data["tested_with"] == NONE).all() else "pairs of a test image and a transformation"
    )
    return f"each network tested on {range_text(counts)} {pairs}{conditions}"


def stand_in_note(datasets: Iterable[str], stand_ins: Mapping[str, str], labels: Mapping[str, str]) -> str:
    """What a figure of stand-in data says on its face; "" where all data are real."""
    named = [
        f"{labels.get(name, name)} for {labels.get(stand_ins[name], stand_ins[name])}"
        for name in dict.fromkeys(datasets)
        if stand_ins.get(name)
    ]
    return f"stand-in data: {', '.join(named)}" if named else ""


def range_text(values: Series[Any]) -> str:
    """The smallest and the largest of some whole numbers, or the only one."""
    smallest, largest = int(values.min()), int(values.max())
    return f"{smallest:,}" if smallest == largest else f"{smallest:,} to {largest:,}"


def join(names: Iterable[str]) -> str:
    """Names as a list in a sentence.

    >>> join(["a", "b", "c"])
    'a, b and c'
    """
    listed = list(names)
    return " and ".join([", ".join(listed[:-1]), listed[-1]] if len(listed) > 1 else listed)


def report_caption(entry: Mapping[str, Any], caption: str) -> str:
    """The text beside a figure in the report, in reStructuredText."""
    title, question, source, text = (
        re.sub(r"([\\*|_`])", r"\\\1", str(part))
        for part in (entry["title"], entry["question"], entry["source"], caption)
    )
    return f"**{title}.** {question}\n\n{text}\n\nSource: {source}.\n"
