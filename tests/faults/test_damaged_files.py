"""A damaged file stops the command that uses it, with a line that says what to do; doing it mends all."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.small_run import different
from tests.workflow.tiny_workflow import Workflow

DAMAGED = re.compile(
    r"error: (?:.*: )?(\S+) is damaged \(.*\): delete it and run (?:again|the same command again)\n"
)
NETWORKS = "results/tiny/models/digits"
MEASURES = "results/tiny/measures/digits"


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def empty(file: Path) -> None:
    file.write_bytes(b"")


def flipped(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def named(printed: str) -> set[str]:
    """The files that the lines of errors name."""
    return {match.group(1) for match in DAMAGED.finditer(printed)}


def delete(workflow: Workflow, name: str) -> None:
    path = workflow.folder / name
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


CASES = {  # what is damaged, how, and what uses it
    "results/tiny/tables/visualize_measures.csv": (flipped, "results/tiny/figures/visualize_measures.pdf"),
    f"{MEASURES}/simple_conv/rotation/seed0/50/digits_test/rotation-50/accuracy.parquet": (
        flipped,
        "results/tiny/tables/train_models.csv",
    ),
    "results/tiny/images/visualize_invariant_feature_maps.npz": (
        empty,
        "results/tiny/figures/visualize_invariant_feature_maps.pdf",
    ),
    f"{NETWORKS}/simple_conv/none/seed0/weights.safetensors": (
        flipped,
        f"{MEASURES}/simple_conv/none/seed0/final/digits_test/rotation-30/stratified_invariance.parquet",
    ),
    f"{NETWORKS}/simple_conv_stride/rotation/seed0/model.json": (cut, "results/tiny/tables/max_pooling.csv"),
}


def test_damaged_results_are_named_and_what_the_line_says_makes_them_again(
    finished: Workflow, copy: Workflow
) -> None:
    targets = [target for _, target in CASES.values()]
    for name, (damage, target) in CASES.items():
        damage(copy.folder / name)
        (copy.folder / target).unlink()
    done = copy.snakemake(*targets)
    assert done.returncode == 1
    assert "Traceback" not in done.stdout
    expected = {name.removesuffix("/weights.safetensors") for name in CASES}  # the network is made again
    assert named(done.stdout) == expected
    for name in expected:
        delete(copy, name)
    done = copy.snakemake(*targets)
    assert done.returncode == 0, done.stdout
    assert different(finished, copy) == []


@pytest.mark.parametrize("damage", [cut, flipped])
def test_a_damaged_data_set_is_named_and_prepared_again(
    finished: Workflow, copy: Workflow, damage: Callable[[Path], None]
) -> None:
    target = "results/tiny/images/st_matrix_samples.npz"
    damage(copy.folder / "results" / "data" / "digits.npz")
    (copy.folder / target).unlink()
    done = copy.snakemake(target)
    assert (done.returncode, named(done.stdout)) == (1, {"results/data/digits.npz"})
    assert "Traceback" not in done.stdout
    delete(copy, "results/data/digits.npz")
    done = copy.snakemake(target)
    assert done.returncode == 0, done.stdout
    for name in ("results/data/digits.npz", target):
        assert (copy.folder / name).read_bytes() == (finished.folder / name).read_bytes()


def test_a_damaged_store_is_not_used(finished: Workflow, copy: Workflow) -> None:
    target = f"{NETWORKS}/simple_conv_stride/rotation/seed0"
    weights = copy.folder / target / "weights.safetensors"
    wanted = weights.read_bytes()
    stored = [file for file in (copy.folder / "results" / "store").rglob("*") if file.samefile(weights)]
    for file in stored or (copy.folder / "results" / "store").rglob("weights.safetensors"):
        flipped(file)
    shutil.rmtree(copy.folder / target)
    done = copy.snakemake(f"{target}/model.json")
    assert done.returncode == 0, done.stdout
    assert weights.read_bytes() == wanted
    logs = [file.read_text(encoding="utf-8") for file in (copy.folder / "logs/tiny/training").glob("*.log")]
    assert any("is damaged (weights.safetensors) and is not used" in log for log in logs)
