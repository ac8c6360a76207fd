"""The reference run in docs/reference: it is whole, and README.md says what it says."""

from pathlib import Path

import pytest

from equivariance.workflow.readme import block_of, readme_block
from equivariance.workflow.reference import FOLDER, LARGEST, PAPERS, read_reference
from equivariance.workflow.sameness import digest
from equivariance.workflow.verification import verify

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / FOLDER

pytestmark = pytest.mark.skipif(
    not REFERENCE.is_dir(), reason=f"{FOLDER} is not there: `make reference RUN=laptop` makes it"
)


def test_its_files_are_those_of_its_manifest() -> None:
    assert verify(REFERENCE).intact


def test_it_is_small_and_has_both_papers() -> None:
    files = [path for path in REFERENCE.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= LARGEST
    assert {*PAPERS.values(), "claims.csv"} <= {path.name for path in files}


def test_its_configuration_is_that_of_its_settings() -> None:
    manifest = read_reference(REFERENCE)
    assert manifest["configuration"] == digest(manifest["settings"])


def test_readme_says_what_it_says() -> None:
    assert block_of(ROOT / "README.md") == readme_block(REFERENCE)
