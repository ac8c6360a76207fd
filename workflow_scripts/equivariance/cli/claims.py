"""What a run says of the claims of the thesis, as text."""

from pathlib import Path
from textwrap import shorten, wrap

import pandas as pd

from equivariance.analysis.claims.conclusions import conclusions
from equivariance.analysis.claims.estimates import JUDGED, NOT_RUN, REPORTED
from equivariance.analysis.claims.reading import read_claims
from equivariance.cli.arguments import ClaimsArguments
from equivariance.cli.texts import aligned
from equivariance.errors import UserError, counted
from equivariance.workflow.yaml_files import read_yaml

FILE = Path("config/claims.yaml")
WIDTH = 100  # of the table, in columns
REASON = 150  # letters of a reason at most; all of it is in the table of claims


def claims_text(arguments: ClaimsArguments) -> str:
    """A row for each claim of a run, in the order of the file, and how many there are of each verdict.

    Raises UserError where the run has no table of claims, with the command that makes it.
    """
    for file in (FILE, *arguments.config):
        if not file.is_file():
            raise UserError(f"{file} not found; run `claims` beside the Snakefile")
    path = Path("results") / arguments.run / "claims.csv"
    if not path.is_file():
        raise UserError(
            f"{path} not found; `snakemake --cores 1 {path}` makes it, with the --configfile of its run"
        )
    table = read_claims(path)
    claims = {
        name: entry
        for name, entry in read_yaml(FILE, *arguments.config).get("claims", {}).items()
        if entry is not None
    }
    unknown = {
        name: {"statement": "(its statement is in no file of claims that was given; see --config)"}
        for name in table["claim"].unique()
        if name not in claims
    }
    concluded = conclusions(table, claims | unknown)
    stand_ins = dict.fromkeys(part for text in concluded["stand_in"] for part in text.split("; ") if part)
    notes = [f"Stand-in data: {', '.join(stand_ins)}."] if stand_ins else []
    return "\n\n".join([_table(concluded), *notes, _counts(concluded)])


def _table(concluded: pd.DataFrame) -> str:
    """The rows; what does not fit in a line goes on below."""
    head = ["claim", "verdict", "statistic", "statement"]
    left = concluded[["claim", "verdict", "number"]].astype(str)
    used = sum(
        max(len(name), *left[column].map(len)) + 2 for name, column in zip(head, left.columns, strict=False)
    )
    rows = []
    for row, judged in zip(concluded.itertuples(), concluded["judged"].tolist(), strict=True):
        reason = shorten(str(row.reason), REASON, placeholder=" ...")
        lines = wrap(str(row.statement), WIDTH - used)
        lines += [
            f"- {line}" if place == 0 else f"  {line}"
            for place, line in enumerate(wrap(reason, WIDTH - used - 2))
        ]
        cells = f"{row.supported} of {counted(judged, 'test')}" if judged else ""
        for place, line in enumerate(lines + [""] * (2 - len(lines))):
            first = [str(row.claim), str(row.verdict), str(row.number)] if place == 0 else ["", "", cells]
            rows.append([*(first if place < 2 else ["", "", ""]), line])
    return aligned(head, rows, left={0, 1, 2, 3})


def _counts(concluded: pd.DataFrame) -> str:
    """How many claims there are of each verdict."""
    counts = concluded["verdict"].value_counts()
    parts = [f"{counts[name]} {name}" for name in (*JUDGED, REPORTED, NOT_RUN) if name in counts]
    return f"{counted(len(concluded), 'claim')}: {', '.join(parts)}."
