"""Tables as the workflow writes them, small and with known values."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

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


def accuracies(
    datasets: Sequence[str] = ("digits",),
    sets: Sequence[str] = ("none", "rotation"),
    seeds: int = 3,
    **more: Any,
) -> pd.DataFrame:
    """Accuracies of SimpleConv under no transformation and under its own set."""
    rows = [
        {
            "dataset": dataset,
            "model": "simple_conv",
            "trained_with": trained_with,
            "seed": seed,
            "savepoint": "final",
            "epoch": 10,
            "tested_with": tested_with,
            "accuracy": 0.9 - 0.1 * (tested_with != "none") + 0.01 * seed,
            "images": 200,
            **more,
        }
        for dataset in datasets
        for trained_with in sets
        for seed in range(seeds)
        for tested_with in dict.fromkeys(["none", trained_with])
    ]
    return pd.DataFrame(rows)


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
