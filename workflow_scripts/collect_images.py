"""Lay out images of data sets under members of sets of transformations, to be looked at."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from equivariance.analysis.image_grids import Grid, save_grids
from equivariance.datasets.image_set import ImageSet
from equivariance.language import N_
from equivariance.sampling import stratified_sample
from equivariance.transformations.parameters import Parameters
from equivariance.transformations.sets import TransformationSet, build_set
from equivariance.transformations.warp import warp


def collect_images(
    datasets: Mapping[str, Path],
    sets: Mapping[str, Mapping[str, Any]],
    layout: str,
    samples: int,
    members: int,
    padding: str,
    output: Path,
) -> None:
    """Write a panel for each data set and set: a square of one image's members, or samples x members."""
    grids = []
    for dataset, file in datasets.items():
        images, labels = ImageSet.load(file).part("test")
        rows = stratified_sample(labels, samples, f"images to look at of {dataset}")
        chosen = torch.from_numpy(images[rows]).float().div(255)  # (S, C, H, W)
        for name, definition in sets.items():
            transformations = build_set(name, definition)
            shown = evenly_spaced(transformations, members)
            panel = np.stack([members_of(image, transformations, shown, padding) for image in chosen])
            if layout == "members":
                side = int(np.ceil(np.sqrt(len(shown))))
                blank = np.ones((side * side - len(shown), *panel.shape[2:]), panel.dtype)
                square = np.concatenate([panel[0], blank]).reshape(side, side, *panel.shape[2:])
                grids.append(Grid(dataset, name, square))
            else:
                texts = tuple(describe(transformations, index) for index in shown)
                numbers = tuple(f"x{number}" for number in range(1, len(rows) + 1))
                grids.append(Grid(dataset, name, panel, numbers, texts, N_("sample"), N_("transformation")))
    save_grids(output, grids)


def evenly_spaced(transformations: TransformationSet, count: int) -> list[int]:
    """Up to `count` members at even distances in the order of the set, the identity among them."""
    size = len(transformations)
    spaced = np.unique(np.linspace(0, size - 1, min(count, size)).round().astype(int))
    nearest = np.abs(spaced - transformations.identity_index).argmin()
    spaced[nearest] = transformations.identity_index
    return [int(index) for index in spaced]


def members_of(
    image: torch.Tensor, transformations: TransformationSet, shown: list[int], padding: str
) -> np.ndarray:
    """One image (C, H, W) under the members `shown`: (len(shown), C, H, W)."""
    copies = image.expand(len(shown), *image.shape)
    return warp(copies, transformations.matrices[shown], padding=padding).numpy()


def describe(transformations: TransformationSet, index: int) -> str:
    """What a member does, in the parameters that vary over its set: degrees, factors, % of the side."""
    values = Parameters(*transformations.parameters[index].tolist())
    varying = set(transformations.varying)
    parts = []
    if "turns" in varying:
        parts.append(f"{round(360 * values.turns)}°")
    if varying & {"sx", "sy"}:
        parts.append(f"×{values.sx:.3g}, {values.sy:.3g}")
    if varying & {"dx", "dy"}:
        parts.append(f"{round(100 * values.dx):+d}, {round(100 * values.dy):+d} %")
    return "\n".join(parts)


if "snakemake" in globals():
    from job import job

    with job(snakemake.log[0]):
        collect_images(
            datasets={Path(file).stem: Path(file) for file in snakemake.input},
            **snakemake.params.settings,
            output=Path(snakemake.output[0]),
        )
