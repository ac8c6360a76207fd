"""Build the paper of a run from its tables, its figures and the template."""

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typst

from equivariance.analysis.claims.conclusions import conclusions
from equivariance.analysis.claims.reading import read_claims
from equivariance.analysis.published import read_published
from equivariance.errors import UserError
from equivariance.figures.kinds import figure_kind
from equivariance.files import atomic_path, check_checksum, read_json, write_json
from equivariance.language import language
from equivariance.workflow.paper import Entry, content

TIMESTAMP = 0
"""Creation time in the PDF, in seconds: fixed, so that equal results give equal bytes."""


def build_paper(
    template: Path,
    prose: Path,
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
    claims: Mapping[str, Mapping[str, Any]] | None = None,
    judged: Path | None = None,
    published: Path | None = None,
    published_figure: Path | None = None,
) -> None:
    """Write the paper to `output` (.pdf), whole or not at all; equal inputs give equal bytes.

    `prose` is `<language>.typ`, the text of the template in a language; `experiments` are the entries with
    their names, in the order of the paper; `data` and `figures` (.pdf) are by name; `datasets` are the
    summaries (.json) of the prepared data sets; `left_out` gives the reasons for experiments that the run
    lacks, by their titles; `claims` are the entries of claims, by name, and `judged` the verdicts on them
    (.csv); `published` is the comparison with published numbers (.csv), with `published_figure` (.pdf).
    Raises UserError when a figure is damaged, or typst cannot compile, or warns.
    """
    for figure in [*figures.values(), *([published_figure] if published_figure else [])]:
        check_checksum(figure)
    entries = [
        Entry(
            entry,
            figure_kind(entry["figure"]["kind"]).read(data[entry["name"]]),
            f"figures/{entry['name']}.pdf",
        )
        for entry in experiments
    ]
    summaries = [read_json(path) for path in datasets]
    beside = None if published is None else read_published(published)
    with language(prose.stem):
        said = content(
            run,
            entries,
            labels,
            stand_ins,
            summaries,
            sizes,
            versions,
            left_out,
            language=prose.stem,
            claims=claims or {},
            conclusions=None if judged is None else conclusions(read_claims(judged), claims or {}),
            published=beside,
        )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "figures").mkdir()
        shutil.copyfile(template, folder / "thesis.typ")
        shutil.copyfile(prose, folder / prose.name)
        shutil.copyfile(bibliography, folder / "references.bib")
        for entry in experiments:
            shutil.copyfile(figures[entry["name"]], folder / "figures" / f"{entry['name']}.pdf")
        if published_figure:
            shutil.copyfile(published_figure, folder / "figures" / "published.pdf")
        write_json(folder / "content.json", said)
        compile_pdf(folder / "thesis.typ", output)


def compile_pdf(source: Path, output: Path) -> None:
    """Compile a typst document; it sees the files of its own folder and the fonts that come with typst.

    Raises UserError where typst cannot compile it, and where it warns: of a font that is missing, of a layout
    that does not settle.
    """
    compiler = typst.Compiler(root=source.parent, ignore_system_fonts=True)
    try:
        pdf, warnings = compiler.compile_with_warnings(input=source, format="pdf", timestamp=TIMESTAMP)
    except typst.TypstError as error:
        raise UserError(f"typst cannot compile {source.name}: {error.diagnostic or error.message}") from error
    if warnings:
        texts = "\n".join(str(warning.diagnostic or warning.message) for warning in warnings)
        raise UserError(f"typst warns about {source.name}: {texts}")
    with atomic_path(output) as temporary:
        temporary.write_bytes(pdf)


if "snakemake" in globals():
    from job import job

    with job(snakemake.log[0]):
        names = [entry["name"] for entry in snakemake.params.experiments]
        build_paper(
            template=Path(snakemake.input.template),
            prose=Path(snakemake.input.prose),
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
            claims=snakemake.params.claims,
            judged=Path(snakemake.input.claims[0]),
            published=Path(snakemake.input.published),
            published_figure=Path(snakemake.input.published_figure),
        )
