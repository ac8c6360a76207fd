"""Claims of a configuration: those of the thesis are all there, and mistakes are named."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from equivariance.analysis.claims.kinds import KINDS, modules
from equivariance.errors import UserError
from equivariance.workflow.claims import claim_code, claim_entries, claim_names, claim_tables
from equivariance.workflow.config import Config
from equivariance.workflow.loading import in_file_order, load_config
from equivariance.workflow.run import Run
from equivariance.workflow.yaml_files import read_yaml

FILES = ("config", "models", "transformations", "experiments", "claims")
OF_THE_THESIS = (
    *("C1", "C2", "C2b", "C3", "C4", "C5", "C6", "C7", "C8", "C9", "C10", "C10b", "C11", "C12", "C12b"),
    *("C12c", "C13", "C14", "C14b", "C15", "C16", "C17", "C18a", "C18b", "C18c", "C18d", "C18e", "C19"),
    *("C20", "C21", "C22", "C23", "C24", "C25", "C26"),
)
CLAIM: dict[str, Any] = {
    "statement": "Networks do not differ in their seed.",
    "source": "a test",
    "datasets": ["digits"],
    "tests": [
        {
            "test": "seed_stability",
            "experiments": ["profiles"],
            "measures": ["nv"],
            "cells": ["dataset", "model"],
            "criteria": {"spearman": {"above": 0.9}},
        }
    ],
}


@pytest.fixture
def thesis(root: Path, schemas: Path) -> Config:
    return load_config(read_yaml(*(root / "config" / f"{name}.yaml" for name in FILES)), schemas)


@pytest.fixture
def load(raw: dict[str, Any], schemas: Path) -> Callable[..., Config]:
    """Load the small configuration with a claim, whose test is changed."""

    def loaded(claim: dict[str, Any] | None = None, **test: Any) -> Config:
        given = copy.deepcopy(CLAIM) | (claim or {})
        given["tests"][0] |= test
        return load_config({**raw, "claims": {"C1": given}}, schemas)

    return loaded


class TestOfThisRepository:
    def test_every_claim_of_the_thesis_has_an_entry(self, thesis: Config) -> None:
        assert tuple(thesis.claims) == OF_THE_THESIS

    def test_every_experiment_that_a_claim_reads_exists(self, thesis: Config) -> None:
        read = {
            name
            for claim in thesis.claims.values()
            for test in claim["tests"]
            for name in test["experiments"]
        }
        assert read <= set(thesis.experiments)
        assert read == set(claim_tables(Run(thesis, Path())))

    def test_every_kind_of_test_is_used(self, thesis: Config) -> None:
        assert {test["test"] for claim in thesis.claims.values() for test in claim["tests"]} == set(KINDS)

    def test_thresholds_that_claims_share_are_the_proposed_ones(self, thesis: Config) -> None:
        assert thesis.judging == {
            **{"seeds": 5, "confidence": 0.95, "draws": 2000, "permutations": 9999},
            "thresholds": {"factor": 1.5, "small_distance": 0.05},
        }

    @pytest.mark.parametrize(
        ("claim", "criterion", "bound"),
        [
            ("C1", "spearman", {"above": 0.9}),
            ("C1", "distance_within", {"below": 0.1}),
            ("C7", "factor_ratio", {"below": 3}),
            ("C11", "difference", {"within": {"cifar10": 3, "default": 2}}),
            ("C12", "loss", {"above": -2}),
            ("C14", "difference", {"above": -2}),
            ("C14b", "difference", {"above": 30}),
            ("C21", "share_below", {"above": 0.5, "significance": 0.001}),
        ],
    )
    def test_thresholds_of_claims(self, thesis: Config, claim: str, criterion: str, bound: dict) -> None:
        given = thesis.claims[claim]["tests"][0]["criteria"][criterion]
        assert {name: given[name] for name in bound} == bound

    def test_claims_without_thresholds_are_those_that_are_reported_only(self, thesis: Config) -> None:
        reported = {
            name
            for name, claim in thesis.claims.items()
            if not any(
                {"above", "below", "within"} & set(bound)
                for test in claim["tests"]
                for bound in test["criteria"].values()
            )
        }
        assert reported == {"C2b", "C26"}


def test_a_claim_of_ones_own_is_added_and_one_of_the_thesis_left_out(root: Path, schemas: Path) -> None:
    given = read_yaml(*(root / "config" / f"{name}.yaml" for name in FILES))
    own = copy.deepcopy(CLAIM) | {"datasets": []}
    own["tests"][0]["experiments"] = ["random_initialization"]
    in_file = [*given["claims"]]
    given["claims"] |= {"Own": own, "C26": None}
    given["claims"] = in_file_order({"Own": own, **given["claims"]}, in_file)
    assert tuple(load_config(given, schemas).claims) == (*OF_THE_THESIS[:-1], "Own")


def test_a_claim_on_an_experiment_that_the_run_leaves_out_is_no_mistake(
    raw: dict[str, Any], schemas: Path
) -> None:
    raw |= {"claims": {"C1": copy.deepcopy(CLAIM)}, "only": ["accuracies"]}
    assert claim_tables(Run(load_config(raw, schemas), Path())) == {}


def test_a_rule_gets_what_judging_needs(load: Callable[..., Config], root: Path) -> None:
    run = Run(load(), root)
    assert claim_tables(run) == {"profiles": "results/small/tables/profiles.csv"}
    assert set(claim_entries(run)["C1"]) == {"tests", "datasets"}
    assert claim_names(run)["stand_ins"] == {"digits": "MNIST", "natural_patches": "CIFAR10"}
    other = load(test="group_effect", value="mean", factor="model", criteria={"eta_squared": {}})
    assert claim_code(run) != claim_code(Run(other, root))


def test_every_kind_has_a_function_of_its_name() -> None:
    from importlib import import_module

    for name, kind in KINDS.items():
        (module,) = modules({name})
        assert callable(getattr(import_module(module), name))
        assert kind.criteria


MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "kind": ({"test": "stability"}, "tests.0.test: unknown kind of test 'stability'; valid: seed_stability"),
    "experiment": (
        {"experiments": ["profile"]},
        "tests.0.experiments: unknown experiment 'profile'; valid: profiles",
    ),
    "measure": ({"measures": ["nw"]}, "tests.0.measures: unknown measure 'nw'; valid: "),
    "parameter": (
        {"factor": "model"},
        "tests.0.factor: seed_stability has no such parameter; valid: (none)",
    ),
    "parameter that is needed": (
        {"test": "factor_ratio", "criteria": {"factor_ratio": {}}},
        "tests.0: factor is missing; factor_ratio needs factor",
    ),
    "criterion": (
        {"criteria": {"spearmen": {"above": 1}}},
        "tests.0.criteria: unknown criterion of seed_stability 'spearmen'; valid: spearman",
    ),
    "two directions": (
        {"criteria": {"spearman": {"above": 1, "below": 2}}},
        "tests.0.criteria.spearman: give one of above, below, within, not above and below",
    ),
    "threshold": (
        {"criteria": {"spearman": {"above": "facto"}}},
        "tests.0.criteria.spearman.above: unknown threshold of judging.thresholds 'facto'; valid: (none)",
    ),
    "data set of a threshold": (
        {"criteria": {"spearman": {"above": {"digit": 1, "default": 2}}}},
        "tests.0.criteria.spearman.above: unknown data set 'digit'; valid: digits",
    ),
    "data set": (
        {"where": {"dataset": "digit"}},
        "tests.0.where.dataset: unknown data set 'digit'; valid: digits",
    ),
    "model": ({"where": {"model": ["plane"]}}, "tests.0.where.model: unknown model 'plane'; valid: plain"),
    "set": (
        {"where": {"trained_with": "scales"}},
        "tests.0.where.trained_with: unknown set 'scales'; valid: scale",
    ),
    "images": (
        {"where": {"measured_on": "digits"}},
        "tests.0.where.measured_on: unknown images 'digits'; valid: digits_test",
    ),
    "column of cells": ({"cells": ["data"]}, "tests.0.cells.0: unknown value 'data'; valid: "),
    "key": ({"measure": ["nv"]}, "tests.0: unknown key 'measure'; valid: measures"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_named_with_its_place_and_what_is_valid(load: Callable[..., Config], name: str) -> None:
    change, said = MISTAKES[name]
    with pytest.raises(UserError) as error:
        load(**change)
    assert f"  - claims.C1.{said}" in str(error.value)


def test_a_data_set_that_there_is_not_is_named(load: Callable[..., Config]) -> None:
    with pytest.raises(UserError, match=r"claims\.C1\.datasets: unknown data set 'digit'; valid: digits"):
        load({"datasets": ["digit"]})
