"""What the paper says is what the tables say."""

import numpy as np
import pandas as pd
import pytest
from looks import caption
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

from equivariance.analysis.image_grids import Grid
from equivariance.analysis.reading import network_values
from equivariance.workflow.paper import Entry, content, flat, numbers, spread

STAND_INS = {"digits": "MNIST", "mnist": ""}
SUMMARY = {
    "name": "digits",
    "source": "bundled",
    "stand_in_for": "MNIST",
    "image_shape": [1, 16, 16],
    "classes": list("0123456789"),
    "train": {"images": 1437},
    "test": {"images": 360},
}


def said(*entries: Entry, left_out: dict[str, str] | None = None):
    return content(
        "quick",
        entries,
        LABELS,
        STAND_INS,
        [SUMMARY],
        {"seeds": {"few": 3}, "images": None},
        {"numpy": "2.4.6"},
        left_out,
    )


def test_the_numbers_of_a_profile_are_means_over_layers_and_seeds() -> None:
    data = profiles(sets=("rotation", "scale"))
    table = numbers(Entry(entry("layer_profile", column="trained_with"), data, ""), LABELS)
    assert table is not None
    assert table["header"] == [
        "trained with",
        "seeds",
        "NV, mean over layers",
        "NV, last layer",
        "accuracy (%)",
    ]
    rotation = data[data["trained_with"] == "rotation"]
    over_layers = rotation.groupby("seed")["mean"].mean()
    last = rotation[rotation["layer"] == "log_softmax"]["mean"]
    accuracy = 100 * rotation.groupby("seed")["accuracy"].first()
    assert table["rows"][0] == [
        "rotations", "3",
        f"{over_layers.mean():.3f} ± {over_layers.std():.3f}", f"{last.mean():.3f} ± {last.std():.3f}",
        f"{accuracy.mean():.1f} ± {accuracy.std():.1f}",
    ]  # fmt: skip


def test_the_depth_of_layers_is_an_axis_and_no_condition() -> None:
    data = profiles(models=("simple_conv", "simple_conv_k5"))
    named, deep = (
        numbers(Entry(entry("layer_profile", hue="model", **axis), data, ""), LABELS)
        for axis in ({}, {"x": "depth"})
    )
    assert named == deep
    said = caption(entry("layer_profile", hue="model", x="depth"), data, LABELS)
    assert "depth of the layer in its network" in said
    assert "groups" not in said


def test_the_numbers_of_accuracies_are_per_cent_in_the_order_of_the_figure() -> None:
    table = numbers(Entry(entry("bars", x="trained_with", hue="tested_with"), accuracies(), ""), LABELS)
    assert table is not None
    assert table["rows"] == [
        ["untransformed", "untransformed", "3", "91.0 ± 1.0"],
        ["rotations", "untransformed", "3", "91.0 ± 1.0"],
        ["rotations", "rotations", "3", "81.0 ± 1.0"],
    ]


def test_layers_without_a_finite_value_do_not_count_in_the_mean() -> None:
    data = profiles(seeds=1)
    data.loc[data["layer"] == "conv1", "mean"] = np.nan
    values = network_values(data)
    assert values["over_layers"].iloc[0] == pytest.approx(data["mean"].mean())


def test_panels_of_several_measures_and_rows_of_several_columns_are_conditions() -> None:
    data = profiles(datasets=("digits", "mnist"), sets=("rotation", "scale"), measures=("nv", "nvse"))
    mapping = {"row": ["dataset", "trained_with"], "panels": {"Invariance": ["nv"], "Other": ["nvse"]}}
    table = numbers(Entry(entry("layer_profile", ["nv", "nvse"], **mapping), data, ""), LABELS)
    assert table is not None
    assert table["header"][:4] == ["data set", "trained with", "measure", "seeds"]
    assert len(table["rows"]) == len({tuple(row[:3]) for row in table["rows"]}) == 2 * 2 * 2


def test_samples_and_aggregations_are_not_mixed() -> None:
    data = pd.concat([profiles().assign(samples=n, mean=n) for n in (8, 64)])
    table = numbers(Entry(entry("layer_profile", hue="samples"), data, ""), LABELS)
    assert table is not None
    assert [row[2] for row in table["rows"]] == ["8.000 ± 0.000", "64.000 ± 0.000"]


def test_the_numbers_of_units_are_means_over_layers_of_means_over_finite_units() -> None:
    data = units(profiles(seeds=1))
    expected = data.groupby("layer")["value"].mean().mean()
    dead = data[data["unit"] == 0].assign(unit=99, value=np.inf)
    values = network_values(pd.concat([data, dead]))
    assert values["over_layers"].tolist() == [pytest.approx(expected)]
    table = numbers(Entry(entry("heat_map", row="dataset", column="trained_with"), data, ""), LABELS)
    assert table is not None
    assert table["rows"][0][2] == f"{expected:.3f}"


def test_classes_have_numbers_of_their_own() -> None:
    data = classed(profiles(), classes=3)
    table = numbers(Entry(entry("class_heat_map", row="dataset", column="trained_with"), data, ""), LABELS)
    assert table is not None
    assert [row[1] for row in table["rows"]] == ["0", "1", "2"]


def test_a_figure_that_prints_its_numbers_has_no_table() -> None:
    assert numbers(Entry(entry("relative_error_map"), sized(profiles()), ""), LABELS) is None


def test_the_numbers_of_schemes_come_in_the_order_of_the_figure() -> None:
    data = retrained(accuracies(sets=("none",)))
    table = numbers(Entry(entry("bars", row="dataset", x="scheme", hue="tested_with"), data, ""), LABELS)
    assert table is not None
    assert table["header"] == ["data set", "retrained layers", "tested with", "seeds", "accuracy (%)"]
    assert table["rows"][0] == ["Digits", "not retrained", "untransformed", "3", "91.0 ± 1.0"]
    assert table["rows"][1][3:] == ["3", "40.0 ± 0.0"]
    assert table["rows"][2][1:] == ["conv1", "untransformed", "3", "90.0 ± 0.0"]
    assert len(table["rows"]) == 2 * (1 + len(SCHEMES))


def test_the_numbers_of_whole_networks_are_their_three_values() -> None:
    data = networks(profiles(sets=("rotation", "scale"), seeds=1))
    table = numbers(Entry(entry("bars", x="trained_with"), data, ""), LABELS)
    assert table is not None
    assert table["header"] == [
        "trained with",
        "seeds",
        "NV, mean over layers",
        "over units",
        "over the largest fifth",
    ]
    mean = data["global_layer_mean"].iloc[0]
    assert table["rows"][1] == ["scales", "1", f"{mean:.3f}", f"{2 * mean:.3f}", f"{3 * mean:.3f}"]


def test_the_numbers_of_trainings_are_epochs_and_seconds() -> None:
    data = histories(accuracies(sets=("rotation",)), epochs=20)
    data.loc[data["seed"] == 2, "reached_epoch"] = 10
    table = numbers(Entry(entry("learning_curves", row="dataset"), data, ""), LABELS)
    assert table is not None
    assert table["header"] == [
        "data set",
        "seeds",
        "epochs to 99 %",
        "seconds to 99 %",
        "epochs",
        "seconds",
    ]
    assert table["rows"] == [["Digits", "3", "8.0 ± 1.7", "14.0 ± 0.0", "20", "40.0 ± 0.0"]]


def test_the_numbers_of_angles_are_means_over_classes_upright_and_at_the_worst_angle() -> None:
    tested = accuracies(sets=("rotation",), seeds=1).query("tested_with == 'rotation'")
    mapping = entry("accuracy_heat_map", row="dataset")
    table = numbers(Entry(mapping, class_accuracies(tested), ""), LABELS)
    assert table is not None
    assert table["header"][2:] == ["accuracy at 0° (%)", "lowest accuracy of an angle (%)"]
    assert table["rows"] == [["Digits", "1", "90.5", "72.5"]]  # 95 - 4.5, and 18 less at 180 degrees
    assert numbers(Entry(mapping, class_accuracies(tested, angles=None), ""), LABELS) is None


def test_the_numbers_of_distributions_are_those_of_units() -> None:
    data = units(profiles(sets=("none", "rotation"), seeds=1).assign(measured_with="rotation"))
    entries = [entry(kind, **more) for kind, more in (
        ("distribution", {"hue": "trained_with"}), ("heat_map", {"row": "trained_with"}),
    )]  # fmt: skip
    assert numbers(Entry(entries[0], data, ""), LABELS) == numbers(Entry(entries[1], data, ""), LABELS)


def test_networks_without_an_accuracy_have_a_dash() -> None:
    data = profiles(models=("simple_conv", "regression"), seeds=2)
    data.loc[data["model"] == "regression", "accuracy"] = np.nan
    table = numbers(Entry(entry("layer_profile", hue="model"), data, ""), LABELS)
    assert table is not None
    assert [row[-1] for row in table["rows"]] == ["90.5 ± 0.7", "–"]


def test_one_seed_has_no_spread() -> None:
    assert spread(pd.Series([0.25]), 2) == "0.25"
    assert spread(pd.Series([1.0, 3.0]), 1) == "2.0 ± 1.4"


def test_chapters_come_in_the_order_of_the_entries() -> None:
    one, other = entry("layer_profile"), entry("bars", x="trained_with", hue="tested_with")
    result = said(
        Entry({**one, "name": "a", "chapter": "First"}, profiles(), "a.pdf"),
        Entry({**other, "name": "b", "chapter": "Second"}, accuracies(), "b.pdf"),
        Entry({**one, "name": "c", "chapter": "First"}, profiles(seeds=5), "c.pdf"),
    )
    assert [(c["title"], [s["name"] for s in c["sections"]]) for c in result["chapters"]] == [
        ("First", ["a", "c"]), ("Second", ["b"]),
    ]  # fmt: skip


def test_the_abstract_counts_each_network_once() -> None:
    result = said(
        Entry(entry("layer_profile"), profiles(seeds=3), "a.pdf"),
        Entry(
            entry("bars", x="trained_with", hue="tested_with"),
            accuracies(sets=("none", "rotation"), seeds=2),
            "b.pdf",
        ),
    )["abstract"]
    assert result["networks"] == 3 + 2
    assert result["measurements"] == 3
    assert result["seeds"] == "2 to 3"
    assert result["trained"] == "trained with 1 set of transformations and trained without transformations"
    assert result["datasets"] == "Digits"


def test_the_abstract_counts_retrained_networks_as_networks() -> None:
    data = retrained(accuracies(sets=("none",), seeds=2), ("conv1", "all"))
    mapping = entry("bars", x="scheme", hue="tested_with")
    result = said(Entry(mapping, data, "a.pdf"))
    assert result["abstract"]["networks"] == 2 * 3
    assert result["abstract"]["seeds"] == "2"
    assert result["abstract"]["trained"] == (
        "trained without transformations and retrained with some layers frozen"
    )
    assert result["networks"]["rows"] == [
        ["Digits", "SimpleConv", "untransformed", "not retrained", "not retrained", "0–1"],
        ["Digits", "SimpleConv", "untransformed", "rotations", "conv1", "0–1"],
        ["Digits", "SimpleConv", "untransformed", "rotations", "all", "0–1"],
    ]


def test_experiments_that_the_run_lacks_are_named_with_the_reason() -> None:
    one = Entry(entry("layer_profile"), profiles(), "a.pdf")
    assert said(one)["left_out"] == []
    assert said(one, left_out={"Transfer": "no weights"})["left_out"] == [
        {"title": "Transfer", "reason": "no weights"}
    ]


def test_stand_ins_and_data_sets_of_the_run_are_named() -> None:
    result = said(Entry(entry("layer_profile"), profiles(), "a.pdf"))
    assert result["stand_ins"] == [{"name": "Digits", "stands_for": "MNIST"}]
    row = ["Digits", "1 × 16 × 16", "10", "1,437", "360", "stand-in for MNIST", "bundled"]
    assert result["datasets"]["rows"] == [row]
    assert said(Entry(entry("layer_profile"), profiles(("mnist",)), "a.pdf"))["stand_ins"] == []


def test_the_networks_are_listed_with_their_seeds() -> None:
    gap = profiles(seeds=5)
    result = said(Entry(entry("layer_profile"), gap[gap["seed"] != 3], "a.pdf"))
    assert result["networks"]["rows"] == [["Digits", "SimpleConv", "rotations", "0–2, 4"]]


def test_images_have_a_section_without_numbers() -> None:
    grid = Grid("digits", "rotation", np.zeros((1, 1, 1, 4, 4), np.float32))
    (section,) = said(Entry(entry("image_grid"), [grid], "a.pdf"))["chapters"][0]["sections"]
    assert section["table"] is None and "Images of Digits" in section["caption"]


def test_settings_are_written_out() -> None:
    assert flat({"a": {"b": [1, 2], "c": None}, "d": 0.5}) == [("a.b", "1, 2"), ("a.c", "none"), ("d", "0.5")]
