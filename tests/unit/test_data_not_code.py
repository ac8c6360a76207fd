"""What is read from a disk is data: no call in the project unpickles it, and no file runs code."""

import ast
import io
import os
import pickle
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from test_hygiene import ROOT, files
from torch import nn

from equivariance.analysis.image_grids import load_grids
from equivariance.checkpoint import load_checkpoint
from equivariance.cli.exported import load_exported
from equivariance.cli.network import Network
from equivariance.cli.weights import load_weights
from equivariance.datasets.image_set import ImageSet
from equivariance.datasets.pickles import read_pickle
from equivariance.errors import UserError
from equivariance.models.pretrained import load_pretrained
from equivariance.workflow.yaml_files import read_yaml

FAMILY = "inception_transfer"


class Runs:
    """Makes a folder when it is unpickled."""

    def __reduce__(self) -> Any:
        return os.mkdir, ("unpickled",)


def array_of_objects(file: Path) -> None:
    """Arrays that only a pickle can hold, under the first names that are read."""
    content = np.array([Runs()], dtype=object)
    np.savez(file, images=content, datasets=content)


def program(file: Path) -> None:
    """A network of torch.export whose example inputs are more than tensors."""
    exported = torch.export.export(nn.Conv2d(3, 2, 3).eval(), (torch.rand(2, 3, 8, 8),))
    torch.export.save(exported, file)
    replace_in_archive(file, "sample_inputs", saved(((Runs(),), {})))


def saved(content: Any) -> bytes:
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


def replace_in_archive(file: Path, part: str, content: bytes) -> None:
    """Put another content into the entries of a zip that have `part` in their name."""
    with zipfile.ZipFile(file) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    assert any(part in name for name in entries)
    with zipfile.ZipFile(file, "w") as archive:
        for name, old in entries.items():
            archive.writestr(name, content if part in name else old)


def torch_file(file: Path) -> None:
    torch.save({"digest": "digest", "more": Runs()}, file)


def old_torch_file(file: Path) -> None:
    torch.save({"digest": "digest", "more": Runs()}, file, _use_new_zipfile_serialization=False)


def plain_pickle(file: Path) -> None:
    file.write_bytes(pickle.dumps({"data": Runs()}))


def yaml_tag(file: Path) -> None:
    file.write_text("run: !!python/object/apply:os.mkdir [unpickled]\n")


def weights(file: Path) -> None:
    load_weights(Network(nn.Conv2d(3, 2, 3), "network"), file)


def published(file: Path) -> None:
    load_pretrained(nn.ModuleDict({"inception": nn.Conv2d(3, 2, 3)}), FAMILY, file)


READERS: dict[str, tuple[str, Callable[[Path], None], Callable[[Path], Any], type[Exception]]] = {
    "a checkpoint": ("a.pt", torch_file, lambda file: load_checkpoint(file, "digest"), UserError),
    "an old checkpoint": ("a.pt", old_torch_file, lambda file: load_checkpoint(file, "digest"), UserError),
    "--weights": ("a.pth", torch_file, weights, UserError),
    "old --weights": ("a.pth", old_torch_file, weights, UserError),
    "a pickle as --weights": ("a.bin", plain_pickle, weights, UserError),
    "a pickle as safetensors": ("a.safetensors", plain_pickle, weights, UserError),
    "published weights": ("a.pth", torch_file, published, UserError),
    "old published weights": ("a.pth", old_torch_file, published, UserError),
    "a file of torch.export": ("a.pt2", program, load_exported, UserError),
    "a batch of CIFAR10": ("data_batch_1", plain_pickle, read_pickle, pickle.UnpicklingError),
    "a prepared data set": ("a.npz", array_of_objects, ImageSet.load, UserError),
    "pictures of a figure": ("a.npz", array_of_objects, load_grids, UserError),
    "settings": ("a.yaml", yaml_tag, read_yaml, UserError),
}  # fmt: skip


@pytest.mark.parametrize("place", READERS)
def test_no_file_can_run_code(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    name, write, read, error = READERS[place]
    write(Path(name))
    with pytest.raises(error) as caught:
        read(Path(name))
    assert not Path("unpickled").exists()
    text = str(caught.value)
    assert "\n" not in text and (name in text or error is not UserError)


def test_these_files_would_run_code_if_they_were_unpickled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for write, read in (
        (torch_file, lambda: torch.load("file", weights_only=False)),
        (old_torch_file, lambda: torch.load("file", weights_only=False)),
        (plain_pickle, lambda: pickle.loads(Path("file").read_bytes())),
        (program, lambda: torch.export.load("file")),
    ):
        write(Path("file"))
        with suppress(Exception):  # which comes too late
            read()
        Path("unpickled").rmdir()


@pytest.mark.parametrize("entry", ["data/constants/opaque_obj_0", "data/aotinductor/model/a.so"])
def test_a_program_with_code_of_its_own_is_refused(entry: str, tmp_path: Path) -> None:
    exported = torch.export.export(nn.Conv2d(3, 2, 3).eval(), (torch.rand(2, 3, 8, 8),))
    torch.export.save(exported, tmp_path / "a.pt2")
    assert load_exported(tmp_path / "a.pt2").channels == 3
    with zipfile.ZipFile(tmp_path / "a.pt2", "a") as archive:
        archive.writestr(f"a/{entry}", b"")
    with pytest.raises(UserError, match=rf"a\.pt2 contains more than operations and tensors \(a/{entry}\)"):
        load_exported(tmp_path / "a.pt2")


# What runs code, by module; a call that has to say something else is listed with it.
FORBIDDEN = {
    **dict.fromkeys(("pickle.load", "pickle.loads", "pickle.Unpickler", "cPickle.load"), None),
    **dict.fromkeys(("joblib.load", "dill.load", "dill.loads", "cloudpickle.load", "shelve.open"), None),
    **dict.fromkeys(("marshal.load", "marshal.loads", "pd.read_pickle", "pandas.read_pickle"), None),
    **dict.fromkeys(("eval", "exec", "compile", "os.system", "os.popen"), None),
    **dict.fromkeys(("yaml.unsafe_load", "yaml.full_load", "yaml.load_all", "torch.jit.load"), None),
    **dict.fromkeys(("torch.load", "torch.hub.load_state_dict_from_url"), "weights_only=True"),
    **dict.fromkeys(("np.load", "numpy.load"), "allow_pickle=False"),
    "yaml.load": "Loader=LOADER",
    "yaml.compose": "Loader=LOADER",
}
SUBCLASSES = {"workflow_scripts/equivariance/datasets/pickles.py": "pickle.Unpickler"}
MODULES = ("pickle", "cPickle", "joblib", "dill", "cloudpickle", "shelve", "marshal")


def calls_that_run_code(source: str) -> Iterator[str]:
    """Calls in a source that may run what they read; `from pickle import load` is one, too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            given = {ast.unparse(one) for one in node.keywords}
            if called in FORBIDDEN and FORBIDDEN[called] not in given:
                yield f"{node.lineno}: {called}"
            if "allow_pickle=True" in given or "weights_only=False" in given or "shell=True" in given:
                yield f"{node.lineno}: {ast.unparse(node)}"
        elif isinstance(node, ast.ClassDef):
            yield from (
                f"{node.lineno}: {ast.unparse(one)}" for one in node.bases if "Unpickler" in ast.unparse(one)
            )
        elif isinstance(node, ast.ImportFrom) and node.module in MODULES:
            names = {one.name for one in node.names} - {"UnpicklingError", "PicklingError"}
            yield from (f"{node.lineno}: {node.module}.{name}" for name in names)


def test_no_call_runs_what_it_reads() -> None:
    sources = [
        file
        for file in files()
        if file.suffix == ".py"
        and file.relative_to(ROOT).parts[0] in ("workflow_scripts", "benchmarks", "paper")
    ]
    assert len(sources) > 100
    found = {
        name: calls
        for file in sources
        if (name := file.relative_to(ROOT).as_posix())
        and (calls := [*calls_that_run_code(file.read_text(encoding="utf-8"))])
    }
    assert {name: [one.split(": ")[1] for one in calls] for name, calls in found.items()} == {
        name: [one] for name, one in SUBCLASSES.items()
    }


@pytest.mark.parametrize(
    "source",
    [
        "torch.load(file)",
        "torch.load(file, weights_only=False)",
        "np.load(file)",
        "read(file, allow_pickle=True)",
        "yaml.load(file, Loader=yaml.Loader)",
        "pickle.load(file)",
        "from pickle import loads",
        "eval(text)",
        "class Any(pickle.Unpickler): pass",
    ],
)
def test_such_calls_are_found(source: str) -> None:
    assert [*calls_that_run_code(source)]


@pytest.mark.parametrize(
    "source",
    [
        "torch.load(file, weights_only=True)",
        "np.load(file, allow_pickle=False)",
        "model.eval()",
        "re.compile(text)",
        "from pickle import UnpicklingError",
    ],
)
def test_other_calls_are_not(source: str) -> None:
    assert not [*calls_that_run_code(source)]
