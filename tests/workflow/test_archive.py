"""The manifest of a finished run, its archive, and what is said of a change."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workflow.tiny_workflow import Workflow


def equivariance(workflow: Workflow, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "equivariance", *arguments],
        cwd=workflow.folder,
        env={**os.environ, "PYTHONPATH": str(workflow.folder / "workflow_scripts"), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )


def test_a_finished_run_and_its_archive_agree_with_their_manifests(
    finished: Workflow, tmp_path: Path
) -> None:
    verified = equivariance(finished, "verify", "results/tiny")
    assert (verified.returncode, verified.stderr) == (0, "")
    of_networks = [*finished.results.glob("models/**/*")]
    assert int(verified.stdout.split()[0]) > len([path for path in of_networks if path.is_file()])
    archived = equivariance(finished, "archive", "--run", "tiny", "--output", str(tmp_path / "tiny.zip"))
    assert (archived.returncode, archived.stderr) == (0, "")
    again = equivariance(finished, "verify", str(tmp_path / "tiny.zip"))
    assert (again.returncode, again.stdout.count("\n")) == (0, 1)


@pytest.mark.parametrize(
    "pattern", ["models/**/weights.safetensors", "figures/max_pooling.png", "thesis.pdf"]
)
def test_a_file_that_is_damaged_with_its_time_kept_is_named(copy: Workflow, pattern: str) -> None:
    file = next(copy.results.glob(pattern))
    times, content = file.stat(), bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.unlink()  # the store has the same file
    file.write_bytes(content)
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert copy.planned() == {}, "Snakemake does not see it"
    verified = equivariance(copy, "verify", "results/tiny")
    assert verified.returncode == 1
    assert verified.stdout.splitlines()[0] == f"changed: {file.relative_to(copy.results).as_posix()}"
    refused = equivariance(copy, "archive", "--run", "tiny", "--weights")
    assert refused.returncode == 2 and "was changed since the run was finished" in refused.stderr


def test_what_is_missing_is_made_again(copy: Workflow) -> None:
    (copy.results / "tables" / "max_pooling.csv").unlink()
    verified = equivariance(copy, "verify", "results/tiny")
    assert "missing: tables/max_pooling.csv" in verified.stdout.splitlines()
    assert copy.planned()["make_table"] == 1


def test_without_its_manifest_a_run_is_not_finished(copy: Workflow) -> None:
    (copy.results / "manifest.json").unlink()
    (copy.results / "thesis.pdf").unlink()
    verified = equivariance(copy, "verify", "results/tiny")
    assert verified.returncode == 2
    assert "the run 'tiny' is not finished" in verified.stderr
    assert verified.stderr.rstrip().endswith("missing: results/tiny/thesis.pdf")
