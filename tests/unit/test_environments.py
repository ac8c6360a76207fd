"""Environments, lock and pyproject agree; the environment of a rule has what its script imports and no more.

Without this an environment that lacks a package works wherever the host happens to have it.
"""

import re
import sys
import tomllib
from functools import cache
from importlib.metadata import requires
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from script_imports import (
    ENVIRONMENTS,
    ROOT,
    RULES,
    SCRIPTS,
    WITH_SCRIPT,
    Rule,
    distributions,
    imported,
    pins,
    scripts_of,
    third_party,
)


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


@pytest.mark.xdist_group("one_worker")
def test_groups_of_tests_are_known_to_the_scheduler(request: pytest.FixtureRequest) -> None:
    # Versions of pytest and pytest-xdist that do not fit spread them over workers, without a word.
    if not getattr(request.config.option, "loadgroup", False):
        pytest.skip("tests are not run by several workers")
    assert request.node.nodeid.endswith("@one_worker")


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
def test_environment_has_no_package_that_no_script_of_it_needs(file: Path) -> None:
    needed = {name for script in scripts_of(file) for name, _ in third_party(script)}
    if "handshape-datasets" in needed:
        needed |= undeclared_by_handshape_datasets()
    assert set(pins(file)) <= needed


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
