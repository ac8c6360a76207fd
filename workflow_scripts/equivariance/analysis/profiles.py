"""Layer profiles: a measure's values of single units, summarised layer by layer, and network by network."""

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from equivariance.analysis.columns import NETWORK
from equivariance.measures.names import parts

LAYER = ["layer_index", "layer", "kind", "depth"]
VALUE = ["aggregation", "class", "measure"]  # what a value is of; there are classes in stratified tables only
ROWS = 1_000_000  # about as many are summarised at a time


def layer_profile(table: pd.DataFrame) -> pd.DataFrame:
    """Summarise each layer of the table of a sweep: one row per layer, measure, aggregation and class.

    Columns: `LAYER` and `VALUE`; mean, median, q25, q75 of the finite values; units (how many values there
    are); frac_inf; frac_dead, the fraction whose numerator and denominator are both 0 (0 for measures that
    are no ratio, or whose parts are not in the table). Raises ValueError where a unit has two values.
    """
    profiles = [_profile(table.iloc[rows], rows) for rows in _batches(table["layer"])]
    return pd.concat(profiles).sort_values("first", ignore_index=True).drop(columns="first")


def _batches(layers: "pd.Series[str]") -> "list[NDArray[np.intp]]":
    """Cut the rows of a table into batches of whole layers, of about `ROWS`; one of none is one batch."""
    codes, _ = pd.factorize(layers)
    batches = (np.bincount(codes).cumsum() - 1) // ROWS  # of each layer
    of_row = batches[codes]
    return [np.flatnonzero(of_row == number) for number in np.unique(of_row)] or [of_row]


def _profile(table: pd.DataFrame, places: "NDArray[np.intp]") -> pd.DataFrame:
    """Summarise some layers whole, whose rows have these places; `first` is the place of the first."""
    value = [name for name in VALUE if name in table]
    keys = [*LAYER, *value]
    wide = table.pivot(index=[*LAYER, *value[:-1], "unit"], columns="measure", values="value")
    finite = table["value"].abs() != math.inf
    rows = table[keys].assign(value=table["value"].where(finite), infinite=~finite, place=places)
    groups = rows.groupby(keys, sort=False)
    values = groups["value"]
    profile = pd.DataFrame(
        {
            "mean": values.mean(),
            "median": values.median(),
            "q25": values.quantile(0.25),
            "q75": values.quantile(0.75),
            "units": values.size(),
            "frac_inf": groups["infinite"].mean(),
            "first": groups["place"].min(),
        }
    )
    profile = profile.reset_index().assign(frac_dead=0.0)
    for ratio in wide.columns:
        divided = list(parts(ratio))
        if divided and {*divided} <= {*wide.columns}:
            dead = (wide[divided] == 0).all(axis=1)[wide[ratio].notna()].groupby(level=keys[:-1]).mean()
            of_ratio = profile["measure"] == ratio
            index = pd.MultiIndex.from_frame(profile.loc[of_ratio, keys[:-1]])
            profile.loc[of_ratio, "frac_dead"] = dead.reindex(index).to_numpy()
    return profile


def network_values(table: pd.DataFrame, top: float = 0.2) -> pd.DataFrame:
    """Summarise a whole network from the table of a sweep: one row per measure, aggregation and class.

    Columns: `VALUE`; global_layer_mean, the mean of the layers' means (the code of 2022); global_unit_mean,
    that of all units (2020); top_unit_mean, that of the largest `top` of all units, by which Goodfellow et
    al. (2009) score networks: units that fire for no particular input say nothing of invariance. Only finite
    values count.
    """
    value = [name for name in VALUE if name in table]
    finite = table[table["value"].abs() != math.inf].dropna(subset="value")
    layers = finite.groupby([*value, "layer"], sort=False)["value"].mean()
    units = finite.groupby(value, sort=False)["value"]
    found = pd.DataFrame(
        {
            "global_layer_mean": layers.groupby(level=value, sort=False).mean(),
            "global_unit_mean": units.mean(),
            "top_unit_mean": units.agg(lambda one: one.nlargest(math.ceil(top * len(one))).mean()),
        }
    )
    return found.reset_index()


def merged_layers(data: pd.DataFrame) -> list[tuple[str, str]]:
    """Layers of all networks of a table, (name, kind) in order.

    A layer that only some networks have (batch normalization) stands behind the layer it follows there.
    """
    merged: list[str] = []
    kinds: dict[str, str] = {}
    networks = data.drop_duplicates([*NETWORK[:-1], "layer"]).groupby(list(NETWORK[:-1]), sort=False)
    for _, network in networks:
        previous = -1
        ordered = network.sort_values("layer_index", kind="stable")
        for layer, kind in zip(ordered["layer"], ordered["kind"], strict=True):
            if layer not in kinds:
                merged.insert(previous + 1, layer)
                kinds[layer] = kind
            previous = merged.index(layer)
    return [(layer, kinds[layer]) for layer in merged]
