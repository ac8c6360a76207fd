"""Lines that are means over seeds, with what the seeds do: shared by profiles and learning curves."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from equivariance.figures.style import CATEGORIES
from equivariance.figures.tables import has_one_line_per_panel


def seed_lines(
    axes: Axes, rows: pd.DataFrame, columns: tuple[str, str], color: str, alone: bool, **look: Any
) -> None:
    """Draw the mean over seeds of a column over another, with single seeds as thin lines where it is alone,
    else with a band from the smallest to the largest; `look` goes to the line of the mean."""
    line: dict[str, Any] = {"x": columns[0], "y": columns[1], "ax": axes, "color": color, "legend": False}
    several = rows["seed"].nunique() > 1
    if several and alone:
        sns.lineplot(rows, units="seed", estimator=None, linewidth=0.5, alpha=0.55, label="_seed", **line)
    band = {"alpha": 0.18, "linewidth": 0, "label": "_band"}
    errorbar = ("pi", 100) if several and not alone else None
    sns.lineplot(rows, errorbar=errorbar, err_kws=band, markeredgewidth=0, **{"label": "mean", **line, **look})


def seed_entries() -> dict[str, Any]:
    """Entries of a legend for lines that are alone."""
    return {
        "mean over seeds": Line2D([], [], color=CATEGORIES[0], marker="o"),
        "one seed": Line2D([], [], color=CATEGORIES[0], linewidth=0.5),
    }


def seeds_text(rows: pd.DataFrame, mapping: Mapping[str, Any]) -> str:
    """What is made of seeds, for captions."""
    if has_one_line_per_panel(rows, mapping):
        return "Thick lines are means over {}, thin lines single seeds"
    return "Lines are means over {}, bands reach from the smallest to the largest of them"
