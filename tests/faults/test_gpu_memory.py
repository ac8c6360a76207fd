"""The memory of a GPU that is full: fewer images at a time, with the same values, or a line of what to do.

No GPU is needed: networks raise what torch does where they are given more than so many images.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

import measure_networks
import train_networks
from equivariance import build_set, measure
from equivariance.errors import UserError
from equivariance.models.saved import load_network
from equivariance.models.simple_conv import SimpleConv
from equivariance.training.data import DeviceImages
from equivariance.training.evaluation import BATCH, counts
from equivariance.training.loop import Training

ROTATIONS = build_set("rotations", {"rotations": {"count": 4}})
FULL = "CUDA out of memory. Tried to allocate 2.50 GiB. GPU 0 has a total capacity of 3.00 GiB"


class Network(nn.Module):
    """Takes at most so many images at a time, after some passes that may have more."""

    def __init__(self, most: int = 10**6, after: int = 0) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.relu, self.head = nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Linear(108, 4)
        self.most, self.after = most, after
        self.passes: list[int] = []

    def forward(self, images: Tensor) -> Tensor:
        self.passes.append(len(images))
        features = self.conv(images)  # a layer has seen what others have not
        if len(images) > self.most and len(self.passes) > self.after:
            raise torch.OutOfMemoryError(FULL)
        return self.head(self.relu(features).flatten(1))


@pytest.fixture
def images() -> Tensor:
    return torch.rand(120, 1, 8, 8, generator=torch.Generator().manual_seed(0))


def sizes(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        one.message.split(": ")[1] for one in caplog.records if "memory of the GPU is full" in one.message
    ]


@pytest.mark.parametrize("measures", ["nv", ["nd", "tv", "goodfellow_normal"]])
@pytest.mark.parametrize("after", [0, 4], ids=["at once", "later"])
@pytest.mark.parametrize("memory", [None, 1.0], ids=["one pass", "two passes"])
def test_a_sweep_takes_fewer_images_and_its_values_stay(
    images: Tensor,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    measures: Any,
    after: int,
    memory: float | None,
) -> None:
    network = Network(most=20, after=after)
    options: dict[str, Any] = {"memory": memory, "checkpoint": tmp_path / "state"}
    found = measure(network, images, ROTATIONS, measures, **options)
    expected = measure(Network(), images, ROTATIONS, measures, **options)
    pd.testing.assert_frame_equal(found, expected, rtol=1e-5, atol=1e-8)
    said = sizes(caplog)
    assert said[0] == "the sweep takes 25 images at a time, not 50"
    assert network.passes[-1] <= 20 and max(network.passes) > 20
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("options", [{}, {"tile": 10}], ids=["one image", "a tile of the user"])
def test_where_no_smaller_pass_is_possible_the_error_of_torch_is_raised(
    images: Tensor, options: dict[str, Any]
) -> None:
    with pytest.raises(torch.OutOfMemoryError, match="CUDA out of memory"):
        measure(Network(most=3), images, ROTATIONS, "nv", **options)


def test_an_evaluation_takes_fewer_images_and_counts_the_same(caplog: pytest.LogCaptureFixture) -> None:
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (BATCH + 5, 1, 8, 8)).astype(np.uint8)
    data = DeviceImages(pixels, np.arange(len(pixels)) % 4, torch.device("cpu"))
    network = Network(most=20)
    for found, expected in zip(
        counts(network, data, ROTATIONS, 2), counts(Network(), data, ROTATIONS, 2), strict=True
    ):
        assert torch.equal(found, expected)
    assert sizes(caplog)[-1] == "the evaluation takes 16 images at a time, not 32"
    with pytest.raises(torch.OutOfMemoryError):
        counts(Network(most=0), data, ROTATIONS, 2)


@pytest.fixture
def job(tmp_path: Path, make_images: Callable[..., Any], make_settings: Callable[..., Any]) -> dict[str, Any]:
    """A job that trains a network."""
    make_images().save(tmp_path / "rows.npz")
    return {
        "folders": [tmp_path / "network"],
        "settings": [make_settings().as_mapping()],
        "datasets": {"rows": tmp_path / "rows.npz"},
        "checkpoints": tmp_path / "checkpoints",
        "store": tmp_path / "store",
        "codes": ["code"],
        "device": "cpu",
        "threads": 1,
        "initial": [None],
    }


def test_a_training_stops_in_a_line_and_goes_on_after_its_last_epoch(
    job: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Training.step

    def fills_memory(self: Training, images: Tensor, *others: Tensor) -> Tensor:
        if self.epoch == 2:
            raise torch.OutOfMemoryError(FULL)
        return step(self, images, *others)

    monkeypatch.setattr(Training, "step", fills_memory)
    with pytest.raises(UserError) as caught:
        train_networks.train_networks(**job)
    text = str(caught.value)
    assert text.startswith(
        f"{tmp_path / 'network'}: the memory of the GPU is full (2.50 GiB more needed): run fewer"
    )
    assert "lower batch_size in the model's recipe" in text and "\n" not in text
    assert not (tmp_path / "network").exists()
    monkeypatch.setattr(Training, "step", step)
    train_networks.train_networks(**job)
    train_networks.train_networks(
        **job | {key: [tmp_path / "other"] for key in ("folders",)} | {"store": tmp_path / "no"}
    )
    one, other = (load_network(tmp_path / name)[0].state_dict() for name in ("network", "other"))
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("what", ["measures", "accuracy"])
def test_a_measurement_that_cannot_go_on_ends_in_a_line(
    job: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    train_networks.train_networks(**job)
    settings = {
        "part": "test",
        "measured_with": "rotations",
        "transformations": {"rotations": {"count": 4}},
        "samples": 10,
        "padding": "border",
    }
    given = {"measures": ["nv"], "aggregations": ["before_mean"], "stratified": False}
    settings |= given if what == "measures" else {"transformations_per_image": None}

    def fills_memory(*_: object) -> Tensor:
        raise torch.OutOfMemoryError(FULL)

    monkeypatch.setattr(SimpleConv, "forward", fills_memory)
    measurement = {
        "folder": str(tmp_path / "network"),
        "savepoint": "final",
        "dataset": "rows",
        "settings": settings,
    }
    with pytest.raises(UserError) as caught:
        measure_networks.measure_networks(
            [tmp_path / "out/table.parquet"],
            [measurement],
            job["datasets"],
            tmp_path,
            tmp_path / "store",
            ["code"],
            "cpu",
            1,
        )
    text = str(caught.value)
    assert text.startswith(
        f"{tmp_path / 'out/table.parquet'}: the memory of the GPU is full (2.50 GiB more needed)"
    )
    assert "lower memory_gb of measuring" in text and "\n" not in text
    assert not (tmp_path / "out").exists()
