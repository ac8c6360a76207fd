"""The whole workflow on tiny sizes: what it makes, what it makes again, and what it says of mistakes."""

import json
import os
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from equivariance.analysis.image_grids import load_grids
from tests.workflow.tiny_workflow import EXPERIMENTS, Workflow, copy_workflow


def test_a_run_goes_from_nothing_to_tables_figures_and_the_paper(finished: Workflow) -> None:
    for name in EXPERIMENTS:
        assert (finished.results / "figures" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert (finished.results / "figures" / f"{name}.pdf").read_bytes().startswith(b"%PDF")
    assert (finished.results / "thesis.pdf").read_bytes().startswith(b"%PDF")
    profiles = pd.read_csv(finished.results / "tables" / "max_pooling.csv")
    assert set(profiles["model"]) == {"simple_conv", "simple_conv_stride"}
    assert (profiles.groupby("model")["layer"].nunique() == 17).all()
    assert set(profiles["measure"]) == {"nv", "nvse", "nvse_floor"}
    classes = pd.read_csv(finished.results / "tables" / "class_conditional.csv")
    assert classes["class"].nunique() == 10
    units = pd.read_csv(finished.results / "tables" / "visualize_measures.csv", keep_default_na=False)
    assert set(units["measure"]) == {"nv", "goodfellow_normal"}
    maps = load_grids(finished.results / "images" / "visualize_invariant_feature_maps.npz")
    assert len(maps) == 2 * (1 + 3)
    claims = pd.read_csv(finished.results / "claims.csv", keep_default_na=False)
    assert set(claims["claim"]) == {"C19"}
    assert set(claims["verdict"]) <= {"undecided", "not run"}, "one seed decides nothing"
    assert "digits for MNIST" in set(claims["stand_in"])
    assert (finished.results / "figures" / "claims.png").read_bytes().startswith(b"\x89PNG")
    accuracies = pd.read_csv(finished.results / "tables" / "train_models.csv")
    assert set(accuracies["trained_with"]) == {"none", "rotation"}
    assert accuracies["accuracy"].between(0, 1).all()


def test_every_job_leaves_a_log_and_a_benchmark(finished: Workflow) -> None:
    networks = list(finished.results.glob("models/*/*/*/*/model.json"))
    assert len(networks) == 3
    assert len(list(finished.folder.glob("logs/tiny/training/**/*.log"))) == 3
    assert len(list(finished.folder.glob("logs/tiny/training/**/*.benchmark.tsv"))) == 3
    assert not list(finished.results.glob("checkpoints/*")), "a finished training keeps no checkpoint"


def test_a_second_run_does_nothing_and_says_so(copy: Workflow) -> None:
    done = copy.snakemake()
    assert done.returncode == 0
    assert "Nothing to be done" in done.stdout


def test_a_comment_reruns_nothing(copy: Workflow) -> None:
    for file in ("training/loop.py", "measures/sweep.py", "figures/style.py", "datasets/digits.py"):
        path = copy.folder / "workflow_scripts" / "equivariance" / file
        path.write_text(path.read_text(encoding="utf-8") + "\n# A remark.\n", encoding="utf-8")
    script = copy.folder / "workflow_scripts" / "train_networks.py"
    script.write_text("# A remark.\n" + script.read_text(encoding="utf-8"), encoding="utf-8")
    assert copy.planned() == {}


def test_an_edit_of_a_kind_of_figure_reruns_its_figures_and_the_paper_only(copy: Workflow) -> None:
    path = copy.folder / "workflow_scripts" / "equivariance" / "figures" / "bars.py"
    path.write_text(path.read_text(encoding="utf-8") + "\nEDITED = True\n", encoding="utf-8")
    assert copy.planned() == {"plot_figure": 1, "build_paper": 1}


def test_an_edit_of_a_measure_reruns_measures_and_what_follows_but_no_training(copy: Workflow) -> None:
    path = copy.folder / "workflow_scripts" / "equivariance" / "measures" / "moments.py"
    path.write_text(path.read_text(encoding="utf-8") + "\nEDITED = True\n", encoding="utf-8")
    assert copy.planned() == {
        "measure_networks": 4,  # of max_pooling, invariance and same-equivariance share a sweep
        "make_table": 3,
        "collect_feature_maps": 1,
        "plot_figure": 4,
        "judge_claims": 1,
        "plot_claims": 1,
        "build_paper": 1,
    }


def test_other_measures_of_an_experiment_are_measured_where_they_are_asked_for_only(copy: Workflow) -> None:
    entry = copy.entry("class_conditional")
    entry["measure"]["measures"] += ["eta_squared"]
    copy.replace_entry("class_conditional", entry)
    assert copy.planned() == {
        "measure_networks": 2,
        "make_table": 1,
        "plot_figure": 1,
        "judge_claims": 1,
        "plot_claims": 1,
        "build_paper": 1,
    }
    entry["measure"]["measures"] = ["nv"]
    copy.replace_entry("class_conditional", entry)
    assert copy.planned() == {}


def test_a_threshold_of_a_claim_makes_claims_and_the_paper_again_only(copy: Workflow) -> None:
    copy.edit("config/claims.yaml", "above: 0.14", "above: 0.2")
    assert copy.planned() == {"judge_claims": 1, "plot_claims": 1, "build_paper": 1}


def test_claims_are_made_with_what_they_need_and_no_more(copy: Workflow) -> None:
    shutil.rmtree(copy.results)
    planned = copy.planned("results/tiny/claims.csv")
    # Of class_conditional: networks trained with nothing and with rotations.
    assert planned == {"train_networks": 2, "measure_networks": 2, "make_table": 1, "judge_claims": 1}


def test_measures_that_another_experiment_asks_for_too_are_made_once(copy: Workflow) -> None:
    entry = copy.entry("visualize_measures")
    entry["measure"]["measures"] = ["nv"]
    copy.replace_entry("visualize_measures", entry)
    # The sweep is that of max_pooling and of the feature maps, who want nv of it.
    assert copy.planned()["measure_networks"] == 1
    copy.replace_entry(
        "visualize_measures", {**entry, "measure": {"with": "own", "measures": ["tv", "nvse"]}}
    )
    assert copy.planned()["measure_networks"] == 1


def test_a_figure_is_drawn_again_with_other_panels_from_the_same_measures(copy: Workflow) -> None:
    entry = copy.entry("max_pooling")
    entry["figure"]["panels"] = {"NVSE": ["nvse"], "NV": ["nv"]}
    copy.replace_entry("max_pooling", entry)
    assert copy.planned() == {"plot_figure": 1, "build_paper": 1}


def test_a_setting_of_one_model_retrains_that_model_only(copy: Workflow) -> None:
    copy.edit(
        "config/models.yaml",
        "settings: {downsampling: stride}",
        "settings: {downsampling: stride, kernel_size: 5}",
    )
    planned = copy.planned()
    assert planned["train_networks"] == 1
    assert planned["measure_networks"] == 1
    assert "prepare_dataset" not in planned


def test_a_new_title_retrains_nothing(copy: Workflow) -> None:
    copy.edit("config/models.yaml", "SimpleConv, strided", "SimpleConv with strides")
    assert "train_networks" not in copy.planned()
    assert "measure_networks" not in copy.planned()


def test_another_published_number_makes_its_table_and_the_paper_again_only(copy: Workflow) -> None:
    copy.edit("config/published.csv", ",0.991,", ",0.992,")
    assert copy.planned() == {"compare_published": 1, "plot_published": 1, "build_paper": 1}


def test_one_figure_is_asked_for_by_its_name(copy: Workflow) -> None:
    shutil.rmtree(copy.results)
    planned = copy.planned("results/tiny/figures/max_pooling.pdf")
    assert planned == {"train_networks": 2, "measure_networks": 2, "make_table": 1, "plot_figure": 1}


def test_batches_and_cores_do_not_change_a_bit_of_a_network(finished: Workflow, tmp_path: Path) -> None:
    batched = copy_workflow(tmp_path / "batched")
    batched.edit("config/tiny.yaml", "minutes: 0", "minutes: 1, experiments: 3")
    done = batched.snakemake("results/tiny/figures/max_pooling.pdf", cores=1)
    assert done.returncode == 0, done.stdout
    made = sorted(
        path.relative_to(batched.results) for path in batched.results.glob("models/**/*.safetensors")
    )
    assert len(made) >= 2
    for file in [*made, Path("tables/max_pooling.csv"), Path("figures/max_pooling.pdf")]:
        assert (batched.results / file).read_bytes() == (finished.results / file).read_bytes(), file


def test_a_mistake_in_the_configuration_stops_before_any_job(copy: Workflow) -> None:
    copy.edit("config/experiments.yaml", "simple_conv_stride", "simple_conv_strid")
    copy.edit("config/tiny.yaml", "threads: 1", "thread: 1")
    done = copy.snakemake()
    said = done.stdout
    assert done.returncode == 1
    assert (
        "experiments.max_pooling.train.models: unknown model 'simple_conv_strid'; valid: simple_conv_stride"
        in said
    )
    assert "jobs: unknown key 'thread'; valid: threads" in said
    assert "Traceback" not in said


def test_a_killed_run_goes_on_where_it_was_and_gives_the_same_bytes(copy: Workflow, tmp_path: Path) -> None:
    copy.edit("config/tiny.yaml", "max_epochs: 3", "max_epochs: 17")
    shutil.copytree(copy.folder, tmp_path / "undisturbed", symlinks=True)
    network = Path("models/digits/simple_conv_stride/rotation/seed0")
    target = f"results/tiny/{network}/model.json"
    running = copy.start(target)
    try:
        checkpoints = copy.results / "checkpoints"
        deadline = time.monotonic() + 120
        while not list(checkpoints.glob("[!.]*.pt")):  # a name with a dot is still being written
            assert running.poll() is None, "the run ended before it could be killed"
            assert time.monotonic() < deadline, "no checkpoint appeared"
            time.sleep(0.005)
    finally:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
    assert not (copy.results / network / "model.json").exists()
    assert copy.snakemake("--unlock").returncode == 0
    [checkpoint] = checkpoints.glob("[!.]*.pt")
    whole = checkpoint.read_bytes()
    checkpoint.write_bytes(whole[: len(whole) // 2] + b"x" + whole[len(whole) // 2 + 1 :])
    done = copy.snakemake(target)
    assert done.returncode == 1
    assert f"{checkpoint.name} is not a readable checkpoint; delete it to start over" in done.stdout
    assert "Traceback" not in done.stdout
    checkpoint.write_bytes(whole)
    done = copy.snakemake(target)
    assert done.returncode == 0, done.stdout
    logs = (copy.folder / "logs/tiny/training").glob("*.log")
    assert any("continuing after epoch" in log.read_text(encoding="utf-8") for log in logs)
    undisturbed = Workflow(tmp_path / "undisturbed")
    assert undisturbed.snakemake(target).returncode == 0
    for name in ("weights.safetensors", "history.csv"):
        assert (copy.results / network / name).read_bytes() == (
            undisturbed.results / network / name
        ).read_bytes()


@pytest.mark.parametrize("by", ["--snakefile", "--directory"])
def test_it_runs_from_another_folder_and_writes_into_the_working_directory(
    finished: Workflow, tmp_path: Path, by: str
) -> None:
    (tmp_path / "elsewhere").mkdir()
    other = Workflow(tmp_path / "elsewhere" if by == "--snakefile" else finished.folder)
    where = finished.folder / "Snakefile" if by == "--snakefile" else tmp_path / "elsewhere"
    tiny = str(finished.folder / "config" / "tiny.yaml")
    done = other.snakemake("results/tiny/figures/st_matrix_samples.png", by, str(where), configfile=tiny)
    assert done.returncode == 0, done.stdout
    made = tmp_path / "elsewhere" / "results" / "tiny" / "figures" / "st_matrix_samples.png"
    assert made.read_bytes() == (finished.results / "figures" / "st_matrix_samples.png").read_bytes()


def test_own_images_in_a_folder_are_trained_on_and_measured(tmp_path: Path) -> None:
    workflow = copy_workflow(tmp_path / "own")
    random = np.random.default_rng(0)
    for part, count in (("train", 12), ("test", 6)):
        for label, name in enumerate(("dark", "light")):
            folder = workflow.folder / "my_images" / part / name
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = random.integers(100 * label, 100 * label + 120, (16, 16, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"{number}.png")
    with (workflow.folder / "config" / "tiny.yaml").open("a", encoding="utf-8") as file:
        file.write(
            "datasets: {my_images: {title: my images, source: folder, path: my_images}}\n"
            "models: {simple_conv: {datasets: {my_images: "
            "{widths: {filters: 16, hidden: 16}, epochs: 3, batch_size: 8}}}}\n"
            "experiments: {max_pooling: {train: {datasets: [my_images], models: [simple_conv]}}}\n"
        )
    done = workflow.snakemake("results/tiny/figures/max_pooling.png")
    assert done.returncode == 0, done.stdout
    table = pd.read_csv(workflow.results / "tables" / "max_pooling.csv")
    assert set(table["dataset"]) == {"my_images"}
    summary = json.loads(
        (workflow.folder / "results" / "data" / "my_images.json").read_text(encoding="utf-8")
    )
    assert summary["train"]["images"] == 24
