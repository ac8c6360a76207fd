"""Image grids come back from their file as they were, and stand where their data set and set say."""

import numpy as np
import pytest
from looks import caption, clipped, overlapping, plot, smallest_type, visible_texts
from synthetic_tables import LABELS, entry

from equivariance.analysis.image_grids import Grid, load_grids, save_grids
from equivariance.errors import UserError
from equivariance.figures.image_grid import mosaic


def grid(dataset="digits", measured_with="rotation", channels=1, shape=(3, 3), **more) -> Grid:
    images = np.random.default_rng(0).random((*shape, channels, 8, 8), dtype=np.float32)
    return Grid(dataset, measured_with, np.round(images * 255) / np.float32(255), **more)


def matrices() -> list[Grid]:
    named = {"rows": ("x1", "x2"), "columns": tuple(f"×0.{n}5, 0.{n}5" for n in range(1, 8))}
    return [
        grid(dataset, name, shape=(2, 7), **named, row_axis="sample", column_axis="transformation")
        for dataset in ("digits", "mnist")
        for name in ("rotation", "scale")
    ]


def test_grids_survive_their_file_and_equal_grids_give_equal_bytes(tmp_path) -> None:
    grids = [grid("mnist", "scale", channels=3, shape=(2, 4)), matrices()[0]]
    save_grids(tmp_path / "a.npz", grids)
    save_grids(tmp_path / "b.npz", grids)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    for given, read in zip(grids, load_grids(tmp_path / "a.npz"), strict=True):
        np.testing.assert_allclose(read.images, given.images, atol=1e-6)
        assert (read.dataset, read.measured_with, read.rows, read.columns) == (
            given.dataset, given.measured_with, given.rows, given.columns,
        )  # fmt: skip
        assert (read.row_axis, read.column_axis) == (given.row_axis, given.column_axis)


def test_a_file_of_another_kind_is_an_error_that_names_it(tmp_path) -> None:
    np.savez(tmp_path / "other.npz", something=np.zeros(3))
    with pytest.raises(UserError, match=r"other\.npz is damaged"):
        load_grids(tmp_path / "other.npz")
    (tmp_path / "text.npz").write_text("not an archive")
    with pytest.raises(UserError, match=r"text\.npz is damaged"):
        load_grids(tmp_path / "text.npz")


def test_labels_that_do_not_fit_the_images_are_refused() -> None:
    with pytest.raises(ValueError, match="2 labels for 3 rows"):
        Grid("digits", "rotation", grid().images, rows=("x1", "x2"))
    with pytest.raises(ValueError, match="images of a grid"):
        Grid("digits", "rotation", np.zeros((3, 3, 8, 8), np.float32))


def test_a_mosaic_holds_every_image_where_it_belongs() -> None:
    images = grid(channels=3, shape=(2, 3)).images
    sheet = mosaic(images)
    assert sheet.shape == (2 * 8 + 1, 3 * 8 + 2, 3)
    np.testing.assert_array_equal(sheet[9:, 18:], np.moveaxis(images[1, 2], 0, -1))
    np.testing.assert_array_equal(sheet[8], 1)


def test_squares_stand_in_rows_of_data_sets_and_columns_of_sets() -> None:
    grids = [grid(dataset, name) for dataset in ("digits", "mnist") for name in ("rotation", "scale")]
    figure = plot(grids, entry("image_grid"), LABELS, {"digits": "MNIST"})
    assert [axes.get_title() for axes in figure.axes] == ["rotations", "scales", "", ""]
    assert [axes.get_ylabel() for axes in figure.axes] == ["Digits", "", "MNIST", ""]
    assert "stand-in data: Digits for MNIST" in [text.get_text() for text in visible_texts(figure)]


def test_matrices_name_their_samples_and_transformations_without_touching() -> None:
    figure = plot(matrices(), entry("image_grid"), LABELS, {})
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["x1", "x2"]
    assert [axes.get_title() for axes in figure.axes] == ["Digits", "MNIST", "", ""]
    assert figure.axes[-1].get_xlabel() == "transformation"
    assert clipped(figure) == []
    assert overlapping(figure) == []
    assert smallest_type(figure) >= 7


def test_rows_and_columns_of_an_entry_are_an_error() -> None:
    with pytest.raises(UserError, match="trial: image grids have no `row` and `column`"):
        plot([grid(), grid(measured_with="scale")], entry("image_grid", row="dataset"), LABELS, {})


def maps(count: int) -> list[Grid]:
    """Feature maps of so many layers, as images of 8 maps under 9 members."""
    rows = tuple(f"map {number}, NV {number / 7:.2f}" for number in range(8))
    columns = tuple(f"{angle}°" for angle in range(-176, 177, 44))
    return [
        grid("mnist", shape=(8, 9), rows=rows, columns=columns, column_axis="rotation", title=f"conv{layer}")
        for layer in range(1, count + 1)
    ]


def test_titles_survive_their_file_and_stand_above_their_panels(tmp_path) -> None:
    save_grids(tmp_path / "maps.npz", maps(3))
    read = load_grids(tmp_path / "maps.npz")
    assert [one.title for one in read] == ["conv1", "conv2", "conv3"]
    figure = plot(read, entry("image_grid"), LABELS, {})
    assert [axes.get_title() for axes in figure.axes] == ["conv1", "conv2", "conv3"]
    two = plot([*maps(1), grid("digits", title="conv1")], entry("image_grid"), LABELS, {})
    assert [axes.get_title() for axes in two.axes] == ["MNIST\nconv1", "Digits\nconv1"]


def test_runs_of_titles_stand_side_by_side_and_samples_apart() -> None:
    two_measures = [*maps(2), *maps(2)]
    figure = plot(two_measures, entry("image_grid"), LABELS, {})
    places = {axes.get_label(): axes.get_title() for axes in figure.axes}
    assert places == {f"panel ({row}, {column})": f"conv{row + 1}" for row in (0, 1) for column in (0, 1)}
    images = grid(shape=(1, 4)).images
    sheet = mosaic(images, ("0°", "90°", "0°", "90°"))
    assert sheet.shape == (8, 4 * 8 + 1 + 3 + 1, 3)
    np.testing.assert_array_equal(sheet[:, 20:28, 0], images[0, 2, 0])
    assert mosaic(images, ("0°", "30°", "60°", "90°")).shape == mosaic(images).shape == (8, 35, 3)


def test_eight_layers_of_feature_maps_are_legible_on_a_page() -> None:
    figure = plot(maps(8), entry("image_grid"), LABELS, {"mnist": "MNIST"})
    assert figure.get_figheight() < 9
    assert clipped(figure) == []
    assert overlapping(figure) == []
    assert smallest_type(figure) >= 7


def test_a_caption_of_feature_maps_says_what_their_shades_are() -> None:
    text = caption(entry("image_grid"), maps(2), LABELS)
    assert "a panel for each layer" in text and "shades" in text
