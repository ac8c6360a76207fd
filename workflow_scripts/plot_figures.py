"""Draw figures of experiments: PDF for print, PNG for the report, and the caption for the report."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from equivariance.figures.captions import report_caption
from equivariance.figures.kinds import figure_kind
from equivariance.figures.style import save
from equivariance.files import atomic_path, write_checksum
from equivariance.language import language


def plot_figures(
    data: Sequence[Path],
    experiments: Sequence[Mapping[str, Any]],
    labels: Mapping[str, str],
    stand_ins: Mapping[str, str],
    stems: Sequence[Path],
) -> None:
    """Write `<stem>.pdf` with its checksum, `<stem>.png` and `<stem>.rst` of each experiment, in their order.

    `data` are tables or grids of images; `experiments` are the entries with their names; `labels` are display
    names; `stand_ins` says for each data set which one it stands in for ("" for real data).
    """
    for file, entry, stem in zip(data, experiments, stems, strict=True):
        kind = figure_kind(entry["figure"]["kind"])
        rows = kind.read(file)
        save(kind.plot(rows, entry, labels, stand_ins), stem)
        write_checksum(stem.with_name(f"{stem.name}.pdf"))  # typst would print a part of a damaged one
        with atomic_path(stem.with_name(f"{stem.name}.rst")) as path:
            path.write_text(report_caption(entry, kind.caption(rows, entry, labels)), encoding="utf-8")


if "snakemake" in globals():
    from job import job

    with job(snakemake.log[0]), language(snakemake.params.language):
        plot_figures(
            data=[Path(file) for file in snakemake.input.data],
            experiments=snakemake.params.experiments,
            labels=snakemake.params.labels,
            stand_ins=snakemake.params.stand_ins,
            stems=[Path(file).with_suffix("") for file in snakemake.output.pdf],
        )
