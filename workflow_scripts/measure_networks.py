"""Measure networks: one sweep over samples and transformations each, for all measures of a family."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from equivariance.datasets.image_set import ImageSet
from equivariance.devices import choose_device, prepare_process
from equivariance.files import atomic_path
from equivariance.measures.sweep import measure
from equivariance.networks import load_network
from equivariance.sampling import stratified_sample
from equivariance.transformations.sets import build_set


def measure_networks(
    outputs: Sequence[Path],
    measurements: Sequence[Mapping[str, Any]],
    datasets: Mapping[str, Path],
    device: str,
    threads: int,
) -> None:
    """Write the table of each measurement to the output beside it.

    A measurement has the network's `folder` and `savepoint`, the `dataset` it is measured on, and its
    `settings`: family, part, measured_with, transformations, samples and padding.
    """
    prepare_process(threads)
    image_sets = {name: ImageSet.load(file) for name, file in datasets.items()}
    for output, measurement in zip(outputs, measurements, strict=True):
        settings = measurement["settings"]
        model, _ = load_network(measurement["folder"], measurement["savepoint"])
        images, labels = image_sets[measurement["dataset"]].part(settings["part"])
        rows = stratified_sample(labels, settings["samples"], f"measured images of {measurement['dataset']}")
        table = measure(
            model,
            torch.from_numpy(images[rows]),
            build_set(settings["measured_with"], settings["transformations"]),
            settings["family"],
            padding=settings["padding"],
            device=choose_device(device),
        )
        table["samples"] = len(rows)
        with atomic_path(output) as temporary:
            table.to_parquet(temporary, index=False)
        logging.info("%s: %d samples", output, len(rows))


if "snakemake" in globals():
    from job import job

    with job(snakemake.log[0]):
        measure_networks(
            outputs=[Path(file) for file in snakemake.output],
            measurements=snakemake.params.measurements,
            datasets={Path(file).stem: Path(file) for file in snakemake.input.datasets},
            device=snakemake.config["device"],
            threads=snakemake.threads,
        )
