"""Tables of accuracies that were measured class by class and transformation by transformation."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from equivariance.analysis.columns import NETWORK
from equivariance.analysis.reading import read_measurement
from equivariance.analysis.tables import epoch_of
from equivariance.errors import UserError
from equivariance.files import read_sealed
from equivariance.transformations.parameters import members


def accuracy_table(row: Mapping[str, Any]) -> pd.DataFrame:
    """The accuracy, in [0, 1], of a network under a set, as one row; `images` are pairs of image and member.

    `row` has the keys `NETWORK`, savepoint, measured_on, tested_with, the `file` of the measured accuracy and
    the file `description` of the network. Raises UserError for a file of errors instead of accuracies.
    """
    counts = _counts(row)
    images = int(counts["images"].sum())
    return _described(row, pd.DataFrame({"accuracy": [counts["right"].sum() / images], "images": [images]}))


def class_accuracy_table(row: Mapping[str, Any]) -> pd.DataFrame:
    """The accuracy for each class and member of the set: what `accuracy_table` takes, and the spec
    `transformation_set`.

    Where the set has rotations alone, `angle` is that of the member in degrees, counter-clockwise.
    """
    counts, spec = _counts(row), row["transformation_set"]
    cells = counts[["class", "member"]].copy()
    if {*spec} <= {"rotations"}:
        angles = [360 * one.turns for one in members(spec)]
        cells["angle"] = [angles[member] for member in cells["member"]]
    return _described(row, cells.assign(accuracy=counts["right"] / counts["images"], images=counts["images"]))


def _counts(row: Mapping[str, Any]) -> pd.DataFrame:
    """Right answers and images by class and member."""
    counts = read_measurement(row["file"])
    if "right" not in counts:
        raise UserError(
            f"{row['file']} holds errors, not accuracies, as its network predicts transformations; "
            "leave the network out of figures of accuracies"
        )
    return counts


def _described(row: Mapping[str, Any], values: pd.DataFrame) -> pd.DataFrame:
    """Put before the values of a network what they have in common."""
    description = read_sealed(row["description"])
    common = {
        **{key: row[key] for key in NETWORK},
        "savepoint": row["savepoint"],
        "epoch": epoch_of(description, row["savepoint"]),
        "measured_on": row["measured_on"],
        "tested_with": row["tested_with"],
        "classes": len(description["classes"]),
    }
    return pd.concat([pd.DataFrame(common, index=values.index), values], axis="columns")
