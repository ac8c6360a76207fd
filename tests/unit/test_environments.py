"""Environments, lock and pyproject agree, and the environment of a rule has what its script imports.

Without this an environment that lacks a package works wherever the host happens to have it.
"""

import ast
import re
import sys
import tomllib
import warnings
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions, requires
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "workflow_scripts"
ENVIRONMENTS = sorted((ROOT / "envs").glob("*.yaml"))

# Modules that a script imports by name, which its syntax does not show.
PLUGINS = {
    "prepare_dataset": ("datasets",),
    "train_networks": ("models",),
    "measure_networks": ("models", "measures"),
    "plot_figures": ("figures",),
    "judge_claims": ("analysis/claims",),
    "build_paper": ("figures",),
}


class Rule(NamedTuple):
    """A rule as it stands in its file: its name there ("" for rules made in a loop), and its text."""

    file: str
    name: str
    text: str

    @property
    def script(self) -> str:
        return re.findall(r'workflow_scripts/(\w+)\.py"', self.text)[0]

    @property
    def environment(self) -> Path:
        return ROOT / "envs" / re.findall(r'conda:\s*"\.\./envs/([\w.]+)"', self.text)[0]


def rules() -> list[Rule]:
    found = []
    for file in sorted((ROOT / "rules").glob("*.smk")):
        for header in re.finditer(
            r"^( *)rule ?(\w*):\n", file.read_text(encoding="utf-8"), flags=re.MULTILINE
        ):
            indent, name = header.groups()
            body = re.match(rf"(?:{indent} +.*\n|\s*\n)*", header.string[header.end() :])
            assert body
            found.append(Rule(file.name, name, body.group()))
    return found


RULES = rules()
WITH_SCRIPT = [rule for rule in RULES if "script:" in rule.text]


def pins(file: Path) -> dict[str, str]:
    """The packages that an environment pins, by normalized name."""
    packages = yaml.safe_load(file.read_text(encoding="utf-8"))["dependencies"][-1]["pip"]
    return {canonicalize_name(name): version for name, version in (one.split("==") for one in packages)}


@cache
def lock(python: str) -> dict[str, str]:
    """What the lock has for a version of Python on Linux."""
    where = {
        "python_version": python,
        "python_full_version": f"{python}.9",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": "x86_64",
    }
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    locked = [Requirement(line) for line in lines if line and not line.startswith(("#", " "))]
    valid = [one for one in locked if one.marker is None or one.marker.evaluate(where)]
    return {canonicalize_name(one.name): str(one.specifier).removeprefix("==") for one in valid}


def imported(file: Path) -> set[str]:
    """Names of the modules that a file imports when it runs, in functions too; not for type checkers."""
    names: set[str] = set()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of packages' own strings
        waiting: list[ast.AST] = [ast.parse(file.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            waiting.extend(node.orelse)
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        waiting.extend(ast.iter_child_nodes(node))
    return names


def module_files(name: str) -> list[Path]:
    """Files of one of our modules and of the packages it is in; none for others."""
    parts = name.split(".")
    bases = [SCRIPTS.joinpath(*parts[:end]) for end in range(1, len(parts) + 1)]
    return [
        file for base in bases for file in (base.with_suffix(".py"), base / "__init__.py") if file.is_file()
    ]


@cache
def distributions() -> dict[str, list[str]]:
    return {
        name: [canonicalize_name(one) for one in found] for name, found in packages_distributions().items()
    }


def third_party(script: str) -> Iterator[tuple[str, str]]:
    """The distributions that a script needs, each with a file that imports it."""
    waiting = [SCRIPTS / f"{script}.py"]
    for package in PLUGINS.get(script, ()):
        waiting.extend((SCRIPTS / "equivariance" / package).glob("*.py"))
    seen: set[Path] = set()
    while waiting:
        file = waiting.pop()
        if file in seen:
            continue
        seen.add(file)
        for name in imported(file):
            ours = module_files(name)
            waiting.extend(ours)
            top = name.split(".")[0]
            if not ours and top not in sys.stdlib_module_names:
                assert top in distributions(), f"{file} imports {name}, which no installed package provides"
                yield distributions()[top][0], str(file.relative_to(ROOT))


def test_every_rule_is_looked_at() -> None:
    assert len(WITH_SCRIPT) == len(RULES)
    assert {rule.script for rule in WITH_SCRIPT} == {file.stem for file in SCRIPTS.glob("*.py")} - {"job"}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.file}-{rule.name or 'in a loop'}")
def test_rule_says_what_it_does_where_it_logs_and_what_it_needs(rule: Rule) -> None:
    keywords = set(re.findall(r"^ +(\w+):", rule.text, flags=re.MULTILINE))
    assert {"log", "benchmark", "conda", "resources", "output", "script"} <= keywords
    assert not {"run", "retries"} & keywords
    assert re.match(r'\s*"""[A-Z].*\."""', rule.text), "a rule begins with a docstring"
    assert {"mem_mb", "runtime"} <= set(re.findall(r"^ +(\w+)=", rule.text, flags=re.MULTILINE))
    if rule.script in ("train_networks", "measure_networks"):
        assert "threads" in keywords and "gpu=" in rule.text


@pytest.mark.parametrize("rule", WITH_SCRIPT, ids=lambda rule: f"{rule.file}-{rule.name or 'in a loop'}")
def test_environment_of_rule_has_what_its_script_imports(rule: Rule) -> None:
    pinned = pins(rule.environment)
    missing = {name: file for name, file in third_party(rule.script) if name not in pinned}
    assert not missing


@pytest.mark.parametrize("file", ENVIRONMENTS, ids=lambda file: file.stem)
def test_environment_is_pinned_as_the_lock_is(file: Path) -> None:
    environment: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert set(environment) == {"channels", "dependencies"}
    assert environment["channels"] == ["conda-forge"]
    python, pip, packages = environment["dependencies"]
    assert re.fullmatch(r"python=3\.\d+", python)
    assert pip == "pip"
    assert packages["pip"] == sorted(packages["pip"], key=str.lower)
    locked = lock(python.removeprefix("python="))
    assert pins(file) == {name: locked.get(name) for name in pins(file)}


@pytest.mark.parametrize("file", ENVIRONMENTS, ids=lambda file: file.stem)
def test_environment_is_used(file: Path) -> None:
    assert file in {rule.environment for rule in WITH_SCRIPT}


def test_environments_have_what_handshape_datasets_imports_and_does_not_declare() -> None:
    with_library = [pins(file) for file in ENVIRONMENTS if "handshape-datasets" in pins(file)]
    assert with_library
    for pinned in with_library:
        assert undeclared_by_handshape_datasets() <= set(pinned)


def test_lock_has_every_dependency_of_pyproject() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    for requirement in (Requirement(text) for group in groups for text in group):
        for python in ("3.11", "3.12", "3.13"):
            version = lock(python).get(canonicalize_name(requirement.name))
            assert version is not None and requirement.specifier.contains(version), requirement


def test_pyproject_declares_what_the_package_imports() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    listed = [*project["dependencies"], *project["optional-dependencies"]["workflow"]]
    declared = {canonicalize_name(Requirement(text).name) for text in listed}
    needed = {name for file in SCRIPTS.glob("*.py") for name, _ in third_party(file.stem)}
    assert needed <= declared


def undeclared_by_handshape_datasets() -> set[str]:
    """What handshape_datasets imports beyond what it and its requirements ask for."""
    spec = find_spec("handshape_datasets")
    assert spec and spec.origin
    files = Path(spec.origin).parent.rglob("*.py")
    tops = {name.split(".")[0] for file in files for name in imported(file)} - set(sys.stdlib_module_names)
    needed = {distributions()[top][0] for top in tops if top in distributions()}
    declared: set[str] = set()
    waiting = ["handshape-datasets"]
    while waiting:
        name = waiting.pop()
        if name not in declared:
            declared.add(name)
            required = (Requirement(text) for text in requires(name) or [])
            waiting += [canonicalize_name(one.name) for one in required if one.marker is None]
    return needed - declared
