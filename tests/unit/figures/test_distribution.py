"""Boxes of single units are at their quantiles, side by side by hue."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from looks import clipped, legend_over_data, overlapping, smallest_type, visible_texts
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from synthetic_tables import LABELS, LAYERS, deeper, entry, profiles, units

from equivariance.errors import UserError
from equivariance.figures import plot
from equivariance.figures.captions import caption
from equivariance.figures.distribution import quantiles


def draw(data: pd.DataFrame, measures=("nv",), **mapping) -> Figure:
    return plot("distribution", data, entry("distribution", measures, **mapping), LABELS, {"digits": "MNIST"})


def boxes(axes: Axes) -> list:
    return [bar for container in axes.containers for bar in container if container.get_label() == "_box"]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40))
def test_quantiles_are_of_the_finite_values_and_in_order(values: list[float]) -> None:
    found = quantiles(pd.Series([*values, np.inf, -np.inf, np.nan]))
    assert found is not None
    np.testing.assert_allclose(found[2], np.median(values))
    assert (np.diff(found) >= 0).all() and min(values) <= found[0] and found[-1] <= max(values)


def test_without_a_finite_value_there_is_no_box() -> None:
    assert quantiles(pd.Series([np.inf, np.nan])) is None
    data = units(profiles(seeds=1))
    data.loc[data["layer"] == "conv2", "value"] = np.inf
    assert len(boxes(draw(data).axes[0])) == len(LAYERS) - 1


def test_boxes_hold_the_units_of_all_seeds_at_their_quartiles() -> None:
    data = units(profiles(seeds=3), 20)
    axes = draw(data.sample(frac=1, random_state=0).sort_values("layer_index", kind="stable")).axes[0]
    for index, ((layer, _), box) in enumerate(zip(LAYERS, boxes(axes), strict=True)):
        low, high = np.percentile(data.loc[data["layer"] == layer, "value"], [25, 75])
        assert (box.get_y(), box.get_y() + box.get_height()) == pytest.approx((low, high))
        assert box.get_x() + box.get_width() / 2 == pytest.approx(index)
    whiskers = [lines for lines in axes.collections if lines.get_label() == "_whiskers"]
    ends = [segment[:, 1] for segment in whiskers[0].get_segments()]
    first = data.loc[data["layer"] == "conv1", "value"]
    assert np.concatenate(ends).tolist() == pytest.approx(np.percentile(first, [5, 25, 75, 95]).tolist())


def test_boxes_of_a_layer_stand_side_by_side_without_covering_each_other() -> None:
    data = units(profiles(sets=("none", "rotation", "scale"), measured_with={"none": ["rotation"]}, seeds=1))
    spans = sorted(
        (box.get_x(), box.get_x() + box.get_width())
        for box in boxes(draw(data.assign(measured_with="rotation"), hue="trained_with").axes[0])
    )
    assert len(spans) == 3 * len(LAYERS)
    assert all(end < start for (_, end), (start, _) in pairwise(spans))


def test_a_limit_is_exceeded_where_values_do_and_1_is_marked_for_normalized_measures_alone() -> None:
    axes = draw(units(profiles()), y_limit=5).axes[0]
    assert axes.get_ylim() == (0, 5)
    assert [line.get_label() for line in axes.get_lines()] == ["_one"]
    axes = draw(units(profiles(measures=("tv",))), ("tv",), y_limit=0.1).axes[0]
    assert axes.get_ylim()[1] > 0.1 and not axes.get_lines()


def test_a_condition_that_nothing_tells_apart_is_an_error() -> None:
    with pytest.raises(UserError, match="trained_with takes several values"):
        draw(units(profiles(sets=("rotation", "scale"))))


def test_the_caption_says_what_a_box_is() -> None:
    text = caption(entry("distribution", hue="trained_with"), units(profiles(seeds=3)), LABELS)
    assert "whiskers from the 5th to the 95th percentile" in text
    assert "Boxes hold the units of 3 seeds" in text


def test_nothing_is_clipped_covered_or_too_small_to_read() -> None:
    sets = ("none", "rotation", "scale")
    data = units(deeper(profiles(("digits", "mnist"), sets=sets).assign(measured_with="rotation")))
    figure = draw(data, row="dataset", hue="trained_with")
    assert figure.get_figheight() < 9
    assert smallest_type(figure) >= 7
    assert clipped(figure) == []
    assert overlapping(figure) == []
    assert not legend_over_data(figure)
    assert "stand-in data: Digits for MNIST" in [text.get_text() for text in visible_texts(figure)]
