"""Measure networks: a sweep over samples and transformations for all measures of a family, or an accuracy."""

import json
import logging
import math
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from equivariance.datasets.adapting import adapt
from equivariance.datasets.image_set import ImageSet
from equivariance.devices import choose_device, explain_full_gpu, prepare_process
from equivariance.errors import UserError
from equivariance.files import atomic_path, checksum_file, read_sealed, sha256, write_checksum
from equivariance.measures.measuring import Report, measure_several
from equivariance.measures.stratified import class_name
from equivariance.models.saved import load_network
from equivariance.network_folder import DESCRIPTION, checked_weights
from equivariance.sampling import nested_sample, stratified_sample
from equivariance.store import digest_of, keep, take
from equivariance.transformations.sets import build_set

FULL_GPU = (
    "the fewest images at a time are too many; run fewer jobs on it at a time (--resources gpu_share=1), or"
    " lower memory_gb of measuring, and repeat the command"
)
EVALUATION = "equivariance.training.evaluation"
OWN = ("measures", "aggregations", "samples")  # settings in which the measurements of one sweep differ


def measure_networks(
    outputs: Sequence[Path],
    measurements: Sequence[Mapping[str, Any]],
    datasets: Mapping[str, Path],
    checkpoints: Path,
    store: Path,
    codes: Sequence[str],
    device: str,
    threads: int,
    memory_gb: float | None = None,
) -> None:
    """Write the table of each measurement to the output beside it, unless the store has it.

    A measurement has the network's `folder` and `savepoint`, the `dataset` it is measured on, and its
    `settings`: part, measured_with, transformations, samples, padding, and either measures, aggregations and
    stratified, or transformations_per_image for an accuracy. Those that differ only in measures, aggregations
    and samples share a sweep. `codes` are digests of the code of each. One that was cut short goes on from
    its checkpoint in `checkpoints`.
    """
    prepare_process(threads)
    memory = math.inf if memory_gb is None else memory_gb * 2**30  # not by what is free: bytes are the same
    image_sets = {name: ImageSet.load(file) for name, file in datasets.items()}
    images_sha256 = {name: sha256(file) for name, file in datasets.items()}
    network_of = cache(_network)  # many measurements are of one
    waiting: list[tuple[Path, Mapping[str, Any], str]] = []
    for output, measurement, code in zip(outputs, measurements, codes, strict=True):
        images = images_sha256[measurement["dataset"]]
        network = network_of(measurement["folder"], measurement["savepoint"])
        digest = digest_of(measurement["settings"], network, images, code, memory_gb)
        if take(store, digest, output.parent):
            logging.info("%s: taken from %s", output, store / digest)
        else:
            waiting.append((output, measurement, digest))
    for numbers in shared_sweeps([measurement for _, measurement, _ in waiting]):
        files, group, digests = zip(*(waiting[number] for number in numbers), strict=True)
        checkpoint = checkpoints / f"measures-{digest_of(digests)}.pt"
        image_set = image_sets[group[0]["dataset"]]
        try:
            with explain_full_gpu(FULL_GPU):
                if "measures" in group[0]["settings"]:
                    tables = measure_network(group, image_set, checkpoint, choose_device(device), memory)
                else:
                    tables = [evaluate_network(group[0], image_set, choose_device(device))]
        except UserError as error:
            raise UserError(f"{', '.join(map(str, files))}: {error}") from error
        for output, table, digest in zip(files, tables, digests, strict=True):
            with atomic_path(output) as temporary:
                table.to_parquet(temporary, index=False)
            write_checksum(output)
            keep(store, digest, output.parent, [output.name, checksum_file(output).name])
            logging.info("%s: %d rows", output, len(table))
            for layer, reason in table.attrs.get("left_out", {}).items():
                logging.info("%s: left out: %s", layer, reason)


def shared_sweeps(measurements: Sequence[Mapping[str, Any]]) -> list[list[int]]:
    """Group the numbers of measurements that one sweep can make; an accuracy is no sweep."""
    groups: dict[str, list[int]] = {}
    for number, measurement in enumerate(measurements):
        settings = measurement["settings"]
        shared = {name: value for name, value in settings.items() if name not in OWN}
        alone = None if "measures" in settings else number
        key = json.dumps({**measurement, "settings": shared, "alone": alone}, sort_keys=True)
        groups.setdefault(key, []).append(number)
    return [*groups.values()]


def _network(folder: str, savepoint: str) -> list[Any]:
    """What determines the network that is measured: its settings and its weights."""
    weights = checked_weights(Path(folder), savepoint)
    description = read_sealed(Path(folder) / DESCRIPTION)
    name = weights.relative_to(folder).as_posix()
    return [description["settings"], description["image_shape"], description["sha256_by_file"][name]]


def evaluate_network(
    measurement: Mapping[str, Any], image_set: ImageSet, device: torch.device
) -> pd.DataFrame:
    """Count what one network classifies right: one row per class and member of the set.

    Columns: class, member, right, images (pairs of an image and this member). Pairs that the seeded draw of
    transformations left out are no row.
    """
    # Named at run time, as measures are, so that a change of it does not measure anything else again.
    evaluation = import_module(EVALUATION)
    settings = measurement["settings"]
    model, description = load_network(measurement["folder"], measurement["savepoint"])
    if description["settings"]["task"] != "classification":
        raise UserError("the network does not classify, so it has no accuracy")
    images, labels = image_set.part(settings["part"])
    rows = stratified_sample(labels, settings["samples"], f"{settings['part']} images of {image_set.name}")
    adapted = adapt(images[rows], tuple(description["image_shape"]))
    data = evaluation.DeviceImages(adapted, labels[rows], device, settings["padding"])
    transformations = build_set(settings["measured_with"], settings["transformations"])
    right, seen = evaluation.counts(
        model.to(device), data, transformations, settings["transformations_per_image"]
    )
    label, member = (values.numpy() for values in seen.nonzero(as_tuple=True))
    return pd.DataFrame(
        {
            "class": [image_set.classes[one] for one in label],
            "member": member,
            "right": right[label, member].numpy(),
            "images": seen[label, member].numpy(),
        }
    )


def measure_network(
    measurements: Sequence[Mapping[str, Any]],
    image_set: ImageSet,
    checkpoint: Path,
    device: torch.device,
    memory: float,
) -> list[pd.DataFrame]:
    """Measure a network in one sweep: the table of each measurement, with the number of images and the names
    of the classes."""
    first, every = measurements[0], [measurement["settings"] for measurement in measurements]
    settings = first["settings"]
    model, description = load_network(first["folder"], first["savepoint"])
    model.to(memory_format=torch.channels_last)  # faster; a sweep takes the layout that it finds
    images, labels = image_set.part(settings["part"])
    most = max(one["samples"] for one in every)
    rows = nested_sample(labels, most, f"measured images of {first['dataset']}")
    counts = [min(one["samples"], len(rows)) for one in every]
    tables = measure_several(
        model,
        torch.from_numpy(adapt(images[rows], tuple(description["image_shape"]))),
        build_set(settings["measured_with"], settings["transformations"]),
        [
            Report(one["measures"], one["aggregations"], count)
            for one, count in zip(every, counts, strict=True)
        ],
        labels=labels[rows] if settings["stratified"] else None,
        padding=settings["padding"],
        floor=True,
        device=device,
        memory=memory,
        checkpoint=checkpoint,
        shuffled=False,
    )
    names = {str(label): class_name(name) for label, name in enumerate(image_set.classes)}
    for table in tables:
        if "class" in table:
            table["class"] = table["class"].map(lambda label: names.get(label, label))
    return [table.assign(images=count) for table, count in zip(tables, counts, strict=True)]


if "snakemake" in globals():
    from job import job

    with job(snakemake.log[0]):
        measure_networks(
            outputs=[Path(file) for file in snakemake.output],
            measurements=snakemake.params.measurements,
            datasets={Path(file).stem: Path(file) for file in snakemake.input.datasets},
            checkpoints=Path(snakemake.params.checkpoints),
            store=Path(snakemake.params.store),
            codes=snakemake.params.codes,
            device=snakemake.config["device"],
            threads=snakemake.threads,
            memory_gb=snakemake.config["measuring"].get("memory_gb"),
        )
