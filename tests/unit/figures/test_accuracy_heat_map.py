"""Heat maps of accuracies have classes as rows and angles, ascending, as columns."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from looks import (
    caption,
    clipped,
    legend_over_data,
    legend_texts,
    overlapping,
    panels,
    plot,
    smallest_type,
    visible_texts,
)
from matplotlib.figure import Figure
from synthetic_tables import LABELS, accuracies, class_accuracies, entry

from equivariance.errors import UserError
from equivariance.figures.accuracy_heat_map import AccuracyHeatMap

SIXTEEN = [22.5 * step for step in range(-7, 9)]
MODELS = ("simple_conv", "a_network_with_batch_normalization", "all_conv", "vgg_like")


def cells(datasets=("digits",), sets=("rotation",), seeds=2, models=("simple_conv",), angles=SIXTEEN):
    tested = accuracies(datasets, sets, seeds, models)
    own = tested[tested["tested_with"] == tested["trained_with"]].assign(tested_with="rotation")
    return class_accuracies(own, 10, angles)


def draw(data: pd.DataFrame, **mapping) -> Figure:
    return plot(data, entry("accuracy_heat_map", **mapping), LABELS, {"digits": "MNIST"})


def test_cells_are_means_over_seeds_in_per_cent_at_their_class_and_angle() -> None:
    data = cells(seeds=2)
    data.loc[data["seed"] == 1, "accuracy"] -= 0.1
    shuffled = data.sort_values(["angle", "class"], ascending=[False, True])
    found = AccuracyHeatMap().cells(shuffled, [])
    assert list(found.index) == [str(c) for c in range(10)] and list(found.columns) == SIXTEEN
    assert found.loc["3", 45.0] == pytest.approx(95 - 3 - 4.5 - 5)


def test_colours_reach_from_0_to_100_whatever_the_values() -> None:
    data = cells(seeds=1, angles=(-90.0, 0.0, 90.0, 180.0)).assign(accuracy=0.5)
    data.loc[(data["class"] == "2") & (data["angle"] == 90), "accuracy"] = 1.0
    figure = draw(data)
    (mesh,) = panels(figure)[0].collections
    colors = mesh.to_rgba(mesh.get_array())
    assert colors.shape == (10, 4, 4)
    np.testing.assert_allclose(colors[2, 2], mpl.colormaps["viridis"](1.0))
    np.testing.assert_allclose(colors[0, 0], mpl.colormaps["viridis"](0.5))
    (bar,) = [axes for axes in figure.axes if axes.get_label() == "colour bar"]
    assert bar.get_xlim() == (0, 100) and bar.get_xlabel() == "test accuracy (%)"


def test_angles_are_named_as_far_as_there_is_room_0_among_them() -> None:
    (axes,) = panels(draw(cells()))
    at = dict(zip((text.get_text() for text in axes.get_xticklabels()), axes.get_xticks() - 0.5, strict=True))
    assert at["0"] == SIXTEEN.index(0)
    assert axes.get_xlabel() == "angle (°, counter-clockwise)"
    narrow = panels(draw(cells(sets=("rotation", "scale", "combined")), column="trained_with"))
    assert all("0" in [text.get_text() for text in axes.get_xticklabels()] for axes in narrow)


def test_members_stand_in_for_angles_where_there_are_none() -> None:
    data = cells(angles=None)
    (axes,) = panels(draw(data))
    assert axes.get_xlabel() == "member of the set"
    assert [text.get_text() for text in axes.get_xticklabels()] == ["0", "1", "2", "3"]
    assert "a column for each member of the set" in caption(entry("accuracy_heat_map"), data, LABELS)


def test_cells_without_images_are_grey_and_the_legend_says_so() -> None:
    data = cells(seeds=1)
    assert "no image" not in legend_texts(draw(data))
    assert "no image" in legend_texts(draw(data[(data["class"] != "4") | (data["angle"] != 0)]))


def test_a_condition_that_nothing_tells_apart_is_an_error() -> None:
    with pytest.raises(UserError, match="trained_with takes several values"):
        draw(cells(sets=("rotation", "scale")), row="dataset")


def test_the_caption_counts_the_pairs_of_a_network() -> None:
    text = caption(entry("accuracy_heat_map", row="dataset"), cells(seeds=3), LABELS)
    assert "Each network tested on 3,200 pairs of a test image and a transformation" in text  # 10 x 16 x 20
    assert "Cells are means over 3 seeds" in text


def test_nothing_is_clipped_covered_or_too_small_to_read() -> None:
    data = cells(("digits", "mnist"), ("rotation", "scale"), 1, MODELS)
    figure = draw(data, row=["dataset", "model"], column="trained_with")
    assert figure.get_figheight() < 9
    assert smallest_type(figure) >= 7
    assert clipped(figure) == []
    assert overlapping(figure) == []
    assert not legend_over_data(figure)
    assert "stand-in data: Digits for MNIST" in [text.get_text() for text in visible_texts(figure)]
