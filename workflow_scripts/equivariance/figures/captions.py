"""What a figure shows, in words and from its data: conditions, seeds, bands, samples."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from equivariance.figures import tables
from equivariance.figures.grids import Grid
from equivariance.figures.measure_names import is_normalized, measure_name

CONSTANT = ("dataset", "model", "measured_with", "trained_with", "tested_with", "savepoint", "aggregation")
"""Columns that a caption gives the value of where there is one only."""

SHOWN_AS = {"row": "rows", "column": "columns", "x": "groups", "hue": "colours", "style": "dashes"}


def caption(experiment: Mapping[str, Any], data: Any, labels: Mapping[str, str] | None = None) -> str:
    """The caption of an experiment's figure.

    `data` is what the figure draws: a table, or grids of images.
    Without `labels` the names in the tables are used.
    """
    names = dict(labels or {})
    if not isinstance(data, pd.DataFrame):
        parts = _images(data, names)
    else:
        parts = _TABLES[experiment["figure"]["kind"]](experiment, data, names)
    return ". ".join(part for part in parts if part) + "."


def _profiles(experiment: Mapping[str, Any], data: pd.DataFrame, labels: dict[str, str]) -> list[str]:
    mapping = tables.mapping_of(experiment)
    values = tables.by_panel(tables.shown(data, experiment), mapping)
    parts = [
        f"{_measures(values)} of each layer, the mean over its feature maps or units",
        _shown(mapping, values, labels),
        _seeds(values, "lines", tables.lonely(values, mapping)),
        _measured(mapping, values, labels),
    ]
    if is_normalized(values["measure"]):
        parts.append(_ONE)
    if tables.floors(data)["measure"].isin(values["measure"]).any():
        parts.append(
            "Dotted grey lines are the resampling floor: what the measure gives for the images themselves, "
            "averaged to the resolution of the layer, where interpolation and borders are all that keeps it "
            "above 0"
        )
    return parts


def _heat_map(experiment: Mapping[str, Any], data: pd.DataFrame, labels: dict[str, str]) -> list[str]:
    mapping = tables.mapping_of(experiment)
    values = tables.first_seed(tables.shown(data, experiment))
    parts = [
        f"{_measures(values)} of each feature map or unit: a column for each layer, a cell for each unit of "
        "it, sorted by value from bottom to top and stretched to one height",
        _shown(mapping, values, labels),
        f"One network for each condition, the first of its seeds{_others(data)}",
        "Colours reach from the 2nd to the 98th percentile of the finite values of a measure",
    ]
    if values["value"].isin([float("inf")]).any():
        parts.append("Vermilion cells are infinite: the transformations move the unit, other images do not")
    if values["value"].isna().any():
        parts.append("Grey cells have no value")
    return [*parts, _measured(mapping, values, labels)]


def _class_heat_map(experiment: Mapping[str, Any], data: pd.DataFrame, labels: dict[str, str]) -> list[str]:
    mapping = tables.mapping_of(experiment)
    values = tables.shown(data, experiment)
    return [
        f"{_measures(values)} measured on the images of one class: in each panel a row for each class and a "
        "column for each layer, whose feature maps or units a cell is the mean of",
        _shown(mapping, values, labels, "of panels"),
        _seeds(values, "cells", False),
        "Colours mean the same in all panels of a measure",
        _measured(mapping, values, labels, "images of a class"),
    ]


def _relative_error_map(
    experiment: Mapping[str, Any], data: pd.DataFrame, labels: dict[str, str]
) -> list[str]:
    mapping = tables.mapping_of(experiment)
    values = tables.shown(data, experiment)
    return [
        f"Relative difference in per cent between the {_measures(values, capital=False)} of a network "
        "measured on some images (rows, more of them upwards) with some transformations (columns, more of "
        "them to the right), and on the most images with the most transformations, the largest corner: "
        "|p − q| / (|p| + |q|) of the means p and q of a layer, then the mean over layers",
        _shown(mapping, values, labels, "of panels"),
        _seeds(values, "cells", False),
        _measured(mapping, values, labels),
    ]


def _distribution(experiment: Mapping[str, Any], data: pd.DataFrame, labels: dict[str, str]) -> list[str]:
    mapping = tables.mapping_of(experiment)
    values = tables.by_panel(tables.shown(data, experiment), mapping)
    parts = [
        f"{_measures(values)} of single feature maps or units: for each layer a box from the lower to the "
        "upper quartile of the finite values, with the median in white, and whiskers from the 5th to the "
        "95th percentile",
        _shown(mapping, values, labels),
        _seeds(values, "boxes", False),
        _measured(mapping, values, labels),
    ]
    return [*parts, _ONE] if is_normalized(values["measure"]) else parts


def _bars(experiment: Mapping[str, Any], data: pd.DataFrame, labels: dict[str, str]) -> list[str]:
    mapping = experiment["figure"]
    if "measure" in data.columns:
        values = tables.shown(data, experiment)
        parts = [
            f"{_measures(values)} of whole networks: the mean over layers of the mean over the feature maps "
            "or units of a layer",
            _shown(mapping, values, labels),
            _seeds(values, "bars", False),
            _measured(mapping, values, labels),
        ]
        return [*parts, _ONE] if is_normalized(values["measure"]) else parts
    return [
        "Test accuracy",
        _shown(mapping, data, labels),
        _seeds(data, "bars", False),
        f"Accuracy on {_range(data['images'])} {_pairs(data)}{_fixed(mapping, data, labels)}",
        "The dashed line marks chance" if "classes" in data.columns else "",
    ]


def _accuracy_heat_map(
    experiment: Mapping[str, Any], data: pd.DataFrame, labels: dict[str, str]
) -> list[str]:
    mapping = experiment["figure"]
    what = "angle that the images are rotated by" if "angle" in data.columns else "member of the set"
    by = [column for column in (*tables.CONDITIONS, "seed") if column in data.columns and column != "class"]
    images = data.groupby(by)["images"].sum()
    return [
        "Test accuracy by class and transformation: in each panel a row for each class and a column for each "
        f"{what}",
        _shown(mapping, data, labels, "of panels"),
        _seeds(data, "cells", False),
        f"Accuracy of a network on {_range(images)} {_pairs(data)}{_fixed(mapping, data, labels)}",
    ]


def _learning_curves(experiment: Mapping[str, Any], data: pd.DataFrame, labels: dict[str, str]) -> list[str]:
    mapping = experiment["figure"]
    return [
        "Accuracy after each epoch of the training, on test images under the set that the network is trained "
        f"with{_fixed(mapping, data, labels)}",
        _shown(mapping, data, labels),
        _seeds(data, "lines", tables.lonely(data, mapping)),
        "A ring marks where a network first reaches 99 % of its final accuracy",
    ]


_ONE = "The thin line marks 1, where transforming an image moves a unit as much as changing it does"

_TABLES = {
    "layer_profile": _profiles,
    "heat_map": _heat_map,
    "distribution": _distribution,
    "class_heat_map": _class_heat_map,
    "relative_error_map": _relative_error_map,
    "bars": _bars,
    "accuracy_heat_map": _accuracy_heat_map,
    "learning_curves": _learning_curves,
}


def _images(grids: Sequence[Grid], labels: dict[str, str]) -> list[str]:
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
    if any(grid.title for grid in grids):
        return [
            f"Feature maps for images of {datasets} under members of the sets {sets}, a panel for each "
            f"layer{axes}",
            "The values of a feature map are scaled to shades from black to white",
        ]
    return [f"Images of {datasets} under members of the sets {sets}{axes}"]


def _measures(data: pd.DataFrame, capital: bool = True) -> str:
    """The full names of the measures of a table."""
    names = join(measure_name(str(measure)).full for measure in tables.levels(data["measure"]))
    return f"{names[0].upper()}{names[1:]}" if capital else names


def _measured(
    mapping: Mapping[str, Any], data: pd.DataFrame, labels: dict[str, str], what: str = "images"
) -> str:
    return f"Measured on {_range(data['samples'])} {what}{_fixed(mapping, data, labels)}"


def _pairs(data: pd.DataFrame) -> str:
    """What accuracies are counted over."""
    if (data["tested_with"] == "none").all():
        return "test images"
    return "pairs of a test image and a transformation"


def _shown(mapping: Mapping[str, Any], data: pd.DataFrame, labels: dict[str, str], of: str = "") -> str:
    """Which column of the table is shown as what."""
    parts = []
    for key, what in SHOWN_AS.items():
        if mapping.get(key) == "depth":
            parts.append("from left to right: depth of the layer in its network")
            continue
        columns = [column for column in tables.told(mapping, key) if data[column].nunique() > 1]
        if columns:
            names = join(tables.COLUMN_NAMES.get(column, column) for column in columns)
            parts.append(f"{what} {of}".strip() + f": {names}")
    text = "; ".join(parts)
    return text[:1].upper() + text[1:]


def _fixed(mapping: Mapping[str, Any], data: pd.DataFrame, labels: dict[str, str]) -> str:
    """Conditions that are the same everywhere, or follow a shown one."""
    told, mapped = [], tables.told(mapping, *SHOWN_AS)
    if "measured_with" in data.columns and (data["measured_with"] == data["trained_with"]).all():
        told.append("with the set that the network was trained with")
    for column in CONSTANT:
        if column in data.columns and data[column].nunique() == 1 and column not in mapped:
            value = data[column].iloc[0]
            if column != "savepoint" or value != "final":
                told.append(f"{tables.COLUMN_NAMES[column]}: {tables.display(column, value, labels)}")
    retrained = [value for value in data["retrained_with"].unique() if value != "none"]
    if len(retrained) == 1 and "retrained_with" not in mapped:
        told.append(f"retrained with: {tables.display('retrained_with', retrained[0], labels)}")
    return f" ({'; '.join(told)})" if told else ""


def _seeds(data: pd.DataFrame, what: str, lonely: bool) -> str:
    by = [column for column in tables.CONDITIONS if column in data.columns]
    counts = data.groupby(by)["seed"].nunique()
    fewest, most = int(counts.min()), int(counts.max())
    if most == 1:
        return "One network for each condition"
    number = f"{most} seeds" if fewest == most else f"{fewest} to {most} seeds"
    if what == "cells":
        return f"Cells are means over {number}"
    if what == "boxes":
        return f"Boxes hold the units of {number}"
    if what == "bars":
        return f"Bars are means over {number}, points single seeds"
    if lonely:
        return f"Thick lines are means over {number}, thin lines single seeds"
    return f"Lines are means over {number}, bands reach from the smallest to the largest of them"


def _others(data: pd.DataFrame) -> str:
    count = data["seed"].nunique()
    return f" ({count} were measured)" if count > 1 else ""


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
