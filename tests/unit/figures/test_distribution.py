"""Boxes of single units are at their quantiles, side by side by hue."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from looks import caption, clipped, legend_over_data, overlapping, plot, smallest_type, visible_texts
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from synthetic_tables import LABELS, LAYERS, deeper, entry, profiles, units

from equivariance.errors import UserError


def draw(data: pd.DataFrame, measures=("nv",), **mapping) -> Figure:
    return plot(data, entry("distribution", measures, **mapping), LABELS, {"digits": "MNIST"})


def boxes(axes: Axes) -> dict[float, dict[str, list[float]]]:
    """The boxes of a panel by their place: values of the box, its median and its whiskers."""
    found: dict[float, dict[str, list[float]]] = {}
    for container in axes.containers:
        parts = {"box": container.boxes, "median": container.medians}
        for name, lines in parts.items():
            for line in lines:
                x, y = line.get_xdata(), line.get_ydata()
                found.setdefault(round((min(x) + max(x)) / 2, 6), {})[name] = [min(y), max(y)]
        for line in container.whiskers:
            found[round(float(line.get_xdata()[0]), 6)].setdefault("whiskers", []).extend(line.get_ydata())
    return found


def test_without_a_finite_value_there_is_no_box() -> None:
    data = units(profiles(seeds=1))
    data.loc[data["layer"] == "conv2", "value"] = np.inf
    assert len(boxes(draw(data).axes[0])) == len(LAYERS) - 1


def test_boxes_hold_the_finite_units_of_all_seeds_at_their_quartiles() -> None:
    data = units(profiles(seeds=3), 20)
    data.loc[(data["layer"] == "conv1") & (data["unit"] == 0), "value"] = np.inf
    axes = draw(data.sample(frac=1, random_state=0).sort_values("layer_index", kind="stable")).axes[0]
    found = boxes(axes)
    assert list(found) == list(range(len(LAYERS)))
    for index, (layer, _) in enumerate(LAYERS):
        values = data.loc[(data["layer"] == layer) & np.isfinite(data["value"]), "value"]
        low, lower, median, upper, high = np.percentile(values, [5, 25, 50, 75, 95])
        assert found[index]["box"] == pytest.approx([lower, upper])
        assert found[index]["median"] == pytest.approx([median, median])
        # A whisker ends at the last value within the percentile.
        ends = values[(values >= low) & (values <= high)]
        assert sorted(found[index]["whiskers"]) == pytest.approx([ends.min(), lower, upper, ends.max()])


def test_boxes_of_a_layer_stand_side_by_side_without_covering_each_other() -> None:
    data = units(profiles(sets=("none", "rotation", "scale"), measured_with={"none": ["rotation"]}, seeds=1))
    axes = draw(data.assign(measured_with="rotation"), hue="trained_with").axes[0]
    drawn = [line for container in axes.containers for line in container.boxes]
    spans = sorted((min(line.get_xdata()), max(line.get_xdata())) for line in drawn)
    assert len(spans) == 3 * len(LAYERS)
    assert all(end < start for (_, end), (start, _) in pairwise(spans))


def test_a_limit_is_exceeded_where_values_do_and_1_is_marked_for_normalized_measures_alone() -> None:
    axes = draw(units(profiles()), y_limit=5).axes[0]
    assert axes.get_ylim() == (0, 5)
    assert sum(line.get_label() == "_one" for line in axes.get_lines()) == 1
    axes = draw(units(profiles(measures=("tv",))), ("tv",), y_limit=0.1).axes[0]
    assert axes.get_ylim()[1] > 0.1
    assert not any(line.get_label() == "_one" for line in axes.get_lines())


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
