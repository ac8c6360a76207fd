"""Fetch the published weights that a family of networks starts from."""

import logging
import shutil
from pathlib import Path

from equivariance.datasets.downloads import fetch
from equivariance.disk import explain_full_disk
from equivariance.errors import UserError
from equivariance.files import atomic_path, write_checksum
from equivariance.models.pretrained import published_file


def fetch_weights(family: str, mirror: str | None, cache: Path, output: Path) -> None:
    """Write a checked copy of the weights; they are looked for in `mirror` and kept in `cache`."""
    file = published_file(family)
    try:
        found = fetch(file, mirror, cache)
    except UserError as error:
        raise UserError(
            f"{error}\nOr set `pretrained: false` in the configuration, which leaves out exactly the"
            " experiments that need these weights"
        ) from error
    with explain_full_disk(output.parent), atomic_path(output) as temporary:
        shutil.copyfile(found, temporary)
    write_checksum(output)
    logging.info("%s: %s", family, found)


if "snakemake" in globals():
    from job import job

    with job(snakemake.log[0]):
        fetch_weights(
            family=snakemake.wildcards.family,
            mirror=snakemake.config.get("mirror"),  # where a file comes from does not change it
            cache=Path("results/data/archives"),
            output=Path(snakemake.output.weights),
        )
