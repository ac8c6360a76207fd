"""Answers are computed: every number in them is one that the table has, and other tables give others."""

import numpy as np
import pandas as pd
import pytest
from synthetic_tables import (
    LABELS,
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

from equivariance.analysis.answers import answer, signed
from equivariance.analysis.compact import number


def said(data: pd.DataFrame, kind: str, measures: list[str] | None = None, **mapping) -> str:
    return answer(data, entry(kind, measures or ["nv"], **mapping), LABELS)


def test_the_best_and_the_worst_network_are_named_with_their_difference() -> None:
    data = accuracies(sets=("none",), models=("simple_conv", "simple_conv_bn"))
    data.loc[data["model"] == "simple_conv_bn", "accuracy"] = 0.5
    assert said(data, "bars", x="model") == (
        "On Digits the test accuracy is highest for SimpleConv (91.0 %) and lowest for SimpleConv BN "
        "(50.0 %), 41.0 points below."
    )


def test_data_sets_that_are_compared_are_in_one_sentence() -> None:
    data = accuracies(("digits", "mnist"), sets=("none",))
    data.loc[data["dataset"] == "mnist", "accuracy"] = 0.95
    assert said(data, "bars", x="model", hue="dataset") == (
        "The test accuracy is highest for MNIST (95.0 %) and lowest for Digits (91.0 %), 4.0 points below."
    )


def test_what_augmentation_gains_and_costs_is_of_pairs_of_networks() -> None:
    data = accuracies(seeds=2)
    plain = data[data["trained_with"] == "none"].assign(tested_with="rotation")
    plain["accuracy"] = [0.3, 0.2]
    data = pd.concat([data, plain])
    data.loc[(data["trained_with"] == "rotation") & (data["tested_with"] == "none"), "accuracy"] -= 0.05
    text = said(data, "bars", x="trained_with", hue="tested_with")
    # 0.80 - 0.30 and 0.81 - 0.20; 5 points less on untransformed images
    assert "by +55.5 points on average (+50.0 to +61.0 in single pairs of networks)" in text
    assert "that on untransformed images by −5.0 points" in text


def test_networks_trained_without_are_no_augmentation() -> None:
    assert "points on average" not in said(accuracies(sets=("none",)), "bars", x="tested_with")


def test_schemes_are_compared_with_all_layers_on_transformed_images() -> None:
    data = retrained(accuracies(sets=("none",)), ("conv1", "fc1", "all"))
    assert said(data, "bars", x="scheme", hue="tested_with") == (
        "On Digits, retraining all layers takes the accuracy under rotations from 40.0 % to 86.0 %; of the "
        "other schemes, conv1 comes to 90.0 % and fc1 to 88.0 %."
    )


def test_accuracies_by_angle_are_upright_and_at_the_worst() -> None:
    data = class_accuracies(accuracies(sets=("none",), seeds=1))
    assert said(data, "accuracy_heat_map", column="trained_with") == (
        "Networks that were trained without transformations reach 90.5 % at 0° and 72.5 % at the worst "
        "angle, 180°."
    )
    assert said(class_accuracies(accuracies(), angles=None), "accuracy_heat_map") == ""


def test_epochs_are_ratios_of_pairs() -> None:
    own = accuracies(sets=("none", "rotation")).query("tested_with == trained_with")
    data = histories(own)
    data.loc[data["trained_with"] == "rotation", "reached_epoch"] = 21
    data.loc[(data["trained_with"] == "rotation") & (data["seed"] == 0), "reached_epoch"] = 14
    text = said(data, "learning_curves", column="trained_with")
    assert "takes 3.00 times as many epochs" in text
    assert "in the median of 3 pairs of networks (2.00 to 3.00 times)" in text
    assert said(data[data["trained_with"] == "none"], "learning_curves") == ""


def test_whole_networks_are_compared_with_those_trained_without() -> None:
    data = networks(profiles(sets=("none", "rotation")).assign(measured_with="rotation"))
    data.loc[data["trained_with"] == "rotation", "global_layer_mean"] -= 0.25
    data.loc[(data["trained_with"] == "rotation") & (data["seed"] == 2), "global_layer_mean"] += 0.5
    text = said(data, "bars", x="model", hue="trained_with")
    assert text.startswith("In 2 of 3 pairs of networks")
    assert text.endswith("the mean difference is −0.083.")


def test_profiles_say_where_and_for_which_condition() -> None:
    data = profiles(sets=("rotation", "scale"), seeds=1)
    data.loc[data["trained_with"] == "scale", "mean"] *= 2
    means = data.groupby("trained_with")["mean"].mean()
    assert said(data, "layer_profile", hue="trained_with") == (
        "Along the network, NV is smallest at log_softmax (0.300) and largest at conv1 (1.35); its rank "
        "correlation with depth is −1.00. Averaged over layers, NV is lowest for rotations "
        f"({number(means['rotation'])}) and highest for scales ({number(means['scale'])}), 100 % more."
    )


def test_layers_of_several_models_are_told_by_their_depth() -> None:
    data = profiles(models=("simple_conv", "simple_conv_bn"), seeds=1)
    assert "smallest at 90 % of the depth" in said(data, "layer_profile", hue="model")


def test_conditions_of_other_panels_are_not_compared_with_each_other() -> None:
    ranges = {"rotation": ["rotation_a", "rotation_b"], "scale": ["scale_a", "scale_b"]}
    data = profiles(sets=("rotation", "scale"), measured_with=ranges, seeds=1)
    data.loc[data["measured_with"].str.endswith("_b"), "mean"] *= 3
    text = said(data, "layer_profile", row="trained_with", hue="measured_with")
    assert "For rotations, averaged over layers, NV is lowest for rotation a" in text
    assert "For scales, averaged over layers, NV is lowest for scale a" in text


def test_measures_are_compared_by_their_means_and_their_order_of_layers() -> None:
    data = profiles(measures=("nv", "nd"), seeds=1)
    data.loc[data["measure"] == "nd", "mean"] = 1 - data.loc[data["measure"] == "nd", "mean"]
    text = said(data, "layer_profile", ["nv", "nd"], hue="measure")
    nv, nd = (number(data[data["measure"] == measure]["mean"].mean()) for measure in ("nv", "nd"))
    assert text.startswith(f"Means over layers and conditions: NV: {nv} and ND: {nd}.")
    assert "two of these measures is −1.00 on average, and −1.00 at least" in text


def test_augmentation_changes_measures_by_per_cent() -> None:
    data = profiles(sets=("none", "rotation"), measures=("nv", "nvse"), seeds=1)
    augmented = data["trained_with"].map({"none": "not augmented", "rotation": "augmented"})
    data = data.assign(augmented=augmented, measured_with="rotation")
    data.loc[(data["augmented"] == "augmented") & (data["measure"] == "nv"), "mean"] /= 2
    text = said(data, "layer_profile", ["nv", "nvse"], hue="measure", style="augmented")
    assert text == (
        "Training with the set that is measured changes the mean over layers of NV by −50 % and NVSE by +0 %."
    )


def test_seeds_differ_by_a_relative_difference() -> None:
    data = profiles(seeds=2)
    data.loc[data["seed"] == 1, "mean"] = 3 * data[data["seed"] == 0]["mean"].to_numpy()
    assert "Profiles of two seeds differ on average by: NV 50.0 % (rank correlation 1.00)" in said(
        data, "layer_profile", row="trained_with"
    )
    assert "two seeds" not in said(profiles(seeds=1), "layer_profile")


def test_units_say_how_they_are_distributed() -> None:
    data = units(profiles(seeds=1), count=11)
    quartiles = [number(data["value"].quantile(part)) for part in (0.25, 0.75, 0.5)]
    text = said(data, "heat_map", row="dataset")
    assert text == "Half of the units have NV from {} to {}; the median is {}.".format(*quartiles)
    dead = data[data["unit"] == 0].assign(unit=99, value=np.inf)
    assert said(pd.concat([data, dead]), "heat_map", row="dataset") == text


def test_classes_are_compared() -> None:
    text = said(classed(profiles(), classes=4), "class_heat_map", column="trained_with")
    assert "lowest for 0 " in text and "highest for 3 " in text and "30 % more" in text


def test_classes_of_other_data_sets_are_not_compared_with_each_other() -> None:
    own = classed(profiles(("digits",)), classes=2)
    other = classed(profiles(("mnist",)), classes=2)
    other["class"] = other["class"].replace({"0": "cat", "1": "dog"})
    text = said(pd.concat([own, other]), "class_heat_map", row="dataset")
    assert "For Digits, averaged over layers, NV is lowest for 0 " in text
    assert "For MNIST, averaged over layers, NV is lowest for cat " in text


def test_samples_converge() -> None:
    text = said(sized(profiles(), samples=(2, 96, 384)), "relative_error_map")
    assert text.startswith("With the fewest samples and transformations, a profile differs by 20.")
    assert text.endswith("With 96 samples or more, all differences are below 5 %.")


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_rows_does_not_matter(seed: int) -> None:
    data = profiles(sets=("rotation", "scale"), measures=("nv", "nvse"))
    data.loc[data["trained_with"] == "scale", "mean"] *= 2
    panels = {"A": ["nv"], "B": ["nvse"]}
    mapping = {"panels": panels, "hue": "trained_with"}
    shuffled = data.sample(frac=1, random_state=seed)
    first, other = (said(one, "layer_profile", ["nv", "nvse"], **mapping) for one in (data, shuffled))
    assert first == other


def test_no_zero_has_a_sign_of_its_own() -> None:
    assert signed(-0.0001, 1) == "+0.0"
    assert signed(-0.0001, 1, plus=False) == "0.0"
