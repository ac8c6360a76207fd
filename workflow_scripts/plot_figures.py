"""Draw the figures of experiments from their tables or images, as PDF for print and PNG for the report."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from equivariance.figures import plot
from equivariance.figures.reading import read
from equivariance.figures.style import save


def plot_figure(
    data: Path,
    experiment: Mapping[str, Any],
    labels: Mapping[str, str],
    stand_ins: Mapping[str, str],
    stem: Path,
) -> None:
    """Write `<stem>.pdf` and `<stem>.png`.

    `experiment` is the entry of the experiment with its name; `labels` are display names; `stand_ins` says
    for each data set which one it stands in for ("" for real data).
    """
    kind = experiment["figure"]["kind"]
    save(plot(kind, read(kind, data), dict(experiment), dict(labels), dict(stand_ins)), stem)


if "snakemake" in globals():
    from job import job

    with job(snakemake.log[0]):
        for data, experiment, pdf in zip(
            snakemake.input, snakemake.params.experiments, snakemake.output.pdf, strict=True
        ):
            plot_figure(
                data=Path(data),
                experiment=experiment,
                labels=snakemake.params.labels,
                stand_ins=snakemake.params.stand_ins,
                stem=Path(pdf).with_suffix(""),
            )
            Path(pdf).with_suffix(".rst").write_text(experiment["question"])
