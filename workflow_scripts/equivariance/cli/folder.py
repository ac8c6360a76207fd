"""Measure a network on a folder of images: from what a person typed to the files of results."""

import hashlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path

import torch
from torch import Tensor

from equivariance.cli.arguments import Arguments
from equivariance.cli.exported import REMEDY
from equivariance.cli.models import load_network
from equivariance.cli.network import Network
from equivariance.cli.pictures import Pictures, check_sizes, classes, find, sample
from equivariance.cli.results import write_tables
from equivariance.devices import choose_device
from equivariance.errors import UserError
from equivariance.figures.measured import write_figures
from equivariance.measures.images import to_float
from equivariance.measures.measuring import measure
from equivariance.transformations.sets import build_set

GIB = 2**30
NO_RESULT_DEPENDS_ON = ("output", "format", "device")


def measure_folder(arguments: Arguments) -> list[Path]:
    """Measure, write the results, and give their paths.

    Raises UserError for images, models and layers that cannot be measured, and for an output folder where a
    run with other settings was stopped.
    """
    device = choose_device(arguments.device)
    files = sample(find(arguments.images), arguments.images, arguments.samples, arguments.seed)
    labels = classes(files, arguments.images) if arguments.stratified else None
    network = load_network(arguments.model, arguments.seed, arguments.weights)
    if network.batch is not None:
        raise UserError(
            f"{arguments.model} takes {network.batch} images at a time; "
            f"export it with a dynamic batch dimension: {REMEDY}"
        )
    size = arguments.size or network.size
    if size is None:
        check_sizes(files)
    images = Pictures(files, network.channels, size)
    preprocess = _preprocess(arguments, network)
    _try(network, images, preprocess)
    table = measure(
        network.model,
        images,
        build_set(arguments.transformations, arguments.spec),
        arguments.measures,
        aggregations=arguments.aggregations,
        labels=labels,
        layers=arguments.layers,
        preprocess=preprocess,
        padding=arguments.padding,
        mask=arguments.mask,
        device=device,
        autocast=torch.bfloat16 if arguments.autocast else None,
        memory=None if arguments.memory is None else int(arguments.memory * GIB),
        checkpoint=_checkpoint(arguments, files),
        progress=sys.stderr.isatty(),
    )
    if table.attrs["left_out"]:
        without = " ".join(table.attrs["left_out"])
        print(f"no same-equivariance where maps have less than two pixels: {without}", file=sys.stderr)
    return write_tables(table, arguments.output, arguments.format) + write_figures(table, arguments.output)


def _preprocess(arguments: Arguments, network: Network) -> Callable[[Tensor], Tensor] | None:
    mean = arguments.mean or network.mean
    std = arguments.std or network.std
    if mean is None and std is None:
        return None
    mean, std = mean or [0.0] * network.channels, std or [1.0] * network.channels
    for option, values in (("--mean", mean), ("--std", std)):
        if len(values) != network.channels:
            raise UserError(
                f"{option} has {len(values)} numbers; {network.name} takes {network.channels} channels"
            )
    if min(std) <= 0:
        raise UserError(f"--std is {min(std):g}; valid: above 0")
    centre, spread = (torch.tensor(values)[:, None, None] for values in (mean, std))
    return lambda images: (images - centre.to(images)) / spread.to(images)


def _try(network: Network, images: Pictures, preprocess: Callable[[Tensor], Tensor] | None) -> None:
    """Show the network an image: what it says about a wrong size is put in one line."""
    image = to_float(images[0][None], torch.float32)
    model = network.model.eval()
    like = next((tensor for tensor in model.parameters()), image)
    try:
        with torch.no_grad():
            model((preprocess(image) if preprocess else image).to(like.dtype))
    except Exception as error:  # a network may raise anything
        shape = "x".join(map(str, image.shape[1:]))
        fixed = "" if network.size is None else f"; it takes --size {network.size[0]}x{network.size[1]}"
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise UserError(f"{network.name} cannot take an image of {shape}{fixed} ({reason})") from error


def _checkpoint(arguments: Arguments, files: Sequence[Path]) -> Path:
    """Name the checkpoint of these settings and images, in the output folder, which is made.

    Raises UserError where a run with others was stopped there.
    """
    settings = [
        (field.name, getattr(arguments, field.name))
        for field in fields(arguments)
        if field.name not in NO_RESULT_DEPENDS_ON
    ]
    seen = [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    digest = hashlib.sha256(repr((settings, seen)).encode()).hexdigest()[:16]
    checkpoint = arguments.output / f"checkpoint-{digest}"
    try:
        arguments.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{arguments.output} cannot be made: {error.strerror}") from error
    for other in sorted(arguments.output.glob("checkpoint-*")):
        if other.stem != checkpoint.name:
            raise UserError(
                f"a run with other settings or images was stopped in {arguments.output}; "
                f"give its command again, or delete {other}, or choose another --output"
            )
    return checkpoint
