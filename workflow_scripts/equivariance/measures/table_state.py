"""Tables as tensors and plain values, which checkpoints hold."""

from typing import Any

import pandas as pd
import torch


def table_state(table: pd.DataFrame) -> dict[str, Any]:
    """Return the columns of a table, numbers as tensors, and texts as codes of those that occur."""
    state: dict[str, Any] = {}
    for name, column in table.items():
        if pd.api.types.is_numeric_dtype(column):
            state[str(name)] = torch.tensor(column.to_numpy())
        else:
            codes, texts = pd.factorize(column)
            state[str(name)] = (torch.tensor(codes), [str(text) for text in texts])
    return state


def table_from_state(state: dict[str, Any]) -> pd.DataFrame:
    """Make the table again."""
    columns: dict[str, Any] = {}
    for name, values in state.items():
        if isinstance(values, torch.Tensor):
            columns[name] = values.numpy()
        else:
            codes, texts = values
            columns[name] = pd.Series(texts, dtype="str").take(codes.numpy()).reset_index(drop=True)
    return pd.DataFrame(columns)
