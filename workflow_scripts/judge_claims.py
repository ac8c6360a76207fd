"""Judge the claims of the thesis by the tables of a run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from equivariance.analysis.claims.judging import judge
from equivariance.analysis.claims.names import Names
from equivariance.analysis.columns import COLUMNS
from equivariance.analysis.reading import read_table
from equivariance.files import atomic_path, write_checksum
from equivariance.language import language


def judge_claims(
    tables: Mapping[str, Path],
    claims: Mapping[str, Any],
    names: Mapping[str, Any],
    judging: Mapping[str, Any],
    output: Path,
) -> None:
    """Write a row for each cell and criterion of each claim (.csv), whole or not at all.

    `tables` are those of experiments, by name; `names` are the fields of `Names`; `judging` is what `judge`
    takes. Equal tables give equal bytes.
    """
    read = {name: read_table(path, tuple(COLUMNS)) for name, path in tables.items()}
    judged = judge(claims, read, Names(**names), judging)
    with atomic_path(output) as temporary:
        judged.to_csv(temporary, index=False, float_format="%.10g")
    write_checksum(output)


if "snakemake" in globals():
    from job import job

    with job(snakemake.log[0]), language(snakemake.params.language):
        judge_claims(
            tables=dict(zip(snakemake.params.experiments, map(Path, snakemake.input.tables), strict=True)),
            claims=snakemake.params.claims,
            names=snakemake.params.names,
            judging=snakemake.params.judging,
            output=Path(snakemake.output[0]),
        )
