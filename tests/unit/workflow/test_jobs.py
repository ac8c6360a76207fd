"""The jobs of a run: what they make, from what, and by which code; alone and in batches."""

import re
from collections.abc import Callable, Iterable
from itertools import chain
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from snakemake.io import regex_from_filepattern
from snakemake.iocontainers import Wildcards

from equivariance.workflow.jobs import figure_jobs, measuring_jobs, table_jobs, training_jobs
from equivariance.workflow.loading import load_config, read_yaml
from equivariance.workflow.run import Run

ROOT = Path(__file__).parents[3]
FILES = ("config", "models", "transformations", "experiments", "quick")
ANY = SimpleNamespace()  # wildcards of a batch, which looks at none


@pytest.fixture
def run(request: pytest.FixtureRequest) -> Run:
    """The small run, with batches of a size."""
    raw = read_yaml(*(ROOT / "config" / f"{name}.yaml" for name in FILES))
    raw["jobs"]["batch"] = request.param
    raw["pretrained"] = True
    return Run(load_config(raw, ROOT / "config" / "schemas"), ROOT)


alone = pytest.mark.parametrize("run", [1], indirect=True)
in_batches = pytest.mark.parametrize("run", [5, 24], indirect=True)

STAGES: dict[str, Callable[[Run], Iterable[Any]]] = {
    "training": training_jobs,
    "measuring": measuring_jobs,
    "tables": table_jobs,
    "figures": figure_jobs,
}


def things(run: Run, stage: str) -> dict[str, Any]:
    """What a stage makes: things by their targets."""
    if stage == "training":
        return {run.network_folder(one): one for one in run.plan.networks()}
    if stage == "measuring":
        return dict(zip(run.measurement_files(run.plan.measurements()), run.plan.measurements(), strict=True))
    names = [
        name
        for name in run.config.experiments
        if stage == "figures" or run.figure_data(name).endswith(".csv")
    ]
    return {f"{run.results}/{stage}/{name}": name for name in names}


CONSTRAINTS = {
    "network": r"\w+/\w+/\w+(-\w+/\w+)?/seed\d+",
    "part": "train|test",
    "seed": r"\d+",
    **dict.fromkeys(
        ("dataset", "model", "trained_with", "retrained_with", "scheme", "measured_with"), r"\w+"
    ),
}


def wildcards_in(pattern: str, target: str) -> Wildcards | None:
    """The wildcards with which a pattern names a target, as Snakemake finds them; None where it does not."""
    for name, constraint in CONSTRAINTS.items():
        pattern = pattern.replace(f"{{{name}}}", f"{{{name},{constraint}}}")
    found = re.fullmatch(regex_from_filepattern(pattern), target)
    return Wildcards(fromdict=found.groupdict()) if found else None


@alone
@pytest.mark.parametrize("stage", STAGES)
def test_wildcards_of_a_target_give_back_what_it_is_of(run: Run, stage: str) -> None:
    jobs = list(STAGES[stage](run))
    for target, thing in things(run, stage).items():
        found = [
            job.items(wildcards)
            for job in jobs
            for pattern in job.targets
            if (wildcards := wildcards_in(pattern, target)) is not None
        ]
        assert found == [[thing]], target


@in_batches
@pytest.mark.parametrize("stage", STAGES)
def test_batches_make_everything_once_and_give_the_things_beside_their_targets(run: Run, stage: str) -> None:
    jobs = list(STAGES[stage](run))
    made = list(chain.from_iterable(zip(job.targets, job.items(ANY), strict=True) for job in jobs))
    assert len(made) == len({target for target, _ in made})
    assert dict(made) == things(run, stage)
    assert len({job.name for job in jobs}) == len({job.log for job in jobs}) == len(jobs)
    assert len(jobs) > 1 or stage == "figures"


@in_batches
def test_training_reads_the_data_and_the_weights_of_its_networks(run: Run) -> None:
    for job in training_jobs(run):
        networks = job.items(ANY)
        assert job.datasets(ANY) == sorted({f"results/data/{one.dataset}.npz" for one in networks})
        assert [one["seed"] for one in job.settings(ANY)] == [one.seed for one in networks]
        for network, file in zip(networks, job.initial_weights(ANY), strict=True):
            published = network.model.startswith("inception_transfer")
            assert (file is not None) == (network.retrained or published)
            assert file is None or file in job.initial_files(ANY)
            if network.retrained:
                assert file == f"{run.network_folder(network.initial)}/weights.safetensors"


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> list[set[str]]:
    """Modules that digests were asked for, one set for each."""
    seen: list[set[str]] = []

    def code(self: Run, script: str, *plugins: str) -> str:
        seen.append({script, *plugins})
        return ""

    monkeypatch.setattr(Run, "code", code)
    return seen


@in_batches
def test_jobs_watch_the_modules_that_their_scripts_import_by_name(run: Run, watched: list[set[str]]) -> None:
    for job in training_jobs(run):
        job.code(ANY)
        families = {run.config.models[one.model]["family"] for one in job.items(ANY)}
        needed = {"train_networks", *(f"equivariance.models.{family}" for family in families)}
        weights = {"equivariance.models.pretrained"} if "inception_transfer" in families else set()
        assert watched.pop() == needed | weights
    evaluated = set()
    for measuring in measuring_jobs(run):
        measuring.code(ANY)
        plugins = watched.pop()
        families = {run.config.models[one.network.model]["family"] for one in measuring.items(ANY)}
        assert {f"equivariance.models.{family}" for family in families} <= plugins
        swept = {one.family for one in measuring.items(ANY)}
        assert ("equivariance.training.evaluation" in plugins) == ("accuracy" in swept)
        assert any(name.startswith("equivariance.measures.") for name in plugins) == (swept != {"accuracy"})
        evaluated |= swept
    assert {"accuracy", "invariance"} <= evaluated
    for drawing in figure_jobs(run):
        drawing.code(ANY)
        kinds = {run.config.experiments[name]["figure"]["kind"] for name in drawing.items(ANY)}
        assert {f"equivariance.figures.{kind}" for kind in kinds} <= watched.pop()


@in_batches
def test_pictures_have_the_texts_of_their_experiments(run: Run) -> None:
    for job in figure_jobs(run):
        titles = job.of_entries(lambda entry: entry["title"])
        for name, title, caption in zip(job.items(ANY), titles, job.captions(), strict=True):
            assert title(ANY) == run.config.experiments[name]["title"]
            assert Path(caption) == Path(run.results).absolute() / "figures" / f"{name}.rst"
