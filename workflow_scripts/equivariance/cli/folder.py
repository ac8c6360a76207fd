"""Measure a network on a folder of images: from the arguments to the files of results."""

import hashlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from tempfile import TemporaryFile

import pandas as pd
import torch

from equivariance.cli.arguments import Arguments
from equivariance.cli.models import load_network
from equivariance.cli.network import output_choices, preprocessing
from equivariance.cli.pictures import Pictures, check, check_classes, find
from equivariance.cli.results import write_left_out, write_tables
from equivariance.devices import choose_device
from equivariance.errors import Interrupted, UserError, counted, listed
from equivariance.figures.measured import write_figures
from equivariance.measures.measuring import measure
from equivariance.transformations.sets import build_set

GIB = 2**30
SHOWN = 3  # names of layers in a line
NO_SAME_EQUIVARIANCE = "no same-equivariance"  # how a reason begins that is not for all measures
NO_RESULT_DEPENDS_ON = ("output", "format", "device", "images", "skip_damaged")  # beyond the files


def measure_folder(arguments: Arguments) -> list[Path]:
    """Measure, write the results, and return their paths.

    All images are opened before the first is measured; their number and what is left out go to standard
    error. Raises UserError for images, models and layers that cannot be measured, and for an output folder
    with an interrupted run of other settings or images. What was measured is kept until its results are
    written, so that the same command resumes after any error.
    """
    device = choose_device(arguments.device)
    found = find(arguments.images, arguments.output)
    if arguments.stratified:
        check_classes(found)
    network = load_network(arguments.model, arguments.seed, arguments.weights)
    size = arguments.size or network.size
    checked = check(found, arguments, network.channels, size)
    images = Pictures(list(checked.files), network.channels, size)
    members = build_set(arguments.transformations, arguments.spec)
    tile = network.tile(len(members))
    preprocess = preprocessing(arguments, network)
    checkpoint = _checkpoint(arguments, images.files)
    report(checked.text())
    with _resumable(checkpoint):
        with network.one_line_errors(images[0]):
            table = measure(
                network.model,
                images,
                members,
                arguments.measures,
                aggregations=arguments.aggregations,
                labels=list(checked.files.values()) if arguments.stratified else None,
                layers=arguments.layers,
                exclude=arguments.exclude,
                outputs=output_choices(arguments.outputs),
                maps=dict(arguments.maps),
                preprocess=preprocess,
                padding=arguments.padding,
                mask=arguments.mask,
                device=device,
                autocast=torch.bfloat16 if arguments.autocast else None,
                tile=tile,
                memory=None if arguments.memory is None else arguments.memory * GIB,
                checkpoint=checkpoint,
                keep_checkpoint=True,
                progress=True,
                announce=report,
            )
        written = _write(table, arguments)
    for file in _files(checkpoint):
        file.unlink()
    return written


def _write(table: pd.DataFrame, arguments: Arguments) -> list[Path]:
    """Write the results, and report what is not in them."""
    left_out = table.attrs["left_out"]
    written = [
        *write_tables(table, arguments.output, arguments.format),
        *write_left_out(left_out, arguments.output),
        *write_figures(table, arguments.output),
    ]
    taken = [f"{layer} {output}" for layer, output in table.attrs["outputs"].items()]
    if taken:
        report(f"outputs measured of layers with several: {listed(taken, SHOWN)}")
    partly = [layer for layer, reason in left_out.items() if reason.startswith(NO_SAME_EQUIVARIANCE)]
    wholly = [layer for layer in left_out if layer not in partly]
    for what, layers in (("left out", wholly), (NO_SAME_EQUIVARIANCE, partly)):
        if layers:
            report(
                f"{what}: {counted(len(layers), 'layer')} ({listed(layers, SHOWN)}); "
                "the reasons are in left_out.csv"
            )
    return written


def report(what: object) -> None:
    """Write a line to standard error; standard output is for the paths of results."""
    print(what, file=sys.stderr)


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
        with TemporaryFile(dir=arguments.output):  # better refused now than after the measurement
            pass
    except OSError as error:
        what = "written to" if arguments.output.is_dir() else "created"
        raise UserError(f"{arguments.output} cannot be {what}: {str(error.strerror).lower()}") from error
    for other in sorted(arguments.output.glob("checkpoint-*")):
        had = other.stem.split("-")[1:]
        differ = [what for what, digest in wanted.items() if digest not in had]
        if differ:
            first = "restore its images and " if "images" in differ else ""
            raise UserError(
                f"{arguments.output} has an interrupted run with other {' and '.join(differ)}; {first}repeat "
                f"its command to resume it, delete {other.with_suffix('')}.* to start over, or choose "
                "another --output"
            )
    return checkpoint


@contextmanager
def _resumable(checkpoint: Path) -> Iterator[None]:
    """Report that an interrupted run is resumed; on an interrupt, say that what was measured is saved."""
    if _files(checkpoint):
        report("resuming the interrupted run")
    try:
        yield
    except Interrupted:  # which says how much
        raise
    except KeyboardInterrupt as interrupt:
        if not _files(checkpoint):
            raise
        raise Interrupted("stopped; what was measured is saved: repeat the command to resume") from interrupt


def _files(checkpoint: Path) -> list[Path]:
    """The files of a checkpoint, of which there may be several."""
    return sorted(checkpoint.parent.glob(f"{checkpoint.name}.*"))


def _digest(value: object) -> str:
    return hashlib.sha256(repr(value).encode()).hexdigest()[:8]
