"""The floor of same-equivariance is what the identity network has, at the resolution of each layer."""

import numpy as np
import pytest
import torch
from torch import nn

from equivariance.measures.measuring import measure
from equivariance.transformations.sets import build_set

MIXED = build_set(
    "mixed", {"rotations": {"count": 5}, "scales": {"steps": 1, "smallest": 0.7, "largest": 1.2}}
)
MEASURES = ["nvse", "ndse_keep", "dses_normalize"]


def images(count: int = 10, channels: int = 2, shape=(12, 10)) -> torch.Tensor:
    return torch.rand(count, channels, *shape, generator=torch.Generator().manual_seed(0))


def values(table, measure: str, layer: str) -> np.ndarray:
    return table[(table["measure"] == measure) & (table["layer"] == layer)]["value"].to_numpy()


@pytest.mark.parametrize("options", [{}, {"padding": "zeros"}, {"mask": True}, {"dtype": torch.float64}])
@pytest.mark.parametrize("aggregations", [["before_mean"], ["none", "after_mean"]])
def test_the_identity_network_lies_on_the_floor(options, aggregations):
    network = nn.Sequential(nn.Identity(), nn.AdaptiveAvgPool2d((6, 5)), nn.Identity())
    table = measure(network, images(), MIXED, MEASURES, aggregations=aggregations, floor=True, **options)
    assert set(table["layer"]) == {"0", "1", "2"}
    for name in MEASURES:
        for layer in ("0", "1", "2"):
            ours, floor = values(table, name, layer), values(table, f"{name}_floor", layer)
            assert len(ours)
            assert (ours > 0.01).any() != (name == "dses_normalize" and layer == "0")
            np.testing.assert_array_equal(ours, floor)


def test_average_pooling_lies_on_the_floor_of_its_resolution():
    table = measure(nn.Sequential(nn.AvgPool2d(2)), images(), MIXED, MEASURES, floor=True)
    for name in MEASURES:
        np.testing.assert_allclose(values(table, name, "0"), values(table, f"{name}_floor", "0"), rtol=1e-6)


def test_a_floor_is_that_of_the_channels_of_the_images_for_each_layer_with_maps():
    network = nn.Sequential(nn.Conv2d(2, 5, 3, padding=1), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(150, 3))
    table = measure(network, images(), MIXED, ["nv", "nvse", "dses", "dses_normalize"], floor=True)
    floors = table[table["measure"].str.endswith("_floor")]
    assert set(floors["measure"]) == {"nvse_floor", "dses_normalize_floor"}  # those without a unit
    assert floors.groupby(["layer", "measure"]).size().to_dict() == {
        (layer, measure): 2 for layer in ("0", "1") for measure in ("nvse_floor", "dses_normalize_floor")
    }
    columns = ["layer", "layer_index", "kind", "depth"]
    ours = table[table["layer"].isin(["0", "1"])]
    assert len(ours[columns].drop_duplicates()) == 2
    assert values(table, "nvse_floor", "0") != pytest.approx(values(table, "nvse_floor", "1"))


def test_a_layer_cannot_be_much_below_the_floor():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(2, 5, 3, padding=1), nn.ReLU(), nn.Conv2d(5, 5, 3, padding=1))
    table = measure(network, images(), MIXED, ["nvse"], floor=True)
    for layer in ("0", "1", "2"):
        assert values(table, "nvse", layer).mean() > 0.8 * values(table, "nvse_floor", layer).mean()


def test_without_same_equivariance_there_is_no_floor():
    expected = measure(nn.Sequential(nn.Identity()), images(), MIXED, ["nv"])
    assert measure(nn.Sequential(nn.Identity()), images(), MIXED, ["nv"], floor=True).equals(expected)


def test_the_floor_of_classes_is_that_of_all_images():
    network, x = nn.Sequential(nn.Identity()), images()
    table = measure(network, x, MIXED, ["nvse"], floor=True, labels=[0, 1] * 5)
    floors = table[table["measure"] == "nvse_floor"]
    assert set(floors["class"]) == {"(mean)"}
    whole = measure(network, x, MIXED, ["nvse"], floor=True)
    np.testing.assert_allclose(floors["value"], values(whole, "nvse_floor", "0"), rtol=1e-6)
