"""The tables of a measured network, as files."""

from pathlib import Path

import pandas as pd

from equivariance.analysis.profiles import layer_profile
from equivariance.files import atomic_path

LARGEST_CSV = 1_000_000  # rows: about 100 MB


def write_tables(table: pd.DataFrame, folder: Path, form: str) -> list[Path]:
    """Write the values of units, as csv or parquet, and the profile of layers; give their paths.

    The form `auto` is csv for up to `LARGEST_CSV` rows, else parquet.
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
    return [units, profile]
