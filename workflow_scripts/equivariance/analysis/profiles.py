"""Layer profiles: a measure's values of single units, summarised layer by layer, and network by network."""

import math

import pandas as pd

from equivariance.analysis.ratios import parts

LAYER = ["layer_index", "layer", "kind", "depth"]
VALUE = ["aggregation", "class", "measure"]  # what a value is of; there are classes in stratified tables only


def layer_profile(table: pd.DataFrame) -> pd.DataFrame:
    """Summarise each layer of the table of a sweep: one row per layer, measure, aggregation and class.

    Columns: `LAYER` and `VALUE`; mean, median, q25, q75 of the finite values; units (how many values there
    are); frac_inf; frac_dead, the fraction whose numerator and denominator are both 0 (0 for measures that
    are no ratio, or whose parts are not in the table). Raises ValueError where a unit has two values.
    """
    value = [name for name in VALUE if name in table]
    keys = [*LAYER, *value]
    wide = table.pivot(index=[*LAYER, *value[:-1], "unit"], columns="measure", values="value")
    finite = table["value"].abs() != math.inf
    groups = table.assign(value=table["value"].where(finite)).groupby(keys, sort=False)["value"]
    profile = pd.DataFrame(
        {
            "mean": groups.mean(),
            "median": groups.median(),
            "q25": groups.quantile(0.25),
            "q75": groups.quantile(0.75),
            "units": groups.size(),
        }
    )
    profile["frac_inf"] = (~finite).groupby([table[key] for key in keys], sort=False).mean()
    profile = profile.reset_index().assign(frac_dead=0.0)
    for ratio in wide.columns:
        divided = list(parts(ratio))
        if divided and {*divided} <= {*wide.columns}:
            dead = (wide[divided] == 0).all(axis=1)[wide[ratio].notna()].groupby(level=keys[:-1]).mean()
            rows = profile["measure"] == ratio
            places = pd.MultiIndex.from_frame(profile.loc[rows, keys[:-1]])
            profile.loc[rows, "frac_dead"] = dead.reindex(places).to_numpy()
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
