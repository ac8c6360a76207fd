"""Measure a network on a folder of images: from what a person typed to the files of results."""

import hashlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path

import torch
from torch import Tensor

from equivariance.cli.arguments import Arguments
from equivariance.cli.models import load_network
from equivariance.cli.network import Network
from equivariance.cli.pictures import Pictures, check, check_classes, find
from equivariance.cli.results import write_tables
from equivariance.devices import choose_device
from equivariance.errors import UserError
from equivariance.figures.measured import write_figures
from equivariance.measures.images import to_float
from equivariance.measures.measuring import measure
from equivariance.transformations.sets import build_set

GIB = 2**30
NO_RESULT_DEPENDS_ON = ("output", "format", "device", "images", "skip_damaged")  # beyond the files


def measure_folder(arguments: Arguments) -> list[Path]:
    """Measure, write the results, and give their paths.

    All images are opened before the first is measured, and standard error is told how many there are and what
    is left out. Raises UserError for images, models and layers that cannot be measured, and for an output
    folder where a run with other settings or images was stopped.
    """
    device = choose_device(arguments.device)
    found = find(arguments.images, arguments.output)
    if arguments.stratified:
        check_classes(found)
    network = load_network(arguments.model, arguments.seed, arguments.weights)
    size = arguments.size or network.size
    checked = check(found, arguments, network.channels, size)
    images = Pictures(list(checked.files), network.channels, size)
    preprocess = _preprocess(arguments, network)
    _try(network, images, preprocess)
    checkpoint = _checkpoint(arguments, images.files)
    print(checked.text(), file=sys.stderr)
    table = measure(
        network.model,
        images,
        build_set(arguments.transformations, arguments.spec),
        arguments.measures,
        aggregations=arguments.aggregations,
        labels=list(checked.files.values()) if arguments.stratified else None,
        layers=arguments.layers,
        preprocess=preprocess,
        padding=arguments.padding,
        mask=arguments.mask,
        device=device,
        autocast=torch.bfloat16 if arguments.autocast else None,
        memory=None if arguments.memory is None else int(arguments.memory * GIB),
        checkpoint=checkpoint,
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
    seen = [
        (file.relative_to(arguments.images).as_posix(), file.stat().st_size, file.stat().st_mtime_ns)
        for file in files
    ]
    wanted = {"settings": _digest(settings), "images": _digest(seen)}
    checkpoint = arguments.output / f"checkpoint-{'-'.join(wanted.values())}"
    try:
        arguments.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{arguments.output} cannot be made: {error.strerror}") from error
    for other in sorted(arguments.output.glob("checkpoint-*")):
        had = other.stem.split("-")[1:]
        differ = [what for what, digest in wanted.items() if digest not in had]
        if differ:
            first = "put its images back and " if "images" in differ else ""
            raise UserError(
                f"a run with other {' and '.join(differ)} was stopped in {arguments.output}; {first}give its "
                f"command again to go on with it, or delete {other.with_suffix('')}.* to start anew, "
                "or choose another --output"
            )
    return checkpoint


def _digest(value: object) -> str:
    return hashlib.sha256(repr(value).encode()).hexdigest()[:8]
