"""Scripts run with the packages of their environment alone: nothing of the host is on the path."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from empty_environment import make_environment
from script_imports import ENVIRONMENTS, SCRIPTS, files_of, pip_list, scripts_of, third_party_modules

pytestmark = pytest.mark.xdist_group("environments")  # one worker makes each environment, once

# Imports what it is told, as `from a.b import c` does, and says from which files all that is loaded came.
PROBE = """
import importlib, json, sys, sysconfig
from pathlib import Path

ours, theirs = json.loads(sys.argv[1])
sys.path.append(ours["folder"])
for name in ours["modules"]:
    importlib.import_module(name)
for name in theirs:
    module, _, attribute = name.rpartition(".")
    if not (module and hasattr(importlib.import_module(module), attribute)):
        importlib.import_module(name)
files = {name: getattr(module, "__file__", None) or "" for name, module in list(sys.modules.items())}
files = {name: file for name, file in files.items() if Path(file).is_absolute()}
standard = [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")]
json.dump({"files": files, "standard": standard}, sys.stdout)
"""


class Environment(NamedTuple):
    """An environment of `envs/`, and the folder in which its pip list is installed."""

    file: Path
    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"


@pytest.fixture(scope="module", params=ENVIRONMENTS, ids=lambda file: file.stem)
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """An environment built from nothing, from its list and nothing else."""
    environment = Environment(request.param, tmp_path_factory.mktemp(request.param.stem) / "env")
    make_environment(environment.folder, *pip_list(environment.file))
    yield environment
    shutil.rmtree(environment.folder)  # gigabytes, where they are no links to uv's cache


def run(environment: Environment, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the environment's Python, isolated from the host's variables and folders."""
    return subprocess.run([environment.python, "-I", *arguments], capture_output=True, text=True, cwd="/")


def module_name(file: Path) -> str:
    """The name by which a file of ours is imported."""
    parts = file.relative_to(SCRIPTS).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_scripts_find_all_they_import_in_their_environment(built: Environment) -> None:
    scripts = scripts_of(built.file)
    ours = sorted({module_name(file) for script in scripts for file in files_of(script)})
    theirs = sorted({name for script in scripts for name, _ in third_party_modules(script)})
    done = run(built, "-c", PROBE, json.dumps([{"folder": str(SCRIPTS), "modules": ours}, theirs]))
    assert done.returncode == 0, done.stderr
    loaded = {name: Path(file) for name, file in json.loads(done.stdout)["files"].items()}
    assert {*ours, *(name.split(".")[0] for name in theirs)} <= set(loaded)
    standard = [Path(folder) for folder in json.loads(done.stdout)["standard"]]
    foreign = {name: file for name, file in loaded.items() if not belongs(file, built.folder, standard)}
    assert not foreign


def belongs(file: Path, environment: Path, standard: list[Path]) -> bool:
    """Whether a file is ours, of the environment, or of Python's standard library."""
    inside = any(file.is_relative_to(folder) for folder in (SCRIPTS, environment))
    return inside or (any(map(file.is_relative_to, standard)) and "site-packages" not in file.parts)


def test_host_is_not_on_the_path(built: Environment) -> None:
    """Else the test above could not fail: pytest is on the host, and in no environment."""
    done = run(built, "-c", "import pytest")
    assert done.returncode == 1 and "No module named 'pytest'" in done.stderr
