"""All layers of well-known networks have the values that a direct computation gives."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import pytest
import torch
from reference_computation import (
    SAME_EQUIVARIANCE,
    VARIANCE,
    Expected,
    Network,
    expected,
    fitting,
    leaves,
)
from zoo import OBLONG, ZOO

from equivariance.measures.measuring import measure
from equivariance.transformations.sets import build_set

pytestmark = pytest.mark.slow
QUARTERS = (-0.25, 0.0, 0.25, 0.5)  # counter-clockwise, in turns
THIRDS = (-1 / 3, 0.0, 1 / 3)


@dataclass
class Measured:
    network: Network
    leaves: list[str]
    uncalled: list[str]
    shared: list[str]
    expected: dict[str, Expected]
    table: pd.DataFrame

    @cached_property
    def found(self) -> dict[tuple[str, str], np.ndarray]:
        """The values of the table, by layer and measure."""
        rows = self.table.groupby(["layer", "measure"], sort=False)["value"]
        return {key: values.to_numpy() for key, values in rows}


def measured(network: Network, turns: tuple[float, ...], dtype: torch.dtype) -> Measured:
    """Measure a network both ways."""
    model = network.build().to(dtype)
    images = torch.rand(3, 3, *network.sides, generator=torch.Generator().manual_seed(0), dtype=dtype)
    images += torch.arange(3)[:, None, None, None] / 2
    rotations = build_set("rotations", {"rotations": {"count": len(turns)}})
    return Measured(
        network,
        leaves(model),
        [name for name in fitting(model, network.uncalled) if name in leaves(model)],
        [name for name in fitting(model, network.shared) if name in leaves(model)],
        expected(network, model, images.numpy(), turns),
        measure(model, images, rotations, [*VARIANCE, *SAME_EQUIVARIANCE], tile=2, dtype=dtype),
    )


@pytest.fixture(
    scope="module", params=[pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in ZOO]
)
def square(request: pytest.FixtureRequest) -> Measured:
    """A network measured on square images under quarter turns."""
    return measured(ZOO[request.param], QUARTERS, torch.float32)


def test_every_call_of_a_module_is_a_layer_in_the_order_of_execution(square):
    assert list(square.table["layer"].unique()) == list(square.expected)
    assert len(square.expected) == square.network.layers
    places = square.table.groupby("layer", sort=False)[["layer_index", "depth"]].agg(["min", "max"])
    index = np.arange(len(places))
    for end in ("min", "max"):
        np.testing.assert_array_equal(places["layer_index", end], index)
        np.testing.assert_allclose(places["depth", end], index / index[-1])


def test_a_unit_is_a_feature_map_or_a_single_number(square):
    units = square.table.groupby(["layer", "measure"], sort=False)["unit"].agg(list)
    wanted = {
        (layer, name): list(range(one.units)) for layer, one in square.expected.items() for name in one.values
    }
    assert units.to_dict() == wanted


def test_what_is_left_out_has_its_reason(square):
    left_out = square.table.attrs["left_out"]
    without_maps = [layer for layer, one in square.expected.items() if "nvse" not in one.values]
    assert {*left_out} == {*square.uncalled, *square.shared, *without_maps}
    reasons = {
        **dict.fromkeys(square.uncalled, "was not called"),
        **dict.fromkeys(square.shared, "not one row for each"),
        **dict.fromkeys(without_maps, "has no feature maps"),
    }
    assert all(reasons[layer] in left_out[layer] for layer in left_out)
    assert {*square.leaves} <= {*square.expected, *left_out}


@pytest.mark.parametrize("name", ["tv", "sv", "tvse", "svse", "dses"])
def test_variances_and_distances_are_those_of_the_direct_computation(square, name):
    for layer, one in square.expected.items():
        if name in one.values:
            wanted, found = one.values[name], square.found[layer, name]
            np.testing.assert_allclose(found.mean(), wanted.mean(), rtol=1e-4, err_msg=layer)
            np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-4 * wanted.max(), err_msg=layer)


@pytest.mark.parametrize("name, denominator", [("nv", "sv"), ("nvse", "svse")])
def test_normalized_variances_are_those_of_the_direct_computation(square, name, denominator):
    for layer, one in square.expected.items():
        if name in one.values:
            wanted, found = one.values[name], square.found[layer, name]
            divided_by = one.values[denominator]
            clear = divided_by >= 1e-4 * divided_by.max()  # below, rounding shows
            np.testing.assert_allclose(found[clear], wanted[clear], rtol=1e-3, err_msg=layer)
            dead = divided_by == 0
            np.testing.assert_array_equal(found[dead], wanted[dead], err_msg=layer)
            assert (clear | dead).mean() > 0.8, layer


@pytest.mark.parametrize("name", OBLONG)
def test_images_that_are_not_square_have_the_values_of_the_direct_computation(name):
    """Under thirds of a turn, which need interpolation, and in float64, where rounding is far away."""
    oblong = measured(OBLONG[name], THIRDS, torch.float64)
    assert list(oblong.table["layer"].unique()) == list(oblong.expected)
    for layer, one in oblong.expected.items():
        for measure_name, wanted in one.values.items():
            found = oblong.found[layer, measure_name]
            np.testing.assert_allclose(
                found, wanted, rtol=1e-8, atol=1e-12 * one.scale, err_msg=f"{layer} {measure_name}"
            )
