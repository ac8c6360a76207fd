"""What the claims of a run are judged by."""

from typing import Any

from equivariance.analysis.claims.kinds import modules
from equivariance.workflow.run import IMAGES, Run


def claim_tables(run: Run) -> dict[str, str]:
    """The tables that claims read, by the names of their experiments: those that the run has."""
    wanted = {
        name
        for claim in run.config.claims.values()
        for test in claim["tests"]
        for name in test["experiments"]
    }
    return {
        name: run.figure_data(name)
        for name in run.config.experiments
        if name in wanted and run.plan.kind(name) not in IMAGES
    }


def claim_entries(run: Run) -> dict[str, dict[str, Any]]:
    """What judging needs of the claims: a changed text judges nothing again."""
    return {
        name: {"tests": claim["tests"], "datasets": claim["datasets"]}
        for name, claim in run.config.claims.items()
    }


def claim_names(run: Run) -> dict[str, Any]:
    """What names in tables stand for: the fields of `analysis.claims.names.Names`."""
    return {
        "labels": run.config.titles(),
        "stand_ins": {name: entry["stand_in_for"] for name, entry in run.config.datasets.items()},
        "schemes": {name: model["schemes"] for name, model in run.config.models.items() if model["schemes"]},
    }


def claim_code(run: Run) -> str:
    """Digest of the code that judges, with the kinds of tests of the claims."""
    kinds = {test["test"] for claim in run.config.claims.values() for test in claim["tests"]}
    return run.code("judge_claims", *modules(kinds))
