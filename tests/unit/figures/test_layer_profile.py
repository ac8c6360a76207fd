"""Layer profiles show every condition, layer and seed that their table has, and stay legible."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from looks import (
    caption,
    clipped,
    legend_over_data,
    legend_texts,
    legends,
    mean_lines,
    overlapping,
    panels,
    plot,
    smallest_type,
    visible_texts,
)
from synthetic_tables import LABELS, LAYERS, entry, profiles, value

from equivariance.analysis.profiles import merged_layers
from equivariance.errors import UserError
from equivariance.figures.layers import KINDS, kind_entries, named_layers
from equivariance.figures.style import CATEGORIES, TEXT_WIDTH
from equivariance.models.layers import KINDS as LAYER_KINDS

STAND_INS = {"digits": "MNIST", "patches": "CIFAR10", "mnist": ""}


def draw(data, **mapping):
    return plot(data, entry("layer_profile", **mapping), LABELS, STAND_INS)


def test_a_line_is_the_mean_over_seeds_in_the_order_of_the_layers() -> None:
    figure = draw(profiles(seeds=3).sample(frac=1, random_state=0))
    (line,) = mean_lines(figure.axes[0])
    np.testing.assert_allclose(line.get_xdata(), range(len(LAYERS)))
    np.testing.assert_allclose(line.get_ydata(), [value(1, index) for index in range(len(LAYERS))])
    names = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert names == [layer for layer, _ in LAYERS]


def test_lone_lines_show_each_seed_and_several_lines_show_a_band_from_smallest_to_largest() -> None:
    alone = draw(profiles(seeds=4))
    assert sum(line.get_label().startswith("_seed") for line in alone.axes[0].get_lines()) == 4
    assert {"one seed", "mean over seeds"} <= set(legend_texts(alone))
    several = draw(profiles(models=("simple_conv", "simple_conv_k5"), seeds=4), hue="model")
    bands = [band for band in several.axes[0].collections if band.get_label() == "_band"]
    assert len(bands) == 2
    corners = bands[0].get_paths()[0].vertices
    at_first = corners[corners[:, 0] == 0][:, 1]
    assert (at_first.min(), at_first.max()) == pytest.approx((value(0, 0), value(3, 0)))


def test_a_single_seed_has_neither_band_nor_thin_lines() -> None:
    axes = draw(profiles(seeds=1)).axes[0]
    assert not axes.collections
    assert [line.get_label() for line in axes.get_lines() if line.get_label() == "_seed"] == []


def test_a_line_skips_the_layers_its_network_lacks() -> None:
    data = profiles(models=("simple_conv", "simple_conv_bn"))
    layers = merged_layers(data)
    assert [layer for layer, _ in layers][:4] == ["conv1", "conv1_bn", "conv1_act", "pool1"]
    plain, normalized = mean_lines(draw(data, hue="model").axes[0])
    assert len(normalized.get_xdata()) == len(layers)
    assert list(plain.get_xdata())[:3] == [0, 2, 3]


def test_by_depth_layers_stand_where_they_lie_in_their_own_network() -> None:
    data = profiles(models=("simple_conv", "simple_conv_bn"))
    axes = draw(data, hue="model", x="depth").axes[0]
    for line, model in zip(mean_lines(axes), ("simple_conv", "simple_conv_bn"), strict=True):
        depths = sorted(set(100 * data[data["model"] == model]["depth"]))
        np.testing.assert_allclose(line.get_xdata(), depths)
    assert axes.get_xlim() == (-2, 102)
    assert axes.get_xlabel() == "depth of the layer (%)"
    assert not axes.patches  # no kinds of layers, which differ


def test_the_y_axis_ends_at_1_4_unless_values_exceed_it_and_1_is_marked() -> None:
    axes = draw(profiles()).axes[0]
    assert axes.get_ylim() == (0, 1.4)
    assert any(line.get_label() == "_one" and set(line.get_ydata()) == {1} for line in axes.get_lines())
    high = profiles().assign(mean=lambda rows: rows["mean"] + 1)
    assert draw(high).axes[0].get_ylim()[1] == pytest.approx(1.05 * (value(2, 0) + 1))


def test_all_panels_of_a_normalized_measure_share_their_y_axis() -> None:
    data = profiles(datasets=("digits", "patches"), sets=("rotation", "scale"))
    data.loc[data["dataset"] == "patches", "mean"] += 1
    figure = draw(data, row="dataset", column="measured_with")
    assert len({axes.get_ylim() for axes in figure.axes}) == 1
    assert len(figure.axes) == 4


def test_measures_with_a_unit_start_at_zero_and_have_no_mark_at_1() -> None:
    figure = plot(
        profiles(measures=("tv", "sv")),
        entry("layer_profile", ("tv", "sv"), hue="measure"),
        LABELS,
        STAND_INS,
    )
    assert not [line for line in figure.axes[0].get_lines() if line.get_label() == "_one"]
    assert {"TV", "SV"} <= set(legend_texts(figure))


def test_savepoints_are_steps_of_one_ramp() -> None:
    data = profiles(sets=("rotation", "scale"), savepoints=("0", "30", "final"))
    figure = draw(data, column="trained_with", hue="savepoint")
    assert legend_texts(figure)[-3:] == ["0 % of training", "30 % of training", "trained"]
    shades = [line.get_color() for line in mean_lines(figure.axes[0])]
    assert len(set(shades)) == 3 and not set(shades) & set(CATEGORIES)


def test_columns_with_levels_of_their_own_get_a_legend_each() -> None:
    measured = {"rotation": ["rotation_8", "rotation_16"], "scale": ["scale_8", "scale_16"]}
    labels = {
        "rotation_8": "8 rotations",
        "rotation_16": "16 rotations",
        "scale_8": "7 scales",
        "scale_16": "13 scales",
    }
    data = profiles(sets=("rotation", "scale"), measured_with=measured)
    figure = plot(data, entry("layer_profile", column="trained_with", hue="measured_with"), labels, STAND_INS)
    entries = [[text.get_text() for text in legend.get_texts()] for legend in legends(figure)]
    assert ["8 rotations", "16 rotations"] in entries and ["7 scales", "13 scales"] in entries
    shades = [[line.get_color() for line in mean_lines(axes)] for axes in figure.axes]
    assert shades[0] == shades[1] and not set(shades[0]) & set(CATEGORIES)


def test_dashes_tell_the_style_apart() -> None:
    data = profiles(sets=("none", "rotation"), measured_with={"none": ["rotation"]})
    figure = draw(data, style="trained_with")
    assert len({line.get_linestyle() for line in mean_lines(figure.axes[0])}) == 2
    assert {"untransformed", "rotations"} <= set(legend_texts(figure))


def test_a_condition_that_nothing_tells_apart_is_an_error_that_names_it() -> None:
    with pytest.raises(UserError, match=r"trial: model takes several values \(simple_conv, simple_conv_bn\)"):
        draw(profiles(models=("simple_conv", "simple_conv_bn")))


def test_a_set_that_follows_the_trained_one_need_not_be_mapped() -> None:
    figure = draw(profiles(sets=("rotation", "scale")), column="trained_with")
    assert [axes.get_title() for axes in figure.axes] == ["rotations", "scales"]


def test_stand_in_data_say_so_on_the_face_of_the_figure_and_real_data_do_not() -> None:
    texts = [text.get_text() for text in visible_texts(draw(profiles(("digits", "patches")), row="dataset"))]
    assert "stand-in data: Digits for MNIST, Patches for CIFAR10" in texts
    real = [text.get_text() for text in visible_texts(draw(profiles(("mnist",))))]
    assert not any("stand-in" in text for text in real)


@pytest.mark.parametrize("columns", [1, 3, 4])
def test_nothing_is_clipped_covered_or_too_small_to_read(columns: int) -> None:
    sets = ("rotation", "scale", "translation", "combined")[:columns]
    data = profiles(("digits", "patches"), ("simple_conv", "simple_conv_bn"), sets)
    figure = draw(data, row="dataset", column="trained_with", hue="model")
    assert figure.get_figwidth() == TEXT_WIDTH
    assert smallest_type(figure) >= 7
    assert clipped(figure) == []
    assert overlapping(figure) == []
    assert not legend_over_data(figure)


def test_as_many_layers_are_named_as_can_be_read() -> None:
    layers = [("conv", "conv"), ("act", "activation")] * 8 + [("pool", "pool"), ("fc", "linear")]
    assert named_layers(layers, 5.0) == list(range(18))
    assert named_layers(layers, 2.0) == [*range(0, 16, 2), 16, 17]
    assert named_layers(layers, 1.0) == [*range(0, 16, 2), 17]
    few = named_layers(layers, 0.5)
    assert few and all((b - a) * 0.5 / 18 >= 7 / 72 for a, b in pairwise(few))
    assert named_layers([("block", "other")] * 40, 2.0)[0] == 0  # no layer with weights of its own


def test_each_kind_of_layer_has_a_tint_of_its_own_and_unknown_ones_are_other() -> None:
    tints = [tint for _, tint in KINDS.values()]
    assert len(set(tints)) == len(tints)
    assert {"add", "concatenate", *LAYER_KINDS, "other"} <= set(KINDS)
    assert list(kind_entries([("join", "add"), ("gate", "gate")])) == ["sum", "other"]


def test_networks_whose_floors_differ_by_rounding_share_a_line() -> None:
    data = pd.concat([floored().assign(model=model) for model in ("simple_conv", "simple_conv_k5")])
    later = (data["model"] == "simple_conv_k5") & (data["measure"] == "nvse_floor")
    data.loc[later, "mean"] *= 1 + 1e-9
    figure = plot(
        data, entry("layer_profile", ("nvse",), column="trained_with", hue="model"), LABELS, STAND_INS
    )
    for axes in figure.axes:
        assert sum(line.get_label() == "_floor" for line in axes.get_lines()) == 1


PANELS = {"Variance": ["tv", "sv"], "Ratios": ["nv", "nd_keep"], "Same-equivariance": ["nvse"]}
MEASURES = ("tv", "sv", "nv", "nd_keep", "nvse")


def panelled(datasets=("digits", "mnist"), sets=("rotation", "scale"), seeds=3):
    """Networks with and without augmentation, measures that are orders of magnitude apart."""
    data = pd.concat(
        [
            profiles(datasets, sets=sets, measures=MEASURES, seeds=seeds).assign(augmented=text)
            for text in ("not augmented", "augmented")
        ]
    )
    return data.assign(mean=data["mean"] * data["measure"].map({"tv": 50, "sv": 200}).fillna(1))


def draw_panels(data, **mapping):
    mapping = {"panels": PANELS, "row": ["dataset", "trained_with"], "style": "augmented", **mapping}
    return plot(data, entry("layer_profile", MEASURES, **mapping), LABELS, STAND_INS)


def test_each_column_of_panels_has_its_measures_its_axis_and_its_legend() -> None:
    figure = draw_panels(panelled())
    assert len(panels(figure)) == 4 * 3
    first = panels(figure)[:3]
    assert [axes.get_title().strip() for axes in first] == list(PANELS)
    assert [len(mean_lines(axes)) for axes in first] == [4, 4, 2]
    assert first[0].get_ylim() == (0, pytest.approx(1.05 * 200 * value(2, 0)))
    assert first[1].get_ylim() == first[2].get_ylim() == (0, 1.4)
    entries = [[text.get_text() for text in legend.get_texts()] for legend in legends(figure)]
    assert [one for one in entries if len(one) < 3] == [["TV", "SV"], ["NV", "ND, whole maps"], ["NVSE"]]
    assert [axes.get_ylabel() for axes in first] == ["TV, SV", "NV, ND", "NVSE"]


def test_augmented_networks_are_solid_and_others_dashed_whatever_comes_first() -> None:
    texts = {
        text.get_text(): handle.get_linestyle()
        for legend in legends(draw_panels(panelled()))
        for text, handle in zip(legend.get_texts(), legend.legend_handles, strict=True)
        if text.get_text().startswith("trained")
    }
    assert texts == {"trained with the set": "-", "trained without": "--"}


def test_rows_of_two_columns_are_the_combinations_that_occur() -> None:
    data = panelled()
    data = data[(data["dataset"] == "digits") | (data["trained_with"] == "scale")]
    titles = [axes.texts[0].get_text() for axes in draw_panels(data).axes if axes.texts]
    assert [" ".join(title.split()) for title in titles] == [
        "Digits, rotations",
        "Digits, scales",
        "MNIST, scales",
    ]


def test_panels_take_the_place_of_columns() -> None:
    with pytest.raises(UserError, match="give `panels` or `column`, not both"):
        draw_panels(panelled(), column="dataset")


def test_a_column_that_the_table_lacks_is_an_error() -> None:
    with pytest.raises(UserError, match="its table has no column aggregation"):
        draw(profiles(), hue="aggregation")


@pytest.mark.parametrize("column", ["samples", "aggregation", "augmented"])
def test_new_conditions_must_be_told_apart_too(column: str) -> None:
    values = {"samples": (50, 500), "aggregation": ("none", "before_max"), "augmented": ("augmented", "no")}
    data = pd.concat([profiles().assign(**{column: given}) for given in values[column]])
    with pytest.raises(UserError, match=f"{column} takes several values"):
        draw(data)
    assert len(mean_lines(draw(data, hue=column).axes[0])) == 2


def floored():
    data = profiles(sets=("rotation", "scale"), measures=("nvse",))
    floor = data[data["kind"] == "conv"].assign(measure="nvse_floor")
    return pd.concat([data, floor.assign(mean=floor["trained_with"].map({"rotation": 0.1, "scale": 0.2}))])


def test_floors_are_baselines_of_their_panel_and_no_conditions() -> None:
    experiment = entry("layer_profile", ("nvse",), column="trained_with")
    figure = plot(floored(), experiment, LABELS, STAND_INS)
    for axes, level in zip(figure.axes, (0.1, 0.2), strict=True):
        assert len(mean_lines(axes)) == 1
        (line,) = (line for line in axes.get_lines() if line.get_label() == "_floor")
        assert list(line.get_ydata()) == pytest.approx([level, level])  # of the convolutions
    assert "resampling floor" in legend_texts(figure)
    assert "resampling floor" in caption(experiment, floored(), LABELS)
    without = profiles(sets=("rotation", "scale"), measures=("nvse",))
    assert "resampling floor" not in caption(experiment, without, LABELS)


def test_rows_with_levels_of_their_own_get_a_legend_each() -> None:
    measured = {"rotation": ["rotation_8", "rotation_16"], "scale": ["scale_8", "scale_16"]}
    data = profiles(sets=("rotation", "scale"), measured_with=measured, measures=MEASURES)
    figure = draw_panels(
        data, row="trained_with", hue="measured_with", style=None, panels={"a": ["nv"], "b": ["nvse"]}
    )
    entries = [[text.get_text() for text in legend.get_texts()] for legend in legends(figure)]
    assert [one for one in entries if len(one) == 2] == [
        ["rotation 8", "rotation 16"],
        ["scale 8", "scale 16"],
    ]
    assert [axes.get_ylabel() for axes in figure.axes] == ["NV", "NVSE"] * 2


@pytest.mark.parametrize("hue", ["measure", "savepoint"])
def test_panels_of_many_rows_are_legible_on_a_page(hue: str) -> None:
    sets = ("rotation", "scale", "translation", "combined")
    if hue == "measure":
        data, shown = panelled(sets=sets, seeds=1), {"Variance": ["tv", "sv"], "Ratios": ["nv", "nd_keep"]}
    else:
        data = profiles(("digits", "mnist"), sets=sets, measures=MEASURES, savepoints=("0", "final"), seeds=1)
        shown = {"Variance": ["nv"], "Distance": ["nd_keep"]}
    style = "augmented" if hue == "measure" else None
    figure = draw_panels(data, panels=shown, hue=hue, style=style)
    assert figure.get_figheight() < 9
    assert smallest_type(figure) >= 7
    assert clipped(figure) == []
    assert overlapping(figure) == []
    assert not legend_over_data(figure)


def outlying(times: float):
    """Three models, the last of which has values so many times as large in its last two layers."""
    data = profiles(models=("simple_conv", "simple_conv_k5", "simple_conv_k7"), seeds=1)
    far = (data["model"] == "simple_conv_k7") & (data["layer_index"] >= 6)
    return data.assign(mean=data["mean"].where(~far, times * data["mean"]))


def test_a_condition_without_a_finite_value_has_no_line_and_the_others_are_drawn() -> None:
    data = profiles(sets=("rotation", "scale"))
    data.loc[data["trained_with"] == "scale", "mean"] = float("nan")
    figure = plot(data, entry("layer_profile", row="dataset", hue="trained_with"), LABELS, {})
    lines = [line for axes in panels(figure) for line in axes.get_lines() if len(line.get_xydata())]
    assert [line.get_label() for line in lines if not line.get_label().startswith("_")] == ["rotation"]


def test_a_line_that_would_flatten_all_others_is_cut_and_its_largest_value_is_written() -> None:
    figure = draw(outlying(5000), hue="model")
    axes = figure.axes[0]
    assert axes.get_ylim() == (0, 1.4)
    largest = 5000 * value(0, 6)
    (mark,) = (text for text in axes.texts if "▲" in text.get_text())
    assert mark.get_text() == f"▲ {largest:,.0f}"
    assert mark.xy[0] == 6 and mark.get_color() == mean_lines(axes)[2].get_color()
    assert clipped(figure) == [] and overlapping(figure) == []
    said = "Lines with an arrow leave their panel: the number is their largest value."
    assert said in caption(entry("layer_profile", hue="model"), outlying(5000), LABELS)
    assert said not in caption(entry("layer_profile", hue="model"), outlying(5), LABELS)


def test_values_that_are_large_but_not_far_are_shown_whole() -> None:
    axes = draw(outlying(20), hue="model").axes[0]
    assert axes.get_ylim()[1] == pytest.approx(1.05 * 20 * value(0, 6))
    assert not any("▲" in text.get_text() for text in axes.texts)


def test_titles_of_rows_stay_on_a_line_however_long_they_are() -> None:
    long = {"digits": "Digits with a long name", "rotation": "rotations by sixteen angles of a whole turn"}
    data = profiles(sets=("rotation", "scale"), measures=("nv", "nvse"), seeds=1)
    mapping = {"row": ["dataset", "trained_with"], "panels": {"Invariance": ["nv"], "Other": ["nvse"]}}
    figure = plot(data, entry("layer_profile", ("nv", "nvse"), **mapping), {**LABELS, **long}, STAND_INS)
    titles = [text for axes in panels(figure) for text in axes.texts]
    assert titles[0].get_text() == ", ".join(long.values())
    assert not any("\n" in text.get_text() or text.get_rotation() for text in titles)
    assert clipped(figure) == [] and overlapping(figure) == []


def test_fifty_layers_and_five_seeds_stay_legible() -> None:
    layers = pd.DataFrame({"layer": [f"block{index}_conv" for index in range(50)], "layer_index": range(50)})
    layers = layers.assign(kind=["conv", "activation"] * 25, depth=layers["layer_index"] / 49)
    networks = profiles(("digits", "mnist"), sets=("rotation", "scale", "combined"), seeds=5)
    networks = networks.drop(columns=["layer", "layer_index", "kind", "depth"]).drop_duplicates()
    data = networks.groupby([name for name in networks if name != "mean"], as_index=False)["mean"].first()
    data = data.merge(layers, how="cross")
    figure = draw(data, row="dataset", column="trained_with")
    assert clipped(figure) == [] and overlapping(figure) == []
    assert figure.get_figheight() < 9 and smallest_type(figure) >= 7
