"""Measuring representations that are given as numbers."""

import numpy as np
import pandas as pd
import pytest
import torch
from all_measures import with_batch
from torch import nn

from equivariance.errors import UserError
from equivariance.measures.arrays import measure_arrays
from equivariance.measures.measuring import measure
from equivariance.measures.names import FAMILIES
from equivariance.measures.recorder import record
from equivariance.transformations.sets import build_set
from equivariance.transformations.warp import warp

ROTATIONS = build_set("rotation", {"rotations": {"count": 5}})
IDENTITY = ROTATIONS.identity_index
OTHER = (IDENTITY + 1) % 5
MATRICES = ROTATIONS.matrices.numpy()
NAMES = [with_batch(name, 8) for names in FAMILIES.values() for name in names]


def draw(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


def assert_same(ours: pd.DataFrame, expected: pd.DataFrame, relative: float = 1e-10) -> None:
    assert ours.drop(columns="value").equals(expected.drop(columns="value"))
    np.testing.assert_allclose(ours["value"], expected["value"], rtol=relative, atol=1e-12)


def test_recorded_activations_have_the_values_of_the_sweep():
    torch.manual_seed(0)
    network = (
        nn.Sequential(nn.Conv2d(1, 3, 3), nn.Tanh(), nn.Flatten(), nn.Linear(3 * 7 * 6, 4)).double().eval()
    )
    x = torch.rand(8, 1, 9, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    columns = []
    for matrix in ROTATIONS.matrices:
        with torch.no_grad(), record(network) as activations:
            network(warp(x, matrix[None]))
        columns.append(activations)
    aggregations = ["none", "before_mean"]
    table = measure(network, x, ROTATIONS, NAMES, aggregations=aggregations, dtype=torch.float64)
    for layer in columns[0]:
        block = np.stack([column[layer].numpy() for column in columns], 1)
        expected = table[table["layer"] == layer][["unit", "measure", "aggregation", "value"]]
        applicable = list(expected["measure"].unique())
        assert len(applicable) == (len(NAMES) if block.ndim == 5 else len(FAMILIES["invariance"]))
        ours = measure_arrays(
            block, applicable, aggregations=aggregations, identity=IDENTITY, matrices=MATRICES
        )
        assert_same(ours, expected.reset_index(drop=True), 1e-6)


@pytest.mark.parametrize("shape", [(24, 5, 4), (24, 5, 2, 3, 4)])
def test_blocks_are_the_whole_array_in_any_split(shape):
    block = draw(*shape)
    names = [f"{name}" for name in NAMES if len(shape) == 5 or name in ("nv", "nd@8", "anova")]
    names += ["goodfellow_percentile@0.8"]
    options = {"identity": IDENTITY, "matrices": MATRICES, "aggregations": ["none", "after_mean"]}
    expected = measure_arrays(block, names, **options)
    for cuts in ([8, 16], [1, 2, 3, 3, 20], [23], [24], []):  # some are empty
        pieces = np.split(block, cuts)
        assert_same(measure_arrays(pieces, names, blocks=True, **options), expected)
        assert_same(measure_arrays(tuple(pieces), names, blocks=True, **options), expected)
    generated = (part for part in np.split(block, 6))
    uncalibrated = [name for name in names if not name.startswith("goodfellow")]
    assert_same(
        measure_arrays(generated, uncalibrated, **options),
        expected[expected["measure"].isin(uncalibrated)].reset_index(drop=True),
    )


def test_anything_that_is_an_array_is_one():
    block = draw(6, 4, 3)
    expected = measure_arrays(block)
    assert list(expected) == ["unit", "measure", "aggregation", "value"]
    assert expected["value"].dtype == np.float64
    frozen = block.copy()
    frozen.flags.writeable = False
    strided = np.repeat(block, 2, axis=2)[:, :, ::2]
    fortran = np.asfortranarray(block)
    for same in (torch.from_numpy(block), frozen, strided, fortran, [*block], block.tolist(), iter([block])):
        assert_same(measure_arrays(same), expected)
    assert_same(measure_arrays(block.astype(np.float32)), expected, 1e-5)
    assert measure_arrays((block * 10).astype(int)).equals(measure_arrays((block * 10).astype(int) * 1.0))


def test_a_single_unit_may_be_given_without_its_dimension():
    block = draw(6, 4)
    assert measure_arrays(block).equals(measure_arrays(block[..., None]))


def test_nested_lists_are_an_array():
    block = [[1.0, 2.0], [3.0, 5.0]]
    values = measure_arrays(block, ["tv"])["value"].tolist()
    assert values == pytest.approx([np.mean([np.std([1, 2], ddof=1), np.std([3, 5], ddof=1)])])


def test_the_given_array_stays_as_it_is():
    block = draw(8, 5, 2, 3, 4)
    before = block.copy()
    measure_arrays(block, NAMES, identity=IDENTITY, matrices=MATRICES)
    assert (block == before).all()


def test_aggregations_turn_pixels_into_feature_maps():
    block = draw(8, 5, 2, 3, 4)
    pixels = measure_arrays(block, ["tv", "sv"])
    maps = pixels.groupby("measure")["value"].apply(lambda x: x.to_numpy().reshape(2, 12).mean(1))
    before = measure_arrays(block, ["nv"], aggregations=["before_mean"])
    np.testing.assert_allclose(before["value"], maps["tv"] / maps["sv"])
    first = measure_arrays(block, ["nv"], aggregations=["first_mean"])
    expected = measure_arrays(block.mean((3, 4)), ["nv"])
    np.testing.assert_allclose(first["value"], expected["value"])


def test_the_stratified_form_is_the_mean_of_the_classes_measured_apart():
    block, labels = draw(9, 5, 4), np.array([*"abcabcaab"])
    table = measure_arrays(block, ["nv", "nd@9"], labels=labels)
    parts = [measure_arrays(block[labels == name], ["nv", "nd@9"]) for name in "abc"]
    for name, part in zip("abc", parts, strict=True):
        of_class = table[table["class"] == name].drop(columns="class").reset_index(drop=True)
        assert_same(of_class, part)
    mean = table[table["class"] == "(mean)"]["value"]
    np.testing.assert_allclose(mean, np.mean([part["value"] for part in parts], axis=0))


def test_a_class_may_be_called_mean():
    block, labels = draw(9, 5, 4), ["mean", "other", "other"] * 3
    table = measure_arrays(block, "nv", labels=labels)
    other = measure_arrays(block, "nv", labels=["a", "b", "b"] * 3)
    renamed = other.replace({"class": {"a": "mean", "b": "other"}})
    pd.testing.assert_frame_equal(table, renamed)
    assert list(table["class"].unique()) == ["(mean)", "mean", "other"]


def test_one_aggregation_may_be_given_as_a_text_and_counts_once():
    block = draw(6, 5, 2, 3, 4)
    expected = measure_arrays(block, "nv", aggregations=["before_mean"])
    for same in ("before_mean", ("before_mean", "before_mean"), iter(["before_mean"])):
        assert_same(measure_arrays(block, "nv", aggregations=same), expected, 0)


def test_what_compares_nothing_needs_a_single_one():
    block = draw(6, 5, 4)
    for array in (block[:1], iter([block[:1]])):
        np.testing.assert_allclose(measure_arrays(array, "tv")["value"], block[0].std(0, ddof=1))
    for array in (block[:, :1], iter([block[:, :1]])):
        np.testing.assert_allclose(measure_arrays(array, "sv")["value"], block[:, 0].std(0, ddof=1))


def test_blocks_that_change_between_passes_are_refused():
    class Shrinking:
        count = 7

        def __iter__(self):
            self.count -= 1
            return iter([draw(self.count, 5, 4)])

    with pytest.raises(UserError, match="the blocks had 6 samples at first, then 5; needed: the same"):
        measure_arrays(Shrinking(), "goodfellow_normal", identity=0)


def test_the_identity_is_found_among_the_matrices():
    block = draw(8, 5, 4)
    found = measure_arrays(block, ["goodfellow_normal@0.8"], matrices=MATRICES)
    assert_same(found, measure_arrays(block, ["goodfellow_normal@0.8"], identity=IDENTITY))
    other = measure_arrays(block, ["goodfellow_normal@0.8"], identity=OTHER)
    assert not np.array_equal(other["value"], found["value"])


def test_mistakes_are_named():
    block, maps = draw(6, 5, 4), draw(6, 5, 1, 4, 4)
    for text, given, arguments in [
        ("unknown measure 'nw'", block, {"measures": ["nw"]}),
        ("no measures; valid", block, {"measures": []}),
        ("no measures; valid", block, {"measures": None}),
        ("unknown measure 3; valid", block, {"measures": [3]}),
        ("no aggregations", block, {"aggregations": None}),
        ("unknown aggregation 3; valid", block, {"aggregations": [3]}),
        ("unknown padding None; valid", block, {"padding": None}),
        ("unknown aggregation 'mean'", block, {"aggregations": ["mean"]}),
        ("unknown aggregation 'mean'", block, {"aggregations": "mean"}),
        ("no aggregations; valid: none, before_mean", block, {"aggregations": []}),
        (r"the array has the shape \(6,\); needed: \(samples, transformations, units\)", block[:, 0, 0], {}),
        (r"blocks of \(5, 4\) and of \(5, 3\) do not fit together", iter([block, block[..., :3]]), {}),
        (r"blocks of \(5, 4\) and of \(4, 4\) do not fit together", iter([block, block[:, :4]]), {}),
        ("no samples to measure", iter([]), {}),
        ("no samples to measure", iter([block[:0]]), {}),
        ("no samples to measure", [], {"blocks": True}),
        (r"the array has the shape \(0,\)", [], {}),
        ("no samples to measure", block[:0], {}),
        ("blocks are of type int; needed: a list of arrays, or a generator", 3, {"blocks": True}),
        ("1 sample; nv compares samples and needs at least 2", block[:1], {}),
        ("1 sample; nv compares samples and needs at least 2", iter([block[:1]]), {}),
        ("1 transformation; nv compares transformations", block[:, :1], {}),
        ("1 transformation; nv compares transformations", iter([block[:, :1]]), {}),
        ("1 sample in class 'b'; nv compares samples", block, {"labels": [*"aabaaa"]}),
        ("stratified form needs a single array", iter([block]), {"labels": [0] * 6}),
        ("stratified form needs a single array", [block], {"labels": [0] * 6, "blocks": True}),
        (r"labels\[1\] is None", block, {"labels": ["a", None, *"aaaa"]}),
        (r"labels have the shape \(2,\); needed: one for each of 6 samples", block, {"labels": [0, 1]}),
        (
            "unknown padding 'reflect'; valid: border, zeros",
            maps,
            {"matrices": MATRICES, "padding": "reflect"},
        ),
        ("need the identity among the transformations", block, {"measures": ["goodfellow_normal"]}),
        (
            "need a first pass over the blocks",
            iter([block]),
            {"measures": ["goodfellow_normal"], "identity": 0},
        ),
        (r"matrices have the shape \(3, 3\); needed: \(T, 3, 3\)", maps, {"matrices": np.eye(3)}),
        ("4 matrices for 5 transformations", maps, {"matrices": MATRICES[:4]}),
        ("identity is 5; valid: 0 to 4", block, {"identity": 5}),
        ("identity is 5; valid: 0 to 4", iter([block]), {"identity": 5}),
        ("identity is -1; valid: 0 to 4", block, {"identity": -1}),
        ("identity is 'none'; needed: the index", block, {"identity": "none"}),
        ("but the identity among the matrices is number", maps, {"matrices": MATRICES, "identity": OTHER}),
        ("matrices is of type str; needed: an array", maps, {"matrices": "none"}),
        ("matrices has complex numbers", maps, {"matrices": MATRICES * 1j}),
        (r"matrices\[1\] has no inverse", maps, {"matrices": MATRICES * [[[1]], [[0]], [[1]], [[1]], [[1]]]}),
        (r"matrices\[0\] has no inverse", maps, {"matrices": MATRICES * np.nan}),
        (
            "no measure applies; same-equivariance needs blocks",
            block,
            {"measures": ["nvse"], "matrices": MATRICES},
        ),
        ("needs the matrices of the transformations", maps, {"measures": ["nvse"]}),
        ("needs the matrices of the transformations", maps, {"measures": ["dses"]}),
    ]:
        with pytest.raises(UserError, match=text):
            measure_arrays(given, **{"measures": ["nv"]} | arguments)
