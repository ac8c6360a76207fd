"""What tests of all kinds share: a tiny run, made once, and small data and settings of trainings."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock

from equivariance.datasets.image_set import ImageSet
from equivariance.training.settings import TrainingSettings
from tests.workflow.tiny_workflow import Workflow, copy_workflow


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """A tiny run from nothing to the paper, for all workers. Tests must not write into it; see `copy`."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "finished"
    with FileLock(folder.with_suffix(".lock")):
        if not (folder / "results" / "tiny" / "manifest.json").exists():
            shutil.rmtree(folder, ignore_errors=True)
            done = copy_workflow(folder).snakemake()
            assert done.returncode == 0, done.stdout
    return Workflow(folder)


@pytest.fixture
def copy(finished: Workflow, tmp_path: Path) -> Workflow:
    """A copy of the finished run, with its times and Snakemake's records, to change."""
    shutil.copytree(finished.folder, tmp_path / "copy", symlinks=True)
    return Workflow(tmp_path / "copy")


@pytest.fixture(scope="session")
def make_images() -> Callable[..., ImageSet]:
    """Make an image set that any network can learn: a class is the row of the image that is bright."""

    def make(
        classes: int = 2, train: int = 16, test: int = 10, size: int = 8, channels: int = 1, seed: int = 0
    ) -> ImageSet:
        random = np.random.default_rng(seed)
        labels = np.tile(np.arange(classes), train + test)
        images = random.integers(0, 60, (len(labels), channels, size, size)).astype(np.uint8)
        images[np.arange(len(labels)), :, 1 + labels * (size // classes)] += 180
        return ImageSet(
            name="rows",
            images=images,
            labels=labels.astype(np.int64),
            classes=tuple(f"row {index}" for index in range(classes)),
            groups=np.full(len(labels), ""),
            test=np.arange(len(labels)) >= classes * train,
            source="made for a test",
        )

    return make


@pytest.fixture(scope="session")
def make_settings() -> Callable[..., TrainingSettings]:
    """Make the settings of a training that takes a fraction of a second."""

    def make(**changes: Any) -> TrainingSettings:
        values: dict[str, Any] = {
            "dataset": "rows",
            "family": "simple_conv",
            "settings": {"filters": 2, "hidden": 4},
            "optimizer": {"name": "adamw", "learning_rate": 0.005, "weight_decay": 0.01},
            "batch_size": 8,
            "epochs": 3,
            "trained_with": "rotation",
            "transformations": {"rotations": {"count": 4}},
            "seed": 0,
        }
        return TrainingSettings.from_mapping({**values, **changes})

    return make
