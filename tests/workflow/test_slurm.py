"""The tiny workflow on a real SLURM cluster of one node, by the profile that comes with it."""

import os
import re
import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from equivariance.workflow.cluster import has_gpus
from tests.workflow.slurm_cluster import Cluster, SlurmAbsentError, one_node, unpacked_slurm
from tests.workflow.tiny_workflow import Workflow, copy_workflow

pytestmark = pytest.mark.xdist_group("slurm")  # one worker starts the cluster, once

PROFILE = "profiles/slurm/config.yaml"
ON_SLURM = ("--workflow-profile", "profiles/slurm", "--slurm-init-seconds-before-status-checks", "4")
WITHOUT_GPUS = 'config: ["jobs={gpus: 0, gflops: 50}"]'

SLOW_EPOCHS = """\
    prepare_process(threads)
    import time
    from equivariance.training.loop import Training

    run_epoch = Training.run_epoch
    Training.run_epoch = lambda self: (time.sleep(11), run_epoch(self))
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster for the tests of this file."""
    folder = tmp_path_factory.mktemp("slurm")
    try:
        root = unpacked_slurm(folder)
    except SlurmAbsentError as error:
        pytest.skip(f"nothing is run on SLURM: {error}")
    with one_node(root, folder / "node") as running:
        yield running


@pytest.fixture
def workflow(cluster: Cluster, tmp_path: Path) -> Workflow:
    """A copy of the workflow whose profile is that of a cluster without GPUs, as the documentation says."""
    made = Workflow(copy_workflow(tmp_path / "workflow").folder, programs=(cluster.programs,))
    made.edit(PROFILE, f"# {WITHOUT_GPUS}", WITHOUT_GPUS)
    made.edit("config/tiny.yaml", "gpus: 0, ", "")
    return made


def contents(folder: Path) -> dict[str, bytes]:
    """The bytes of networks, measurements, tables and pictures.

    Not of model.json, which tells of seconds.
    """
    kinds = ("weights.safetensors", "history.csv", "*.csv", "*.npz", "*.png", "*.pdf", "*.parquet")
    files = {file for kind in kinds for file in folder.rglob(kind)}
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(files)}


def test_a_cluster_without_gpus_is_said_before_anything_is_submitted(
    workflow: Workflow, cluster: Cluster
) -> None:
    before = cluster.jobs()
    workflow.edit(PROFILE, WITHOUT_GPUS, f"# {WITHOUT_GPUS}")
    refused = [workflow.snakemake(*ON_SLURM)]
    workflow.edit(PROFILE, f"# {WITHOUT_GPUS}", WITHOUT_GPUS)
    refused += [workflow.snakemake(*ON_SLURM, "--config", "language=en")]  # which takes the place of the line
    for done in refused:
        assert done.returncode == 1
        assert "no node of the default partition has one" in done.stdout, done.stdout
        assert "a --config of the command line takes the place of that line" in done.stdout
        assert "add 'jobs={gpus: 0, gflops: 50}' to it" in done.stdout
        assert "Traceback" not in done.stdout
    assert cluster.jobs() == before


def test_a_run_goes_through_sbatch_and_over_the_death_of_snakemake(
    finished: Workflow, workflow: Workflow, cluster: Cluster
) -> None:
    # Each job starts Snakemake three times: a few large ones do as well as many.
    workflow.edit("config/tiny.yaml", "minutes: 0", "minutes: 1, experiments: 3")
    earlier = len(cluster.jobs())
    planned = workflow.planned("--config", "jobs={gpus: 0, gflops: 50}")
    running = workflow.start(*ON_SLURM)
    assert running.stdout
    said = ""
    try:
        # Not at the first one: the others are then at work, waiting, or not even submitted.
        while said.count("Finished jobid") < 4:
            line = running.stdout.readline()
            assert line, said
            said += line
    finally:
        os.kill(running.pid, signal.SIGKILL)
        running.wait()
    assert workflow.snakemake("--unlock").returncode == 0
    done = workflow.snakemake(*ON_SLURM)
    assert done.returncode == 0, done.stdout
    assert contents(workflow.results) == contents(finished.results)
    submitted = Counter(job.rule for job in cluster.jobs()[earlier:])
    kinds = {re.sub(r"_\d+$", "", rule) for rule in submitted}
    local = {"prepare_dataset"}
    assert kinds == {*planned, "write_manifest"} - local
    before = set(re.findall(r"Finished jobid: \d+ \(Rule: (\w+)\)", said)) - {"prepare_dataset"}
    assert len(before) >= 3
    assert all(submitted[rule] == 1 for rule in before), "what was finished is not done twice"
    done = workflow.snakemake(*ON_SLURM)
    assert "Nothing to be done" in done.stdout


def test_a_job_goes_on_after_its_limit_and_one_that_fails_for_good_is_named(
    workflow: Workflow, cluster: Cluster, tmp_path: Path
) -> None:
    earlier = len(cluster.jobs())
    network = Path("models/digits/simple_conv_stride/rotation/seed0")
    trained = f"results/tiny/{network}/model.json"
    workflow.edit("config/tiny.yaml", "max_epochs: 3", "max_epochs: 17")
    undisturbed = Workflow(tmp_path / "undisturbed")
    shutil.copytree(workflow.folder, undisturbed.folder)
    # The first limit is a minute, at which SLURM looks twice a minute: ten epochs have to take longer.
    workflow.edit("workflow_scripts/equivariance/workflow/jobs.py", "START_MINUTES = 10", "START_MINUTES = 0")
    workflow.edit("workflow_scripts/train_networks.py", "    prepare_process(threads)\n", SLOW_EPOCHS)
    drawn = "        plot_figures(\n"
    workflow.edit(
        "workflow_scripts/plot_figures.py", drawn, f"        raise RuntimeError('broken for good')\n{drawn}"
    )
    planned = workflow.snakemake("--dry-run", trained)
    rule = re.search(r"^rule (train_networks_\d+):$", planned.stdout, re.MULTILINE)
    assert rule
    figure = "results/tiny/figures/st_matrix_samples.pdf"
    done = workflow.snakemake(trained, figure, "--retries", "3", *ON_SLURM)
    assert done.returncode == 1
    jobs = cluster.jobs()[earlier:]

    training = [job for job in jobs if job.rule == rule[1]]
    *stopped, last = training
    assert stopped and {job.state for job in stopped} == {"TIMEOUT"} and last.state == "COMPLETED"
    assert [job.minutes for job in training] == ["1:00", "2:00", "3:00", "4:00"][: len(training)]
    log = workflow.folder / f"logs/tiny/training/{rule[1].rpartition('_')[2]}.log"
    assert "continuing after epoch" in log.read_text(encoding="utf-8")
    local = undisturbed.snakemake(trained, "--config", "jobs={gpus: 0, gflops: 50}")
    assert local.returncode == 0, local.stdout
    for name in ("weights.safetensors", "history.csv"):
        made = [one.results / network / name for one in (workflow, undisturbed)]
        assert made[0].read_bytes() == made[1].read_bytes(), name

    drawing = [job for job in jobs if job.rule == "plot_figure"]
    assert [job.state for job in drawing] == ["FAILED"] * 4, "each attempt is a job of its own"
    assert [job.minutes for job in drawing] == ["10:00", "20:00", "30:00", "40:00"]
    assert [job.memory for job in drawing] == ["2000M", "4000M", "4000M", "4000M"]
    assert "logs/tiny/figures/st_matrix_samples.log" in done.stdout
    assert "RuntimeError: broken for good" in done.stdout, "the log is shown"


@pytest.mark.parametrize(
    ("told", "default", "has"),
    [
        ("main* (null)\n", True, False),
        ("main* (null)\ngpus gpu:a100:4(S:0-1)\n", True, False),
        ("main* gpu:2\nsmall (null)\n", True, True),
        ("gpus gpu:a100:4(S:0-1)\n", False, True),
        ("one (null)\ntwo shard:8,gpu:2\n", True, True),
        ("", False, False),
    ],
)
def test_gpus_are_read_from_what_sinfo_says(told: str, default: bool, has: bool) -> None:
    assert has_gpus(told, default) == has
