"""The table of claims, read again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from equivariance.analysis.claims.columns import COLUMNS, NUMBERS
from equivariance.errors import UserError
from equivariance.files import check_checksum

if TYPE_CHECKING:
    from pandas import DataFrame


def read_claims(path: str | Path) -> DataFrame:
    """Read what `judge` made (.csv). Raises UserError where it lacks columns."""
    import pandas as pd

    check_checksum(path)
    table = pd.read_csv(path, keep_default_na=False, na_values={name: [""] for name in NUMBERS})
    absent = [name for name in COLUMNS if name not in table]
    if absent:
        raise UserError(f"{path} lacks the columns {', '.join(absent)} of a table of claims")
    return table
