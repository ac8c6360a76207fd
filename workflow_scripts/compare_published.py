"""Put the numbers of a run beside the published ones."""

from collections.abc import Mapping
from pathlib import Path

from equivariance.analysis.published import SORTS, compare, read_published
from equivariance.analysis.reading import read_table
from equivariance.files import atomic_path, write_checksum


def compare_published(
    published: Path,
    tables: Mapping[str, Path],
    labels: Mapping[str, str],
    stand_ins: Mapping[str, str],
    output: Path,
) -> None:
    """Write the comparison as CSV, whole or not at all: what `compare` gives for tables by experiment."""
    read = {name: read_table(file, SORTS) for name, file in tables.items()}
    with atomic_path(output) as temporary:
        compare(read_published(published), read, labels, stand_ins).to_csv(temporary, index=False)
    write_checksum(output)


if "snakemake" in globals():
    from job import job

    with job(snakemake.log[0]):
        compare_published(
            published=Path(snakemake.input.published),
            tables={Path(file).stem: Path(file) for file in snakemake.input.tables},
            labels=snakemake.params.labels,
            stand_ins=snakemake.params.stand_ins,
            output=Path(snakemake.output[0]),
        )
