"""What published numbers are compared with in a run, and the chapters of the report."""

import re
from pathlib import Path
from typing import Any

import pytest

from equivariance.workflow.loading import load_config
from equivariance.workflow.published import compared_tables, is_reduced
from equivariance.workflow.report import CONCLUSIONS, PUBLISHED, report_category
from equivariance.workflow.run import Run
from equivariance.workflow.yaml_files import read_yaml

ROOT = Path(__file__).parents[3]
FILE = ROOT / "config" / "published.csv"


def run(*files: str, **changes: Any) -> Run:
    names = ("config", "models", "transformations", "experiments", *files)
    raw = read_yaml(*(ROOT / "config" / f"{name}.yaml" for name in names))
    return Run(load_config({**raw, **changes}, ROOT / "config" / "schemas"), ROOT)


def test_tables_are_those_of_the_run_that_numbers_name() -> None:
    tables = compared_tables(run(), FILE)
    assert "results/thesis/tables/retraining_all_conv.csv" in tables
    assert len(tables) == len(set(tables)) == 12
    one = run("quick", only=["rotation_train_test", "max_pooling"])
    assert compared_tables(one, FILE) == ["results/quick/tables/rotation_train_test.csv"]


@pytest.mark.parametrize(("files", "reduced"), [((), False), (("laptop",), True), (("quick",), True)])
def test_a_run_knows_whether_it_trains_less_than_the_recipes(files: tuple[str, ...], reduced: bool) -> None:
    assert is_reduced(run(*files)) == reduced


def test_chapters_of_the_report_sort_as_the_paper_has_them() -> None:
    whole = run()
    named = [str(entry["chapter"]) for entry in whole.config.experiments.values()]
    chapters = [CONCLUSIONS, *dict.fromkeys(named), PUBLISHED]
    categories = [report_category(whole, chapter) for chapter in chapters]
    assert len(categories) > 10, "with one digit, 10 would come before 2"
    assert sorted(categories) == categories
    assert categories[0] == "01 Conclusions"
    assert all(re.fullmatch(r"\d\d .+", category) for category in categories)


def test_chapters_of_a_part_are_numbered_without_gaps() -> None:
    part = run(only=["max_pooling"])
    assert report_category(part, "Hyperparameters") == "02 Hyperparameters"
    assert report_category(part, PUBLISHED) == "03 Published beside reproduced"
