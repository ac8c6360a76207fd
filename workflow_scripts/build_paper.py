"""Build the paper of a run from its tables, its figures and the template."""

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typst

from equivariance.errors import UserError
from equivariance.figures.kinds import figure_kind
from equivariance.files import atomic_path, read_json, write_json
from equivariance.workflow.paper import Entry, content

TIMESTAMP = 0
"""Creation time in the PDF, in seconds: fixed, so that equal results give equal bytes."""


def build_paper(
    template: Path,
    bibliography: Path,
    experiments: Sequence[Mapping[str, Any]],
    data: Mapping[str, Path],
    figures: Mapping[str, Path],
    datasets: Sequence[Path],
    run: str,
    labels: Mapping[str, str],
    stand_ins: Mapping[str, str],
    sizes: Mapping[str, Any],
    versions: Mapping[str, str],
    left_out: Mapping[str, str],
    output: Path,
) -> None:
    """Write the paper to `output` (.pdf), whole or not at all; equal inputs give equal bytes.

    `experiments` are the entries with their names, in the order of the paper; `data` and `figures` (.pdf)
    are by name; `datasets` are the summaries (.json) of the prepared data sets; `left_out` gives the reasons
    for experiments that the run lacks, by their titles. Raises UserError when typst
    cannot compile.
    """
    entries = [
        Entry(
            entry,
            figure_kind(entry["figure"]["kind"]).read(data[entry["name"]]),
            f"figures/{entry['name']}.pdf",
        )
        for entry in experiments
    ]
    summaries = [read_json(path) for path in datasets]
    said = content(run, entries, labels, stand_ins, summaries, sizes, versions, left_out)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "figures").mkdir()
        shutil.copyfile(template, folder / "thesis.typ")
        shutil.copyfile(bibliography, folder / "references.bib")
        for entry in experiments:
            shutil.copyfile(figures[entry["name"]], folder / "figures" / f"{entry['name']}.pdf")
        write_json(folder / "content.json", said)
        compile_pdf(folder / "thesis.typ", output)


def compile_pdf(source: Path, output: Path) -> None:
    """Compile a typst document; it sees the files of its own folder and the fonts that come with typst."""
    compiler = typst.Compiler(root=source.parent, ignore_system_fonts=True)
    try:
        pdf = compiler.compile(input=source, format="pdf", timestamp=TIMESTAMP)
    except typst.TypstError as error:
        raise UserError(f"typst cannot compile {source.name}: {error.diagnostic or error.message}") from error
    with atomic_path(output) as temporary:
        temporary.write_bytes(pdf)


if "snakemake" in globals():
    from job import job

    with job(snakemake.log[0]):
        names = [entry["name"] for entry in snakemake.params.experiments]
        build_paper(
            template=Path(snakemake.input.template),
            bibliography=Path(snakemake.input.bibliography),
            experiments=snakemake.params.experiments,
            data=dict(zip(names, map(Path, snakemake.input.data), strict=True)),
            figures=dict(zip(names, map(Path, snakemake.input.figures), strict=True)),
            datasets=[Path(file) for file in snakemake.input.datasets],
            run=snakemake.params.run,
            labels=snakemake.params.labels,
            stand_ins=snakemake.params.stand_ins,
            sizes=snakemake.params.sizes,
            versions=snakemake.params.versions,
            left_out=snakemake.params.left_out,
            output=Path(snakemake.output[0]),
        )
