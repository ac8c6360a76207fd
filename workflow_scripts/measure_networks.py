"""Measure networks: one sweep over samples and transformations each, for all measures of a family."""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from equivariance.datasets.adapting import adapt
from equivariance.datasets.image_set import ImageSet
from equivariance.devices import choose_device, prepare_process
from equivariance.errors import UserError
from equivariance.files import atomic_path
from equivariance.measures.measuring import measure
from equivariance.networks import load_network
from equivariance.sampling import stratified_sample
from equivariance.transformations.sets import build_set


def measure_networks(
    outputs: Sequence[Path],
    measurements: Sequence[Mapping[str, Any]],
    datasets: Mapping[str, Path],
    checkpoints: Path,
    code: str,
    device: str,
    threads: int,
    memory_gb: float | None = None,
) -> None:
    """Write the table of each measurement to the output beside it.

    A measurement has the network's `folder` and `savepoint`, the `dataset` it is measured on, and its
    `settings`: measures, aggregations, stratified, part, measured_with, transformations, samples and padding.
    One that was cut short goes on from its checkpoint in `checkpoints`.
    """
    prepare_process(threads)
    memory = None if memory_gb is None else round(memory_gb * 2**30)
    image_sets = {name: ImageSet.load(file) for name, file in datasets.items()}
    for output, measurement in zip(outputs, measurements, strict=True):
        name = hashlib.sha256(f"{output} {code}".encode()).hexdigest()[:16]
        checkpoint = checkpoints / f"measures-{name}.pt"
        image_set = image_sets[measurement["dataset"]]
        try:
            table = measure_network(measurement, image_set, checkpoint, choose_device(device), memory)
        except UserError as error:
            raise UserError(f"{output}: {error}") from error
        with atomic_path(output) as temporary:
            table.to_parquet(temporary, index=False)
        logging.info("%s: %d images", output, table["images"].iloc[0])
        if table.attrs["left_out"]:
            logging.info("without feature maps, left out of same-equivariance: %s", table.attrs["left_out"])


def measure_network(
    measurement: Mapping[str, Any],
    image_set: ImageSet,
    checkpoint: Path,
    device: torch.device,
    memory: int | None,
) -> pd.DataFrame:
    """Measure one network: the table of the sweep, with the number of images and the names of the classes."""
    settings = measurement["settings"]
    model, description = load_network(measurement["folder"], measurement["savepoint"])
    images, labels = image_set.part(settings["part"])
    rows = stratified_sample(labels, settings["samples"], f"measured images of {measurement['dataset']}")
    table = measure(
        model,
        torch.from_numpy(adapt(images[rows], tuple(description["image_shape"]))),
        build_set(settings["measured_with"], settings["transformations"]),
        settings["measures"],
        aggregations=settings["aggregations"],
        labels=labels[rows] if settings["stratified"] else None,
        padding=settings["padding"],
        floor=True,
        device=device,
        memory=memory,
        checkpoint=checkpoint,
    )
    if "class" in table:
        names = {str(label): name for label, name in enumerate(image_set.classes)}
        table["class"] = table["class"].map(lambda label: names.get(label, label))
    return table.assign(images=len(rows))


if "snakemake" in globals():
    from job import job

    with job(snakemake.log[0]):
        measure_networks(
            outputs=[Path(file) for file in snakemake.output],
            measurements=snakemake.params.measurements,
            datasets={Path(file).stem: Path(file) for file in snakemake.input.datasets},
            checkpoints=Path(snakemake.params.checkpoints),
            code=snakemake.params.code,
            device=snakemake.config["device"],
            threads=snakemake.threads,
            memory_gb=snakemake.config["measuring"].get("memory_gb"),
        )
