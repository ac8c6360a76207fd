"""What the paper says, computed from the tables of a run: a plain mapping that the template prints.

Every number in it is read from a table; the template holds prose, equations and layout only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from equivariance.analysis.answers import answer, signed
from equivariance.analysis.claims.estimates import NO_NUMBER
from equivariance.analysis.columns import NETWORK, column_name, combinations, display
from equivariance.analysis.compact import compact
from equivariance.analysis.published import QUANTITIES, VERDICTS
from equivariance.figures.captions import range_text
from equivariance.figures.kinds import figure_kind
from equivariance.language import _, listed, ngettext
from equivariance.reserved import NONE, UNTRAINED

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
    language: str = "en",
    claims: Mapping[str, Mapping[str, Any]] | None = None,
    conclusions: pd.DataFrame | None = None,
    published: pd.DataFrame | None = None,
) -> Content:
    """Everything the template prints, in the current language, whose code is `language`.

    `datasets` are the summaries beside the prepared data sets; `sizes` may be nested; `left_out` gives the
    reasons for experiments that the run lacks, by their titles; chapters come in the order in which the
    entries first name them. `claims` are the entries of claims, by name, `conclusions` has a row for each
    of them, `published` has published numbers beside those of the run; None where the run has no such table.
    """
    names = dict(labels)
    judged = conclusions_of(conclusions)
    chapters: dict[str, list[Content]] = {}
    for entry in entries:
        about = claims_of(str(entry.experiment["name"]), claims, judged)
        chapters.setdefault(str(entry.experiment["chapter"]), []).append(section(run, entry, names, about))
    used = _used_datasets(entries)
    return {
        "language": language,
        "run": run,
        "abstract": _abstract(run, entries, used, names),
        "stand_ins": [
            {
                "name": display("dataset", name, names),
                "stands_for": display("dataset", stand_ins[name], names),
            }
            for name in used
            if stand_ins.get(name)
        ],
        "copies": [
            display("dataset", info["name"], names)
            for info in datasets
            if info["name"] in used and info["copies"]
        ],
        "left_out": [{"title": _(title), "reason": _(reason)} for title, reason in (left_out or {}).items()],
        "conclusions": judged,
        "chapters": [
            {"name": name, "title": _(name), "sections": sections} for name, sections in chapters.items()
        ],
        "published": None if published is None else published_table(run, published),
        "datasets": dataset_table([info for info in datasets if info["name"] in used], names),
        "sizes": {"header": [_("setting"), _("value")], "rows": [list(row) for row in flat(sizes)]},
        "versions": {
            "header": [_("software"), _("version")],
            "rows": [[name, versions[name]] for name in sorted(versions)],
        },
        "networks": network_table(entries, names),
    }


def section(run: str, entry: Entry, labels: dict[str, str], claims: Sequence[Content] = ()) -> Content:
    """One experiment: its texts, its answer with the claims that read it, its figure, its compact table."""
    experiment, has_table = entry.experiment, isinstance(entry.data, pd.DataFrame)
    table = compact(entry.data, experiment, labels) if has_table else None
    return {
        "name": experiment["name"],
        "title": _(experiment["title"]),
        "question": _(experiment["question"]),
        "source": _(experiment["source"]),
        "answer": answer(entry.data, experiment, labels) if has_table else "",
        "claims": list(claims),
        "figure": entry.figure,
        "caption": figure_kind(experiment["figure"]["kind"]).caption(entry.data, experiment, labels),
        "table": None if table is None else asdict(table),
        "file": f"results/{run}/tables/{experiment['name']}.csv" if has_table else None,
    }


def conclusions_of(conclusions: pd.DataFrame | None) -> list[Content]:
    """The claims of the thesis with their verdicts, in the order of the table."""
    if conclusions is None:
        return []
    names = ["claim", "statement", "verdict", "criterion", "number", "tests", "reason"]
    texts = conclusions[names].fillna("").astype(str)
    rows = [dict(zip(names, row, strict=True)) for row in texts.itertuples(index=False, name=None)]
    return [
        {
            **row,
            "statement": _(row["statement"]),
            "number": "" if row["number"] == NO_NUMBER else row["number"],
            "stand_in": bool(stand_in),
        }
        for row, stand_in in zip(rows, conclusions["stand_in"], strict=True)
    ]


def claims_of(
    name: str, claims: Mapping[str, Mapping[str, Any]] | None, conclusions: Sequence[Content]
) -> list[Content]:
    """The conclusions that read an experiment."""

    def reads(claim: str) -> bool:
        return any(name in test["experiments"] for test in (claims or {})[claim]["tests"])

    return [one for one in conclusions if claims and reads(one["claim"])]


def published_table(run: str, published: pd.DataFrame) -> Content:
    """How many published numbers of each kind were met, with the mean difference of those compared."""
    rows = []
    for quantity, group in published.groupby("quantity", sort=False):
        counts = [str(int((group["within"] == outcome).sum())) for outcome in VERDICTS]
        compared = group[group["within"].isin(["yes", "no"])]["difference"]
        mean = signed(compared.mean(), 3) if len(compared) else "–"
        rows.append([_(QUANTITIES[str(quantity)]), str(len(group)), *counts, mean])
    header = [_("quantity"), _("published"), *map(_, VERDICTS.values()), _("mean difference")]
    return {
        "header": header,
        "rows": rows,
        "file": f"results/{run}/tables/published.csv",
    }


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
        "datasets": listed([display("dataset", name, labels) for name in used]),
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
    text = ngettext(
        "trained with {count} set of transformations", "trained with {count} sets of transformations", count
    )
    parts = [text.format(count=count)] if count else []
    parts += [_("trained without transformations")] if NONE in sets else []
    parts += [_("left untrained")] if UNTRAINED in sets else []
    return listed([*parts, *([_("retrained with some layers frozen")] if retrained_with - {NONE} else [])])


def network_table(entries: Sequence[Entry], labels: dict[str, str]) -> Content:
    """The networks behind the tables: for each data set, model and seeds, the sets of the trainings, and for
    retrained networks also the set and the layers of that."""
    networks = _networks(entries)
    by = list(NETWORK[:-1])
    groups = dict(iter(networks.groupby(by)))
    found: dict[tuple[str, str, str], dict[tuple[str, str], list[str]]] = {}
    for key in combinations(networks, by):
        shown = [display(column, value, labels) for column, value in zip(by, key, strict=True)]
        dataset, model, trained_with, retrained_with, scheme = shown
        trainings = found.setdefault((dataset, model, _seeds(groups[key])), {})
        training = (trained_with, retrained_with if key[4] != NONE else "")
        trainings.setdefault(training, []).append(scheme)
    rows = []
    for (dataset, model, seeds), trainings in found.items():
        texts = [
            _("{first}, then {second} ({layers})").format(
                first=first, second=second, layers=", ".join(layers)
            )
            if second
            else first
            for (first, second), layers in trainings.items()
        ]
        rows.append([dataset, model, "; ".join(texts), seeds])
    return {"header": [*map(column_name, by[:3]), _("seeds")], "rows": rows}


def _seeds(group: pd.DataFrame) -> str:
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
            _origin(info, labels),
            info["source"],
        ]
        for info in summaries
    ]
    header = [_("data set"), "C × H × W", _("classes"), _("training"), _("test"), _("images"), _("source")]
    return {"header": header, "rows": rows}


def _origin(info: Mapping[str, Any], labels: dict[str, str]) -> str:
    """Whether a data set has the published images, from the summary beside it."""
    if info["stand_in_for"]:
        return _("stand-in for {name}").format(name=display("dataset", info["stand_in_for"], labels))
    return _("copies") if info["copies"] else _("as published")


def flat(settings: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested settings as (dotted name, text), in their order."""
    rows: list[tuple[str, str]] = []
    for name, value in settings.items():
        if isinstance(value, Mapping):
            rows += flat(value, f"{prefix}{name}.")
        elif isinstance(value, list | tuple):
            rows.append((f"{prefix}{name}", ", ".join(str(part) for part in value)))
        else:
            rows.append((f"{prefix}{name}", _("none") if value is None else str(value)))
    return rows
