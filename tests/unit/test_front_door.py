"""What a person imports, by name from the package itself."""

import ast
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import equivariance

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "workflow_scripts" / "equivariance"


def test_the_package_alone_loads_no_other_and_lists_its_names() -> None:
    code = "import sys, equivariance; print(*sys.modules, '|', *dir(equivariance))"
    command = [sys.executable, "-S", "-c", code]  # without site-packages, which load some by themselves
    done = subprocess.run(command, cwd=PACKAGE.parent, capture_output=True, text=True, check=True)
    loaded, listed = (part.split() for part in done.stdout.split("|"))
    tops = {name.partition(".")[0] for name in loaded} - {*sys.stdlib_module_names, "__main__"}
    assert tops == {"equivariance"}
    assert {*equivariance.__all__} <= {*listed}


@pytest.mark.parametrize("name", equivariance.__all__)
def test_a_name_is_that_of_its_module(name: str) -> None:
    found = getattr(equivariance, name)
    assert found.__name__ == name
    assert found.__module__.startswith("equivariance.")


def test_another_name_is_an_error() -> None:
    with pytest.raises(AttributeError, match="'equivariance' has no attribute 'measur'"):
        equivariance.measur  # noqa: B018


def test_the_names_are_typed() -> None:
    stub = ast.parse((PACKAGE / "__init__.pyi").read_text(encoding="utf-8"))
    typed = {alias.asname for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert typed == {*equivariance.__all__}
    assert (PACKAGE / "py.typed").is_file()


def test_the_console_script_is_the_command_line() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["scripts"] == {"equivariance": "equivariance.cli.main:main"}
    for script in entry_points(group="console_scripts", name="equivariance"):
        assert callable(script.load())
