"""The jobs of a run: what they make, from what, and by which code; alone and in batches."""

from collections.abc import Callable, Iterable
from itertools import chain
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equivariance.datasets.sizes import Size, expected_size
from equivariance.workflow import resources
from equivariance.workflow.estimate import forward_flops
from equivariance.workflow.jobs import (
    MeasuringJob,
    TrainingJob,
    batches,
    figure_jobs,
    measuring_jobs,
    table_jobs,
    training_jobs,
)
from equivariance.workflow.loading import load_config
from equivariance.workflow.plan import Network
from equivariance.workflow.run import Run
from equivariance.workflow.yaml_files import read_yaml

ROOT = Path(__file__).parents[3]
FILES = ("config", "models", "transformations", "experiments", "quick")
ANY = SimpleNamespace()  # wildcards of a batch, which looks at none


@pytest.fixture(scope="module")
def run(request: pytest.FixtureRequest) -> Run:
    """The small run, with jobs of so many minutes and experiments."""
    minutes, experiments = request.param
    raw = read_yaml(*(ROOT / "config" / f"{name}.yaml" for name in FILES))
    raw["jobs"] |= {"minutes": minutes, "experiments": experiments}
    raw["pretrained"] = True
    return Run(load_config(raw, ROOT / "config" / "schemas"), ROOT)


alone = pytest.mark.parametrize("run", [(0, 1)], indirect=True)
in_batches = pytest.mark.parametrize("run", [(0.05, 3), (1, 24)], indirect=True)

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


@alone
def test_without_minutes_each_network_and_shared_sweep_has_its_own_job(run: Run) -> None:
    assert all(len(job.items(ANY)) == 1 for job in training_jobs(run))
    sweeps = [
        {(one.network, one.savepoint, one.measured_on, one.measured_with) for one in job.items(ANY)}
        for job in measuring_jobs(run)
    ]
    assert all(len(sweep) == 1 for sweep in sweeps)


@alone
@pytest.mark.parametrize("stage", ["tables", "figures"])
def test_a_wildcard_names_the_experiment_of_a_table_or_a_figure(run: Run, stage: str) -> None:
    [job] = STAGES[stage](run)
    for target, name in things(run, stage).items():
        wildcards = SimpleNamespace(experiment=name)
        assert job.items(wildcards) == [name]
        assert [pattern.format(experiment=name) for pattern in job.targets] == [target]


@given(
    groups=st.lists(st.lists(st.integers(0, 20), min_size=1, max_size=4), max_size=30),
    least=st.integers(0, 50),
    most=st.integers(1, 100),
)
def test_batches_keep_groups_whole_and_in_order_and_take_long_enough_or_are_many(
    groups: list[list[int]], least: int, most: int
) -> None:
    cut = list(batches(groups, sum, least, most))
    assert [one for batch in cut for one in batch] == [one for group in groups for one in group]
    assert all(sum(batch) >= least or len(batch) >= most for batch in cut[:-1])
    ends = {sum(map(len, groups[:count])) for count in range(len(groups) + 1)}
    assert {sum(map(len, cut[:count])) for count in range(len(cut) + 1)} <= ends
    # No batch could have ended one group earlier.
    for batch, last in ((batch, group) for batch in cut for group in groups if batch[-len(group) :] is group):
        rest = batch[: -len(last)]
        assert sum(rest) < least and len(rest) < most


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
            if network.retrained:
                assert file == f"{run.network_folder(network.initial)}/weights.safetensors"
                assert run.network_file(network.initial) in job.initial_files(ANY)
            else:
                assert file is None or file in job.initial_files(ANY)


def test_a_job_with_a_large_network_has_a_gpu_alone(
    raw: dict[str, Any], schemas: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # where counts are kept

    def shares(**jobs: Any) -> set[tuple[int, bool]]:
        """What jobs ask for, with whether they have a network of the larger images."""
        run = Run(load_config(raw | {"jobs": jobs}, schemas), ROOT)
        every: list[TrainingJob | MeasuringJob] = [*training_jobs(run), *measuring_jobs(run)]
        larger = "results/data/natural_patches.npz"
        return {(job.gpu_share(ANY), larger in job.datasets(ANY)) for job in every}

    plan = Run(load_config(raw, schemas), ROOT).plan

    def size(name: str) -> Size:
        return cast(Size, expected_size(plan.config.dataset_source(name)))

    flops = {one.dataset: forward_flops(plan, one, size) for one in plan.networks()}
    assert flops["digits"] < flops["natural_patches"]
    monkeypatch.setattr("equivariance.workflow.work.LARGE_FLOPS", flops["natural_patches"])
    for minutes in (0, 60):  # all that may be in one job is, with an hour
        assert shares(gpus=1, gpu_shares=3, minutes=minutes) == {(3, True), (1, False)}
    assert shares(gpus=0, gpu_shares=3) == {(0, True), (0, False)}
    # What is counted once is known to the next start.
    monkeypatch.setattr("equivariance.workflow.estimate.forward_flops", None)
    assert shares(gpus=1) == {(4, True), (1, False)}


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
    def family(network: Network) -> str:
        return f"equivariance.models.{run.config.models[network.model]['family']}"

    for job in training_jobs(run):
        job.codes(ANY)
        for network in job.items(ANY):
            weights = {"equivariance.models.pretrained"} if "inception_transfer" in family(network) else set()
            assert watched.pop(0) == {"train_networks", family(network)} | weights
    evaluated = set()
    for measuring in measuring_jobs(run):
        measuring.codes(ANY)
        for one in measuring.items(ANY):
            plugins = watched.pop(0) - {"measure_networks", family(one.network)}
            swept = one.family != "accuracy"
            assert all(name.startswith("equivariance.measures.") for name in plugins) == swept
            assert plugins == {"equivariance.training.evaluation"} or swept
            evaluated.add(one.family)
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


@in_batches
def test_a_cluster_gives_a_job_three_times_what_it_should_take_and_more_at_each_attempt(run: Run) -> None:
    for job in chain(training_jobs(run), measuring_jobs(run)):
        expected = run.work.seconds(job.items(ANY)) / 60
        first, second, third = (resources.minutes(job.minutes)(ANY, attempt) for attempt in (1, 2, 3))
        assert first >= 10 + 3 * expected > first - 1
        assert (second, third) == (2 * first, 3 * first)


def test_memory_doubles_once() -> None:
    assert [resources.memory(2000)(ANY, attempt) for attempt in (1, 2, 3, 4)] == [2000, 4000, 4000, 4000]


@in_batches
def test_a_job_is_on_one_data_set_so_that_one_figure_fetches_no_data_of_others(run: Run) -> None:
    for job in training_jobs(run):
        assert len({one.dataset for one in job.items(ANY)}) == 1
    for measuring in measuring_jobs(run):
        assert len({one.network.dataset for one in measuring.items(ANY)}) == 1
