"""Networks from Python code of the user: `module:function` and `path/to/file.py:function`."""

import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from equivariance.cli.arguments import COLLECTIONS
from equivariance.cli.network import Network, reason
from equivariance.errors import UserError, unknown

LISTED = 10
FROM_FILE = "network_from_file"  # the module of a file: no name of another module


def load_own(given: str, seed: int) -> Network:
    """Make the network that a function without arguments returns, with torch's random numbers of a seed.

    A class of networks is as good as a function, and a network that stands there is taken. Raises UserError
    where there is no such module or function, where it fails, needs arguments, or returns something else.
    """
    source, _, name = given.rpartition(":")
    torch.manual_seed(seed)
    module = _file(Path(source)) if source.endswith(".py") else _module(source, name)
    if not hasattr(module, name):
        raise UserError(unknown(f"function of {source}", name, _public_names(module), LISTED))
    found = getattr(module, name)
    model = _unwrapped(found if isinstance(found, nn.Module) else _call(given, found, seed))
    if not isinstance(model, nn.Module):
        raise UserError(f"{given} returns {_described(model)}; needed: a network, a torch.nn.Module")
    if any(isinstance(module, torch.jit.ScriptModule) for module in model.modules()):
        raise UserError(
            f"{given} returns a TorchScript network, whose layers are hidden; needed: the original network"
        )
    with _one_line_errors(f"{given} cannot be moved to the CPU"):
        model = model.cpu()
    return Network(model, given, _channels(model))


def _module(name: str, function: str) -> ModuleType:
    """Import a module; those of the working directory come first, as for `python -m`."""
    sys.path.insert(0, str(Path.cwd()))
    with _one_line_errors(f"{name} cannot be imported"):
        try:
            return import_module(name)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{name}.".startswith(f"{error.name}."):
                raise  # one that it imports
            near = get_close_matches(name.lower(), [prefix.rstrip(":") for prefix in COLLECTIONS], 1)
            meant = f"; did you mean {near[0]}:{function}?" if near else ""
            raise UserError(
                f"module {error.name!r} is not in {Path.cwd()}, nor among the installed packages{meant}"
            ) from error


def _file(file: Path) -> ModuleType:
    """Import a file; modules beside it come first, as for `python FILE`."""
    if not file.is_file():
        raise UserError(f"file not found: {file}")
    sys.path.insert(0, str(file.resolve().parent))
    spec = spec_from_file_location(FROM_FILE, file)
    assert spec and spec.loader  # there is a loader for .py
    module = module_from_spec(spec)
    sys.modules[FROM_FILE] = module  # dataclasses look there
    with _one_line_errors(f"{file} cannot be imported"):
        spec.loader.exec_module(module)
    return module


def _call(given: str, function: Any, seed: int) -> Any:
    if not callable(function):
        raise UserError(f"{given} is {_described(function)}; needed: a function that returns a network")
    try:
        inspect.signature(function).bind()
    except ValueError:  # it says nothing of its arguments
        pass
    except TypeError as error:
        raise UserError(
            f"{given} needs arguments ({error}); write a function without arguments that returns the network"
        ) from error
    torch.manual_seed(seed)
    with _one_line_errors(f"{given} fails"):
        return function()


@contextmanager
def _one_line_errors(what: str) -> Iterator[None]:
    """Turn errors of other people's code, which may raise anything, into one line."""
    try:
        yield
    except UserError:
        raise
    except SystemExit as error:
        how = 'it exits the program; put code that runs under `if __name__ == "__main__":`'
        raise UserError(f"{what} ({how})") from error
    except Exception as error:
        raise UserError(f"{what} ({reason(error)})") from error


def _unwrapped(model: Any) -> Any:
    """Take a network out of what makes it faster, and puts a prefix before the names of its layers."""
    parallel = nn.DataParallel | nn.parallel.DistributedDataParallel
    while hasattr(model, "_orig_mod") or isinstance(model, parallel):  # of torch.compile
        model = model.module if isinstance(model, parallel) else model._orig_mod
    return model


def _public_names(module: ModuleType) -> list[str]:
    """List the networks, classes of networks and functions of a module, without what it imported."""
    package = module.__name__.partition(".")[0]
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and (isinstance(value, nn.Module) or _made_in(package, value))
    ]


def _made_in(package: str, value: Any) -> bool:
    """Whether a value is a function, or class of networks, defined in a package itself."""
    fit = inspect.isfunction(value) or (inspect.isclass(value) and issubclass(value, nn.Module))
    return fit and value.__module__.partition(".")[0] == package


def _channels(model: nn.Module) -> int:
    """Number of channels of the images: one where the first convolution takes one, else three."""
    first = next((module for module in model.modules() if isinstance(module, nn.Conv2d)), None)
    return 1 if first is not None and first.in_channels == 1 else 3


def _described(value: Any) -> str:
    """Say what a value is, for a message."""
    if value is None or isinstance(value, type):
        return "None" if value is None else f"the class {value.__name__}"
    return f"a value of type {type(value).__name__}"
