"""Heat maps show every value where it belongs, in the colour that its bar says."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
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
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from synthetic_tables import LABELS, LAYERS, classed, deeper, entry, profiles, sized, units

from equivariance.analysis.distances import relative_difference
from equivariance.analysis.relative_errors import relative_errors
from equivariance.errors import UserError
from equivariance.figures import heat_map
from equivariance.figures.colors import INFINITE, MISSING, color_scale, draw_cells
from equivariance.figures.relative_error_map import text_of
from equivariance.figures.style import TEXT_WIDTH

SETS = ("rotation", "scale", "combined")
NUMBERS = st.floats(-1e3, 1e3)


def draw(kind: str, data: pd.DataFrame, measures=("nv",), **mapping) -> Figure:
    return plot(data, entry(kind, measures, **mapping), LABELS, {"digits": "MNIST"})


def bars(figure: Figure) -> list[Axes]:
    return [axes for axes in figure.axes if axes.get_label() == "colour bar"]


def mesh(axes: Axes) -> QuadMesh:
    """The cells of a panel."""
    (found,) = (item for item in axes.collections if isinstance(item, QuadMesh))
    return found


def cell_values(axes: Axes) -> np.ndarray:
    """The values of cells, the first row at the top; those beyond the colours at their end."""
    return np.ma.getdata(mesh(axes).get_array())


def cell_colors(axes: Axes) -> np.ndarray:
    """The colours of cells (rows, columns, 4)."""
    return mesh(axes).to_rgba(mesh(axes).get_array())


def same_color(pixel: np.ndarray, color: str) -> bool:
    return np.allclose(pixel, mpl.colors.to_rgba(color))


@settings(deadline=None, max_examples=25)
@given(st.lists(NUMBERS, min_size=1, max_size=20))
def test_finite_values_never_have_the_colour_of_infinite_or_missing_ones(values: list[float]) -> None:
    axes = Figure().subplots()
    draw_cells(axes, pd.DataFrame([*values, np.inf, np.nan]), color_scale(values, 2), 1.0)
    colors = cell_colors(axes)[:, 0]
    assert same_color(colors[-2], INFINITE) and same_color(axes.get_facecolor(), MISSING)
    assert colors[-1, 3] == 0  # the ground shows
    assert not any(same_color(color, INFINITE) or same_color(color, MISSING) for color in colors[:-2])


def test_a_scale_ends_at_percentiles_of_the_finite_values_with_arrows_where_values_lie_beyond() -> None:
    values = [*range(101), np.inf, np.nan]
    assert color_scale(values, 2) == (2, 98, "both")
    assert color_scale(values).extend == "neither"
    assert color_scale([0.0] + [1.0] * 99, 2).extend == "min"
    assert color_scale([3.0]) == (2.5, 3.5, "neither")


def test_a_column_of_units_is_sorted_upwards_and_the_table_is_left_alone() -> None:
    data = units(profiles(seeds=1), 5)
    before = data.copy()
    figure = draw("heat_map", data)
    pd.testing.assert_frame_equal(data, before)
    (axes,) = panels(figure)
    cells = cell_values(axes)
    assert cells.shape == (heat_map.CELLS, len(LAYERS))
    low, high, _ = color_scale(data["value"], 2)
    for index, (layer, _) in enumerate(LAYERS):
        expected = np.clip(sorted(data.loc[data["layer"] == layer, "value"], reverse=True), low, high)
        column = [float(value) for value in dict.fromkeys(cells[:, index])]
        np.testing.assert_allclose(column, list(dict.fromkeys(expected)))


@given(st.integers(1, 99), st.integers(2, 30))
def test_a_column_is_stretched_or_thinned_evenly_from_its_first_to_its_last(count: int, cells: int) -> None:
    rows = pd.DataFrame({"layer": "conv1", "value": np.arange(count)})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(heat_map, "CELLS", cells)
        column = heat_map.HeatMap().cells(rows, [("conv1", "conv")])["conv1"].to_numpy()[::-1]
    assert len(column) == cells
    assert (column[0], column[-1]) == (0, count - 1)
    np.testing.assert_allclose(column, np.linspace(0, count, cells) - 0.5, atol=0.51)


def test_units_of_the_first_seed_only_are_drawn_and_the_caption_says_so() -> None:
    data = units(profiles(seeds=3), 4)
    one, three = (draw("heat_map", rows) for rows in (data[data["seed"] == 0], data))
    np.testing.assert_array_equal(cell_values(panels(one)[0]), cell_values(panels(three)[0]))
    assert "Of 3 seeds the network of the first is shown." in caption(entry("heat_map"), data, LABELS)


def test_infinite_units_have_a_colour_of_their_own_that_legend_and_caption_name() -> None:
    data = units(profiles(seeds=1), 4)
    assert "infinite" not in legend_texts(draw("heat_map", data))
    data.loc[(data["layer"] == "conv1") & (data["unit"] == 2), "value"] = np.inf
    figure = draw("heat_map", data)
    assert same_color(cell_colors(panels(figure)[0])[0, 0], INFINITE)
    assert "infinite" in legend_texts(figure)
    assert "Vermilion cells are infinite" in caption(entry("heat_map"), data, LABELS)


def test_each_measure_has_a_bar_of_its_own() -> None:
    data = units(profiles(seeds=1, measures=("nv", "goodfellow_normal")), 4)
    figure = draw("heat_map", data, ("nv", "goodfellow_normal"), row="measure")
    labels = [axes.get_xlabel() for axes in bars(figure)]
    assert labels[::-1] == ["normalized variance (NV)", "Goodfellow's measure, normal threshold"]


def test_rows_are_classes_and_columns_layers_with_means_over_seeds() -> None:
    data = classed(profiles(seeds=2), 11)
    (axes,) = panels(draw("class_heat_map", data.sample(frac=1, random_state=0)))
    assert cell_values(axes).shape == (11, len(LAYERS))
    top, bottom = axes.get_ylim()[::-1]
    assert top < bottom
    assert [text.get_text() for text in axes.get_yticklabels()] == [str(number) for number in range(11)]
    # Values fall with the layer and rise with the class: the last class of the first layer is the largest.
    np.testing.assert_allclose(cell_colors(axes)[10, 0], mpl.colormaps["viridis"](1.0))
    np.testing.assert_allclose(cell_colors(axes)[0, -1], mpl.colormaps["viridis"](0.0))


def test_a_class_called_mean_has_a_row_and_the_mean_over_classes_has_none() -> None:
    data = classed(profiles(seeds=1), 3).replace({"class": {"1": "mean"}})
    (axes,) = panels(draw("class_heat_map", data))
    assert [text.get_text() for text in axes.get_yticklabels()] == ["0", "mean", "2"]


def test_a_table_without_classes_is_an_error() -> None:
    with pytest.raises(UserError, match="trial: its table has no column class"):
        draw("class_heat_map", profiles())


def test_errors_are_relative_to_the_largest_corner_of_the_same_network() -> None:
    data = sized(profiles(seeds=2), (24, 96, 384), (25, 97))
    errors = relative_errors(data)
    assert list(errors.index) == [24, 96, 384] and list(errors.columns) == [25, 97]
    assert errors.loc[384, 97] == 0
    # Every layer of every seed is the same factor larger.
    factor, corner = 1 + 1 / 24 + 1 / 97, 1 + 1 / 384 + 1 / 97
    assert errors.loc[24, 97] == pytest.approx(relative_difference([factor], [corner]))


def test_rows_of_an_error_map_are_numbers_of_images_with_the_fewest_at_the_bottom() -> None:
    (axes,) = panels(draw("relative_error_map", sized(profiles(seeds=1), (24, 96, 384), (25, 97))))
    assert [text.get_text() for text in axes.get_yticklabels()] == ["384", "96", "24"]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["25", "97"]
    assert axes.get_xlabel() == "transformations"
    assert {text.get_rotation() for text in axes.get_xticklabels()} == {0}
    assert axes.get_ylim() == (3, 0)
    texts = {text.get_position(): text.get_text() for text in axes.texts}
    assert len(texts) == 6 and texts[1.5, 0.5] == "0"
    factor, corner = 1 + 1 / 24 + 1 / 97, 1 + 1 / 384 + 1 / 97
    assert texts[1.5, 2.5] == text_of(100 * relative_difference([factor], [corner]))


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
