"""Fetch a data set, split it, and lay it down in the form that every other stage reads."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from equivariance.datasets import prepare


def prepare_dataset(
    name: str, source: Mapping[str, Any], mirror: str | None, cache: Path, output: Path
) -> None:
    """Write `<name>.npz` and `<name>.json`; archives are looked for in `mirror` and kept in `cache`."""
    image_set = prepare(name, source, mirror, cache)
    image_set.save(output)
    logging.info(
        "%s: %d images of %d classes, %d of them for testing",
        name,
        len(image_set.labels),
        len(image_set.classes),
        int(image_set.test.sum()),
    )


if "snakemake" in globals():
    from job import job

    with job(snakemake.log[0]):
        prepare_dataset(
            name=snakemake.wildcards.dataset,
            source=snakemake.params.source,
            mirror=snakemake.config.get("mirror"),  # where a file comes from does not change it
            cache=Path("results/data/archives"),
            output=Path(snakemake.output.images),
        )
