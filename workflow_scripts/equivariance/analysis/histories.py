"""Tables of trainings, epoch by epoch."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from equivariance.analysis.columns import NETWORK
from equivariance.errors import UserError
from equivariance.files import read_sealed
from equivariance.network_folder import checked_file

ACCURACY = "test_accuracy_own"  # of the history: on the watched test images, under the set of the training
REACHED = 0.99
"""Part of the final accuracy from which on a network counts as trained."""


def history_table(row: Mapping[str, Any]) -> pd.DataFrame:
    """The training of a network: one row per epoch, with epoch, seconds so far and accuracy, in [0, 1].

    `row` has the keys `NETWORK`, the `file` of the history and the file `description` of the network, which
    knows the seconds. reached_epoch and reached_seconds, the same in all rows, are those of the first epoch
    with at least `REACHED` of the accuracy after the last. Raises UserError for a network that was not
    trained, or that does not classify.
    """
    file = Path(row["file"])
    history = pd.read_csv(checked_file(file.parent, file.name))
    if history.empty or ACCURACY not in history:
        raise UserError(f"{row['file']} has no accuracies from training; leave the network out")
    seconds = read_sealed(row["description"])["seconds_by_epoch"]
    shown = history[["epoch"]].assign(seconds=seconds, accuracy=history[ACCURACY])
    first = shown[shown["accuracy"] >= REACHED * shown["accuracy"].iloc[-1]].iloc[0]
    shown = shown.assign(reached_epoch=int(first["epoch"]), reached_seconds=first["seconds"])
    return pd.concat(
        [pd.DataFrame({key: row[key] for key in NETWORK}, index=shown.index), shown], axis="columns"
    )
