"""Write the manifest of a run: the checksums of its results, its settings, and what it was made with."""

from pathlib import Path

from equivariance.workflow.manifest import write_manifest

if "snakemake" in globals():
    from job import job

    with job(snakemake.log[0]):
        write_manifest(
            folder=Path("results") / snakemake.params.settings["run"],
            made=map(Path, snakemake.params.results),
            datasets=map(Path, snakemake.input.datasets),
            settings=snakemake.params.settings,
            software=snakemake.params.software,
            output=Path(snakemake.output[0]),
        )
