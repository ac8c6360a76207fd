"""Train networks, one after another, each into a folder of its own."""

import hashlib
import logging
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from equivariance.checkpoint import remove_checkpoint
from equivariance.datasets.image_set import ImageSet
from equivariance.devices import choose_device, prepare_process
from equivariance.errors import UserError
from equivariance.files import atomic_path, write_json
from equivariance.models.layers import parameter_count
from equivariance.networks import save_weights, weights_file
from equivariance.training.loop import train
from equivariance.training.settings import TrainingSettings


def train_networks(
    folders: Sequence[Path],
    settings: Sequence[Mapping[str, Any]],
    datasets: Mapping[str, Path],
    checkpoints: Path,
    code: str,
    device: str,
    threads: int,
) -> None:
    """Train a network with each of `settings` into the folder beside it.

    `datasets` gives the prepared file of each data set's name. A network that was cut short goes on from its
    checkpoint in `checkpoints`.
    """
    prepare_process(threads)
    image_sets = {name: ImageSet.load(file) for name, file in datasets.items()}
    for folder, values in zip(folders, settings, strict=True):
        chosen = TrainingSettings.from_mapping(values)
        logging.info("%s: %d epochs", folder, chosen.epochs)
        images = image_sets[chosen.dataset]
        try:
            train_network(folder, chosen, images, checkpoints, code, choose_device(device), threads)
        except UserError as error:
            raise UserError(f"{folder}: {error}") from error


def train_network(
    folder: Path,
    settings: TrainingSettings,
    image_set: ImageSet,
    checkpoints: Path,
    code: str,
    device: torch.device,
    threads: int,
) -> None:
    """Train one network and write its folder; `model.json` comes last, so that where it is, all is there."""
    checkpoint = checkpoints / f"{'-'.join(folder.parts[-4:])}-{settings.digest(code)}.pt"
    trained = train(settings, image_set, device, checkpoint, code)
    (folder / "savepoints").mkdir(parents=True, exist_ok=True)
    weights = weights_file(folder)
    save_weights(trained.model, weights)
    for percent, savepoint in trained.savepoints.items():
        trained.model.load_state_dict(savepoint.pop("state"))
        save_weights(trained.model, weights_file(folder, str(percent)))
    with atomic_path(folder / "history.csv") as temporary:
        columns = ["epoch", "loss", "train_accuracy", "test_accuracy_none", "test_accuracy_own"]
        pd.DataFrame(trained.history, columns=columns).to_csv(temporary, index=False)
    on_gpu = device.type == "cuda"
    processor = torch.cuda.get_device_name(device) if on_gpu else platform.processor() or "cpu"
    write_json(
        folder / "model.json",
        {
            "settings": settings.as_mapping(),
            "code": code,
            "image_shape": list(image_set.images.shape[1:]),
            "classes": list(image_set.classes),
            "parameters": parameter_count(trained.model),
            "accuracy": trained.accuracy,
            "test_images": trained.test_images,
            "savepoints": trained.savepoints,
            "weights_sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
            "seconds": round(trained.seconds, 3),
            "device": processor,
            "threads": threads,
            "versions": {"python": platform.python_version(), "torch": version("torch")},
        },
    )
    remove_checkpoint(checkpoint)


if "snakemake" in globals():
    from job import job

    with job(snakemake.log[0]):
        train_networks(
            folders=[Path(file).parent for file in snakemake.output.description],
            settings=snakemake.params.settings,
            datasets={Path(file).stem: Path(file) for file in snakemake.input.datasets},
            checkpoints=Path(snakemake.params.checkpoints),
            code=snakemake.params.code,
            device=snakemake.config["device"],
            threads=snakemake.threads,
        )
