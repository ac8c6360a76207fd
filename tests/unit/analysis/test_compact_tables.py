"""Compact tables: conditions as rows, what is compared as columns, at most 15 rows."""

import numpy as np
import pandas as pd
import pytest
from synthetic_tables import (
    LABELS,
    SCHEMES,
    accuracies,
    class_accuracies,
    classed,
    entry,
    histories,
    networks,
    profiles,
    retrained,
    sized,
    units,
)

from equivariance.analysis.compact import ROWS, WIDTH, CompactTable, compact, digits_of, spread_text
from equivariance.analysis.reading import network_values
from equivariance.measures.names import FLOOR


def made(data: pd.DataFrame, kind: str, measures: list[str] | None = None, **mapping) -> CompactTable:
    table = compact(data, entry(kind, measures or ["nv"], **mapping), LABELS)
    assert table is not None
    return table


def test_a_single_condition_has_rows_with_means_over_layers_and_seeds() -> None:
    data = profiles(sets=("rotation", "scale"))
    table = made(data, "layer_profile", column="trained_with")
    assert (table.names, table.columns) == (
        ["trained with"],
        ["mean over layers", "last layer", "accuracy (%)"],
    )
    assert table.groups == []
    rotation = data[data["trained_with"] == "rotation"]
    over_layers = rotation.groupby("seed")["mean"].mean()
    last = rotation[rotation["layer"] == "log_softmax"]["mean"]
    accuracy = 100 * rotation.groupby("seed")["accuracy"].first()
    assert table.rows[0] == [
        "rotations",
        *(spread_text(values) for values in (over_layers, last)),
        spread_text(accuracy, 1),
    ]
    assert table.caption == "NV. Means over 3 seeds, ± their standard deviation."


def test_what_is_compared_becomes_columns_and_accuracies_are_per_cent() -> None:
    table = made(accuracies(), "bars", x="trained_with", hue="tested_with")
    assert table.groups == [("tested with", 2)]
    assert table.columns == ["untransformed", "rotations"]
    assert table.rows == [["untransformed", "91.0 ± 1.0", "–"], ["rotations", "91.0 ± 1.0", "81.0 ± 1.0"]]


def test_several_measures_are_groups_of_columns() -> None:
    data = profiles(models=("simple_conv", "simple_conv_bn"), measures=("nv", "nvse"), seeds=1)
    panels = {"Invariance": ["nv"], "Other": ["nvse"]}
    table = made(data, "layer_profile", ["nv", "nvse"], panels=panels, hue="model")
    assert table.groups == [("NV", 2), ("NVSE", 2), ("", 1)]
    assert table.columns == [*["mean over layers", "last layer"] * 2, "accuracy (%)"]
    assert [row[0] for row in table.rows] == ["SimpleConv", "SimpleConv BN"]
    assert table.caption == "One network for each condition."


def test_measures_that_no_panel_shows_and_floors_are_left_out() -> None:
    data = profiles(measures=("nv", f"nv{FLOOR}", "nvse", "sd"))
    table = made(data, "layer_profile", ["nv", "nvse", "sd"], panels={"A": ["nv"], "B": ["nvse"]})
    assert [row[0] for row in table.rows] == ["NV", "NVSE"]


def test_accuracies_stand_only_where_columns_are_of_one_network() -> None:
    data = profiles(sets=("rotation", "scale"), models=("simple_conv", "simple_conv_bn"))
    table = made(data, "layer_profile", row="trained_with", hue="model")
    assert "accuracy (%)" not in table.columns


def test_two_conditions_become_columns_where_one_leaves_too_many_rows() -> None:
    data = retrained(accuracies(("digits", "mnist"), sets=("none",)))
    table = made(data, "bars", row="dataset", x="scheme", hue="tested_with")
    assert table.groups == [("Digits", 2), ("MNIST", 2)]
    assert table.columns == ["untransformed", "rotations"] * 2
    assert len(table.rows) == 1 + len(SCHEMES)
    assert table.rows[0] == ["not retrained", *["91.0 ± 1.0", "40.0 ± 0.0"] * 2]
    assert table.caption.endswith("Columns: data set and tested with.")


def test_what_does_not_fit_is_averaged_over_the_facet_with_the_fewest_values_and_said() -> None:
    data = pd.concat([
        accuracies(("digits", "mnist"), models=(f"model_{index}",), sets=("none", "a", "b", "c", "d", "e"))
        for index in range(8)
    ])  # fmt: skip
    data["accuracy"] = np.where(data["dataset"] == "digits", 0.5, 0.7)
    data = data[data["tested_with"] == data["trained_with"]]
    table = made(data, "bars", row="dataset", x="model", hue="trained_with")
    assert table.caption.endswith("Averaged over: data set.")
    assert (len(table.rows), len(table.columns)) == (8, 6)
    assert {cell for row in table.rows for cell in row[1:]} == {"60.0 ± 0.0"}


def test_measures_are_never_averaged() -> None:
    names = ["tv", "sv", "td", "sd", "nv", "nd", "nvse", "ndse"]
    data = profiles(sets=("rotation", "scale", "none"), measures=names, seeds=1)
    data = data.assign(augmented=np.where(data["trained_with"] == "none", "not augmented", "augmented"))
    table = made(data, "layer_profile", names, row="trained_with", hue="measure")
    assert len(table.rows) == len(names)


@pytest.mark.parametrize("sets", [2, 4, 9, 20])
@pytest.mark.parametrize("models", [1, 3, 7])
@pytest.mark.parametrize("measures", [["nv"], ["nv", "nvse"], ["nv", "nd", "nvse"]])
def test_tables_are_at_most_fifteen_rows_high_and_six_numbers_wide(
    sets: int, models: int, measures: list[str]
) -> None:
    data = profiles(
        ("digits", "mnist"),
        [f"model_{index}" for index in range(models)],
        [f"set_{index}" for index in range(sets)],
        seeds=1,
        measures=measures,
    )
    panels = {name: [name] for name in measures}
    table = made(data, "layer_profile", measures, row=["dataset", "trained_with"], panels=panels, hue="model")
    assert len(table.rows) <= ROWS
    assert len(table.columns) <= WIDTH
    assert {len(row) for row in table.rows} == {len(table.names) + len(table.columns)}
    assert sum(count for _, count in table.groups) in (0, len(table.columns))


def test_the_order_of_the_rows_of_a_table_does_not_matter() -> None:
    data = profiles(sets=("rotation",), models=("simple_conv",), savepoints=("0", "30", "final"))
    mapping = entry("layer_profile", hue="savepoint")
    shuffled = data.sample(frac=1, random_state=1)
    assert compact(data, mapping, LABELS) == compact(shuffled, mapping, LABELS)


def test_samples_are_not_mixed() -> None:
    data = pd.concat([profiles().assign(samples=n, mean=n) for n in (8, 64)])
    assert [row[1] for row in made(data, "layer_profile", hue="samples").rows] == [
        "8.00 ± 0.00",
        "64.0 ± 0.0",
    ]


def test_the_depth_of_layers_is_an_axis_and_no_condition() -> None:
    data = profiles(models=("simple_conv", "simple_conv_k5"))
    named = made(data, "layer_profile", hue="model")
    assert named == made(data, "layer_profile", hue="model", x="depth")


def test_layers_without_a_finite_value_do_not_count_in_the_mean() -> None:
    data = profiles(seeds=1)
    data.loc[data["layer"] == "conv1", "mean"] = np.nan
    values = network_values(data)
    assert values["over_layers"].iloc[0] == pytest.approx(data["mean"].mean())


def test_the_numbers_of_units_are_means_over_layers_of_means_over_finite_units() -> None:
    data = units(profiles(seeds=1))
    expected = data.groupby("layer")["value"].mean().mean()
    dead = data[data["unit"] == 0].assign(unit=99, value=np.inf)
    table = made(pd.concat([data, dead]), "heat_map", row="dataset", column="trained_with")
    assert table.rows[0][:2] == ["Digits", f"{expected:.3f}"]


def test_classes_are_summed_up_by_their_mean_and_extremes() -> None:
    data = classed(profiles(seeds=1), classes=3)
    table = made(data, "class_heat_map", row="dataset", column="trained_with")
    mean = profiles(seeds=1)["mean"].mean()
    assert table.columns[:3] == [
        "mean over layers, mean of the classes", "smallest of the classes", "largest of the classes",
    ]  # fmt: skip
    assert table.rows[0][1:4] == [spread_text(pd.Series([mean * factor])) for factor in (1.1, 1.0, 1.2)]


def test_a_figure_that_prints_its_numbers_has_no_table() -> None:
    assert compact(sized(profiles()), entry("relative_error_map"), LABELS) is None


def test_whole_networks_have_three_values() -> None:
    data = networks(profiles(sets=("rotation", "scale"), seeds=1))
    table = made(data, "bars", x="trained_with")
    assert table.columns == [
        "mean over layers",
        "mean over units",
        "mean over the largest fifth of the units",
    ]
    mean = data["global_layer_mean"].iloc[0]
    assert table.rows[1] == ["scales", *(spread_text(pd.Series([mean * factor])) for factor in (1, 2, 3))]


def test_the_numbers_of_trainings_are_epochs_seconds_and_the_accuracy() -> None:
    data = histories(accuracies(sets=("rotation",)), epochs=20)
    data.loc[data["seed"] == 2, "reached_epoch"] = 10
    table = made(data, "learning_curves", row="dataset")
    assert table.columns == ["epochs to 99 %", "seconds to 99 %", "epochs", "test accuracy (%)"]
    assert table.rows == [["Digits", "8.0 ± 1.7", "14.0 ± 0.0", "20.0 ± 0.0", "99.0 ± 1.0"]]


def test_the_numbers_of_angles_are_means_over_classes_upright_and_at_the_worst_angle() -> None:
    tested = accuracies(sets=("rotation",), seeds=1).query("tested_with == 'rotation'")
    table = made(class_accuracies(tested), "accuracy_heat_map", row="dataset")
    assert table.columns == ["accuracy at 0° (%)", "accuracy at the worst angle (%)"]
    assert table.rows == [["Digits", "90.5", "72.5"]]  # 95 - 4.5, and 18 less at 180 degrees
    table = made(class_accuracies(tested, angles=None), "accuracy_heat_map", row="dataset")
    assert table.columns == ["test accuracy (%)"]


def test_networks_without_an_accuracy_have_a_dash() -> None:
    data = profiles(models=("simple_conv", "regression"), seeds=2)
    data.loc[data["model"] == "regression", "accuracy"] = np.nan
    assert [row[-1] for row in made(data, "layer_profile", hue="model").rows] == ["90.5 ± 0.7", "–"]


def test_one_seed_has_no_spread() -> None:
    assert spread_text(pd.Series([0.25]), 2) == "0.25"
    assert spread_text(pd.Series([1.0, 3.0]), 1) == "2.0 ± 1.4"


@pytest.mark.parametrize(
    ("value", "digits"),
    [(1234.5, 0), (12.3, 1), (1.0, 2), (0.5, 3), (-0.05, 4), (1e-9, 5), (0, 0), (np.inf, 0)],
)
def test_means_have_three_significant_digits(value: float, digits: int) -> None:
    assert digits_of(value) == digits
