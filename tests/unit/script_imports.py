"""What the scripts of the workflow import, as their syntax shows it, and the environments of their rules."""

import ast
import re
import sys
import warnings
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import NamedTuple

import yaml
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
# Modules that another package imports for us, and the text of ours by which it does.
IMPORTED_FOR_US = {"pyarrow": r"\b(read|to)_parquet\(", "skimage.data": r'"skimage\.data"'}


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


def scripts_of(environment: Path) -> list[str]:
    """The scripts whose rules have an environment."""
    return sorted({rule.script for rule in WITH_SCRIPT if rule.environment == environment})


def pip_list(file: Path) -> list[str]:
    """What pip installs into an environment."""
    packages: list[str] = yaml.safe_load(file.read_text(encoding="utf-8"))["dependencies"][-1]["pip"]
    return packages


def pins(file: Path) -> dict[str, str]:
    """The packages that an environment pins, by normalized name."""
    return {canonicalize_name(name): version for name, version in (one.split("==") for one in pip_list(file))}


@cache
def imported(file: Path) -> frozenset[str]:
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
    return frozenset(names)


def module_files(name: str) -> list[Path]:
    """Files of one of our modules and of the packages it is in; none for others."""
    parts = name.split(".")
    bases = [SCRIPTS.joinpath(*parts[:end]) for end in range(1, len(parts) + 1)]
    return [
        file for base in bases for file in (base.with_suffix(".py"), base / "__init__.py") if file.is_file()
    ]


@cache
def files_of(script: str) -> frozenset[Path]:
    """A script and the files of our package that it can import, in functions too."""
    waiting = [SCRIPTS / f"{script}.py"]
    for package in PLUGINS.get(script, ()):
        waiting.extend((SCRIPTS / "equivariance" / package).glob("*.py"))
    seen: set[Path] = set()
    while waiting:
        file = waiting.pop()
        if file not in seen:
            seen.add(file)
            waiting.extend(ours for name in imported(file) for ours in module_files(name))
    return frozenset(seen)


def third_party_modules(script: str) -> Iterator[tuple[str, Path]]:
    """Modules of other packages, or names in them, that a script needs, each with the file that needs it."""
    for file in sorted(files_of(script)):
        text = file.read_text(encoding="utf-8")
        for name in sorted(imported(file)):
            if not module_files(name) and name.split(".")[0] not in sys.stdlib_module_names:
                yield name, file
        for name, use in IMPORTED_FOR_US.items():
            if re.search(use, text):
                yield name, file


@cache
def distributions() -> dict[str, list[str]]:
    return {
        name: [canonicalize_name(one) for one in found] for name, found in packages_distributions().items()
    }


def third_party(script: str) -> Iterator[tuple[str, str]]:
    """The distributions that a script needs, each with a file that needs it."""
    for name, file in third_party_modules(script):
        top = name.split(".")[0]
        assert top in distributions(), f"{file} imports {name}, which no installed package provides"
        yield distributions()[top][0], str(file.relative_to(ROOT))
