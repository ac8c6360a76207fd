"""Paths of TI-pooling become one layer, with the places of a network with a single path."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from equivariance.analysis.paths import merge_paths

PATH, BEHIND = ("standardize", "conv1", "flatten"), ("ti_pool", "fc1", "log_softmax")


def pooled(paths: int, units: int = 2) -> pd.DataFrame:
    """The table of a network with so many paths: a unit's value is 10 x unit + the number of its path."""
    calls = [(name, path) for path in range(1, paths + 1) for name in PATH] + [(name, 1) for name in BEHIND]
    rows = [
        {"layer": name if path == 1 else f"{name}:{path}", "layer_index": index, "kind": "conv",
         "depth": index / (len(calls) - 1), "unit": unit, "measure": "nv", "aggregation": "before_mean",
         "value": 10.0 * unit + path, "images": 5}
        for index, (name, path) in enumerate(calls)
        for unit in range(units)
    ]  # fmt: skip
    return pd.DataFrame(rows)


@given(st.integers(2, 12))
def test_layers_have_the_places_they_have_with_a_single_path_and_the_means_over_paths(paths: int) -> None:
    found, single = merge_paths(pooled(paths)), pooled(1)
    pd.testing.assert_frame_equal(found.drop(columns="value"), single.drop(columns="value"))
    of_path = found["layer"].isin(PATH)
    mean = (paths + 1) / 2
    assert np.allclose(found["value"], 10 * found["unit"] + np.where(of_path, mean, 1))


def test_places_are_exact_where_layers_are_missing() -> None:
    few = pooled(3)
    few = few[~few["layer"].str.startswith(("standardize", "flatten", "ti_pool", "fc1"))]
    found = merge_paths(few[few["layer"] != "log_softmax"])
    assert found[["layer", "layer_index"]].drop_duplicates().values.tolist() == [["conv1", 1]]
    assert np.allclose(found["depth"], 1 / 5)


def test_a_unit_that_is_infinite_in_one_path_is_infinite() -> None:
    table = pooled(4)
    table.loc[(table["layer"] == "conv1:3") & (table["unit"] == 1), "value"] = np.inf
    found = merge_paths(table)
    infinite = found[found["value"] == np.inf]
    assert infinite[["layer", "unit"]].values.tolist() == [["conv1", 1]]
    assert found["value"].notna().all()


def test_classes_are_not_mixed() -> None:
    both = pd.concat([pooled(2).assign(**{"class": "a"}), pooled(2).assign(**{"class": "b", "value": 0.0})])
    found = merge_paths(both)
    assert set(found.loc[found["class"] == "b", "value"]) == {0.0}
    assert len(found) == 2 * len(pooled(1))


def test_a_table_with_a_single_path_stays_as_it_is() -> None:
    table = pooled(1)
    assert merge_paths(table) is table
