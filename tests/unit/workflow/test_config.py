"""Settings of a run, from YAML."""

import copy
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from equivariance.errors import UserError
from equivariance.transformations.parameters import set_size
from equivariance.workflow.config import Config, Jobs, measure_blocks
from equivariance.workflow.loading import load_config
from equivariance.workflow.yaml_files import read_yaml

FILES = ("config", "models", "transformations", "experiments", "claims")
RUNS = {"thesis": (), "laptop": ("laptop",), "quick": ("quick",)}


@pytest.fixture(scope="module", params=RUNS)
def run(request: pytest.FixtureRequest, root: Path, schemas: Path) -> Config:
    """The configuration of each run of this repository."""
    files = [root / "config" / f"{name}.yaml" for name in (*FILES, *RUNS[request.param])]
    return load_config(read_yaml(*files), schemas)


@pytest.fixture
def load(schemas: Path) -> Callable[[dict[str, Any]], Config]:
    return lambda raw: load_config(raw, schemas)


class TestOfThisRepository:
    def test_every_run_loads(self, run: Config) -> None:
        assert run.run in RUNS
        assert run.experiments

    def test_every_entry_has_a_title_for_people(self, run: Config) -> None:
        titles = run.titles()
        assert {*run.datasets, *run.models, *run.transformations, "untrained"} <= set(titles)
        assert all(titles.values())

    def test_only_the_thesis_has_full_sizes(self, run: Config) -> None:
        full = run.run == "thesis"
        assert (run.training["width"] == 1 and run.training["images"] is None) == full
        assert (run.training["max_epochs"] is None) == full

    def test_every_model_can_be_trained_on_every_data_set_that_it_has_a_recipe_for(self, run: Config) -> None:
        for name, model in run.models.items():
            for dataset in model["datasets"]:
                assert all(width >= 1 for width in run.widths(name, dataset).values())
                assert all(run.epochs(name, dataset, one) >= 1 for one in run.transformations)

    def test_every_set_is_named_for_what_it_has(self, run: Config) -> None:
        for name, entry in run.transformations.items():
            size = set_size(run.set_definition(name))
            counted = re.match(r"(\d+) ", entry["title"])
            assert counted is None or int(counted[1]) == size, name

    def test_every_property_of_every_schema_says_what_it_is(self, schemas: Path) -> None:
        def properties(node: Any, definitions: dict[str, Any], place: str) -> Iterator[tuple[str, dict]]:
            if isinstance(node, list):
                for index, item in enumerate(node):
                    yield from properties(item, definitions, f"{place}.{index}")
            if not isinstance(node, dict):
                return
            for name, sub in node.get("properties", {}).items():
                target = definitions[sub["$ref"].rsplit("/", 1)[1]] if "$ref" in sub else {}
                yield f"{place}.{name}", {**target, **sub}
            for key, sub in node.items():
                yield from properties(sub, definitions, f"{place}.{key}")

        files = sorted(schemas.glob("*.schema.yaml"))
        assert {file.name.split(".")[0] for file in files} >= set(FILES)
        for file in files:
            schema = yaml.safe_load(file.read_text(encoding="utf-8"))
            assert schema["description"]
            silent = [
                place
                for place, sub in properties(schema, schema.get("$defs", {}), file.name)
                if not str(sub.get("description", "")).strip()
            ]
            assert silent == []


def test_loading_imports_nothing_heavy(root: Path) -> None:
    code = """
import sys
from pathlib import Path
from equivariance.workflow.loading import load_config
from equivariance.workflow.yaml_files import read_yaml
from equivariance.workflow.plan import Plan
import equivariance.workflow.digest
folder = Path("config")
names = ("config", "models", "transformations", "experiments", "claims", "quick")
files = [folder / f"{name}.yaml" for name in names]
plan = Plan(load_config(read_yaml(*files), folder / "schemas"))
[plan.measuring_settings(one) for one in plan.measurements()]
[plan.training_settings(network) for network in plan.networks()]
heavy = {"torch", "numpy", "pandas", "matplotlib", "scipy", "torchvision", "sklearn"}
print(sorted(heavy & set(sys.modules)))
"""
    environment = {"PYTHONPATH": str(root / "workflow_scripts"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_is_left_out_has_the_defaults_of_the_schemas(
    raw: dict[str, Any], load: Callable[..., Config]
) -> None:
    config = load(raw)
    assert (config.mirror, config.device, config.padding) == (None, "auto", "border")
    assert config.jobs == Jobs(threads=1, gpus=0, gpu_shares=4, minutes=0, gflops=50, experiments=1)
    assert config.training == {
        "width": 1.0,
        "epochs": 1.0,
        "max_epochs": None,
        "images": None,
        "savepoints": [0, 1, 3, 5, 10, 30, 50, 100],
        "restarts": 0,
        "precision": "float32",
    }
    assert config.evaluation == {"images": 10000, "transformations_per_image": None}
    assert config.measuring == {"memory_gb": None}
    assert config.samples == {"standard": 5000}
    assert config.models["plain"]["settings"] == {}
    assert config.models["plain"]["optimizer"]["weight_decay"] == 0
    assert config.transformations["rotation"]["rotations"] == {"count": 4, "turn": 1.0}
    assert config.experiments["accuracies"]["train"]["savepoints"] == "all"
    assert config.experiments["profiles"]["train"]["savepoints"] == "final"
    measured = config.experiments["profiles"]["measure"]
    assert measured == {
        "with": "own",
        "measures": ["nv"],
        "aggregations": ["before_mean"],
        "stratified": False,
        "datasets": "own",
        "parts": ["test"],
        "samples": "standard",
    }


def test_what_is_left_out_of_each_of_several_measures_has_the_defaults_too(
    raw: dict[str, Any], load: Callable[..., Config]
) -> None:
    block = raw["experiments"]["profiles"]["measure"]
    one = measure_blocks(load(raw).experiments["profiles"])
    raw["experiments"]["profiles"]["measure"] = [block, {**block, "parts": ["train"]}]
    first, second = measure_blocks(load(raw).experiments["profiles"])
    assert [first] == one
    assert second == {**first, "parts": ["train"]}
    assert measure_blocks(load(raw).experiments["accuracies"]) == []


def test_loading_leaves_what_it_is_given_as_it_was(raw: dict[str, Any], load: Callable[..., Config]) -> None:
    before = copy.deepcopy(raw)
    load(raw)
    assert raw == before


def test_a_model_that_is_like_another_takes_what_it_does_not_give(
    raw: dict[str, Any], load: Callable[..., Config]
) -> None:
    models = load(raw).models
    assert models["normalized"]["settings"] == {"batch_norm": True}
    assert models["normalized"]["datasets"] == models["plain"]["datasets"]
    assert "like" not in models["normalized"]


def test_later_files_change_earlier_ones_key_by_key(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("training: {width: 1.0, savepoints: [0, 50]}\nrun: thesis\n")
    (tmp_path / "b.yaml").write_text("training: {savepoints: [10]}\nseeds: {few: 1}\n")
    (tmp_path / "empty.yaml").write_text("# nothing\n")
    merged = read_yaml(*(tmp_path / f"{name}.yaml" for name in ("a", "b", "empty")))
    assert merged == {
        "training": {"width": 1.0, "savepoints": [10]},
        "run": "thesis",
        "seeds": {"few": 1},
    }


def test_no_file_gives_a_key_twice(root: Path) -> None:
    def check(node: yaml.Node) -> None:
        for key, value in node.value if isinstance(node, yaml.MappingNode) else []:
            names = [other.value for other, _ in node.value]
            assert names.count(key.value) == 1, key.start_mark
            check(value)

    for file in (root / "config").glob("**/*.yaml"):
        check(yaml.compose(file.read_text(encoding="utf-8")))


def test_merging_is_that_of_snakemake(root: Path) -> None:
    from snakemake.utils import update_config

    files = [root / "config" / f"{name}.yaml" for name in (*FILES, "quick")]
    expected: dict[str, Any] = {}
    for file in files:
        update_config(expected, yaml.safe_load(file.read_text(encoding="utf-8")))
    assert read_yaml(*files) == expected


def with_members(raw: dict[str, Any], members: int) -> dict[str, Any]:
    raw["transformations"]["rotation"]["rotations"]["count"] = members
    return raw


# floor(base x 1.1 ln m): 1.1 ln m is 2.42, 3.05, 3.54, 4.28 and 6.84 for these set sizes.
@pytest.mark.parametrize(("members", "factor"), [(9, 2.42), (16, 3.05), (25, 3.54), (49, 4.28), (504, 6.84)])
@pytest.mark.parametrize("base", [5, 25, 100])
def test_epochs_grow_with_the_logarithm_of_the_size_of_the_set(
    raw: dict[str, Any], load: Callable[..., Config], members: int, factor: float, base: int
) -> None:
    raw["models"]["plain"]["datasets"]["digits"]["epochs"] = base
    epochs = load(with_members(raw, members)).epochs("plain", "digits", "rotation")
    assert abs(epochs - (base * factor - 0.5)) < 0.5 + 0.005 * base + 1e-9


@pytest.mark.parametrize(("members", "epochs"), [(2, 25), (3, 30), (25, 88), (49, 107), (504, 171)])
def test_epochs_of_simple_conv_on_cifar10_are_those_of_the_thesis(
    raw: dict[str, Any], load: Callable[..., Config], members: int, epochs: int
) -> None:
    raw["models"]["plain"]["datasets"]["digits"]["epochs"] = 25
    config = load(with_members(raw, members))
    assert config.epochs("plain", "digits", "rotation") == epochs
    assert config.epochs("plain", "digits", "none") == 25


@pytest.mark.parametrize(("members", "epochs"), [(2, 25), (3, 30), (25, 88), (49, 88), (504, 88)])
def test_a_finer_set_can_be_trained_as_long_as_a_coarser_one(
    raw: dict[str, Any], load: Callable[..., Config], members: int, epochs: int
) -> None:
    raw["models"]["plain"]["datasets"]["digits"]["epochs"] = 25
    raw["transformations"]["rotation"]["epochs_for"] = 25
    config = load(with_members(raw, members))
    assert config.epochs("plain", "digits", "rotation") == epochs
    assert config.set_definition("rotation") == {"rotations": {"count": members, "turn": 1.0}}


def test_given_epochs_of_augmentation_are_for_every_set_but_the_identity_and_not_scaled(
    raw: dict[str, Any], load: Callable[..., Config]
) -> None:
    raw["models"]["plain"]["datasets"]["digits"]["augmented_epochs"] = 30
    config = load(with_members(raw, 49))
    assert config.epochs("plain", "digits", "none") == 10
    assert config.epochs("plain", "digits", "rotation") == 30
    assert load(with_members(raw, 2)).epochs("plain", "digits", "rotation") == 30
    raw["training"] = {"epochs": 0.5}
    assert load(raw).epochs("plain", "digits", "rotation") == 15
    raw["training"] = {"epochs": 2.0, "max_epochs": 40}
    assert load(raw).epochs("plain", "digits", "rotation") == 40


def test_a_run_scales_epochs_and_widths_and_caps_epochs_but_leaves_at_least_one(
    raw: dict[str, Any], load: Callable[..., Config]
) -> None:
    raw["training"] = {"epochs": 0.5, "max_epochs": 12, "width": 0.3}
    config = load(with_members(raw, 49))
    assert config.epochs("plain", "digits", "none") == 5
    assert config.epochs("plain", "digits", "rotation") == 12
    assert config.widths("plain", "digits") == {"filters": 1, "hidden": 2}
    raw["training"] = {"epochs": 0.001, "width": 0.001}
    config = load(raw)
    assert config.epochs("plain", "digits", "none") == 1
    assert config.widths("plain", "digits") == {"filters": 1, "hidden": 1}


def test_groups_are_written_out_in_order_and_each_name_comes_once(
    raw: dict[str, Any], load: Callable[..., Config]
) -> None:
    config = load(raw)
    assert config.dataset_names("both") == ("digits", "natural_patches")
    assert config.dataset_names(["natural_patches", "both"]) == ("natural_patches", "digits")
    assert config.set_names(["none", "simple", "rotation"]) == ("none", "rotation", "scale")
    assert config.set_names("untrained") == ("untrained",)
    assert config.set_names([]) == ()


def test_an_entry_of_samples_is_a_number_or_several(raw: dict[str, Any], load: Callable[..., Config]) -> None:
    raw["samples"] = {"standard": 40, "sizes": [8, 4]}
    config = load(raw)
    assert (config.sample_sizes("standard"), config.sample_sizes("sizes")) == ((40,), (8, 4))


def test_savepoints_come_in_order_and_the_last_is_the_final_network(
    raw: dict[str, Any], load: Callable[..., Config]
) -> None:
    raw["training"] = {"savepoints": [50, 100, 0, 5]}
    assert load(raw).savepoints() == ("0", "5", "50", "final")


def test_titles_are_no_part_of_what_determines_a_result(
    raw: dict[str, Any], load: Callable[..., Config]
) -> None:
    config = load(raw)
    assert config.set_definition("scale") == {"scales": {"steps": 1, "smallest": 0.5, "largest": 1.25}}
    assert config.set_definition("none") == {}
    assert config.dataset_source("digits") == {"source": "digits", "stand_in_for": "MNIST"}


@pytest.mark.parametrize("section", ["models", "transformations", "experiments", "training", "jobs", "seeds"])
@pytest.mark.parametrize("value", [None, [], "text", 3, {}])
def test_whatever_a_section_is_the_answer_is_a_configuration_or_a_list_of_mistakes(
    raw: dict[str, Any], load: Callable[..., Config], section: str, value: object
) -> None:
    raw[section] = value
    try:
        assert load(raw).run == "small"
    except UserError as error:
        assert section in str(error)


@pytest.mark.parametrize("section", ["run", "seeds", "datasets", "models", "transformations", "experiments"])
def test_a_section_that_is_left_out_is_named(
    raw: dict[str, Any], load: Callable[..., Config], section: str
) -> None:
    del raw[section]
    with pytest.raises(UserError, match=section):
        load(raw)
