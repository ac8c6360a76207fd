"""The tables of a measured network, as files."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from equivariance.analysis.profiles import layer_profile
from equivariance.files import atomic_path

FORMS = ("csv", "parquet")
LARGEST_CSV = 1_000_000  # rows: about 100 MB


def write_tables(table: pd.DataFrame, folder: Path, form: str) -> list[Path]:
    """Write the values of units, as csv or parquet, and the profile of layers; return their paths.

    The form `auto` is csv for up to `LARGEST_CSV` rows, else parquet. A table of another form, which an
    earlier run left there, is removed.
    """
    if form == "auto":
        form = "csv" if len(table) <= LARGEST_CSV else "parquet"
    units, profile = folder / f"measures.{form}", folder / "profile.csv"
    with atomic_path(units) as temporary:
        if form == "csv":
            table.to_csv(temporary, index=False)
        else:
            table.to_parquet(temporary, index=False)
    with atomic_path(profile) as temporary:
        layer_profile(table).to_csv(temporary, index=False)
    for other in FORMS:
        if other != form:
            (folder / f"measures.{other}").unlink(missing_ok=True)
    return [units, profile]


def write_left_out(reasons: Mapping[str, str], folder: Path) -> list[Path]:
    """Write which layers are left out, and why; return the path. Without any there is no such file."""
    file = folder / "left_out.csv"
    if not reasons:
        file.unlink(missing_ok=True)
        return []
    with atomic_path(file) as temporary:
        pd.DataFrame(reasons.items(), columns=["layer", "reason"]).to_csv(temporary, index=False)
    return [file]
