"""The script that measures networks."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import measure_networks as script
from equivariance.datasets.image_set import ImageSet
from equivariance.errors import UserError
from equivariance.files import write_json
from equivariance.measures.sweep import measure
from equivariance.models import build
from equivariance.networks import load_network, save_weights, weights_file
from equivariance.sampling import stratified_sample
from equivariance.training.settings import TrainingSettings
from equivariance.transformations.sets import build_set

QUARTERS = {"rotations": {"count": 4}}


@pytest.fixture
def network(tmp_path: Path, make_settings: Callable[..., TrainingSettings]) -> Path:
    """A network with final weights and those at 0 per cent."""
    folder = tmp_path / "network"
    settings = make_settings(savepoints=[0])
    for seed, savepoint in ((1, "final"), (2, "0")):
        torch.manual_seed(seed)
        save_weights(build("simple_conv", (1, 8, 8), 2, settings.settings), weights_file(folder, savepoint))
    description = {"settings": settings.as_mapping(), "image_shape": [1, 8, 8], "classes": ["a", "b"]}
    write_json(folder / "model.json", description)
    return folder


@pytest.fixture
def run(tmp_path: Path, network: Path, make_images: Callable[..., ImageSet]) -> Callable[..., pd.DataFrame]:
    make_images().save(tmp_path / "rows.npz")

    def make(savepoint: str = "final", **changes: Any) -> pd.DataFrame:
        settings = {
            "family": "variance",
            "part": "test",
            "measured_with": "quarters",
            "transformations": QUARTERS,
            "samples": 6,
            "padding": "border",
            **changes,
        }
        output = tmp_path / "measures" / "variance.parquet"
        script.measure_networks(
            outputs=[output],
            measurements=[
                {"folder": str(network), "savepoint": savepoint, "dataset": "rows", "settings": settings}
            ],
            datasets={"rows": tmp_path / "rows.npz"},
            device="cpu",
            threads=1,
        )
        assert [file.name for file in output.parent.iterdir()] == ["variance.parquet"]
        return pd.read_parquet(output)

    return make


@pytest.mark.parametrize(
    ("savepoint", "part", "padding"), [("final", "test", "border"), ("0", "train", "zeros")]
)
def test_the_table_is_that_of_the_sweep_over_a_stratified_choice_of_images(
    run: Callable[..., pd.DataFrame],
    network: Path,
    make_images: Callable[..., ImageSet],
    savepoint: str,
    part: Any,
    padding: Any,
) -> None:
    table = run(savepoint, part=part, padding=padding)
    images, labels = make_images().part(part)
    rows = stratified_sample(labels, 6, "measured images of rows")
    assert np.bincount(labels[rows]).tolist() == [3, 3]
    model, _ = load_network(network, savepoint)
    expected = measure(
        model, torch.from_numpy(images[rows]), build_set("quarters", QUARTERS), padding=padding
    )
    pd.testing.assert_frame_equal(table.drop(columns="samples"), expected, rtol=1e-6)
    assert set(table["samples"]) == {6}


def test_where_there_are_fewer_images_all_are_measured(run: Callable[..., pd.DataFrame]) -> None:
    assert set(run(samples=5000)["samples"]) == {20}


def test_savepoints_differ(run: Callable[..., pd.DataFrame]) -> None:
    final, initial = run("final"), run("0")
    assert final["layer"].tolist() == initial["layer"].tolist()
    assert not np.allclose(final["value"], initial["value"])


def test_the_family_that_is_asked_for_is_measured(run: Callable[..., pd.DataFrame]) -> None:
    with pytest.raises(UserError, match="unknown measure 'covariance'; valid: variance"):
        run(family="covariance")


def test_a_savepoint_that_was_not_kept_is_an_error(run: Callable[..., pd.DataFrame]) -> None:
    with pytest.raises(UserError, match="no savepoint '30'"):
        run("30")
