"""What an experiment's figure is mapped to: columns of its table as rows, columns, colours and dashes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from equivariance.analysis.columns import CONDITIONS, mapped_columns
from equivariance.errors import UserError

if TYPE_CHECKING:
    from pandas import DataFrame


def mapping_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    """What an entry's figure is mapped to. Panels of measures are its columns, and its measures colours.

    Raises UserError where an entry has both `panels` and `column`.
    """
    mapping = dict(entry["figure"])
    panels = mapping.get("panels")
    if not panels:
        return mapping
    if mapping.get("column"):
        raise UserError(
            f"figure of {entry['name']}: panels are its columns; give `panels` or `column`, not both"
        )
    several = any(len(measures) > 1 for measures in panels.values())
    return {**({"hue": "measure"} if several else {}), **mapping, "column": "panel"}


def by_panel(data: DataFrame, mapping: Mapping[str, Any]) -> DataFrame:
    """Rows with a column `panel`, the title that the entry gives their measure; as they are without panels.

    Rows of a measure of several panels are in each, those of no panel are left out.
    """
    if not mapping.get("panels"):
        return data
    import pandas as pd

    panels = [(title, measure) for title, measures in mapping["panels"].items() for measure in measures]
    of_panels = pd.DataFrame(panels, columns=["panel", "measure"])
    return of_panels.merge(data, on="measure", sort=False)


def require_one_value(data: DataFrame, mapped: list[str], name: str) -> None:
    """Raise UserError when rows of different conditions would fall on one line or bar.

    `mapped` are the columns that the figure tells apart; what they do not, must be the same.
    """
    data = data[[column for column in data if column in {*CONDITIONS, *mapped}]].drop_duplicates()
    for column in (column for column in CONDITIONS if column in data and column not in mapped):
        for _, values in data.groupby(mapped, dropna=False)[column] if mapped else [("", data[column])]:
            distinct = values.unique()
            if len(distinct) > 1:
                raise UserError(
                    f"figure of {name}: {column} takes several values ({', '.join(map(str, distinct))}) that "
                    "no row, column, hue, style or x tells apart; map it in config/experiments.yaml"
                )


def lone_lines(data: DataFrame, mapping: Mapping[str, Any]) -> bool:
    """Whether every panel has a single line, so that its seeds can be drawn one by one."""
    panels, lines = mapped_columns(mapping, "row", "column"), mapped_columns(mapping, "hue", "style")
    if not lines:
        return True
    found = data[[*panels, *lines]].drop_duplicates()
    return not (found.duplicated(panels).any() if panels else len(found) > 1)
