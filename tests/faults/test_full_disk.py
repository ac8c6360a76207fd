"""A run whose disk is full says so in a line for each job, and goes on when there is room."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.small_run import different, leftovers
from tests.workflow.tiny_workflow import Workflow

NETWORK = "results/tiny/models/digits/simple_conv_stride/rotation/seed0/model.json"
TABLE = "results/tiny/tables/train_models.csv"
FIGURE = "results/tiny/figures/visualize_measures.pdf"
IMAGES = "results/tiny/images/st_matrix_samples.npz"
FOLDERS = ("checkpoints", "tables", "figures", "images")  # into which the jobs write first


@pytest.fixture
def on_a_full_disk(copy: Workflow) -> Iterator[Workflow]:
    """A copy of the finished run whose results are on a disk of their own, which has no room left."""
    folder = copy.folder / "results"
    aside = copy.folder / "aside"
    folder.rename(aside)
    folder.mkdir()
    used = int(
        subprocess.run(["du", "-sk", aside], capture_output=True, text=True, check=True).stdout.split()[0]
    )
    size = f"size={used + 4096}k"
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip("a small disk cannot be mounted by this user")
    try:
        subprocess.run(["cp", "-a", f"{aside}/.", folder], check=True)
        yield copy
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_run_on_a_full_disk_goes_on_when_there_is_room(
    finished: Workflow, on_a_full_disk: Workflow
) -> None:
    workflow, targets = on_a_full_disk, (NETWORK, TABLE, FIGURE, IMAGES)
    for target in targets:  # with what else their jobs make: Snakemake would remove it, and so free space
        for file in (workflow.folder / target).parent.glob(f"{Path(target).stem}.*"):
            file.unlink()
    shutil.rmtree(workflow.folder / "results" / "store")
    filler = workflow.folder / "results" / "filler"
    with filler.open("wb", buffering=0) as file:
        file.write(bytes(shutil.disk_usage(filler.parent).free))
    done = workflow.snakemake(*targets)
    assert done.returncode == 1
    assert "Traceback" not in done.stdout, done.stdout
    for folder in FOLDERS:
        assert f"the disk that holds results/tiny/{folder} is full: free some space" in done.stdout
    assert leftovers(workflow) == []
    assert not any((workflow.folder / target).exists() for target in targets)
    filler.unlink()
    done = workflow.snakemake(*targets)
    assert done.returncode == 0, done.stdout
    assert different(finished, workflow) == []
