"""The compact table of an experiment: conditions as rows, what is compared as columns, at most 15 rows.

It is made from the table of the experiment, of any sort, and from what its figure is mapped to. The rule:

1. Each network has one number or a few, its quantities, such as the mean of a measure over the layers.
2. The conditions are the columns that the figure maps and that take several values, and the measure.
3. One condition becomes columns of the compact table, or two where one leaves too many rows: measures before
   hue, style and x, and these before the figure's columns and rows. A single condition stays as rows. Where
   all quantities make more than six columns, the first one is shown.
4. Where that leaves more than 15 rows, the numbers are averaged over a condition: over that row or column
   of the figure with the fewest values first, over what is compared only in the end, over measures never.

A cell is the mean over seeds, with the standard deviation over them where there are several.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from itertools import combinations as subsets
from math import floor, isfinite, log10
from typing import TYPE_CHECKING, Any

from equivariance.analysis.columns import (
    COLUMNS,
    CONDITIONS,
    NETWORK,
    column_name,
    combinations,
    display,
    levels,
    mapped_columns,
)
from equivariance.analysis.reading import is_floor, network_values
from equivariance.language import N_, _, listed, ngettext
from equivariance.measures.names import MEAN_OF_CLASSES

if TYPE_CHECKING:
    from pandas import DataFrame, Series

ROWS, WIDTH = 15, 6
"""The most rows of a compact table, and its most columns of numbers."""

COMPARED, FACETS = ("hue", "style", "x"), ("column", "row")
"""The keys of a figure's mapping that name what is compared in a panel, and those that name panels."""

SORTS = ("units", "class_accuracies", "histories", "networks", "profiles", "accuracies")
"""The sorts of `COLUMNS`, those with columns of their own first."""

QUANTITIES: dict[str, dict[str, str]] = {
    "accuracies": {"accuracy": N_("test accuracy (%)")},
    "class_accuracies": {
        "upright": N_("accuracy at 0° (%)"),
        "lowest": N_("accuracy at the worst angle (%)"),
    },
    "histories": {
        "reached_epoch": N_("epochs to 99 %"),
        "reached_seconds": N_("seconds to 99 %"),
        "epoch": N_("epochs"),
        "accuracy": N_("test accuracy (%)"),
    },
    "networks": {
        "global_layer_mean": N_("mean over layers"),
        "global_unit_mean": N_("mean over units"),
        "top_unit_mean": N_("mean over the largest fifth of the units"),
    },
    "profiles": {"over_layers": N_("mean over layers"), "last_layer": N_("last layer")},
    "classes": {
        "over_layers": N_("mean over layers, mean of the classes"),
        "smallest": N_("smallest of the classes"),
        "largest": N_("largest of the classes"),
    },
}
"""What there is of each network, for each sort of table; `classes` are profiles class by class."""


@dataclass(frozen=True)
class CompactTable:
    """A table as text. `names` are the titles of the columns that name rows, `columns` those of the others;
    `groups` are titles above these, with how many columns each is above (none where there is one line)."""

    names: list[str]
    columns: list[str]
    groups: list[tuple[str, int]]
    rows: list[list[str]]
    caption: str


def compact(table: DataFrame, entry: Mapping[str, Any], labels: Mapping[str, str]) -> CompactTable | None:
    """The compact table of an experiment; None for what its figure already shows as numbers.

    `entry` is the entry of the experiment with its `figure` and its `measures`.
    """
    if entry["figure"]["kind"] == "relative_error_map":
        return None
    rows = shown(table, entry)
    sort = sort_of(rows)
    values, quantities = _quantities(rows, sort)
    spread, averaged = _layout(values, entry["figure"])
    kept = [name for name in conditions(values, entry["figure"]) if name not in {*spread, *averaged}]
    columns = combinations(values, list(spread))
    many = len(columns) * len(quantities) > WIDTH or len(spread) > 1
    chosen = dict(list(quantities.items())[:1]) if many else quantities
    names = kept or ([] if spread and values["dataset"].nunique() > 1 else ["dataset"])
    numbers = list(dict.fromkeys([*chosen, *(["accuracy"] if sort == "profiles" else [])]))
    grouped = values.groupby([*names, *spread, "seed"], sort=False, dropna=False)
    per_seed = grouped[numbers].mean().reset_index()
    cells = [(key, quantity) for key in columns for quantity in chosen]
    with_accuracy = (
        sort == "profiles"
        and not {*spread, *averaged} & {*NETWORK, "savepoint", "augmented"}
        and len(cells) < WIDTH
        and per_seed["accuracy"].notna().any()
    )
    body = []
    for row in combinations(per_seed, names):
        own = per_seed[_where(per_seed, names, row)]
        texts = [
            _cell(own[_where(own, spread, key)][quantity], sort) for key, quantity in cells
        ]  # fmt: skip
        accuracy = [spread_text(own.drop_duplicates("seed")["accuracy"].dropna(), 1)] if with_accuracy else []
        shown_names = [display(name, value, labels) for name, value in zip(names, row, strict=True)]
        body.append([*shown_names, *texts, *accuracy])
    groups, titles = _titles(columns, spread, chosen, labels)
    extra = [_("accuracy (%)")] if with_accuracy else []
    return CompactTable(
        [column_name(name) for name in names],
        [*titles, *extra],
        [*groups, *(("", 1) for _one in extra)] if groups else [],
        body,
        _caption(chosen, per_seed, values, spread, averaged, labels),
    )


def sort_of(table: DataFrame) -> str:
    """The sort of a table, a key of `COLUMNS`."""
    return next(sort for sort in SORTS if {*COLUMNS[sort]} <= {*table.columns})


def shown(table: DataFrame, entry: Mapping[str, Any]) -> DataFrame:
    """The rows that an experiment is about: of the measures it shows, in the order of its entry, without
    resampling floors and without means over classes."""
    if "class" in table:
        table = table[table["class"] != MEAN_OF_CLASSES]
    if "measure" not in table:
        return table
    table, panels = table[~is_floor(table)], entry["figure"].get("panels")
    measures = entry.get("measures") or levels(table["measure"])
    if panels:
        measures = [*chain.from_iterable(panels.values())]
    elif "measure" not in mapped_columns(entry["figure"], *COMPARED, *FACETS):
        measures = measures[:1]
    place = {measure: at for at, measure in enumerate(measures)}
    rows = table[table["measure"].isin(measures)]
    return rows.sort_values("measure", key=lambda column: column.map(place), kind="stable")


def conditions(values: DataFrame, mapping: Mapping[str, Any]) -> list[str]:
    """The columns that tell rows apart, as the figure names them: its rows first, then what it compares."""
    names = [*mapped_columns(mapping, "row", "column", "x", "hue", "style"), "measure"]
    return [name for name in dict.fromkeys(names) if name in values and values[name].nunique() > 1]


def spread_text(values: Series[Any], digits: int | None = None) -> str:
    """Mean and, where there are several values, their sample standard deviation; "–" where there are none.

    Without `digits`, the mean has three significant ones.

    >>> import pandas as pd
    >>> spread_text(pd.Series([1.0, 2.0, 3.0]), 1), spread_text(pd.Series([0.25]))
    ('2.0 ± 1.0', '0.250')
    """
    if values.empty:
        return "–"
    if digits is None:
        digits = digits_of(values.mean())
    mean = f"{values.mean():,.{digits}f}"
    return f"{mean} ± {values.std(ddof=1):,.{digits}f}" if len(values) > 1 else mean


def digits_of(value: float) -> int:
    """Digits behind the point that make three significant ones; five at most."""
    return min(max(2 - floor(log10(abs(value))), 0), 5) if value and isfinite(value) else 0


def number(value: float) -> str:
    """A value of a measure with three significant digits."""
    return f"{value:,.{digits_of(value)}f}"


def _quantities(rows: DataFrame, sort: str) -> tuple[DataFrame, dict[str, str]]:
    """One row for each network and condition with its quantities, and the titles of these."""
    if sort == "histories":
        values = rows.drop_duplicates(list(NETWORK), keep="last")
    elif sort == "class_accuracies":
        return _angles(rows)
    elif sort in ("profiles", "units"):
        values = network_values(rows)
        if "class" in values:
            return _classes(values)
        return values, QUANTITIES["profiles"]
    else:
        values = rows
    return values.assign(accuracy=100 * values["accuracy"]), QUANTITIES[sort]


def _angles(rows: DataFrame) -> tuple[DataFrame, dict[str, str]]:
    """Accuracies, means over classes: upright and at the worst angle; over all members without angles."""
    by = [name for name in ("seed", *CONDITIONS) if name in rows and name != "class"]
    if "angle" not in rows:
        means = rows.groupby(by, sort=False)["accuracy"].mean().mul(100).reset_index()
        return means, QUANTITIES["accuracies"]
    angles = rows.groupby([*by, "angle"], sort=False)["accuracy"].mean().mul(100).reset_index()
    upright = angles[angles["angle"] == 0].rename(columns={"accuracy": "upright"})[[*by, "upright"]]
    lowest = angles.groupby(by, sort=False)["accuracy"].min().rename("lowest").reset_index()
    return lowest.merge(upright, on=by, how="left"), QUANTITIES["class_accuracies"]


def _classes(values: DataFrame) -> tuple[DataFrame, dict[str, str]]:
    """Of the means over layers of the classes of a network: their mean, the smallest, the largest."""
    by = [name for name in ("seed", *CONDITIONS) if name in values and name != "class"]
    found = values.groupby(by, sort=False).agg(
        over_layers=("over_layers", "mean"),
        smallest=("over_layers", "min"),
        largest=("over_layers", "max"),
        accuracy=("accuracy", "mean"),
    )
    return found.reset_index(), QUANTITIES["classes"]


def _layout(values: DataFrame, mapping: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Which conditions become columns, and which are averaged over."""
    every = conditions(values, mapping)
    preferred = ["measure", *mapped_columns(mapping, *COMPARED, *FACETS)]
    preferred = [name for name in dict.fromkeys(preferred) if name in every]
    facets = [name for name in mapped_columns(mapping, *FACETS) if name in every and name != "measure"]
    compared = [name for name in preferred if name not in ("measure", *facets)]
    fewest = sorted(facets, key=lambda name: values[name].nunique())
    averaged = [*_subsets(fewest), *((*fewest, *more) for more in _subsets(compared) if more)]
    for dropped in averaged:
        kept = [name for name in preferred if name not in dropped]
        for spread in [()] * (len(kept) < 2) + [*subsets(kept, 1), *subsets(kept, 2)] * (len(kept) > 1):
            rest = [name for name in every if name not in {*dropped, *spread}]
            if len(combinations(values, list(spread))) <= WIDTH and len(combinations(values, rest)) <= ROWS:
                return tuple(name for name in every if name in spread), dropped
    return (), averaged[-1]


def _subsets(names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """The subsets of some names, the smaller ones first."""
    return chain.from_iterable(subsets(names, size) for size in range(len(names) + 1))


def _where(data: DataFrame, columns: Sequence[str], key: Sequence[Any]) -> Series[bool]:
    """Which rows have some values in some columns."""
    import pandas as pd

    found = pd.Series(True, index=data.index)
    for column, value in zip(columns, key, strict=True):
        found &= data[column] == value
    return found


def _cell(values: Series[Any], sort: str) -> str:
    values = values.dropna()
    return spread_text(values, 1 if sort in ("accuracies", "class_accuracies", "histories") else None)


def _titles(
    columns: list[tuple[Any, ...]],
    spread: Sequence[str],
    quantities: Mapping[str, str],
    labels: Mapping[str, str],
) -> tuple[list[tuple[str, int]], list[str]]:
    """The titles of the columns of numbers, and those above them."""
    quantity_titles = [_(title) for title in quantities.values()]
    if not spread:
        return [], quantity_titles
    shown_keys = [
        [display(name, part, labels) for name, part in zip(spread, key, strict=True)] for key in columns
    ]
    if len(spread) == 1 and len(quantities) == 1:
        return [(column_name(spread[0]), len(columns))], [key[0] for key in shown_keys]
    groups: dict[str, int] = {}
    for first, *_rest in shown_keys:
        groups[first] = groups.get(first, 0) + len(quantities)
    titles = [key[1] for key in shown_keys] if len(spread) > 1 else quantity_titles * len(columns)
    return list(groups.items()), titles


def _caption(
    quantities: Mapping[str, str],
    per_seed: DataFrame,
    values: DataFrame,
    spread: Sequence[str],
    averaged: Sequence[str],
    labels: Mapping[str, str],
) -> str:
    """What the numbers are."""
    seeds = per_seed["seed"].nunique()
    text = ngettext(
        "One network for each condition.", "Means over {count} seeds, ± their standard deviation.", seeds
    ).format(count=seeds)
    measures = levels(values["measure"]) if "measure" in values else []
    if len(quantities) == 1:
        (title,) = map(_, quantities.values())
        if len(measures) == 1:
            title = _("{measure}, {quantity}").format(
                measure=display("measure", measures[0], labels), quantity=title
            )
        text = _("{quantity}. {seeds}").format(quantity=title[0].upper() + title[1:], seeds=text)
    elif len(measures) == 1:
        text = _("{quantity}. {seeds}").format(quantity=display("measure", measures[0], labels), seeds=text)
    told = [name for name in spread if name != "measure"] if len(spread) > 1 or len(quantities) > 1 else []
    if told:
        names = listed([column_name(name) for name in told])
        text = _("{text} Columns: {columns}.").format(text=text, columns=names)
    if averaged:
        names = listed([column_name(name) for name in averaged])
        text = _("{text} Averaged over: {columns}.").format(text=text, columns=names)
    return text
