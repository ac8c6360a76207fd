"""Weights from a file of tensors, put into a network. Tensors are read, and nothing is ever unpickled."""

import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from pickle import UnpicklingError
from typing import Any
from zipfile import BadZipFile, ZipFile

import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn.parameter import is_lazy

from equivariance.cli.network import Network, quiet, reason
from equivariance.errors import UserError, listed

SAFE, *_ = SUFFIXES = (".safetensors", ".pth", ".pt", ".bin", ".ckpt", ".tar")
WRAPPERS = ("state_dict", "model_state_dict", "model", "net")  # what trainings save the weights under
PREFIXES = ("module.", "model.")  # of DataParallel and Lightning
COMPILED = "_orig_mod."  # of torch.compile, anywhere in a name
COUNTER = "num_batches_tracked"  # old files lack it, and evaluation needs none
REMEDY = 'save the tensors alone: torch.save(model.state_dict(), "weights.pth")'
SHOWN = 3


def load_weights(network: Network, file: Path) -> None:
    """Put the weights of a file into a network.

    Takes .safetensors and what torch.save wrote, also as trainings wrap it and rename it. Raises UserError
    for a file that cannot be read, that contains more than tensors, or that does not match the network, which
    is of no use then.
    """
    expected = network.model.state_dict()
    found = _renamed(_unwrapped(file, _read(file)), expected)
    other = {
        name: f"{name} {tuple(found[name].shape)} instead of {tuple(tensor.shape)}"
        for name, tensor in expected.items()
        if isinstance(tensor, Tensor) and not is_lazy(tensor)
        if isinstance(found.get(name), Tensor) and found[name].shape != tensor.shape
    }
    fitting = {name: value for name, value in found.items() if name not in other}
    try:
        unmatched = network.model.load_state_dict(fitting, strict=False)
    except Exception as error:  # networks may have a way of their own to load
        raise UserError(f"{file} does not fit {network.name} ({reason(error)})") from error
    missing = [name for name in unmatched.missing_keys if name not in other and not name.endswith(COUNTER)]
    mistakes = [
        f"{len(names)} {what}: {listed(names, SHOWN)}"
        for what, names in (
            ("missing", missing),
            ("unexpected", unmatched.unexpected_keys),
            ("of the wrong shape", list(other.values())),
        )
        if names
    ]
    if mistakes:
        raise UserError(f"{file} does not match {network.name}: {'; '.join(mistakes)}")


def _read(file: Path) -> Any:
    suffix, inside = file.suffix.lower(), _archived(file)
    if suffix == ".pt2" or {"archive_format", "serialized_exported_program.json"} & inside:
        raise UserError(
            f"{file} is a network of torch.export, which contains its weights: use it as --model, "
            "without --weights"
        )
    if "constants.pkl" in inside:
        raise UserError(f"{file} is a TorchScript network; {REMEDY}")
    if suffix not in SUFFIXES:
        raise UserError(f"{file} is not a known kind of file; valid: {' '.join(SUFFIXES)}")
    try:
        with quiet():
            if suffix == SAFE:
                return load_file(file)
            return torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # there is no one class for what a file can have wrong
        # torch's own text would have one switch off the check against foreign code.
        foreign = foreign_name(error)
        if foreign or (inside and isinstance(error, UnpicklingError)):
            what = f" ({foreign})" if foreign else ""
            raise UserError(
                f"{file} contains more than tensors{what}, which is not safe to load; {REMEDY}"
            ) from error
        raise UserError(f"{file} is damaged, or its suffix is wrong; {REMEDY}") from error


def foreign_name(error: Exception) -> str:
    """What torch refused to unpickle, a class or a function; empty where it failed for another reason."""
    found = re.search(r"GLOBAL (\S+)", str(error))
    return found.group(1) if found else ""


def _archived(file: Path) -> set[str]:
    """List the names of the files in an archive, without their folders; none where it is no archive."""
    try:
        with ZipFile(file) as archive:
            return {PurePosixPath(name).name for name in archive.namelist()}
    except (BadZipFile, OSError):
        return set()


def _unwrapped(file: Path, found: Any) -> dict[str, Any]:
    """Find the tensors by name in what a training saved."""
    for _ in WRAPPERS:  # one wrapped in another
        if isinstance(found, Mapping):
            found = next((found[key] for key in WRAPPERS if isinstance(found.get(key), Mapping)), found)
    entries = found if isinstance(found, Mapping) else {}
    named = {name: value for name, value in entries.items() if isinstance(name, str)}
    if not any(isinstance(value, Tensor) for value in named.values()):
        what = f"it contains {listed(list(named))}" if named else f"it contains a {type(found).__name__}"
        raise UserError(f"{file} has no named tensors ({what}); {REMEDY}")
    return named


def _renamed(found: dict[str, Any], expected: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out the prefixes that trainings put before names, where the names are those of the network then.

    Where they never are, returns those that are nearest, for the text of the error.
    """
    needed = {name for name in expected if not name.endswith(COUNTER)}
    forms = [found, {name.replace(COMPILED, ""): value for name, value in found.items()}]
    for form in forms:  # which grows
        prefix = next((one for one in PREFIXES if all(name.startswith(one) for name in form)), None)
        if prefix:
            forms.append({name.removeprefix(prefix): value for name, value in form.items()})
    return next(
        (form for form in forms if needed == {name for name in form if not name.endswith(COUNTER)}),
        max(forms, key=lambda form: len(needed & form.keys())),
    )
