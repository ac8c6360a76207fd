"""Draw the verdicts on the claims: PDF for print, PNG and caption for the report, their table as its page."""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from equivariance.analysis.claims.conclusions import conclusions
from equivariance.analysis.claims.reading import read_claims
from equivariance.figures.captions import report_caption
from equivariance.figures.claims import caption, plot, plot_tests
from equivariance.figures.style import save
from equivariance.files import write_text
from equivariance.language import N_, _, current, language

ENTRY = {
    "title": N_("The claims of the thesis"),
    "question": N_("Which of them hold in this run?"),
    "source": "config/claims.yaml",
}


PAGE = """<!DOCTYPE html>
<html lang="{language}"><head><meta charset="utf-8"><title>{title}</title><style>
body {{ font: 15px/1.4 sans-serif; margin: 2em; }}
table {{ border-collapse: collapse; }}
td:nth-child(5), td:nth-child(6) {{ white-space: nowrap; }}
td, th {{ border-bottom: 1px solid #ccc; padding: 0.4em 0.7em; text-align: left; vertical-align: top; }}
</style></head><body><h1>{title}</h1>
{table}
</body></html>
"""


def plot_claims(
    table: Path, claims: Mapping[str, Mapping[str, Any]], confidence: float, stem: Path, page: Path
) -> None:
    """Write the figure of claims, `<stem>.pdf`, `.png` and `.rst`, that of all tests, `<stem>_tests.pdf` and
    `.png`, and the table of claims as a `page` (.html)."""
    rows = read_claims(table)
    write_text(page, claims_page(rows, claims))
    save(plot(rows, claims), stem)
    save(plot_tests(rows), stem.with_name(f"{stem.name}_tests"))
    entry = {key: _(text) for key, text in ENTRY.items()}
    write_text(stem.with_name(f"{stem.name}.rst"), report_caption(entry, caption(rows, claims, confidence)))


def claims_page(table: pd.DataFrame, claims: Mapping[str, Mapping[str, Any]]) -> str:
    """The conclusions as a page of HTML: a row for each claim."""
    found = conclusions(table, claims)
    shown = {
        _("claim"): found["claim"],
        _("statement"): [_(text) for text in found["statement"]],
        _("verdict"): [_(verdict) for verdict in found["verdict"]],
        _("statistic"): found["criterion"],
        _("value"): found["number"],
        _("tests"): found["tests"],
        _("remarks"): found["reason"],
        _("stand-in"): found["stand_in"],
    }
    rows = pd.DataFrame(shown)
    html = rows.loc[:, (rows != "").any()].to_html(index=False, border=0)
    return PAGE.format(language=current(), title=escape(_(ENTRY["title"])), table=html)


if "snakemake" in globals():
    from job import job

    with job(snakemake.log[0]), language(snakemake.params.language):
        plot_claims(
            table=Path(snakemake.input.claims[0]),
            claims=snakemake.params.claims,
            confidence=snakemake.params.confidence,
            stem=Path(snakemake.output.pdf).with_suffix(""),
            page=Path(snakemake.output.page),
        )
