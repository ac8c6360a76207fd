"""Networks in files of torch.export."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any
from zipfile import BadZipFile, ZipFile

import torch
from torch import nn
from torch.export import ExportedProgram

from equivariance.cli.network import Network, quiet
from equivariance.cli.weights import SUFFIXES, foreign_name
from equivariance.errors import UserError, listed
from equivariance.measures.training_mode import training_operations
from equivariance.models.layers import KINDS

TENSORS_ALONE = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"  # a variable of torch
OPAQUE, COMPILED = "opaque_obj_", "aotinductor"  # in the names of files and folders of an archive
LARGEST_BATCH = 10**6  # more is no limit
REMEDY = (
    "make one with torch.export.save(torch.export.export(model.eval(), (images,), "
    'dynamic_shapes=({0: torch.export.Dim("batch")},)), "model.pt2")'
)


def load_exported(file: Path) -> Network:
    """Load a program of torch.export.

    Raises UserError for a file that is none, one that contains more than operations and tensors, one that
    works as in training, and one whose input is not a batch of images.
    """
    _check_contents(file)
    try:
        with quiet(), _tensors_alone():
            program = torch.export.load(file)
    except Exception as error:  # torch has no one class for what a file can have wrong
        if foreign := foreign_name(error):
            raise _refused(file, foreign) from error
        remedy = REMEDY
        if file.suffix.lower() in SUFFIXES:
            remedy = f"for a file of weights, use --model MODULE:FUNCTION --weights {file}"
        raise UserError(f"{file} is not a file of torch.export (.pt2); {remedy}") from error
    batch, most, channels, size = _input(file, program)
    training = training_operations(program.graph_module)
    if training:
        raise UserError(
            f"{file} was exported in training mode ({listed(training)}): call model.eval() before "
            "torch.export.export; networks that are random in evaluation too, as by F.dropout without "
            "training=self.training, cannot be measured"
        )
    model = torch.export.unflatten(program)
    for name, module in model.named_modules():
        was = _class(name, module)
        if was is not None:
            module.layer_class = was.__name__
            module.layer_kind = next(
                (kind for kind, types in KINDS.items() if issubclass(was, types)), "other"
            )
    return Network(model, file.stem, channels, size, batch=batch, most=most)


@contextmanager
def _tensors_alone() -> Iterator[None]:
    """Have torch unpickle tensors alone: where that fails, torch.export would unpickle anything."""
    before = os.environ.get(TENSORS_ALONE)
    os.environ[TENSORS_ALONE] = "1"
    try:
        yield
    finally:
        del os.environ[TENSORS_ALONE]
        if before is not None:
            os.environ[TENSORS_ALONE] = before


def _check_contents(file: Path) -> None:
    """Refuse pickles of any class, and code of a processor, which torch.export would run."""
    try:
        with ZipFile(file) as archive:
            names = [PurePosixPath(name) for name in archive.namelist()]
    except (BadZipFile, OSError):
        return  # it is none, and torch says so
    for name in names:
        if name.name.startswith(OPAQUE) or COMPILED in name.parts:
            raise _refused(file, str(name))


def _refused(file: Path, what: str) -> UserError:
    return UserError(
        f"{file} contains more than operations and tensors ({what}), which is not safe to load; {REMEDY}"
    )


def _input(
    file: Path, program: ExportedProgram
) -> tuple[int | None, int | None, int, tuple[int, int] | None]:
    """Read the images of a batch, the most there can be, the channels, and the height and width: None for
    what is not fixed."""
    names = program.graph_signature.user_inputs
    shapes = [
        tuple(node.meta["val"].shape)
        for node in program.graph.nodes
        if node.op == "placeholder" and node.name in names and isinstance(node.meta["val"], torch.Tensor)
    ]
    if len(shapes) != 1 or len(shapes[0]) != 4 or shapes[0][1] not in (1, 3):
        takes = " and ".join(_shape(shape) for shape in shapes) or "no tensor"
        raise UserError(f"{file} takes {takes}; needed: images (batch, 1 or 3 channels, height, width)")
    batch, channels, *sides = shapes[0]
    size = (sides[0], sides[1]) if all(isinstance(side, int) for side in sides) else None
    if isinstance(batch, int):
        return batch, batch, channels, size
    limits = program.range_constraints.get(batch.node.expr)
    most = None if limits is None or limits.upper > LARGEST_BATCH else int(limits.upper)
    return None, most, channels, size


def _shape(shape: tuple[Any, ...]) -> str:
    """Write a shape, with `any` for what is not fixed."""
    return f"({', '.join(str(side) if isinstance(side, int) else 'any' for side in shape)})"


def _class(name: str, module: nn.Module) -> type[nn.Module] | None:
    """Find what an exported module was: the program remembers the class that each operation was in."""
    graph = getattr(module, "graph", None)
    for node in graph.nodes if isinstance(graph, torch.fx.Graph) else ():
        for path, qualified in (node.meta.get("nn_module_stack") or {}).values():
            if path == name and node.op == "call_function" and str(qualified).startswith("torch.nn."):
                return getattr(nn, str(qualified).rpartition(".")[2], None)
    return None
