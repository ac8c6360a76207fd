"""Everything that README.md tells a reader to type works.

Commands run in a copy of the repository, so that neither results nor a run in progress are touched. How each
kind of fenced block is tested:

- ```bash: `snakemake` with `--dry-run`, `make` with `-n`, `source` by where make puts the environment,
  `python -m equivariance` as it stands, on pictures, a network and weights that the test puts where it says;
- ```yaml: merged over the configuration as Snakemake does it, then checked as in a run;
- ```python: executed, and what it prints compared with the ```text that follows;
- ```text elsewhere: the layout, whose paths exist.

A block of another kind, or a command that is not in this list, fails.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from PIL import Image

from equivariance import datasets
from equivariance.datasets import mnist
from equivariance.models import pretrained
from equivariance.workflow.loading import load_config, read_yaml

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONFIGURATION = [
    ROOT / "config" / f"{name}.yaml" for name in ("config", "models", "transformations", "experiments")
]
IMPORTABLE = {"PYTHONPATH": str(ROOT / "workflow_scripts"), "PYTHONDONTWRITEBYTECODE": "1"}


class Block(NamedTuple):
    """A fenced block: what it is, what it holds, and the kind of the block before it."""

    kind: str
    text: str
    before: str


def blocks() -> list[Block]:
    found = re.findall(r"^```(\S*)\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
    kinds = ["", *(kind for kind, _ in found)]
    return [Block(kind, text, before) for (kind, text), before in zip(found, kinds, strict=False)]


def of_kind(kind: str) -> list[str]:
    return [block.text for block in blocks() if block.kind == kind]


def commands() -> list[str]:
    lines = (line.split("#")[0].strip() for text in of_kind("bash") for line in text.splitlines())
    return [line for line in lines if line]


def name_of(example: str) -> str:
    """The file that the first line of an example of YAML names."""
    first = example.splitlines()[0]
    assert re.fullmatch(r"# config/\w+\.yaml", first), (
        f"an example of YAML begins with its file's name, not {first!r}"
    )
    return first.removeprefix("# ")


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository as a reader has it who followed the page: no results, and the page's files of YAML."""
    folder = tmp_path_factory.mktemp("readme") / "clone"
    ignored = shutil.ignore_patterns(".*", "results", "logs", "__pycache__", "*.egg-info", "build", "dist")
    shutil.copytree(ROOT, folder, ignore=ignored)
    for example in of_kind("yaml"):
        (folder / name_of(example)).write_text(example, encoding="utf-8")
    return folder


def run(arguments: list[str], folder: Path) -> None:
    """Run a command with the programs of this environment before all others."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        arguments,
        cwd=folder,
        env={**os.environ, **IMPORTABLE, "PATH": path} | stand_in_for_conda(folder.parent / "conda", path),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{' '.join(arguments)}\n{done.stdout}\n{done.stderr}"


def stand_in_for_conda(folder: Path, path: str) -> dict[str, str]:
    """Put a `conda` first that answers what a dry run asks of it: version, platform, priority of channels."""
    answer = {"conda_prefix": str(folder), "platform": "linux-64", "get": {"channel_priority": "strict"}}
    program = folder / "conda"
    folder.mkdir(exist_ok=True)
    program.write_text(
        f"#!/bin/sh\ncase \"$*\" in *--json*) echo '{json.dumps(answer)}' ;; *) echo conda 99.0.0 ;; esac\n"
    )
    program.chmod(0o755)
    return {"PATH": os.pathsep.join([str(folder), path])}


def check_snakemake(command: list[str], clone: Path) -> None:
    if (
        "--report" in command
    ):  # needs results: what is tested is that the run it describes is there to be made
        at = command.index("--report")
        assert command[at + 1].startswith("results/")
        command = [*command[:at], *command[at + 2 :], "--cores", "1"]
    run([*command, "--dry-run", "--quiet"], clone)


def check_make(command: list[str], clone: Path) -> None:
    run([*command, "-n"], clone)


def check_source(command: list[str], clone: Path) -> None:
    assert command[1:] == [".venv/bin/activate"]
    assert "-m venv .venv" in (clone / "Makefile").read_text(encoding="utf-8")


def check_python(command: list[str], clone: Path) -> None:
    assert command[1:3] == ["-m", "equivariance"]
    own = clone.parent / "own"
    own.mkdir(exist_ok=True)
    if "--images" in command:
        folder = own / command[command.index("--images") + 1]
        folder.mkdir(exist_ok=True)
        for index in range(4):
            pixels = np.random.default_rng(index).integers(0, 256, (40, 50, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"{index}.jpg")
    if "--weights" in command:
        (own / "nets.py").write_text("from torch import nn\ndef build(): return nn.Conv2d(3, 2, 3)\n")
        weights = {"weight": torch.zeros(2, 3, 3, 3), "bias": torch.ones(2)}
        torch.save(weights, own / command[command.index("--weights") + 1])
    run(command, own)
    if "--output" in command:
        output = own / command[command.index("--output") + 1]
        assert {"measures.csv", "profile.csv"} < {path.name for path in output.iterdir()}


CHECKS: dict[str, Callable[[list[str], Path], None]] = {
    "snakemake": check_snakemake,
    "make": check_make,
    "source": check_source,
    "python": check_python,
}


@pytest.mark.parametrize("command", commands())
def test_command_works(command: str, clone: Path) -> None:
    words = command.split()
    assert words[0] in CHECKS, f"no test handles {command!r}"
    CHECKS[words[0]](words, clone)


@pytest.mark.parametrize("size", ["thesis", "quick"])
@pytest.mark.parametrize("example", of_kind("yaml"), ids=name_of)
def test_example_of_yaml_is_a_valid_configuration(example: str, size: str, tmp_path: Path) -> None:
    given = tmp_path / "example.yaml"
    given.write_text(example, encoding="utf-8")
    override = [ROOT / "config" / "quick.yaml"] if size == "quick" else []
    load_config(read_yaml(*CONFIGURATION, *override, given), ROOT / "config" / "schemas")


def examples_of_python() -> list[tuple[str, str]]:
    """Each example with the output that the page shows after it."""
    return [(block.text, after.text) for block, after in pairwise(blocks()) if block.kind == "python"]


@pytest.mark.parametrize(("example", "shown"), examples_of_python(), ids=["network", "arrays"])
def test_example_of_python_prints_what_the_page_shows(example: str, shown: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", example],
        cwd=tmp_path,
        env={**os.environ, **IMPORTABLE},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    printed, expected = done.stdout.split(), shown.split()
    assert len(printed) == len(expected)
    for one, other in zip(printed, expected, strict=True):
        if "." in other:
            assert float(one) == pytest.approx(
                float(other), abs=0.015
            )  # the last digit may differ between machines
        else:
            assert one == other


def test_layout_shows_what_there_is(clone: Path) -> None:
    (layout,) = [block.text for block in blocks() if block.kind == "text" and block.before != "python"]
    shown = [line.split()[0] for line in layout.splitlines()]
    missing = [path for path in shown if not (ROOT / path).exists()]
    assert not missing
    folders = {f"{path.name}/" for path in clone.iterdir() if path.is_dir() and path.name[0] != "."}
    assert folders - {"docs/"} <= {*shown}


def test_every_block_is_of_a_kind_that_is_tested() -> None:
    assert {block.kind for block in blocks()} == {"bash", "yaml", "python", "text"}
    assert README.count("```") == 2 * len(blocks())


def test_mirror_table_names_the_files_that_the_sources_ask_for() -> None:
    (table,) = re.findall(
        r"^\| data set \| files in the mirror \|\n(.*?)\n\n", README, flags=re.MULTILINE | re.DOTALL
    )
    named = set(re.findall(r"`([^`]+)`", table))
    assert named
    modules = [import_module(f"equivariance.datasets.{source}") for source in datasets.SOURCES]
    asked = {module.ARCHIVE.name for module in modules if hasattr(module, "ARCHIVE")}
    asked |= {f"mnist/{name}.gz" for name in mnist.UNPACKED_MD5}
    asked |= {file.name for file in pretrained.FILES.values()}
    assert named == asked


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)#]+)\)", README))))
def test_link_leads_somewhere(target: str) -> None:
    assert target.startswith("https://") or (ROOT / target).exists()
