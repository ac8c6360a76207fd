"""What the command line knows of a network that it measures, and what its loaders share."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from torch import nn


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


@contextmanager
def quiet() -> Iterator[None]:
    """Keep libraries from logging, and warning of, what is told in one line."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def reason(error: BaseException) -> str:
    """Tell an error of somebody else's code in one line."""
    text = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
