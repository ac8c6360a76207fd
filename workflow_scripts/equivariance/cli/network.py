"""What the command line knows of a network that it measures, and what its loaders share."""

import logging
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from traceback import walk_tb

import torch
from torch import Tensor, nn

from equivariance.cli.arguments import NetworkArguments
from equivariance.errors import UserError, counted
from equivariance.measures.sweep import CPU_INPUTS

PACKAGE = Path(__file__).parents[1]
CALLS_NETWORK = ("_run", "__torch_dispatch__")  # functions of ours, below which a network's code runs
NO_MEMORY = re.compile(r"out of memory|allocate memory|not enough memory|bad_alloc", re.IGNORECASE)


@dataclass(frozen=True)
class Network:
    """A network, its name, and what it says about its input: None where it says nothing."""

    model: nn.Module
    name: str
    channels: int = 3
    size: tuple[int, int] | None = None  # (height, width) that it is fixed to
    mean: list[float] | None = None  # what its weights were trained with
    std: list[float] | None = None
    batch: int | None = None  # images of each pass that it is fixed to
    most: int | None = None  # images of a pass that it can take

    @contextmanager
    def one_line_errors(self, image: Tensor) -> Iterator[None]:
        """Turn what the network raises for images like one (C, H, W), and a lack of memory, into one line.

        Other errors pass."""
        shape = "x".join(map(str, image.shape))
        try:
            yield
        except UserError:
            raise
        except (Exception, SystemExit) as error:  # a network may raise anything
            text = reason(error)
            if isinstance(error, MemoryError) or NO_MEMORY.search(text):
                asked = re.search(r"tried to allocate ([\d.]+ \w+)", text, re.IGNORECASE)
                size = f" ({asked.group(1)} more needed)" if asked else ""
                raise UserError(
                    f"not enough memory for {self.name} with images of {shape}{size}; reduce --size, "
                    "--count or --memory, or choose fewer --layers"
                ) from error
            if not _is_of_network(error):
                raise
            other = self.size is not None and self.size != tuple(image.shape[1:])
            fixed = f"; it needs --size {self.size[0]}x{self.size[1]}" if self.size and other else ""
            raise UserError(f"{self.name} cannot process images of {shape}{fixed} ({text})") from error

    def tile(self, transformations: int) -> int | None:
        """Images under so many transformations that a pass is limited to, None for any number.

        Raises UserError where the network takes fewer inputs than there are transformations, or a fixed
        number that is no multiple of theirs.
        """
        takes = self.batch or self.most
        if takes is None:
            return None
        if takes < transformations or (self.batch and self.batch % transformations):
            exactly = "" if self.batch else "at most "
            why = "too few for" if takes < transformations else "no multiple of the"
            raise UserError(
                f"{self.name} takes {exactly}{counted(takes, 'image')} at a time, which is {why} "
                f"{counted(transformations, 'transformation')}; choose another --count, or export it for any "
                "number of images, as at the end of --help"
            )
        return max(1, (self.batch or min(takes, CPU_INPUTS)) // transformations)


def preprocessing(arguments: NetworkArguments, network: Network) -> Callable[[Tensor], Tensor] | None:
    """Standardise images as the arguments, or else the network's weights, ask for.

    Raises UserError for a number of values that is not that of the channels.
    """
    mean = arguments.mean or network.mean
    std = arguments.std or network.std
    if mean is None and std is None:
        return None
    mean, std = mean or [0.0] * network.channels, std or [1.0] * network.channels
    for option, values in (("--mean", mean), ("--std", std)):
        if len(values) != network.channels:
            raise UserError(
                f"{option} has {counted(len(values), 'number')}; {network.name} takes "
                f"{counted(network.channels, 'channel')}"
            )
    centre, spread = (torch.tensor(values)[:, None, None] for values in (mean, std))
    return lambda images: (images - centre.to(images)) / spread.to(images)


def output_choices(given: Sequence[tuple[str, str]]) -> dict[str, int | str]:
    """What `--outputs` says, by layer: numbers are places in a tuple or list."""
    return {name: int(key) if key.isdecimal() else key for name, key in given}


@contextmanager
def quiet() -> Iterator[None]:
    """Silence the logs and warnings of libraries; errors are reported in one line."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _is_of_network(error: BaseException) -> bool:
    """Whether an error was raised by the code of a network, and not by the code that observes its layers."""
    own = [frame.f_code for frame, _ in walk_tb(error.__traceback__)]
    ours = [code.co_name for code in own if _is_ours(Path(code.co_filename))]
    return ours[-1] in CALLS_NETWORK


def _is_ours(file: Path) -> bool:
    return file.is_relative_to(PACKAGE) and not file.is_relative_to(PACKAGE / "models")


def reason(error: BaseException) -> str:
    """Write an error of other people's code in one line."""
    text = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
