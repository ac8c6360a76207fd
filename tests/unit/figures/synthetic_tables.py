"""Tables as the workflow writes them, small and with known values."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from equivariance.measures.names import MEAN_OF_CLASSES

LAYERS = (
    ("conv1", "conv"),
    ("conv1_act", "activation"),
    ("pool1", "pool"),
    ("conv2", "conv"),
    ("conv2_act", "activation"),
    ("flatten", "reshape"),
    ("fc1", "linear"),
    ("log_softmax", "output"),
)

NOT_RETRAINED = {"retrained_with": "none", "scheme": "none"}

LABELS = {
    "digits": "Digits",
    "mnist": "MNIST",
    "patches": "Patches",
    "simple_conv": "SimpleConv",
    "simple_conv_bn": "SimpleConv BN",
    "rotation": "rotations",
    "scale": "scales",
    "none": "untransformed",
}


def layers_of(model: str) -> list[tuple[str, str]]:
    """Layers of a model; `_bn` models have a normalization behind each convolution."""
    layers = []
    for name, kind in LAYERS:
        layers.append((name, kind))
        if kind == "conv" and model.endswith("_bn"):
            layers.append((f"{name}_bn", "norm"))
    return layers


def value(seed: int, index: int) -> float:
    """The value of a layer of a seed."""
    return 0.9 - 0.1 * index + 0.02 * seed


def profiles(
    datasets: Sequence[str] = ("digits",),
    models: Sequence[str] = ("simple_conv",),
    sets: Sequence[str] = ("rotation",),
    measured_with: dict[str, Sequence[str]] | None = None,
    seeds: int = 3,
    savepoints: Sequence[str] = ("final",),
    measures: Sequence[str] = ("nv",),
) -> pd.DataFrame:
    """Layer profiles of a grid of networks."""
    rows: list[dict[str, Any]] = []
    for dataset in datasets:
        for model in models:
            for trained_with in sets:
                for savepoint in savepoints:
                    percent = 100 if savepoint == "final" else int(savepoint)
                    for seed in range(seeds):
                        for measured in (measured_with or {}).get(trained_with, [trained_with]):
                            for measure in measures:
                                for index, (layer, kind) in enumerate(layers_of(model)):
                                    rows.append(
                                        {
                                            "dataset": dataset,
                                            "model": model,
                                            "trained_with": trained_with,
                                            **NOT_RETRAINED,
                                            "seed": seed,
                                            "savepoint": savepoint,
                                            "epoch": percent // 10,
                                            "accuracy": 0.1 + percent * 0.008 + 0.01 * seed,
                                            "measured_on": f"{dataset}_test",
                                            "measured_with": measured,
                                            "samples": 64,
                                            "measure": measure,
                                            "layer": layer,
                                            "layer_index": index,
                                            "kind": kind,
                                            "depth": index / 10,
                                            "mean": value(seed, index),
                                        }
                                    )
    return pd.DataFrame(rows)


BLOCK = (("conv{}", "conv"), ("conv{}_act", "activation"), ("pool{}", "pool"))
DEEP = (
    *((name.format(block), kind) for block in range(1, 5) for name, kind in BLOCK),
    ("flatten", "reshape"),
    ("fc1", "linear"),
    ("fc1_act", "activation"),
    ("fc2", "linear"),
    ("log_softmax", "output"),
)
"""Seventeen layers, as many as the larger networks have."""


def deeper(data: pd.DataFrame) -> pd.DataFrame:
    """Profiles of the layers `DEEP` in place of those of each network."""
    networks = data.drop(columns=["layer", "layer_index", "kind", "depth", "mean"]).drop_duplicates()
    layers = pd.DataFrame(
        [(name, index, kind, index / 16) for index, (name, kind) in enumerate(DEEP)],
        columns=["layer", "layer_index", "kind", "depth"],
    )
    found = networks.merge(layers, how="cross")
    return found.assign(mean=1.3 - 0.07 * found["layer_index"] + 0.02 * found["seed"])


def units(data: pd.DataFrame, count: int = 12) -> pd.DataFrame:
    """Single units around the means of profiles: with the mean m, m * (0.5 ... 1.5), in no order."""
    spread = pd.DataFrame({"unit": range(count), "factor": np.linspace(0.5, 1.5, count)}).sample(
        frac=1, random_state=0
    )
    found = data.assign(aggregation="before_mean").merge(spread, how="cross")
    return found.assign(value=found["mean"] * found["factor"]).drop(columns=["mean", "factor"])


def classed(data: pd.DataFrame, classes: int = 10) -> pd.DataFrame:
    """Profiles of each class, the c-th with the mean times 1 + c / 10, and their mean over classes."""
    parts = [data.assign(**{"class": str(c), "mean": data["mean"] * (1 + c / 10)}) for c in range(classes)]
    means = pd.concat(parts).groupby(level=0)["mean"].mean()
    return pd.concat([data.assign(**{"class": MEAN_OF_CLASSES, "mean": means}), *parts], ignore_index=True)


def sized(
    data: pd.DataFrame, samples: Sequence[int] = (24, 96, 384), transformations: Sequence[int] = (25, 97)
) -> pd.DataFrame:
    """Profiles for each number of images n and of transformations m, the mean times 1 + 1/n + 1/m."""
    return pd.concat(
        [
            data.assign(
                samples=n,
                transformations=m,
                measured_with=data["measured_with"] + f"_{m}",
                mean=data["mean"] * (1 + 1 / n + 1 / m),
            )
            for n in samples
            for m in transformations
        ],
        ignore_index=True,
    )


def accuracies(
    datasets: Sequence[str] = ("digits",),
    sets: Sequence[str] = ("none", "rotation"),
    seeds: int = 3,
    models: Sequence[str] = ("simple_conv",),
    **more: Any,
) -> pd.DataFrame:
    """Accuracies of a model under no transformation and under its own set."""
    rows = [
        {
            "dataset": dataset,
            "model": model,
            "trained_with": trained_with,
            **NOT_RETRAINED,
            "seed": seed,
            "savepoint": "final",
            "epoch": 10,
            "measured_on": f"{dataset}_test",
            "tested_with": tested_with,
            "accuracy": 0.9 - 0.1 * (tested_with != "none") + 0.01 * seed,
            "images": 200,
            **more,
        }
        for dataset in datasets
        for model in models
        for trained_with in sets
        for seed in range(seeds)
        for tested_with in dict.fromkeys(["none", trained_with])
    ]
    return pd.DataFrame(rows)


SCHEMES = (*(f"conv{index}" for index in range(1, 6)), "fc1", "fc2", "all_conv", "all_dense", "all")


def retrained(
    data: pd.DataFrame, schemes: Sequence[str] = SCHEMES, retrained_with: str = "rotation"
) -> pd.DataFrame:
    """Accuracies of networks that were trained with none, and of those retrained, 2 % less by each scheme."""
    initial = data[data["trained_with"] == "none"]
    initial = pd.concat([initial, initial.assign(tested_with=retrained_with, accuracy=0.4)])
    again = [
        initial.assign(retrained_with=retrained_with, scheme=scheme, accuracy=0.9 - 0.02 * index)
        for index, scheme in enumerate(schemes)
    ]
    return pd.concat([initial, *again], ignore_index=True)


def networks(data: pd.DataFrame) -> pd.DataFrame:
    """Values of whole networks, from profiles: their means over layers, twice that, thrice that."""
    by = [
        column for column in data.columns if column not in ("layer", "layer_index", "kind", "depth", "mean")
    ]
    values = data.assign(aggregation="before_mean").groupby([*by, "aggregation"], sort=False)["mean"].mean()
    found = values.rename("global_layer_mean").reset_index()
    mean = found["global_layer_mean"]
    return found.assign(global_unit_mean=2 * mean, top_unit_mean=3 * mean)


def class_accuracies(
    data: pd.DataFrame, classes: int = 10, angles: Sequence[float] | None = (-90.0, 0.0, 90.0, 180.0)
) -> pd.DataFrame:
    """Accuracies of each class and member, from accuracies: the c-th class has c/100 less, each 10° 1/100."""
    members = list(enumerate(angles or range(4)))
    parts = [
        data.assign(
            **{
                "class": str(c),
                "member": member,
                "accuracy": 0.95 - c / 100 - abs(angle) / 1000,
                "images": 20,
            },
            **({"angle": angle} if angles else {}),
        )
        for c in range(classes)
        for member, angle in members
    ]
    return pd.concat(parts, ignore_index=True)


def histories(data: pd.DataFrame, epochs: int = 20) -> pd.DataFrame:
    """Trainings, from accuracies under the own set: 1 - 0.5^epoch less seed / 100, two seconds an epoch."""
    own = data[data["tested_with"] == data["trained_with"]]
    own = own.drop(columns=["savepoint", "epoch", "tested_with", "images", "accuracy", "measured_on"])
    found = own.merge(pd.DataFrame({"epoch": range(1, epochs + 1)}), how="cross")
    found["seconds"] = 2.0 * found["epoch"]
    found["accuracy"] = 1 - 0.5 ** found["epoch"] - found["seed"] / 100
    return found.assign(reached_epoch=7, reached_seconds=14.0)


def entry(kind: str, measures: Sequence[str] = ("nv",), **mapping: Any) -> dict[str, Any]:
    """An experiment that draws `kind` with a mapping."""
    return {
        "name": "trial",
        "title": "A trial",
        "chapter": "Trials",
        "question": "Does it work?",
        "source": "nowhere",
        "figure": {"kind": kind, **mapping},
        "measures": list(measures),
    }
