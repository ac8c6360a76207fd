"""Draw the verdicts on the claims: PDF for print, PNG for the report, and the caption for the report."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from equivariance.analysis.claims.reading import read_claims
from equivariance.figures.captions import report_caption
from equivariance.figures.claims import caption, plot
from equivariance.figures.style import save
from equivariance.files import write_text
from equivariance.language import N_, _, language

ENTRY = {
    "title": N_("The claims of the thesis"),
    "question": N_("Which of them hold in this run?"),
    "source": "config/claims.yaml",
}


def plot_claims(table: Path, claims: Mapping[str, Mapping[str, Any]], confidence: float, stem: Path) -> None:
    """Write `<stem>.pdf`, `<stem>.png` and `<stem>.rst` from the table of claims."""
    rows = read_claims(table)
    save(plot(rows, claims), stem)
    entry = {key: _(text) for key, text in ENTRY.items()}
    write_text(stem.with_name(f"{stem.name}.rst"), report_caption(entry, caption(rows, claims, confidence)))


if "snakemake" in globals():
    from job import job

    with job(snakemake.log[0]), language(snakemake.params.language):
        plot_claims(
            table=Path(snakemake.input.claims[0]),
            claims=snakemake.params.claims,
            confidence=snakemake.params.confidence,
            stem=Path(snakemake.output.pdf).with_suffix(""),
        )
