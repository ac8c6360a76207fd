"""The script that measures networks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import measure_networks as script
from equivariance.datasets.adapting import adapt
from equivariance.datasets.image_set import ImageSet
from equivariance.errors import UserError
from equivariance.measures.measuring import measure, measure_several
from equivariance.models import build
from equivariance.models.saved import load_network, save_weights
from equivariance.network_folder import weights_file, write_description
from equivariance.sampling import nested_sample, stratified_sample
from equivariance.training.data import DeviceImages
from equivariance.training.evaluation import accuracy
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
    description = {
        "settings": settings.as_mapping(),
        "image_shape": [1, 8, 8],
        "classes": ["a", "b"],
        "outputs": 2,
    }
    write_description(folder, description)
    return folder


@pytest.fixture
def run_all(
    tmp_path: Path, network: Path, make_images: Callable[..., ImageSet]
) -> Callable[..., list[pd.DataFrame]]:
    """Make several measurements in one job, by what they change."""
    make_images().save(tmp_path / "rows.npz")
    make_images(channels=3, size=12).save(tmp_path / "large.npz")
    stores = count()

    def measurement(savepoint: str = "final", dataset: str = "rows", **changes: Any) -> dict[str, Any]:
        settings = {
            "measures": ["nv", "sv", "tv"],
            "aggregations": ["before_mean"],
            "stratified": False,
            "part": "test",
            "measured_with": "quarters",
            "transformations": QUARTERS,
            "samples": 6,
            "padding": "border",
            **changes,
        }
        if "transformations_per_image" in changes:  # an accuracy
            for name in ("measures", "aggregations", "stratified"):
                del settings[name]
        return {"folder": str(network), "savepoint": savepoint, "dataset": dataset, "settings": settings}

    def make(changes: Sequence[Mapping[str, Any]]) -> list[pd.DataFrame]:
        numbers = range(len(changes))
        outputs = [tmp_path / f"measures/{number or ''}invariance.parquet" for number in numbers]
        script.measure_networks(
            outputs=outputs,
            measurements=[measurement(**one) for one in changes],
            datasets={name: tmp_path / f"{name}.npz" for name in ("rows", "large")},
            checkpoints=tmp_path / "checkpoints",
            store=tmp_path / f"store{next(stores)}",  # an empty one
            codes=["code"] * len(changes),
            device="cpu",
            threads=1,
        )
        assert {*outputs[0].parent.iterdir()} >= {*outputs}
        assert not list((tmp_path / "checkpoints").glob("*")), "what is finished keeps no checkpoint"
        return [pd.read_parquet(output) for output in outputs]

    return make


@pytest.fixture
def run(run_all: Callable[..., list[pd.DataFrame]]) -> Callable[..., pd.DataFrame]:
    """Make one measurement."""
    return lambda *names, **changes: run_all(
        [dict(zip(("savepoint", "dataset"), names, strict=False)) | changes]
    )[0]


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
    wanted = {"measures": ["nv", "nd_keep@4"], "aggregations": ["before_mean", "after_max"]}
    table = run(savepoint, part=part, padding=padding, samples=16, **wanted)
    images, labels = make_images().part(part)
    rows = nested_sample(labels, 16, "measured images of rows")
    assert np.bincount(labels[rows]).tolist() == [8, 8]
    model = load_network(network, savepoint)[0].to(memory_format=torch.channels_last)
    transformations = build_set("quarters", QUARTERS)
    given = torch.from_numpy(images[rows])
    expected = measure(model, given, transformations, padding=padding, shuffled=False, **wanted)
    pd.testing.assert_frame_equal(table.drop(columns="images"), expected, rtol=1e-6)
    assert set(table["images"]) == {16}


MORE = [
    {"measures": ["nv", "nd@4", "goodfellow_normal@0.7"], "samples": 9},
    {"measures": ["nvse", "tvse", "svse"], "samples": 9},
    {"measures": ["nv", "nd@4"], "samples": 14},
    {"measures": ["nvse"], "samples": 5000, "aggregations": ["after_max"]},
    {"measures": ["nv"], "stratified": True, "samples": 20},
    {"measures": ["nvse"], "stratified": True, "samples": 5000},
    {"measures": ["nv"], "padding": "zeros"},
    {"transformations_per_image": 2, "samples": 16},
    {"transformations_per_image": 2, "samples": 12},
]


def test_measurements_that_share_a_sweep_are_to_the_last_bit_what_they_are_by_themselves(
    run_all: Callable[..., list[pd.DataFrame]],
    run: Callable[..., pd.DataFrame],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sweeps = []

    def counted(*arguments: Any, **options: Any) -> list[pd.DataFrame]:
        sweeps.append(len(arguments[3]))
        return measure_several(*arguments, **options)

    monkeypatch.setattr(script, "measure_several", counted)
    tables = run_all(MORE)
    assert sweeps == [4, 2, 1]
    for table, changes in zip(tables, MORE, strict=True):
        pd.testing.assert_frame_equal(table, run(**changes), check_exact=True)


def test_where_there_are_fewer_images_all_are_measured(run: Callable[..., pd.DataFrame]) -> None:
    assert set(run(samples=5000)["images"]) == {20}


def test_savepoints_differ(run: Callable[..., pd.DataFrame]) -> None:
    final, initial = run("final"), run("0")
    assert final["layer"].tolist() == initial["layer"].tolist()
    assert not np.allclose(final["value"], initial["value"])


def test_images_of_another_data_set_are_adapted_to_the_network(
    run: Callable[..., pd.DataFrame], network: Path, make_images: Callable[..., ImageSet]
) -> None:
    images, labels = make_images(channels=3, size=12).part("test")
    rows = nested_sample(labels, 6, "measured images of large")
    adapted = torch.from_numpy(adapt(images[rows], (1, 8, 8)))
    model = load_network(network)[0].to(memory_format=torch.channels_last)
    expected = measure(model, adapted, build_set("quarters", QUARTERS), ["nv", "sv", "tv"])
    table = run(dataset="large")
    np.testing.assert_allclose(table["value"], expected["value"], rtol=1e-6)


def test_classes_are_measured_apart_and_named(run: Callable[..., pd.DataFrame]) -> None:
    table = run(stratified=True, samples=5000)
    assert set(table["class"]) == {"(mean)", "row 0", "row 1"}
    keys = ["layer", "unit", "measure"]
    by_class = {name: rows.set_index(keys)["value"] for name, rows in table.groupby("class")}
    mean = (by_class["row 0"] + by_class["row 1"]) / 2
    np.testing.assert_allclose(by_class["(mean)"], mean.loc[by_class["(mean)"].index], rtol=1e-9)
    assert not np.allclose(by_class["row 0"], by_class["row 1"])


def test_a_class_may_be_called_mean_but_not_as_the_mean_over_classes_is(
    run: Callable[..., pd.DataFrame], make_images: Callable[..., ImageSet], tmp_path: Path
) -> None:
    images = make_images()
    for second in ("mean", "(mean)"):
        replace(images, classes=("row 0", second)).save(tmp_path / "rows.npz")
        if second == "mean":
            assert set(run(stratified=True, samples=5000)["class"]) == {"(mean)", "row 0", "mean"}
        else:
            with pytest.raises(UserError, match=r"invariance\.parquet: invalid name of a class: '\(mean\)'"):
                run(stratified=True, samples=5000)


def test_same_equivariance_comes_with_its_floor(run: Callable[..., pd.DataFrame]) -> None:
    assert {"nvse", "nvse_floor"} <= set(run(measures=["nvse"])["measure"])


def test_an_unknown_measure_is_an_error_that_names_the_file(run: Callable[..., pd.DataFrame]) -> None:
    with pytest.raises(UserError, match=r"invariance\.parquet: unknown measure 'covariance'; valid: "):
        run(measures=["covariance"])


def test_a_savepoint_that_was_not_kept_is_an_error(run: Callable[..., pd.DataFrame]) -> None:
    with pytest.raises(UserError, match="no savepoint '30'"):
        run("30")


@pytest.mark.parametrize("per_image", [None, 4, 3])
def test_an_accuracy_is_counted_by_class_and_member(
    run: Callable[..., pd.DataFrame],
    network: Path,
    make_images: Callable[..., ImageSet],
    per_image: int | None,
) -> None:
    table = run(samples=16, transformations_per_image=per_image)
    assert list(table.columns) == ["class", "member", "right", "images"]
    assert set(table["class"]) == {"row 0", "row 1"}
    assert set(table["member"]) == {0, 1, 2, 3}
    assert table["images"].sum() == 16 * (per_image or 4)
    images, labels = make_images().part("test")
    rows = stratified_sample(labels, 16, "test images of rows")
    data = DeviceImages(images[rows], labels[rows], torch.device("cpu"))
    model, _ = load_network(network)
    expected = accuracy(model, data, build_set("quarters", QUARTERS), per_image)
    assert table["right"].sum() / table["images"].sum() == expected


def test_a_network_that_does_not_classify_has_no_accuracy(
    run: Callable[..., pd.DataFrame], network: Path, make_settings: Callable[..., TrainingSettings]
) -> None:
    settings = make_settings(task="transformation_regression")
    shape = {"image_shape": [1, 8, 8], "classes": ["a", "b"], "outputs": 2}
    model = build("simple_conv", (1, 8, 8), 2, settings.settings, settings.task)
    save_weights(model, weights_file(network))
    write_description(network, {"settings": settings.as_mapping(), **shape})
    with pytest.raises(UserError, match="does not classify, so it has no accuracy"):
        run(transformations_per_image=2)
