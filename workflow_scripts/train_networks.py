"""Train or retrain networks, one after another, each into a folder of its own."""

import logging
import platform
from collections.abc import Mapping, Sequence
from functools import partial
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import nn

from equivariance.checkpoint import remove_checkpoint
from equivariance.datasets.image_set import ImageSet
from equivariance.devices import choose_device, choose_precision, explain_full_gpu, prepare_process
from equivariance.errors import UserError
from equivariance.files import atomic_path, check_checksum, sha256
from equivariance.models.layers import parameter_count
from equivariance.models.saved import load_weights, save_weights
from equivariance.network_folder import (
    DESCRIPTION,
    checked_weights,
    new_network,
    weights_file,
    write_description,
)
from equivariance.store import digest_of, keep, take
from equivariance.training.loop import restart_checkpoint, train
from equivariance.training.settings import TrainingSettings

FILES = ("weights.safetensors", "history.csv", "model.json")  # of a network, besides its savepoints
# Smaller batches are another training, so that they are not taken silently.
FULL_GPU = (
    "run fewer jobs on it at a time (--resources gpu_share=1) and repeat the command, which goes on after the"
    " last epoch; if that is not enough, lower batch_size in the model's recipe, which gives another network"
)
PUBLISHED = ".pth"  # suffix of published weights, as torch saved them; those of our networks are safetensors


def train_networks(
    folders: Sequence[Path],
    settings: Sequence[Mapping[str, Any]],
    datasets: Mapping[str, Path],
    checkpoints: Path,
    store: Path,
    codes: Sequence[str],
    device: str,
    threads: int,
    initial: Sequence[Path | None],
) -> None:
    """Train a network with each of `settings` into the folder beside it, unless the store has it.

    `datasets` gives the prepared file of each data set's name; `initial` the file that the weights at the
    start of each network come from: those of another network, or published ones of a family that has them;
    None are random weights. `codes` are digests of the code of each. A network that was cut short goes on
    from its checkpoint in `checkpoints`.
    """
    prepare_process(threads)
    image_sets = {name: ImageSet.load(file) for name, file in datasets.items()}
    images_sha256 = {name: sha256(file) for name, file in datasets.items()}
    for folder, values, code, start in zip(folders, settings, codes, initial, strict=True):
        chosen = TrainingSettings.from_mapping(values)
        if start and start.suffix == PUBLISHED:
            check_checksum(start)
        elif start:
            checked_weights(start.parent)
        begin = sha256(start) if start else ""
        where = choose_device(device)
        precision = str(choose_precision(chosen.precision, where))  # of `auto`, what it stands for here
        images = images_sha256[chosen.dataset]
        digest = digest_of(chosen.as_mapping(), code, images, begin, threads, precision)
        if take(store, digest, folder, last=DESCRIPTION):
            logging.info("%s: taken from %s", folder, store / digest)
            continue
        logging.info("%s: %d epochs", folder, chosen.epochs)
        try:
            image_set = image_sets[chosen.dataset]
            with explain_full_gpu(FULL_GPU):
                train_network(folder, chosen, image_set, checkpoints, code, where, threads, start, begin)
        except UserError as error:
            raise UserError(f"{folder}: {error}") from error
        savepoints = [weights_file(Path(), str(percent)) for percent in chosen.savepoints]
        keep(store, digest, folder, [*FILES, *map(str, savepoints)])


def train_network(
    folder: Path,
    settings: TrainingSettings,
    image_set: ImageSet,
    checkpoints: Path,
    code: str,
    device: torch.device,
    threads: int,
    initial: Path | None,
    start: str,
) -> None:
    """Train one network and write its folder; `model.json` comes last, so that where it is, all is there.

    `start` is the checksum of the file `initial`, empty without one.
    """
    checkpoint = checkpoints / f"{'-'.join(folder.parts[-4:])}-{settings.digest(code, start)}.pt"
    initialize = partial(_load_weights, family=settings.family, file=initial) if initial else None
    trained = train(settings, image_set, device, checkpoint, f"{code} {start}", initialize=initialize)
    with new_network(folder) as building:
        save_weights(trained.model, weights_file(building))
        for percent, savepoint in trained.savepoints.items():
            trained.model.load_state_dict(savepoint.pop("state"))
            save_weights(trained.model, weights_file(building, str(percent)))
        with atomic_path(building / "history.csv") as temporary:
            # Seconds are no part of it: the same settings give the same bytes.
            history = pd.DataFrame(
                trained.history, columns=None if trained.history else ["epoch", "seconds", "loss"]
            )
            history.drop(columns="seconds").to_csv(temporary, index=False)
        on_gpu = device.type == "cuda"
        processor = torch.cuda.get_device_name(device) if on_gpu else platform.processor() or "cpu"
        write_description(
            building,
            {
                "settings": settings.as_mapping(),
                "code": code,
                "image_shape": list(image_set.images.shape[1:]),
                "classes": list(image_set.classes),
                "outputs": trained.outputs,
                "parameters": parameter_count(trained.model),
                "metrics": trained.metrics,
                "restarts": trained.restarts,
                "test_images": trained.test_images,
                "savepoints": trained.savepoints,
                "initial_sha256": start or None,
                "seconds": round(trained.seconds, 3),
                "seconds_by_epoch": [row["seconds"] for row in trained.history],  # so far
                "device": processor,
                "precision": trained.precision,
                "threads": threads,
                "versions": {"python": platform.python_version(), "torch": version("torch")},
            },
        )
    for attempt in range(settings.restarts + 1):
        remove_checkpoint(restart_checkpoint(checkpoint, attempt))


def _load_weights(model: nn.Module, family: str, file: Path) -> None:
    if file.suffix == PUBLISHED:
        # Named at run time, so that a change of it trains only the networks that need it again.
        import_module("equivariance.models.pretrained").load_pretrained(model, family, file)
    else:
        load_weights(model, file)


if "snakemake" in globals():
    from job import job

    with job(snakemake.log[0]):
        train_networks(
            folders=[Path(file).parent for file in snakemake.output],
            settings=snakemake.params.settings,
            datasets={Path(file).stem: Path(file) for file in snakemake.input.datasets},
            checkpoints=Path(snakemake.params.checkpoints),
            store=Path(snakemake.params.store),
            codes=snakemake.params.codes,
            device=snakemake.config["device"],
            threads=snakemake.threads,
            initial=[file and Path(file) for file in snakemake.params.initial],
        )
