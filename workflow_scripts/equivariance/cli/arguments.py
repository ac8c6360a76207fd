"""The arguments of the command line, and the errors that are found without torch."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from equivariance.cli.options import parser
from equivariance.errors import UserError
from equivariance.transformations.named import named_spec
from equivariance.transformations.parameters import Spec

TORCHVISION, TIMM = COLLECTIONS = ("torchvision:", "timm:")
FORMS = (
    "FILE.pt2 of torch.export, MODULE:FUNCTION or FILE.py:FUNCTION, torchvision:NAME such as "
    "torchvision:resnet18, timm:NAME"
)
LEAST_STD = 1e-6  # of pixels 0 to 1


@dataclass(frozen=True)
class NetworkArguments:
    """Which network, and which of its layers; see the help of each option."""

    model: str
    weights: Path | None
    size: tuple[int, int] | None  # (height, width)
    mean: list[float] | None
    std: list[float] | None
    seed: int
    layers: list[str] | None
    exclude: list[str]
    maps: list[tuple[str, str]]
    outputs: list[tuple[str, str]]
    device: str


@dataclass(frozen=True)
class LayersArguments(NetworkArguments):
    """A network whose layers are listed."""


@dataclass(frozen=True)
class Arguments(NetworkArguments):
    """What to measure, with which images, and where to write."""

    images: Path
    skip_damaged: bool
    samples: int | None
    transformations: str
    count: int | None
    measures: list[str]
    aggregations: list[str]
    padding: Literal["border", "zeros"]
    mask: bool
    stratified: bool
    autocast: bool
    memory: float | None  # GiB
    output: Path
    format: str

    @property
    def spec(self) -> Spec:
        """The set of transformations."""
        return named_spec(self.transformations, self.count)


@dataclass(frozen=True)
class PlanArguments:
    """Which run to plan, and what it would run on; see the help of each option."""

    config: list[Path]
    only: list[str] | None  # experiments
    by: Literal["model", "experiment"]
    cores: int
    flops_per_second: float | None


@dataclass(frozen=True)
class ClaimsArguments:
    """Of which run the verdicts on claims are printed; see the help of each option."""

    run: str
    config: list[Path]


@dataclass(frozen=True)
class ArchiveArguments:
    """Which run becomes an archive; see the help of each option."""

    run: str
    output: Path | None  # results/<run>.zip
    weights: bool


@dataclass(frozen=True)
class VerifyArguments:
    """What is compared with its checksums."""

    path: Path


@dataclass(frozen=True)
class ReferenceArguments:
    """Which run becomes the reference."""

    run: str


@dataclass(frozen=True)
class CompareArguments:
    """Which run is compared with the reference."""

    run: str


AnyArguments = (
    Arguments
    | LayersArguments
    | PlanArguments
    | ClaimsArguments
    | ArchiveArguments
    | VerifyArguments
    | ReferenceArguments
    | CompareArguments
)

OF_RUNS: dict[str, Callable[..., AnyArguments]] = {
    "plan": PlanArguments,
    "claims": ClaimsArguments,
    "archive": ArchiveArguments,
    "verify": VerifyArguments,
    "reference": ReferenceArguments,
    "compare": CompareArguments,
}
"""The commands that are about runs of the workflow."""


def parse(given: Sequence[str]) -> AnyArguments:
    """Read what follows `python -m equivariance`. Raises UserError for mistakes that show without torch."""
    options = vars(parser().parse_args(given))
    command = options.pop("command")
    if command in OF_RUNS:
        return OF_RUNS[command](**options)
    arguments = LayersArguments(**options) if command == "layers" else Arguments(**options)
    _check_model(arguments.model, arguments.weights)
    for option, values in (("--mean", arguments.mean), ("--std", arguments.std)):
        for value in values or ():
            if not math.isfinite(value) or (option == "--std" and value < LEAST_STD):
                valid = f"a number from {LEAST_STD:g}" if option == "--std" else "a finite number"
                raise UserError(f"{option} is {value:g}; valid: {valid}")
    if isinstance(arguments, Arguments):
        _check_folders(arguments)
    return arguments


def _check_folders(arguments: Arguments) -> None:
    _ = arguments.spec
    if not arguments.images.is_dir():
        raise UserError(f"image folder not found: {arguments.images}")
    if arguments.output.exists() and not arguments.output.is_dir():
        raise UserError(f"{arguments.output} is a file; --output needs a folder")
    if arguments.output.resolve() == arguments.images.resolve():
        raise UserError(
            "--output is the image folder, where the figures would be read as images; choose another folder"
        )


def is_function_name(model: str) -> bool:
    """Whether a model is `MODULE:FUNCTION` or `FILE.py:FUNCTION`."""
    source, _, name = model.rpartition(":")
    importable = all(part.isidentifier() for part in source.split("."))
    return name.isidentifier() and (importable or source.endswith(".py")) and not Path(model).is_file()


def _check_model(model: str, weights: Path | None) -> None:
    in_collection = model.startswith(COLLECTIONS)
    if not (in_collection or is_function_name(model)):
        if not Path(model).is_file():
            raise UserError(f"model file not found: {model}; valid: {FORMS}")
        if model.endswith(".py"):
            raise UserError(f"{model} needs the name of a function that returns a network: {model}:FUNCTION")
        if weights:
            raise UserError(
                f"--weights {weights} cannot be used with a model file, which contains its weights"
            )
    if weights and in_collection and model.count(":") > 1:
        published = model.rpartition(":")[2]
        raise UserError(f"give either --weights {weights} or :{published}, not both")
    if weights and not weights.is_file():
        raise UserError(f"weights file not found: {weights}")
