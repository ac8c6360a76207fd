"""Bars show means, seeds and chance."""

from itertools import pairwise

import pytest
from looks import (
    caption,
    clipped,
    legend_over_data,
    legend_texts,
    overlapping,
    plot,
    smallest_type,
    visible_texts,
)
from synthetic_tables import LABELS, SCHEMES, accuracies, entry, networks, profiles, retrained

from equivariance.errors import UserError

STAND_INS = {"digits": "MNIST"}


NINE = (*(f"a_network_with_a_name_of_{count}_layers" for count in range(8)), "simple_conv")


def draw(data, **mapping):
    return plot(data, entry("bars", **mapping), LABELS, STAND_INS)


def heights(axes) -> list[float]:
    return [bar.get_height() for container in axes.containers for bar in container]


def test_a_bar_is_the_mean_over_seeds_and_a_point_is_a_seed() -> None:
    axes = draw(accuracies(), x="trained_with", hue="tested_with").axes[0]
    assert heights(axes) == pytest.approx([91, 91, 81])
    points = [tuple(point) for item in axes.collections for point in item.get_offsets()]
    assert len({x for x, _ in points}) == len(points) == 9
    assert sorted(y for x, y in points if abs(x) < 0.2) == pytest.approx([90, 91, 92])
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


def test_bars_of_whole_networks_are_means_over_layers_with_a_mark_at_1() -> None:
    data = networks(profiles(sets=("none", "rotation"), measured_with={"none": ["rotation"]}))
    figure = draw(data, x="model", hue="trained_with")
    axes = figure.axes[0]
    means = data.groupby("trained_with", sort=False)["global_layer_mean"].mean()
    assert heights(axes) == pytest.approx(means.tolist())
    assert [line.get_ydata()[0] for line in axes.get_lines() if line.get_label() == "_one"] == [1]
    assert axes.get_ylim()[1] >= 1.05
    assert "chance" not in legend_texts(figure)
    said = " ".join(text.get_text().replace("\n", " ") for text in visible_texts(figure))
    assert "normalized variance (NV), mean over layers" in said and "%" not in said
    assert "Normalized variance (NV) of whole networks" in caption(
        entry("bars", x="model", hue="trained_with"), data, LABELS
    )


def test_bars_of_whole_networks_show_the_first_measure_only() -> None:
    measures = ("nv", "nvse")
    data = networks(profiles(measures=measures))
    data.loc[data["measure"] == "nvse", "global_layer_mean"] = 99
    assert heights(plot(data, entry("bars", measures, x="model"), LABELS, {}).axes[0]) == pytest.approx(
        [data.loc[data["measure"] == "nv", "global_layer_mean"].mean()]
    )


def test_schemes_come_in_their_order_with_what_was_not_retrained_first() -> None:
    data = retrained(accuracies(sets=("none",), seeds=1))
    last_first = data.iloc[::-1]
    for table, schemes in ((data, SCHEMES), (last_first, SCHEMES[::-1])):
        axes = draw(table, x="scheme", hue="tested_with").axes[0]
        names = [text.get_text().replace("\n", " ") for text in axes.get_xticklabels()]
        assert names == ["not retrained", *(scheme.replace("_", " ") for scheme in schemes)]
    text = caption(entry("bars", x="scheme", hue="tested_with"), data, LABELS)
    assert "Groups: retrained layers" in text and "retrained with: rotations" in text


def test_names_of_groups_stand_once_under_a_column_of_panels_with_the_same_groups() -> None:
    figure = draw(accuracies(("digits", "mnist")), x="trained_with", hue="tested_with", row="dataset")
    named = [axes.xaxis.get_tick_params()["labelbottom"] for axes in figure.axes]
    assert named == [False, True]
    data = accuracies(("digits", "mnist"))
    one_lacks = data[(data["dataset"] == "digits") | (data["trained_with"] == "none")]
    figure = draw(one_lacks, x="trained_with", hue="tested_with", row="dataset")
    assert [axes.xaxis.get_tick_params()["labelbottom"] for axes in figure.axes] == [True, True]


@pytest.mark.parametrize(
    ("data", "mapping"),
    [
        (accuracies(("lsa16", "rwth"), ("none",), 3, NINE, classes=16), {"row": "dataset", "x": "model"}),
        (
            accuracies(("lsa16", "rwth", "digits"), ("none",), 2, NINE[-3:], classes=16),
            {"x": "model", "hue": "dataset"},
        ),
        (
            retrained(accuracies(("digits", "mnist"), ("none",), classes=10)),
            {"row": "dataset", "x": "scheme", "hue": "tested_with"},
        ),
        (
            networks(profiles(("digits", "mnist"), NINE[-4:], ("none", "rotation"), {"none": ["rotation"]})),
            {"row": "dataset", "x": "model", "hue": "trained_with"},
        ),
        (
            accuracies(("digits", "mnist"), ("none", "rotation", "scale"), 2, NINE[-4:], classes=10),
            {"row": ["dataset", "model"], "x": "tested_with", "hue": "trained_with"},
        ),
    ],
    ids=["nine models", "hue of data sets", "schemes", "whole networks", "eight rows"],
)
def test_large_bars_fit_a_page_and_stay_legible(data, mapping: dict) -> None:
    figure = draw(data, **mapping)
    assert figure.get_figheight() < 9
    assert smallest_type(figure) >= 7
    assert clipped(figure) == []
    assert not legend_over_data(figure)
    assert overlapping(figure) == []
