"""What the paper says, computed from the tables of a run: a plain mapping that the template prints.

Every number in it is read from a table; the template holds prose, equations and layout only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from equivariance.analysis.columns import COLUMN_NAMES, NETWORK, display, levels
from equivariance.figures.captions import join, range_text
from equivariance.figures.kind import Kind, Number
from equivariance.figures.kinds import figure_kind
from equivariance.figures.mapping import mapped_columns
from equivariance.reserved import NONE, UNTRAINED

Cell = str
Content = dict[str, Any]


@dataclass(frozen=True)
class Entry:
    """An experiment of the run: its entry with its name, what its figure draws, and the figure's file."""

    experiment: Mapping[str, Any]
    data: Any
    figure: str


def content(
    run: str,
    entries: Sequence[Entry],
    labels: Mapping[str, str],
    stand_ins: Mapping[str, str],
    datasets: Sequence[Mapping[str, Any]],
    sizes: Mapping[str, Any],
    versions: Mapping[str, str],
    left_out: Mapping[str, str] | None = None,
) -> Content:
    """Everything the template prints.

    `datasets` are the summaries beside the prepared data sets; `sizes` may be nested; `left_out` gives the
    reasons for experiments that the run lacks, by their titles; chapters come in the order in which the
    entries first name them.
    """
    names = dict(labels)
    chapters: dict[str, list[Content]] = {}
    for entry in entries:
        chapters.setdefault(str(entry.experiment["chapter"]), []).append(section(entry, names))
    used = _used_datasets(entries)
    return {
        "run": run,
        "abstract": _abstract(run, entries, used, names),
        "stand_ins": [
            {
                "name": display("dataset", name, names),
                "stands_for": names.get(stand_ins[name], stand_ins[name]),
            }
            for name in used
            if stand_ins.get(name)
        ],
        "left_out": [{"title": title, "reason": reason} for title, reason in (left_out or {}).items()],
        "chapters": [{"title": title, "sections": sections} for title, sections in chapters.items()],
        "datasets": dataset_table([info for info in datasets if info["name"] in used], names),
        "sizes": {"header": ["setting", "value"], "rows": [list(row) for row in flat(sizes)]},
        "versions": {
            "header": ["software", "version"],
            "rows": [[name, versions[name]] for name in sorted(versions)],
        },
        "networks": network_table(entries, names),
    }


def section(entry: Entry, labels: dict[str, str]) -> Content:
    """One experiment: its texts, its figure, and its numbers."""
    experiment = entry.experiment
    return {
        "name": experiment["name"],
        "title": experiment["title"],
        "question": experiment["question"],
        "source": experiment["source"],
        "figure": entry.figure,
        "caption": figure_kind(experiment["figure"]["kind"]).caption(entry.data, experiment, labels),
        "table": numbers(entry, labels),
    }


def numbers(entry: Entry, labels: Mapping[str, str]) -> Content | None:
    """The table of an experiment: one row per condition, means over seeds with their standard deviation.

    Its kind of figure says which numbers; None where it has none.
    """
    mapping = entry.experiment["figure"]
    kind = figure_kind(mapping["kind"])
    found = kind.numbers(entry.data, entry.experiment, labels)
    if found is None:
        return None
    values, columns = found
    by = conditions(values, mapping, kind)
    rows = []
    for key, group in in_order(values, by):
        shown = [display(column, value, labels) for column, value in zip(by, key, strict=True)]
        cells = [_cell(group[column], number) for column, number in columns.items()]
        rows.append([*shown, str(group["seed"].nunique()), *cells])
    return {
        "header": [
            *(COLUMN_NAMES[column] for column in by), "seeds", *(one.title for one in columns.values())
        ],
        "conditions": len(by),
        "rows": rows,
    }  # fmt: skip


def conditions(values: pd.DataFrame, mapping: Mapping[str, Any], kind: Kind) -> list[str]:
    """Columns that tell the rows of an experiment's table apart: what its figure maps and what varies."""
    also = [column for column in ("measure", "class") if column in values]
    mapped = dict.fromkeys([*mapped_columns(mapping, *kind.keys), *also])
    return [column for column in mapped if values[column].nunique() > 1 or column == "dataset"]


def in_order(values: pd.DataFrame, by: Sequence[str]) -> list[tuple[tuple[Any, ...], pd.DataFrame]]:
    """Groups of rows by their conditions, in the order in which figures show the values of each column."""
    if not by:
        return [((), values)]
    ranks = [{value: rank for rank, value in enumerate(levels(values[column]))} for column in by]
    groups = [(key, group) for key, group in values.groupby(list(by), sort=False)]
    return sorted(groups, key=lambda item: [rank[part] for rank, part in zip(ranks, item[0], strict=True)])


def spread(values: "pd.Series[Any]", digits: int) -> Cell:
    """Mean and, where there are several values, their sample standard deviation.

    >>> spread(pd.Series([1.0, 2.0, 3.0]), 1)
    '2.0 ± 1.0'
    """
    mean = f"{values.mean():.{digits}f}"
    return f"{mean} ± {values.std(ddof=1):.{digits}f}" if len(values) > 1 else mean


def _cell(values: "pd.Series[Any]", number: Number) -> Cell:
    if number.digits is None:
        return str(int(values.max()))
    values = values.dropna()
    return spread(values, number.digits) if len(values) else "–"


def _used_datasets(entries: Sequence[Entry]) -> list[str]:
    used: dict[str, None] = {}
    for entry in entries:
        if isinstance(entry.data, pd.DataFrame):
            used.update(dict.fromkeys(str(name) for name in entry.data["dataset"]))
        else:
            used.update(dict.fromkeys(grid.dataset for grid in entry.data))
    return list(used)


def _networks(entries: Sequence[Entry]) -> pd.DataFrame:
    """The distinct networks behind the tables, one row each."""
    found = [entry.data[list(NETWORK)] for entry in entries if isinstance(entry.data, pd.DataFrame)]
    return pd.concat(found).drop_duplicates() if found else pd.DataFrame(columns=list(NETWORK))


def _abstract(run: str, entries: Sequence[Entry], used: Sequence[str], labels: dict[str, str]) -> Content:
    """The counts that the abstract quotes."""
    networks = _networks(entries)
    profiles = [
        entry.data for entry in entries if isinstance(entry.data, pd.DataFrame) and "measure" in entry.data
    ]
    per_measurement = [*NETWORK, "savepoint", "measured_on", "measured_with", "samples"]
    measured = pd.concat(profiles)[per_measurement].drop_duplicates() if profiles else pd.DataFrame()
    cells = networks.groupby(list(NETWORK[:-1]))["seed"].nunique() if len(networks) else pd.Series([0])
    return {
        "run": run,
        "experiments": len(entries),
        "datasets": join(display("dataset", name, labels) for name in used),
        "networks": len(networks),
        "models": int(networks["model"].nunique()),
        "trained": _trained(set(networks["trained_with"]), set(networks["retrained_with"])),
        "seeds": range_text(cells),
        "measurements": len(measured),
        "samples": range_text(measured["samples"]) if len(measured) else "0",
    }


def _trained(sets: set[str], retrained_with: set[str]) -> str:
    """With what the networks were trained, in words."""
    count = len(sets - {NONE, UNTRAINED})
    parts = [f"trained with {count} set{'s' if count != 1 else ''} of transformations"] if count else []
    parts += ["trained without transformations"] if NONE in sets else []
    parts += ["left untrained"] if UNTRAINED in sets else []
    return join([*parts, *(["retrained with some layers frozen"] if retrained_with - {NONE} else [])])


def network_table(entries: Sequence[Entry], labels: dict[str, str]) -> Content:
    """The networks behind the tables: one row per data set, model and set, with the seeds; of retrained ones
    also with what and which layers."""
    networks = _networks(entries)
    retrained = (networks["scheme"] != NONE).any()
    by = NETWORK[:-1] if retrained else NETWORK[:3]
    rows = []
    for key, group in in_order(networks, by):
        names = [display(column, value, labels) for column, value in zip(by, key, strict=True)]
        rows.append([*names, _seeds(group)])
    return {"header": [*(COLUMN_NAMES[column] for column in by), "seeds"], "rows": rows}


def _seeds(group: pd.DataFrame) -> Cell:
    """Seeds as runs of consecutive numbers: 0-4, 7."""
    runs: list[list[int]] = []
    for seed in sorted(int(seed) for seed in group["seed"]):
        if runs and seed == runs[-1][-1] + 1:
            runs[-1].append(seed)
        else:
            runs.append([seed])
    return ", ".join(f"{run[0]}–{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)


def dataset_table(summaries: Sequence[Mapping[str, Any]], labels: dict[str, str]) -> Content:
    """The data sets of the run, from the summaries beside them."""
    rows = [
        [
            display("dataset", info["name"], labels),
            " × ".join(str(side) for side in info["image_shape"]),
            str(len(info["classes"])),
            f"{info['train']['images']:,}",
            f"{info['test']['images']:,}",
            f"stand-in for {info['stand_in_for']}" if info["stand_in_for"] else "no",
            info["source"],
        ]
        for info in summaries
    ]
    header = ["data set", "C × H × W", "classes", "training", "test", "stand-in", "source"]
    return {"header": header, "rows": rows}


def flat(settings: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested settings as (dotted name, text), in their order."""
    rows: list[tuple[str, str]] = []
    for name, value in settings.items():
        if isinstance(value, Mapping):
            rows += flat(value, f"{prefix}{name}.")
        elif isinstance(value, list | tuple):
            rows.append((f"{prefix}{name}", ", ".join(str(part) for part in value)))
        else:
            rows.append((f"{prefix}{name}", "none" if value is None else str(value)))
    return rows
