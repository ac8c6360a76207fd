"""Tables of experiments made by a formula, for tests of claims."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from equivariance.analysis.claims.judging import judge
from equivariance.analysis.claims.names import Names

LAYERS = ("conv1", "conv1_act", "conv2", "conv2_act", "pool", "conv3", "conv3_act", "fc1", "fc1_act", "fc2")
KINDS = (
    "conv",
    "activation",
    "conv",
    "activation",
    "pool",
    "conv",
    "activation",
    "linear",
    "activation",
    "linear",
)
SHAPE = np.array([1.4, 1.1, 1.2, 0.9, 0.8, 0.7, 0.6, 0.5, 0.35, 0.25])
"""A profile of ten layers."""

NAMES = Names(
    labels={
        "mnist": "MNIST",
        "cifar10": "CIFAR10",
        "digits": "digits",
        "rotation": "rotations",
        "scale": "scales",
    },
    stand_ins={"mnist": "", "cifar10": "", "digits": "MNIST"},
    schemes={
        "net": {"conv": ["conv*"], "fc": ["fc*"], "conv1": ["conv1*"], "conv2": ["conv2*"], "all": ["*"]}
    },
)
JUDGING: dict[str, Any] = {
    **{"seeds": 5, "confidence": 0.95, "draws": 400, "permutations": 999},
    "thresholds": {"factor": 1.5, "small_distance": 0.05},
}

Profile = Callable[[np.random.Generator], Any]


def noisy(shape: Any = SHAPE, spread: float = 0.03) -> Profile:
    """A profile with noise of a relative size, which is another for each seed."""
    return lambda random: np.asarray(shape) * np.exp(spread * random.normal(size=len(shape)))


def profile_rows(profile: Profile, seeds: int = 6, first: int = 0, **columns: Any) -> pd.DataFrame:
    """The rows of networks that differ in their seed, with columns of their own."""
    given = {
        **{"dataset": "mnist", "model": "net", "trained_with": "rotation", "retrained_with": "none"},
        **{"scheme": "none", "savepoint": "final", "epoch": 3, "accuracy": 0.9, "measured_on": "mnist_test"},
        **{"measured_with": "rotation", "samples": 100, "transformations": 49, "augmented": "augmented"},
        **{"stratified": "not stratified", "aggregation": "before_mean", "measure": "nv"},
        **columns,
    }
    # The noise is of the seed and of the columns, so that two conditions have nothing in common.
    text = repr(sorted((key, str(value)) for key, value in given.items()))
    tables = []
    for seed in range(first, first + seeds):
        random = np.random.default_rng([seed, *text.encode()])
        layers = pd.DataFrame(
            {
                "layer": LAYERS,
                "layer_index": range(len(LAYERS)),
                "kind": KINDS,
                "depth": np.linspace(0, 1, len(LAYERS)),
                "mean": profile(random),
            }
        )
        tables.append(layers.assign(seed=seed, **given))
    return pd.concat(tables, ignore_index=True)


def accuracy_rows(mean: float, seeds: int = 6, spread: float = 0.3, **columns: Any) -> pd.DataFrame:
    """The rows of accuracies of networks around a mean, in points."""
    given = {
        **{"dataset": "mnist", "model": "net", "trained_with": "rotation", "retrained_with": "none"},
        **{"scheme": "none", "savepoint": "final", "epoch": 3, "measured_on": "mnist_test"},
        **{"tested_with": "rotation", "classes": 10, "images": 100},
        **columns,
    }
    random = np.random.default_rng(list(repr(sorted(map(str, given.items()))).encode()))
    rows = [
        given | {"seed": seed, "accuracy": (mean + spread * random.normal()) / 100} for seed in range(seeds)
    ]
    return pd.DataFrame(rows)


def entry(kind: str, criteria: Mapping[str, Any], **parameters: Any) -> dict[str, Any]:
    """A test of a claim with the defaults of the schema."""
    return {
        **{"test": kind, "experiments": ["made"], "measures": [], "where": {}, "cells": ["dataset"]},
        **{"enough": "all", "criteria": criteria, **parameters},
    }


def judged(rows: pd.DataFrame, *tests: Mapping[str, Any], datasets: tuple[str, ...] = ()) -> pd.DataFrame:
    """The table of a claim with some tests, of one experiment with some rows."""
    return judge({"C1": {"tests": list(tests), "datasets": list(datasets)}}, {"made": rows}, NAMES, JUDGING)


def verdicts(rows: pd.DataFrame, *tests: Mapping[str, Any]) -> list[str]:
    """The verdicts alone."""
    return judged(rows, *tests)["verdict"].tolist()
