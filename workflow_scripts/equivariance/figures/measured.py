"""The figures of one measured network: what `measures.measuring.measure` gives, drawn."""

from pathlib import Path

import pandas as pd

from equivariance.analysis.profiles import layer_profile
from equivariance.figures import plot
from equivariance.figures.style import save
from equivariance.measures.names import MEAN_OF_CLASSES

# What tells the networks of an experiment apart: a person's own is alone.
ONE_NETWORK = {
    **{"dataset": "", "model": "", "trained_with": "", "retrained_with": "none", "scheme": "none"},
    **{"seed": 0, "savepoint": "final"},
    **{"measured_on": "", "measured_with": ""},
}


def write_figures(table: pd.DataFrame, folder: Path) -> list[Path]:
    """Draw the profile and the heat map of each measure of one network's table, as `measure` gives it.

    Of a stratified table the means over classes are shown, of several aggregations each. Gives the path of
    each PDF, beside which is a PNG.
    """
    if "class" in table:
        table = table[table["class"] == MEAN_OF_CLASSES].drop(columns="class")
    several = "aggregation" if table["aggregation"].nunique() > 1 else None
    kinds = {
        "profile": ("layer_profile", layer_profile(table), {"hue": several}),
        "heat_map": ("heat_map", table, {"row": several}),
    }
    written = []
    for measure in dict.fromkeys(table["measure"]):
        for name, (kind, data, mapping) in kinds.items():
            shown = data[data["measure"] == measure].assign(**ONE_NETWORK)
            entry = {"name": name, "measures": [measure], "figure": {"kind": kind, **mapping}}
            stem = folder / f"{name}_{measure}"
            save(plot(kind, shown, entry, {}, {}), stem)
            written.append(stem.with_name(f"{stem.name}.pdf"))
    return written
