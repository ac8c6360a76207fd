"""Everything that README.md and the pages of docs/ tell a reader to type works, and the site builds.

Commands run in a copy of the repository, so that neither results nor a run in progress are touched. How each
kind of fenced block is tested:

- ```bash: `snakemake` with `--dry-run`, `make` with `-n`, `source` by where make puts the environment,
  `python -m equivariance` as it stands, on pictures, a network and weights that the test puts where it says;
- ```console: commands that need what a test cannot have, such as a package index: they are listed here;
- ```yaml: merged over the configuration as Snakemake does it, then checked as in a run;
- ```python: those of a page are executed one after the other, and what each prints is compared with the
  ```text that follows;
- ```text elsewhere: for the eye.

A block of another kind, or a command that is not in this list, fails. So does a path of the repository that
a page names and that is not there.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from PIL import Image

import equivariance
from equivariance.analysis.claims.columns import COLUMNS
from equivariance.workflow.loading import load_config
from equivariance.workflow.yaml_files import read_yaml

ROOT = Path(__file__).parents[2]
FOLDERS = ("", "docs", "docs/add")
PAGES = {
    file.relative_to(ROOT).as_posix(): file.read_text(encoding="utf-8")
    for folder in FOLDERS
    for file in sorted((ROOT / folder).glob("*.md"))
    if file.name != "CHANGELOG.md"
}
NOT_RUN = {
    "pip install .",  # needs a package index
    "docker build --tag equivariance .",
    'docker run --rm --user "$(id -u):$(id -g)" --volume "$PWD:/workflow" equivariance snakemake --cores 8',
    "apptainer build equivariance.sif container.def",
    "snakemake --cores 8 --sdm apptainer --config container=equivariance.sif",
}
CONFIGURATION = [
    ROOT / "config" / f"{name}.yaml"
    for name in ("config", "models", "transformations", "experiments", "claims")
]
IMPORTABLE = {"PYTHONPATH": str(ROOT / "workflow_scripts"), "PYTHONDONTWRITEBYTECODE": "1"}


class Block(NamedTuple):
    """A fenced block: what kind it is, and what it holds."""

    kind: str
    text: str


def blocks(page: str) -> list[Block]:
    found = re.findall(r"^```(\S*)\n(.*?)^```$", PAGES[page], flags=re.MULTILINE | re.DOTALL)
    return [Block(kind, text) for kind, text in found]


def of_kind(kind: str) -> list[str]:
    """The blocks of a kind in all pages, each once."""
    return [*dict.fromkeys(block.text for page in PAGES for block in blocks(page) if block.kind == kind)]


def commands(kind: str) -> list[str]:
    """The commands in the blocks of a kind, each once; a backslash continues a line."""
    joined = "".join(of_kind(kind)).replace("\\\n", " ")
    lines = (" ".join(line.split("#")[0].split()) for line in joined.splitlines())
    return [*dict.fromkeys(line for line in lines if line)]


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
    folder = tmp_path_factory.mktemp("docs") / "clone"
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
    if command[3] == "claims":
        judged = clone / "results" / command[command.index("--run") + 1] / "claims.csv"
        judged.parent.mkdir(parents=True, exist_ok=True)
        judged.write_text(",".join(COLUMNS) + "\n", encoding="utf-8")
    if command[3] in ("plan", "claims"):
        run(command, clone)
        return
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


@pytest.mark.parametrize("command", commands("bash"))
def test_command_works(command: str, clone: Path) -> None:
    words = shlex.split(command)
    assert words[0] in CHECKS, f"no test handles {command!r}"
    CHECKS[words[0]](words, clone)


@pytest.mark.parametrize("size", ["thesis", "quick"])
@pytest.mark.parametrize("example", of_kind("yaml"), ids=name_of)
def test_example_of_yaml_is_a_valid_configuration(example: str, size: str, tmp_path: Path) -> None:
    given = tmp_path / "example.yaml"
    given.write_text(example, encoding="utf-8")
    override = [ROOT / "config" / "quick.yaml"] if size == "quick" else []
    load_config(read_yaml(*CONFIGURATION, *override, given), ROOT / "config" / "schemas")


SEPARATOR = "\x1e"  # between what the blocks of a page print


@pytest.mark.parametrize("page", [page for page in PAGES if "```python\n" in PAGES[page]])
def test_python_of_a_page_prints_what_the_page_shows(page: str, tmp_path: Path) -> None:
    following = [*blocks(page)[1:], Block("", "")]
    examples = [
        (block.text, after.text if after.kind == "text" else "")
        for block, after in zip(blocks(page), following, strict=True)
        if block.kind == "python"
    ]
    program = f"\nprint({SEPARATOR!r})\n".join(text for text, _ in examples)
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, **IMPORTABLE, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    for printed, (_, shown) in zip(done.stdout.split(SEPARATOR), examples, strict=True):
        assert_alike(printed.split(), shown.split())


def assert_alike(printed: list[str], shown: list[str]) -> None:
    """Compare words; numbers may differ a little in their last digit, as between machines."""
    assert len(printed) == len(shown), f"{printed} is not {shown}"
    for one, other in zip(printed, shown, strict=True):
        if re.fullmatch(r"-?\d+\.\d+", other):
            assert float(one) == pytest.approx(float(other), abs=1.5 * 10 ** -len(other.partition(".")[2]))
        else:
            assert one == other


def test_every_block_is_of_a_kind_that_is_tested() -> None:
    kinds = {block.kind for page in PAGES for block in blocks(page)}
    assert kinds == {"bash", "console", "yaml", "python", "text"}
    for page, text in PAGES.items():
        assert text.count("```") == 2 * len(blocks(page)), page
    assert {*commands("console")} == NOT_RUN


@pytest.mark.parametrize("page", PAGES)
def test_links_of_a_page_lead_somewhere(page: str) -> None:
    folder = (ROOT / page).parent
    targets = set(re.findall(r"\]\(([^)#]+)[^)]*\)", PAGES[page]))
    assert not [
        target for target in targets if not (target.startswith("https://") or (folder / target).exists())
    ]


@pytest.mark.parametrize("page", PAGES)
def test_paths_that_a_page_names_exist(page: str) -> None:
    package = ROOT / "workflow_scripts" / "equivariance"
    made = {name_of(example) for example in of_kind("yaml")}
    named = {path for path in re.findall(r"`([\w.]+/[\w./]*)`", PAGES[page]) if path not in made}
    tops = {path.name for folder in (ROOT, package) for path in folder.iterdir() if path.is_dir()}
    ours = {path for path in named if path.split("/")[0] in tops - {"results", "logs"}}
    assert not [path for path in ours if not ((ROOT / path).exists() or (package / path).exists())]


def test_site_builds_without_warnings_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    pages = {file: file.read_text(encoding="utf-8") for file in (tmp_path / "site").rglob("*.html")}
    assert len(pages) > len([page for page in PAGES if page.startswith("docs/")])
    for file, text in pages.items():
        assert not re.findall(r'<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)="(?:https?:)?//', text), file
    assert "usage: python -m equivariance measure" in pages[tmp_path / "site" / "command_line.html"]
    reference = pages[tmp_path / "site" / "reference.html"]
    for name in equivariance.__all__:
        assert re.search(rf'id="equivariance\.[\w.]+\.{name}"', reference), name
