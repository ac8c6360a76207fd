"""The repository as a whole: nothing of a private machine in it, nothing heavy, one version everywhere."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

import equivariance
from equivariance.workflow.reference import FOLDER

ROOT = Path(__file__).parents[2]
LARGEST = 1_000_000  # bytes; the reference run has a limit for all of its files

# In pieces, so that this file does not contain what it looks for.
UNWANTED = {
    "a path of somebody's machine": r"(?<![\w./])/(?:home|root|work|Users|opt|mnt)/" + r"\w",
    "a host of a package index": "|".join(
        name + r"\." + domain
        for name, domain in (
            ("pypi", "org"),
            ("python" + "hosted", "org"),
            ("anaconda", "(org|com)"),
            ("download", "pytorch"),
        )
    ),
    "a note of unfinished work": r"\b(" + "TO" + "DO|FIX" + r"ME)\b",
    "a conflict of a merge": "^(<{7}|>{7}) ",
}


def files() -> list[Path]:
    """Files that are in the repository or would be added to it."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    found = [ROOT / name for name in listed.split("\0") if name]
    return [file for file in found if file.is_file()]


def text_of(file: Path) -> str:
    return file.read_bytes().decode("utf-8", errors="replace")


def citation() -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load(text_of(ROOT / "CITATION.cff"))
    return parsed


def project() -> dict[str, Any]:
    parsed: dict[str, Any] = tomllib.loads(text_of(ROOT / "pyproject.toml"))["project"]
    return parsed


@pytest.mark.parametrize("what", UNWANTED)
def test_no_file_contains(what: str) -> None:
    pattern = re.compile(UNWANTED[what], flags=re.MULTILINE)
    found = {
        str(file.relative_to(ROOT)): match.group()
        for file in files()
        if (match := pattern.search(text_of(file)))
    }
    assert not found


def test_no_file_is_large() -> None:
    ours = [file for file in files() if FOLDER not in file.relative_to(ROOT).parents]
    assert not [file for file in ours if file.stat().st_size > LARGEST]


def test_results_are_not_in_the_repository() -> None:
    made = [file for file in files() if file.relative_to(ROOT).parts[0] in ("results", "logs", ".snakemake")]
    assert made == [ROOT / "results" / "README.md"]


def test_package_is_the_one_of_this_repository() -> None:
    assert Path(equivariance.__file__) == ROOT / "workflow_scripts" / "equivariance" / "__init__.py"


def test_settings_are_read_without_heavy_imports() -> None:
    heavy = ("torch", "pandas", "matplotlib", "scipy", "sklearn", "skimage")
    code = (
        "import sys, equivariance.workflow.config, equivariance.workflow.plan, equivariance.workflow.digest;"
        f"print(*(name for name in {heavy} if name in sys.modules))"
    )
    folder = ROOT / "workflow_scripts"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


def test_citation_is_complete() -> None:
    given = citation()
    assert given["cff-version"] == "1.2.0"
    assert {"message", "title", "type", "authors", "version", "date-released", "license"} <= set(given)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", given["date-released"])
    for reference in given["references"]:
        assert {"type", "title", "authors", "year"} <= set(reference)
        assert reference["type"] in ("thesis", "article", "conference-paper")
        assert all({"family-names", "given-names"} <= set(author) for author in reference["authors"])
        assert re.fullmatch(r"10\.\d{4,}/\S+", reference.get("doi", "10.1234/none"))
    assert {"10.24215/16666038.20.e06"} <= {reference.get("doi") for reference in given["references"]}


def test_version_and_licence_are_the_same_everywhere() -> None:
    changes = re.findall(r"^## \[(\d[^\]]*)\] - (\S+)$", text_of(ROOT / "CHANGELOG.md"), flags=re.MULTILINE)
    assert changes[0] == (citation()["version"], citation()["date-released"])
    assert project()["version"] == citation()["version"]
    assert project()["license"] == citation()["license"] == "MIT"
    assert text_of(ROOT / "LICENSE").startswith("MIT License")


def test_hooks_use_the_tools_of_the_lock_and_no_others() -> None:
    repositories = yaml.safe_load(text_of(ROOT / ".pre-commit-config.yaml"))["repos"]
    assert [repository["repo"] for repository in repositories] == ["local"]
    locked = re.findall(r"^([\w-]+)==", text_of(ROOT / "requirements.lock"), flags=re.MULTILINE)
    for hook in repositories[0]["hooks"]:
        folder, tool = hook["entry"].split()[0].rsplit("/", 1)
        assert hook["language"] == "system" and folder == ".venv/bin" and tool in locked


def test_continuous_integration_runs_make_test() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    assert re.search(r"^make test\b", text_of(script), flags=re.MULTILINE)
