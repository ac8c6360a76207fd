"""The paths of TI-pooling as one: a layer that runs once per transformation has one value per unit."""

import pandas as pd

PLACE = ["layer", "layer_index", "depth"]


def merge_paths(table: pd.DataFrame) -> pd.DataFrame:
    """Average each unit over the paths (`conv1`, `conv1:2`, ... become `conv1`) in the table of a sweep.

    A unit that is infinite in one path is infinite. Layers are numbered as in a network with a single path,
    and depth, index / (number of layers - 1), goes from its first layer to its last. Exact also for tables
    that lack some layers (same-equivariance), since layers keep their places. A table without a second path
    is given back as it is.
    """
    places = table[PLACE].drop_duplicates().sort_values("layer_index")
    old = dict(zip(places["layer"], places["layer_index"], strict=True))
    calls = {layer: int(layer.partition(":")[2] or 1) for layer in old}
    paths = max(calls.values())
    if paths == 1:
        return table
    second = next(layer for layer, call in calls.items() if call == 2)
    length = old[second] - old[_name(second)]
    end = max(old[layer] for layer, call in calls.items() if call > 1)
    new = {
        layer: index - length * (paths - 1 if index > end else calls[layer] - 1)
        for layer, index in old.items()
    }
    last = places.iloc[-1]
    deepest = round(last["layer_index"] / last["depth"]) - length * (paths - 1)
    merged = table.assign(
        layer=table["layer"].map(_name),
        layer_index=table["layer"].map(new),
        depth=table["layer"].map(new) / deepest,
    )
    keys = [column for column in table.columns if column != "value"]
    means = merged.groupby(keys, sort=False)["value"].mean()
    return means.reset_index().sort_values("layer_index", kind="stable", ignore_index=True)[[*table.columns]]


def _name(call: str) -> str:
    """The layer of a call: `conv1` of `conv1:2`."""
    return call.partition(":")[0]
