"""The figures of one measured network: what `measures.measuring.measure` gives, drawn."""

from pathlib import Path

import pandas as pd

from equivariance.analysis.profiles import layer_profile
from equivariance.figures.heat_map import HeatMap
from equivariance.figures.kind import Kind
from equivariance.figures.layer_profile import LayerProfile
from equivariance.figures.style import save
from equivariance.measures.names import FLOOR, MEAN_OF_CLASSES
from equivariance.reserved import FINAL, NONE

# What tells the networks of an experiment apart: a person's own is alone.
ONE_NETWORK = {
    **{"dataset": "", "model": "", "trained_with": "", "retrained_with": NONE, "scheme": NONE},
    **{"seed": 0, "savepoint": FINAL},
    **{"measured_on": "", "measured_with": ""},
}


def write_figures(table: pd.DataFrame, folder: Path) -> list[Path]:
    """Draw the profile and the heat map of each measure of one network's table, as `measure` gives it.

    Of a stratified table the means over classes are shown, of several aggregations each; resampling floors
    are in the profiles of their measures. Gives the path of each PDF, beside which is a PNG.
    """
    if "class" in table:
        table = table[table["class"] == MEAN_OF_CLASSES].drop(columns="class")
    several = "aggregation" if table["aggregation"].nunique() > 1 else None
    kinds: dict[str, tuple[Kind, pd.DataFrame, dict[str, str | None]]] = {
        "profile": (LayerProfile(), layer_profile(table), {"hue": several}),
        "heat_map": (HeatMap(), _slim(table), {"row": several}),
    }
    written = []
    measures = table["measure"].unique()
    for measure in (name for name in measures if not name.endswith(FLOOR)):
        for name, (kind, data, mapping) in kinds.items():
            shown = _of_one_network(data[data["measure"].isin([measure, f"{measure}{FLOOR}"])])
            entry = {"name": name, "measures": [measure], "figure": mapping}
            stem = folder / f"{name}_{measure}"
            save(kind.plot(shown, entry, {}, {}), stem)
            written.append(stem.with_name(f"{stem.name}.pdf"))
    return written


def _slim(table: pd.DataFrame) -> pd.DataFrame:
    """What a heat map shows of a table, with each text once: there may be millions of rows."""
    texts = ("layer", "kind", "measure", "aggregation")
    return table.drop(columns="unit").astype(dict.fromkeys(texts, "category"))


def _of_one_network(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with the columns `ONE_NETWORK`, in a byte for each row."""
    constants = {
        column: pd.Series(value, rows.index, dtype="category") for column, value in ONE_NETWORK.items()
    }
    return rows.assign(**constants)
