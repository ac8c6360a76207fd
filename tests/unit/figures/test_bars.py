"""Bars show means, seeds and chance."""

from itertools import pairwise

import pytest
from looks import (
    clipped,
    legend_over_data,
    legend_texts,
    overlapping,
    smallest_type,
    visible_texts,
)
from synthetic_tables import LABELS, accuracies, entry

from equivariance.errors import UserError
from equivariance.figures.bars import plot

STAND_INS = {"digits": "MNIST"}


def draw(data, **mapping):
    return plot(data, entry("bars", **mapping), LABELS, STAND_INS)


def heights(axes) -> list[float]:
    return [bar.get_height() for container in axes.containers for bar in container]


def test_a_bar_is_the_mean_over_seeds_and_a_point_is_a_seed() -> None:
    axes = draw(accuracies(), x="trained_with", hue="tested_with").axes[0]
    assert heights(axes) == pytest.approx([91, 91, 81])
    points = [line.get_ydata() for line in axes.get_lines() if line.get_label() == "_seeds"]
    assert list(points[0]) == pytest.approx([90, 91, 92])
    assert axes.get_ylim() == (0, 100)


def test_bars_of_a_group_do_not_overlap_each_other() -> None:
    axes = draw(accuracies(), x="trained_with", hue="tested_with").axes[0]
    spans = sorted(
        (bar.get_x(), bar.get_x() + bar.get_width()) for container in axes.containers for bar in container
    )
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))


def test_chance_is_marked_where_the_number_of_classes_is_known() -> None:
    axes = draw(accuracies(classes=10), x="trained_with", hue="tested_with").axes[0]
    assert [line.get_ydata()[0] for line in axes.get_lines() if line.get_label() == "_chance"] == [10]
    figure = draw(accuracies(), x="trained_with", hue="tested_with")
    assert "chance" not in legend_texts(figure)


def test_bars_without_an_x_column_are_an_error() -> None:
    with pytest.raises(UserError, match="trial: bars need the column `x`"):
        draw(accuracies(), hue="tested_with")


def test_a_condition_that_nothing_tells_apart_is_an_error() -> None:
    with pytest.raises(UserError, match="tested_with takes several values"):
        draw(accuracies(), x="trained_with")


@pytest.mark.parametrize("facet", ["row", "column"])
def test_nothing_is_clipped_covered_or_too_small_to_read(facet: str) -> None:
    data = accuracies(
        ("digits", "mnist", "lsa16"), ("none", "rotation", "scale", "a_rather_long_name_of_a_set"), classes=10
    )
    figure = draw(data, x="trained_with", hue="tested_with", **{facet: "dataset"})
    assert smallest_type(figure) >= 7
    assert clipped(figure) == []
    assert not legend_over_data(figure)
    assert overlapping(figure) == []
    assert "stand-in data: Digits for MNIST" in [text.get_text() for text in visible_texts(figure)]
