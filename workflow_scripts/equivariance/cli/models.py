"""Networks that the command line can measure: programs of torch.export, and those of torchvision."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.export import ExportedProgram

from equivariance.cli.arguments import TORCHVISION
from equivariance.errors import UserError, unknown
from equivariance.models.layers import KINDS

REMEDY = (
    "make one with torch.export.save(torch.export.export(model.eval(), (images,), "
    'dynamic_shapes=({0: torch.export.Dim("batch")},)), "model.pt2")'
)


@dataclass(frozen=True)
class Network:
    """A network, its name, and what it says about its input: None where it says nothing."""

    model: nn.Module
    name: str
    channels: int = 3
    size: tuple[int, int] | None = None  # (height, width) that it is fixed to
    mean: list[float] | None = None  # what its weights were trained with
    std: list[float] | None = None


def load_network(given: str, seed: int) -> Network:
    """Load `FILE.pt2`, `torchvision:NAME` with random weights of a seed, or `torchvision:NAME:WEIGHTS`.

    Raises UserError for an unknown name, a file that is no exported program, one whose input is not a
    batch of any number of images, and weights that cannot be downloaded.
    """
    if given.startswith(TORCHVISION):
        name, _, weights = given.removeprefix(TORCHVISION).partition(":")
        return _of_torchvision(name, weights, seed)
    return _exported(Path(given))


def _of_torchvision(name: str, weights: str, seed: int) -> Network:
    try:
        from torchvision import models
    except ImportError as error:
        raise UserError(f"{TORCHVISION}{name} needs torchvision: pip install torchvision") from error
    names = models.list_models(module=models)
    if name not in names:
        raise UserError(unknown("network of torchvision", name, names))
    torch.manual_seed(seed)
    if not weights:
        return Network(models.get_model(name, weights=None), name)
    trained = models.get_model_weights(name)
    if weights not in trained.__members__:
        raise UserError(unknown(f"weights of {name}", weights, trained.__members__))
    chosen = trained[weights]
    try:
        with redirect_stdout(StringIO()):  # standard output is for the paths of results
            model = models.get_model(name, weights=chosen)
    except (OSError, RuntimeError) as error:  # no internet, or a file that is not whole
        raise UserError(
            f"the weights {weights} of {name} cannot be had ({error}); "
            f"put {chosen.url} into {torch.hub.get_dir()}/checkpoints, "
            f"or leave :{weights} out for random ones"
        ) from error
    transforms = chosen.transforms()
    return Network(model, f"{name} {weights}", mean=list(transforms.mean), std=list(transforms.std))


def _exported(file: Path) -> Network:
    try:
        with _quiet():
            program = torch.export.load(file)
    except Exception as error:  # torch has no one class for what a file can have wrong
        raise UserError(f"{file} is no program of torch.export (.pt2); {REMEDY}") from error
    channels, size = _input(file, program)
    model = torch.export.unflatten(program)
    for name, module in model.named_modules():
        kind = _kind(name, module)
        if kind:
            module.layer_kind = kind
    return Network(model, file.stem, channels, size)


def _input(file: Path, program: ExportedProgram) -> tuple[int, tuple[int, int] | None]:
    """Read the channels, and the height and width if they are fixed."""
    names = program.graph_signature.user_inputs
    shapes = [
        tuple(node.meta["val"].shape)
        for node in program.graph.nodes
        if node.op == "placeholder" and node.name in names and isinstance(node.meta["val"], torch.Tensor)
    ]
    if len(shapes) != 1 or len(shapes[0]) != 4 or shapes[0][1] not in (1, 3):
        takes = " and ".join(str(shape) for shape in shapes)
        raise UserError(f"{file} takes {takes}; needed: images (batch, 1 or 3 channels, height, width)")
    batch, channels, *sides = shapes[0]
    if isinstance(batch, int):
        raise UserError(
            f"{file} takes {batch} images at a time; export it with a dynamic batch dimension: {REMEDY}"
        )
    return channels, (sides[0], sides[1]) if all(isinstance(side, int) for side in sides) else None


def _kind(name: str, module: nn.Module) -> str | None:
    """Find the kind of an exported module: the program remembers the class that each operation was in."""
    graph = getattr(module, "graph", None)
    for node in graph.nodes if isinstance(graph, torch.fx.Graph) else ():
        for path, qualified in (node.meta.get("nn_module_stack") or {}).values():
            if path == name and node.op == "call_function" and str(qualified).startswith("torch.nn."):
                was: Any = getattr(nn, str(qualified).rpartition(".")[2], None)
                return next((kind for kind, types in KINDS.items() if was and issubclass(was, types)), None)
    return None


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep torch from logging what is told in one line."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
