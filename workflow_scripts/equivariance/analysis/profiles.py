"""Layer profiles: a measure's values of single units, summarised layer by layer."""

import pandas as pd

from equivariance.measures.names import RATIOS

LAYER = ["layer_index", "layer", "kind", "depth", "measure"]


def layer_profile(table: pd.DataFrame) -> pd.DataFrame:
    """Summarise each layer of the table of a sweep, with one aggregation: one row per layer and measure.

    Columns: `LAYER`; mean, median, q25, q75 of the finite values; units (how many values there are);
    frac_inf; frac_dead, the fraction whose numerator and denominator are both 0 (0 for measures that are no
    ratio).
    """
    finite = table["value"].abs() != float("inf")
    groups = table.assign(value=table["value"].where(finite)).groupby(LAYER, sort=False)["value"]
    profile = pd.DataFrame(
        {
            "mean": groups.mean(),
            "median": groups.median(),
            "q25": groups.quantile(0.25),
            "q75": groups.quantile(0.75),
            "units": groups.size(),
        }
    )
    profile["frac_inf"] = (~finite).groupby([table[key] for key in LAYER], sort=False).mean()
    profile["frac_dead"] = 0.0
    wide = table.pivot(index=[*LAYER[:-1], "unit"], columns="measure", values="value")
    for ratio, parts in RATIOS.items():
        if {ratio, *parts} <= set(wide.columns):
            dead = (wide[list(parts)] == 0).all(axis=1).groupby(level="layer").mean()
            rows = profile.index.get_level_values("measure") == ratio
            layers = profile.index.get_level_values("layer")[rows]
            profile.loc[rows, "frac_dead"] = dead.loc[layers].to_numpy()
    return profile.reset_index()
