"""Draw published numbers beside those of a run: PDF for print, PNG and caption for the report."""

from collections.abc import Mapping
from pathlib import Path

from equivariance.analysis.published import read_published
from equivariance.figures.captions import report_caption
from equivariance.figures.published import QUESTION, SOURCE, TITLE, caption, plot_published
from equivariance.figures.style import save
from equivariance.files import write_checksum, write_text
from equivariance.language import language


def draw_published(data: Path, labels: Mapping[str, str], reduced: bool, stem: Path) -> None:
    """Write `<stem>.pdf` with its checksum, `<stem>.png` and `<stem>.rst` from the comparison of a run.

    `labels` are display names; `reduced` says whether the run trains less than the published recipes.
    """
    compared = read_published(data)
    save(plot_published(compared, labels), stem)
    write_checksum(stem.with_suffix(".pdf"))
    entry = {"title": TITLE, "question": QUESTION, "source": SOURCE}
    write_text(stem.with_suffix(".rst"), report_caption(entry, caption(compared, reduced)))


if "snakemake" in globals():
    from job import job

    with job(snakemake.log[0]), language(snakemake.params.language):
        draw_published(
            data=Path(snakemake.input.data),
            labels=snakemake.params.labels,
            reduced=snakemake.params.reduced,
            stem=Path(snakemake.output.pdf).with_suffix(""),
        )
