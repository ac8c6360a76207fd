"""What a figure shows, in words and from its data: conditions, seeds, bands, samples."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from equivariance.figures import tables
from equivariance.figures.grids import Grid

SHOWN_AS = {"row": "rows", "column": "columns", "x": "groups", "hue": "colours", "style": "dashes"}


def caption(experiment: Mapping[str, Any], data: Any, labels: Mapping[str, str] | None = None) -> str:
    """The caption of an experiment's figure.

    `data` is what the figure draws: a table of profiles or of accuracies, or grids of images. Without
    `labels` the names in the tables are used.
    """
    names = dict(labels or {})
    if not isinstance(data, pd.DataFrame):
        return _images(data, names)
    mapping = experiment["figure"]
    if "measure" in data.columns:
        return _profiles(experiment, mapping, data, names)
    return _accuracies(mapping, data, names)


def _profiles(
    experiment: Mapping[str, Any], mapping: Mapping[str, Any], data: pd.DataFrame, labels: dict[str, str]
) -> str:
    data = tables.shown(data, experiment)
    measures = join(tables.measure_name(str(measure), labels) for measure in tables.levels(data["measure"]))
    parts = [
        f"{measures[0].upper()}{measures[1:]} of each layer, the mean over its feature maps or units",
        _shown(mapping, data, labels),
        _seeds(data, "lines", tables.lonely(data, mapping)),
        f"Measured on {_range(data['samples'])} images{_fixed(mapping, data, labels)}",
    ]
    if (data["measure"].str.startswith(("nv", "nd"))).all():
        parts.append(
            "The thin line marks 1, where transforming an image moves a unit as much as changing it does"
        )
    return ". ".join(part for part in parts if part) + "."


def _accuracies(mapping: Mapping[str, Any], data: pd.DataFrame, labels: dict[str, str]) -> str:
    parts = [
        "Test accuracy",
        _shown(mapping, data, labels),
        _seeds(data, "bars", False),
        f"Accuracy on {_range(data['images'])} test images{_fixed(mapping, data, labels)}",
    ]
    if "classes" in data.columns:
        parts.append("The dashed line marks chance")
    return ". ".join(part for part in parts if part) + "."


def _images(grids: Sequence[Grid], labels: dict[str, str]) -> str:
    datasets = join(
        tables.display("dataset", name, labels) for name in dict.fromkeys(grid.dataset for grid in grids)
    )
    sets = join(
        tables.display("dataset", name, labels)
        for name in dict.fromkeys(grid.measured_with for grid in grids)
    )
    rows = next((grid.row_axis for grid in grids if grid.row_axis), "")
    columns = next((grid.column_axis for grid in grids if grid.column_axis), "")
    axes = f"; rows are {rows}, columns are {columns}" if rows and columns else ""
    return f"Images of {datasets} under members of the sets {sets}{axes}."


def _shown(mapping: Mapping[str, Any], data: pd.DataFrame, labels: dict[str, str]) -> str:
    """Which column of the table is shown as what."""
    told = []
    for key, what in SHOWN_AS.items():
        column = mapping.get(key)
        if column and data[column].nunique() > 1:
            told.append(f"{what}: {tables.COLUMN_NAMES.get(column, column)}")
    text = "; ".join(told)
    return text[:1].upper() + text[1:]


def _fixed(mapping: Mapping[str, Any], data: pd.DataFrame, labels: dict[str, str]) -> str:
    """Conditions that are the same everywhere, or follow a shown one."""
    told = []
    if "measured_with" in data.columns and (data["measured_with"] == data["trained_with"]).all():
        told.append("with the set that the network was trained with")
    for column in ("dataset", "model", "measured_with", "trained_with", "savepoint"):
        if column in data.columns and data[column].nunique() == 1 and column not in mapping.values():
            value = data[column].iloc[0]
            if column != "savepoint" or value != "final":
                told.append(f"{tables.COLUMN_NAMES[column]}: {tables.display(column, value, labels)}")
    return f" ({'; '.join(told)})" if told else ""


def _seeds(data: pd.DataFrame, what: str, lonely: bool) -> str:
    by = [column for column in tables.CONDITIONS if column in data.columns]
    counts = data.groupby(by)["seed"].nunique()
    fewest, most = int(counts.min()), int(counts.max())
    if most == 1:
        return "One network for each condition"
    number = f"{most} seeds" if fewest == most else f"{fewest} to {most} seeds"
    if what == "bars":
        return f"Bars are means over {number}, points single seeds"
    if lonely:
        return f"Thick lines are means over {number}, thin lines single seeds"
    return f"Lines are means over {number}, bands reach from the smallest to the largest of them"


def _range(values: "pd.Series[Any]") -> str:
    smallest, largest = int(values.min()), int(values.max())
    return f"{smallest:,}" if smallest == largest else f"{smallest:,} to {largest:,}"


def join(names: Iterable[str]) -> str:
    """Names as a list in a sentence.

    >>> join(["a", "b", "c"])
    'a, b and c'
    """
    listed = list(names)
    return " and ".join([", ".join(listed[:-1]), listed[-1]] if len(listed) > 1 else listed)
