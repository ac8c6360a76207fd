"""Settings that are wrong: each is named with its place, its value and what is valid, before any job starts.

A mistake is a file of overrides, merged into the configuration of the run `quick` as Snakemake does.
"""

import copy
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from equivariance.errors import UserError
from equivariance.workflow import loading
from equivariance.workflow.config import Config
from equivariance.workflow.loading import load_config
from equivariance.workflow.validation import merge
from equivariance.workflow.yaml_files import read_yaml

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "config"
KEPT = (
    "st_matrix_samples",
    "train_models",
    "visualize_invariant_feature_maps",
    "class_conditional",
    "max_pooling",
)
FILES = [
    CONFIG / f"{name}.yaml" for name in (*("config", "models", "transformations", "experiments"), "claims")
]
TABLE = Path(__file__).with_name("bad_configurations.yaml")
MISTAKES = yaml.safe_load(TABLE.read_text(encoding="utf-8"))


@cache
def quick() -> dict[str, Any]:
    return read_yaml(*FILES, CONFIG / "quick.yaml")


def load(overrides: Path) -> Config:
    return load_config(merge(copy.deepcopy(quick()), read_yaml(overrides)), CONFIG / "schemas")


@pytest.fixture(scope="module", autouse=True)
def _schemas_are_read_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loading, "read_yaml", cache(read_yaml))
        yield


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_with_its_place(mistake: str, tmp_path: Path) -> None:
    text, said = MISTAKES[mistake]["file"], MISTAKES[mistake]["said"]
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(UserError) as caught:
        load(tmp_path / "mine.yaml")
    lines = str(caught.value).splitlines()
    assert lines[0] == "The configuration has mistakes:"
    assert any(said in line for line in lines[1:])
    assert all(line.startswith("  - ") for line in lines[1:])


def test_a_long_value_is_shown_in_part(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(f"jobs: {{threads: {'x' * 5000}}}\n")
    with pytest.raises(UserError, match=r"jobs\.threads: 'x{199}\.\.\. is not of type 'integer'"):
        load(tmp_path / "mine.yaml")


@cache
def small() -> dict[str, Any]:
    """A few experiments of all kinds, the models that they train, and a claim."""
    raw = copy.deepcopy(quick())
    raw["experiments"] = {name: raw["experiments"][name] for name in KEPT}
    raw["claims"] = {
        name: claim
        for name, claim in raw["claims"].items()
        if all({*test["experiments"]} <= {*KEPT} for test in claim["tests"])
    }
    assert raw["claims"]
    trained = {
        model for entry in raw["experiments"].values() for model in entry.get("train", {}).get("models", [])
    }
    parents = {raw["models"][name].get("like", name) for name in trained}
    raw["models"] = {name: raw["models"][name] for name in raw["models"] if name in trained | parents}
    raw["one_dataset"] = []
    load_config(raw, CONFIG / "schemas")  # there is no mistake yet
    return raw


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a configuration, of leaves and of what holds them."""
    for key, item in (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    ):
        yield (*place, key)
        yield from places(item, (*place, key))


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(
        ["own", "none", "untrained", "all", "final", "../x", "5e-4", 10**400, "simple_conv", "rotation"]
    )
)
VALUES = st.recursive(
    LEAVES,
    lambda inside: st.lists(inside, max_size=2) | st.dictionaries(st.text(max_size=4), inside, max_size=2),
    max_leaves=4,
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_stands_anywhere_the_answer_is_a_configuration_or_a_list_of_mistakes(
    data: st.DataObject,
) -> None:
    raw = copy.deepcopy(small())
    section = data.draw(st.sampled_from(sorted(raw)))
    place = data.draw(st.sampled_from([(section,), *((section, *one) for one in places(raw[section]))]))
    holder: Any = raw
    for key in place[:-1]:
        holder = holder[key]
    holder[place[-1]] = data.draw(VALUES)
    try:
        assert isinstance(load_config(raw, CONFIG / "schemas"), Config)
    except UserError as error:
        assert str(error).startswith("The configuration has mistakes:\n  - ")


@pytest.mark.parametrize(
    ("text", "command", "said"),
    [
        ("training: {width: .nan}", (), "training.width: nan is not a finite number"),
        ("jobs:\n  minutes: 1:30\n", (), "mine.yaml: 1:30, in line 2, is read as a number of another base"),
        ("seeds: {few: 1}", ("--config", "run=a/b"), "run: 'a/b' does not match"),
        ("seeds: {few: 1}", ("--config", "only=[a"), "only: '[a' is not of type 'array', 'null'"),
    ],
)
def test_snakemake_stops_before_any_job(
    text: str, command: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    (tmp_path / "mine.yaml").write_text(text)
    where = ["--snakefile", str(ROOT / "Snakefile"), "--directory", str(tmp_path), "--cores", "1"]
    files = ["--configfile", str(CONFIG / "quick.yaml"), "mine.yaml"]
    search = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["snakemake", *where, *files, *command],
        cwd=tmp_path,
        env={**os.environ, "PATH": search},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 1
    assert said in done.stderr + done.stdout
    assert not (tmp_path / "results").exists() and not (tmp_path / "logs").exists()
