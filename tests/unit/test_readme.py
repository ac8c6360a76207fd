"""What README.md and the page on the workflow list is what there is; test_docs.py runs their examples."""

import re
import tomllib
from importlib import import_module
from pathlib import Path

from equivariance import datasets
from equivariance.datasets import mnist
from equivariance.models import FAMILIES
from equivariance.models.pretrained import published_file
from equivariance.workflow.readme import block_of

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "workflow_scripts" / "equivariance"
README = (ROOT / "README.md").read_text(encoding="utf-8")
WORKFLOW = (ROOT / "docs" / "workflow.md").read_text(encoding="utf-8")


def rows(page: str, head: str) -> str:
    """The rows of the one table with this head."""
    (table,) = re.findall(rf"^\| {re.escape(head)} \|\n(.*?)\n\n", page, flags=re.MULTILINE | re.DOTALL)
    assert isinstance(table, str)
    return table


def test_mirror_table_names_the_files_that_the_sources_ask_for() -> None:
    named = set(re.findall(r"`([^`]+)`", rows(WORKFLOW, "data set | files in the mirror")))
    assert named
    modules = [import_module(f"equivariance.datasets.{source}") for source in datasets.SOURCES]
    asked = {module.ARCHIVE.name for module in modules if hasattr(module, "ARCHIVE")}
    asked |= {f"mnist/{name}.gz" for name in mnist.UNPACKED_MD5}
    asked |= {published_file(name).name for name, family in FAMILIES.items() if family.published}
    assert named == asked


def test_the_map_has_the_rooms_in_the_order_in_which_they_import_each_other() -> None:
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = re.findall(r"^\| `(\w+)` \|", rows(contributing, "room | what it is for"), re.M)
    rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert set(named) == rooms
    layers, _ = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    assert layers["layers"][: len(named)] == named


def test_what_readme_says_besides_the_reference_is_short() -> None:
    assert README.count("\n") - block_of(ROOT / "README.md").count("\n") <= 180
