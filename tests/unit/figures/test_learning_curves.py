"""Learning curves show means, seeds and when networks reach what they end with."""

import pytest
from looks import (
    caption,
    clipped,
    legend_over_data,
    legend_texts,
    mean_lines,
    overlapping,
    plot,
    smallest_type,
    visible_texts,
)
from matplotlib.figure import Figure
from synthetic_tables import LABELS, accuracies, entry, histories

from equivariance.errors import UserError

MODELS = tuple(f"a_network_with_the_long_name_{letter}" for letter in "abcdef")


def draw(data, **mapping) -> Figure:
    return plot(data, entry("learning_curves", **mapping), LABELS, {"digits": "MNIST"})


def test_a_line_is_the_mean_over_seeds_in_per_cent_and_seeds_are_a_band() -> None:
    data = histories(accuracies(sets=("none", "rotation"), seeds=3), epochs=4)
    axes = draw(data, hue="trained_with").axes[0]
    for line in mean_lines(axes):
        assert list(line.get_xdata()) == [1, 2, 3, 4]
        assert list(line.get_ydata()) == pytest.approx([49, 74, 86.5, 92.75])
    assert [band.get_label() for band in axes.collections] == ["_band", "_band"]


def test_alone_in_its_panel_a_line_has_its_seeds_beside_it() -> None:
    figure = draw(histories(accuracies(sets=("rotation",), seeds=3)))
    labels = [line.get_label() for line in figure.axes[0].get_lines()]
    assert labels.count("_seed") == 3
    assert "one seed" in legend_texts(figure)


def test_a_ring_marks_where_each_network_reaches_its_final_accuracy() -> None:
    data = histories(accuracies(sets=("rotation",), seeds=2), epochs=9)
    data.loc[data["seed"] == 1, "reached_epoch"] = 3
    axes = draw(data).axes[0]
    (rings,) = [line for line in axes.get_lines() if line.get_label() == "_reached"]
    assert sorted(zip(rings.get_xdata(), rings.get_ydata(), strict=True)) == [
        (3, pytest.approx(86.5)),
        (7, pytest.approx(100 - 100 * 0.5**7)),
    ]
    text = caption(entry("learning_curves"), data, LABELS)
    assert "a ring marks where a network first reaches 99 % of its final accuracy" in text


def test_panels_of_a_row_share_accuracies_and_those_of_a_column_epochs() -> None:
    data = histories(accuracies(("digits", "mnist"), ("none", "rotation"), seeds=1), epochs=12)
    data = data[(data["trained_with"] == "rotation") | (data["epoch"] <= 5)]
    data.loc[data["dataset"] == "mnist", "accuracy"] = 0.97
    axes = draw(data, row="dataset", column="trained_with").axes
    assert [one.get_ylim() for one in axes] == [(50, 100), (50, 100), (90, 100), (90, 100)]
    assert axes[0].get_xlim() == axes[2].get_xlim() and axes[0].get_xlim()[1] < 6
    assert axes[1].get_xlim() == axes[3].get_xlim() and axes[1].get_xlim()[1] > 12


def test_networks_that_nothing_tells_apart_are_an_error() -> None:
    with pytest.raises(UserError, match="model takes several values"):
        draw(histories(accuracies(sets=("none",), models=MODELS)))


def test_nothing_is_clipped_covered_or_too_small_to_read() -> None:
    data = histories(accuracies(("digits", "mnist"), ("none", "rotation"), models=MODELS), epochs=104)
    figure = draw(data, row="dataset", column="trained_with", hue="model")
    assert figure.get_figheight() < 9
    assert smallest_type(figure) >= 7
    assert clipped(figure) == []
    assert overlapping(figure) == []
    assert not legend_over_data(figure)
    texts = [text.get_text() for text in visible_texts(figure)]
    assert {"epoch", "test accuracy (%)", "stand-in data: Digits for MNIST"} <= {*texts}
