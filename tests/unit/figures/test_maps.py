"""Heat maps show every value where it belongs, in the colour that its bar says."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from looks import clipped, legend_over_data, legend_texts, overlapping, smallest_type, visible_texts
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from synthetic_tables import LABELS, LAYERS, classed, deeper, entry, profiles, sized, units

from equivariance.analysis.distances import relative_difference
from equivariance.errors import UserError
from equivariance.figures import heat_map, plot
from equivariance.figures.captions import caption
from equivariance.figures.relative_error_map import relative_errors, text_of
from equivariance.figures.shades import INFINITE, MISSING, color_bars, painted
from equivariance.figures.style import TEXT_WIDTH

SETS = ("rotation", "scale", "combined")
NUMBERS = st.floats(-1e3, 1e3)


def draw(kind: str, data: pd.DataFrame, measures=("nv",), **mapping) -> Figure:
    return plot(kind, data, entry(kind, measures, **mapping), LABELS, {"digits": "MNIST"})


def panels(figure: Figure) -> list[Axes]:
    return [axes for axes in figure.axes if str(axes.get_label()).startswith("panel")]


def bars(figure: Figure) -> list[Axes]:
    return [axes for axes in figure.axes if str(axes.get_label()).startswith("colour bar")]


def same_color(pixel: np.ndarray, color: str) -> bool:
    return np.allclose(pixel, mpl.colors.to_rgba(color))


@settings(deadline=None)
@given(st.lists(NUMBERS, min_size=1, max_size=30))
def test_finite_values_never_have_the_colour_of_infinite_or_missing_ones(values: list[float]) -> None:
    bar = color_bars({"nv": values}, {"nv": "NV"}, 2)["nv"]
    colors = painted([*values, np.inf, np.nan], bar)
    assert same_color(colors[-2], INFINITE) and same_color(colors[-1], MISSING)
    assert not any(same_color(color, INFINITE) or same_color(color, MISSING) for color in colors[:-2])


def test_a_bar_ends_at_percentiles_of_the_finite_values_with_arrows_where_values_lie_beyond() -> None:
    values = [*range(101), np.inf, np.nan]
    bar = color_bars({"nv": values}, {"nv": "NV"}, 2)["nv"]
    assert (bar.colors.norm.vmin, bar.colors.norm.vmax, bar.extend) == (2, 98, "both")
    assert color_bars({"nv": values}, {"nv": "NV"})["nv"].extend == "neither"
    assert color_bars({"nv": [0.0] + [1.0] * 99}, {"nv": "NV"}, 2)["nv"].extend == "min"


def test_a_column_of_units_is_sorted_upwards_and_the_table_is_left_alone() -> None:
    data = units(profiles(seeds=1), 5)
    before = data.copy()
    figure = draw("heat_map", data)
    pd.testing.assert_frame_equal(data, before)
    (axes,) = panels(figure)
    columns = axes.get_images()
    assert len(columns) == len(LAYERS)
    bar = color_bars({"nv": data["value"]}, {"nv": "NV"}, 2)["nv"]
    for index, ((layer, _), column) in enumerate(zip(LAYERS, columns, strict=True)):
        expected = painted(sorted(data.loc[data["layer"] == layer, "value"]), bar)
        np.testing.assert_allclose(column.get_array()[:, 0], expected)
        left, right, low, high = column.get_extent()
        assert ((left + right) / 2, low, high) == (pytest.approx(index), 0, 1)
        assert column.origin == "lower"


@given(st.integers(1, 99), st.integers(2, 30))
def test_a_long_column_is_thinned_evenly_from_its_first_to_its_last(count: int, cells: int) -> None:
    column = np.arange(count)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(heat_map, "CELLS", cells)
        kept = heat_map.thinned(column)
    assert len(kept) == min(count, cells)
    assert (kept[0], kept[-1]) == (0, count - 1)
    np.testing.assert_allclose(kept, np.linspace(0, count - 1, len(kept)), atol=0.5)


def test_units_of_the_first_seed_only_are_drawn_and_the_caption_says_so() -> None:
    data = units(profiles(seeds=3), 4)
    one, three = (draw("heat_map", rows) for rows in (data[data["seed"] == 0], data))
    for first, second in zip(panels(one)[0].get_images(), panels(three)[0].get_images(), strict=True):
        np.testing.assert_array_equal(first.get_array(), second.get_array())
    assert "the first of its seeds (3 were measured)" in caption(entry("heat_map"), data, LABELS)


def test_infinite_units_have_a_colour_of_their_own_that_legend_and_caption_name() -> None:
    data = units(profiles(seeds=1), 4)
    assert "infinite" not in legend_texts(draw("heat_map", data))
    data.loc[(data["layer"] == "conv1") & (data["unit"] == 2), "value"] = np.inf
    figure = draw("heat_map", data)
    assert same_color(panels(figure)[0].get_images()[0].get_array()[-1, 0], INFINITE)
    assert "infinite" in legend_texts(figure)
    assert "Vermilion cells are infinite" in caption(entry("heat_map"), data, LABELS)


def test_each_measure_has_a_bar_of_its_own() -> None:
    data = units(profiles(seeds=1, measures=("nv", "goodfellow_normal")), 4)
    figure = draw("heat_map", data, ("nv", "goodfellow_normal"), row="measure")
    labels = [axes.get_xlabel() for axes in bars(figure)]
    assert labels == ["normalized variance (NV)", "Goodfellow's measure, normal threshold"]


def test_rows_are_classes_and_columns_layers_with_means_over_seeds() -> None:
    data = classed(profiles(seeds=2), 11)
    (axes,) = panels(draw("class_heat_map", data.sample(frac=1, random_state=0)))
    (image,) = axes.get_images()
    assert image.get_array().shape == (11, len(LAYERS), 4)
    assert image.origin == "upper"
    assert [text.get_text() for text in axes.get_yticklabels()] == [str(number) for number in range(11)]
    # Values fall with the layer and rise with the class: the last class of the first layer is the largest.
    np.testing.assert_allclose(image.get_array()[10, 0], mpl.colormaps["viridis"](1.0))
    np.testing.assert_allclose(image.get_array()[0, -1], mpl.colormaps["viridis"](0.0))


def test_a_class_called_mean_has_a_row_and_the_mean_over_classes_has_none() -> None:
    data = classed(profiles(seeds=1), 3).replace({"class": {"1": "mean"}})
    (axes,) = panels(draw("class_heat_map", data))
    assert [text.get_text() for text in axes.get_yticklabels()] == ["0", "mean", "2"]


def test_a_table_without_classes_is_an_error() -> None:
    with pytest.raises(UserError, match="trial: its table has no column class"):
        draw("class_heat_map", profiles())


def test_errors_are_relative_to_the_largest_corner_of_the_same_network() -> None:
    data = sized(profiles(seeds=2), (24, 96, 384), (25, 97))
    errors = relative_errors(data, "trial")
    assert list(errors.index) == [24, 96, 384] and list(errors.columns) == [25, 97]
    assert errors.loc[384, 97] == 0
    # Every layer of every seed is the same factor larger.
    factor, corner = 1 + 1 / 24 + 1 / 97, 1 + 1 / 384 + 1 / 97
    assert errors.loc[24, 97] == pytest.approx(relative_difference([factor], [corner]))


def test_rows_of_an_error_map_are_numbers_of_images_with_the_fewest_at_the_bottom() -> None:
    (axes,) = panels(draw("relative_error_map", sized(profiles(seeds=1), (24, 96, 384), (25, 97))))
    assert [text.get_text() for text in axes.get_yticklabels()] == ["24", "96", "384"]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["25", "97"]
    assert axes.get_xlabel() == "transformations"
    assert {text.get_rotation() for text in axes.get_xticklabels()} == {0}
    low, high = axes.get_ylim()
    assert low < high
    texts = {text.get_position(): text.get_text() for text in axes.texts}
    assert len(texts) == 6 and texts[1, 2] == "0"
    factor, corner = 1 + 1 / 24 + 1 / 97, 1 + 1 / 384 + 1 / 97
    assert texts[1, 0] == text_of(100 * relative_difference([factor], [corner]))


def test_a_network_without_the_largest_corner_is_an_error_that_names_its_seed() -> None:
    data = sized(profiles(seeds=2))
    lacking = (data["seed"] == 1) & (data["samples"] == 384) & (data["transformations"] == 97)
    with pytest.raises(UserError, match="seed 1 was not measured with 384 images and 97 transformations"):
        draw("relative_error_map", data[~lacking])


def test_a_single_low_panel_shows_its_whole_labels() -> None:
    figure = draw("relative_error_map", sized(profiles(seeds=1)), column="trained_with")
    assert clipped(figure) == []
    assert overlapping(figure) == []


@given(st.floats(0.01, 100))
def test_percentages_have_two_digits_and_fit_a_cell(value: float) -> None:
    text = text_of(value)
    assert len(text) <= 4
    assert float(text) == pytest.approx(value, rel=0.051)


@pytest.mark.parametrize(
    ("kind", "make", "mapping"),
    [
        ("heat_map", units, {"row": ["dataset", "measure"]}),
        ("class_heat_map", classed, {"row": ["dataset", "measure"]}),
        ("relative_error_map", lambda data: sized(data, (24, 96, 2304), (25, 97, 2305)), {"row": "dataset"}),
    ],
)
def test_nothing_is_clipped_covered_or_too_small_to_read(kind: str, make, mapping: dict) -> None:
    measures = ("nv", "goodfellow_normal_original") if kind != "relative_error_map" else ("nv",)
    data = make(deeper(profiles(("digits", "mnist"), sets=SETS, seeds=1, measures=measures)))
    figure = draw(kind, data, measures, column="trained_with", **mapping)
    assert figure.get_figwidth() == TEXT_WIDTH
    assert figure.get_figheight() < 9
    assert smallest_type(figure) >= 7
    assert clipped(figure) == []
    assert overlapping(figure) == []
    assert not legend_over_data(figure)
    assert "stand-in data: Digits for MNIST" in [text.get_text() for text in visible_texts(figure)]
