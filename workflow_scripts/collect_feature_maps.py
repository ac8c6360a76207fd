"""Lay out the feature maps that are most and least invariant by a measure, under members of a set."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from collect_images import describe, evenly_spaced
from equivariance.analysis.image_grids import Grid, save_grids
from equivariance.analysis.reading import read_measurement
from equivariance.datasets.adapting import adapt
from equivariance.datasets.image_set import ImageSet
from equivariance.devices import prepare_process
from equivariance.language import N_
from equivariance.measures.recorder import leaf_names, named, record
from equivariance.models.layers import kind_of
from equivariance.models.saved import load_network
from equivariance.sampling import stratified_sample
from equivariance.transformations.sets import TransformationSet, build_set
from equivariance.transformations.warp import warp


def collect_feature_maps(
    measurements: Sequence[Mapping[str, Any]],
    datasets: Mapping[str, Path],
    shown: Mapping[str, int],
    padding: str,
    output: Path,
) -> None:
    """Write a panel of what the network sees and one for each layer, for each measure of each sweep.

    `measurements` are those of `profile_table`, with the network's `folder`, the `measured_dataset`, its
    `part` and the `transformation_set`. Of `shown`, `samples` and `members` make the columns of a panel; its
    rows are the `maps` feature maps with the smallest values and those with the largest; `layers` is how
    many convolutions there are at most.
    """
    grids: list[Grid] = []
    for measurement in measurements:
        image_set = ImageSet.load(datasets[measurement["measured_dataset"]])
        images, labels = image_set.part(measurement["part"])
        rows = stratified_sample(labels, shown["samples"], f"images to look at of {image_set.name}")
        model, description = load_network(measurement["folder"], measurement["savepoint"])
        members = build_set(measurement["measured_with"], measurement["transformation_set"])
        indices = evenly_spaced(members, shown["members"])
        inputs = inputs_under(
            adapt(images[rows], tuple(description["image_shape"])), members, indices, padding
        )
        where = (measurement["measured_dataset"], measurement["measured_with"])
        texts = tuple(describe(members, index) for index in indices) * len(rows)
        table = read_measurement(measurement["file"])
        layers = convolutions(model, shown["layers"])
        with torch.no_grad(), record(model, layers) as maps:
            model(inputs)
        for measure, aggregation in measurement["values"]:
            grids.append(Grid(*where, inputs.numpy()[None], ("",), texts, title=N_("input")))
            of_measure = table[(table["measure"] == measure) & (table["aggregation"] == aggregation)]
            for layer in layers:
                values = of_measure[of_measure["layer"] == layer].set_index("unit")["value"]
                chosen = extremes(values, shown["maps"])
                names = tuple(f"{unit}: {value:.2f}" for unit, value in chosen.items())
                pictures = scaled(maps[layer][:, chosen.index.tolist()])
                title = f"{layer}, {measure.upper()}"
                grids.append(Grid(*where, pictures, names, texts, N_("feature map"), title=title))
    save_grids(output, grids)


def inputs_under(
    images: np.ndarray, members: TransformationSet, indices: Sequence[int], padding: str
) -> Tensor:
    """Images uint8 (S, C, H, W) under K members: floats (S * K, C, H, W) in [0, 1], sample by sample."""
    floats = torch.from_numpy(images).float().div(255)
    matrices = members.matrices[list(indices)].repeat(len(images), 1, 1)
    return warp(floats.repeat_interleave(len(indices), dim=0), matrices, padding=padding)


def convolutions(model: nn.Module, count: int) -> list[str]:
    """Names of at most `count` convolutions, evenly spaced, the first and the last among them."""
    modules = named(model)
    names = [name for name in leaf_names(model) if kind_of(modules[name]) == "conv"]
    spaced = np.unique(np.linspace(0, len(names) - 1, min(count, len(names))).round().astype(int))
    return [names[index] for index in spaced]


def extremes(values: pd.Series, count: int) -> pd.Series:
    """The `count` smallest and the `count` largest finite values in ascending order, none of them twice."""
    ordered = values[np.isfinite(values)].sort_values(kind="stable")
    if len(ordered) <= 2 * count:
        return ordered
    return pd.concat([ordered.iloc[:count], ordered.iloc[-count:]])


def scaled(maps: Tensor) -> np.ndarray:
    """Maps (N, M, H, W) of N inputs as pictures (M, N, 1, H, W), each map from 0 to 1 over all inputs.

    A map that is constant is gray.
    """
    low, high = maps.amin((0, 2, 3), keepdim=True), maps.amax((0, 2, 3), keepdim=True)
    pictures = torch.where(high > low, (maps - low) / (high - low), torch.tensor(0.5))
    return pictures.transpose(0, 1)[:, :, None].numpy()


if "snakemake" in globals():
    from job import job

    with job(snakemake.log[0]):
        prepare_process(1)
        collect_feature_maps(
            datasets={Path(file).stem: Path(file) for file in snakemake.input.datasets},
            output=Path(snakemake.output[0]),
            **snakemake.params.settings,
        )
