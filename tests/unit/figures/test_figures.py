"""The kinds of figures, what they read, how they are saved, and what they say of themselves."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from synthetic_tables import LABELS, accuracies, classed, entry, networks, profiles

from equivariance import figures
from equivariance.errors import UserError
from equivariance.figures.captions import caption, join
from equivariance.figures.reading import read
from equivariance.figures.style import colors, markers, save
from equivariance.figures.tables import display, levels, ordered

HERE = Path(__file__).resolve().parent
SCRIPTS = HERE.parents[2] / "workflow_scripts"


@pytest.mark.parametrize("kind", figures.KINDS)
def test_each_kind_is_a_module_that_says_what_it_draws(kind: str) -> None:
    module = figures.module(kind)
    assert figures.INPUTS[kind] == module.INPUT
    assert callable(module.plot)


def test_an_unknown_kind_is_an_error_with_the_valid_ones() -> None:
    with pytest.raises(UserError, match="unknown kind of figure 'bar'; valid: bars, "):
        figures.plot("bar", None, {}, {}, {})


def test_naming_the_kinds_imports_neither_matplotlib_nor_torch() -> None:
    code = (
        "import sys, equivariance.figures, equivariance.figures.grids;"
        "print({'matplotlib', 'torch'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={"PYTHONPATH": str(SCRIPTS)},
    )  # fmt: skip
    assert done.stdout.strip() == "set()"


def test_drawing_never_imports_torch_or_seaborn() -> None:
    code = (
        "import sys, equivariance.figures as f; [f.module(kind) for kind in f.KINDS];"
        "import equivariance.workflow.paper; print({'seaborn', 'torch'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={"PYTHONPATH": str(SCRIPTS)},
    )  # fmt: skip
    assert done.stdout.strip() == "set()"


def test_equal_tables_give_equal_bytes_in_any_process(tmp_path) -> None:
    """Hash seeds differ between processes, as the names of subsets of fonts once did."""
    profiles(seeds=2).to_csv(tmp_path / "trial.csv", index=False)
    code = (
        "from plot_figures import plot_figure; from pathlib import Path; import sys;"
        "from synthetic_tables import LABELS, entry;"
        "table, stem = map(Path, sys.argv[1:]);"
        "plot_figure(table, entry('layer_profile'), LABELS, {'digits': 'MNIST'}, stem)"
    )
    for seed in ("1", "2"):
        subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / "trial.csv"), str(tmp_path / seed)],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(map(str, (HERE, SCRIPTS)))},
            check=True,
        )  # fmt: skip
    for suffix, head in (("pdf", b"%PDF"), ("png", b"\x89PNG")):
        first, second = ((tmp_path / f"{seed}.{suffix}").read_bytes() for seed in ("1", "2"))
        assert first == second and first.startswith(head) and len(first) > 5000


def test_a_name_with_a_dot_keeps_it(tmp_path) -> None:
    figure = figures.plot(
        "bars", accuracies(seeds=1), entry("bars", x="trained_with", hue="tested_with"), LABELS, {}
    )
    save(figure, tmp_path / "v1.2")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["v1.2.pdf", "v1.2.png"]


def test_savepoints_are_text_and_a_set_named_none_is_no_missing_value(tmp_path) -> None:
    profiles(sets=("none",), savepoints=("0", "30", "final")).to_csv(tmp_path / "t.csv", index=False)
    table = read("layer_profile", tmp_path / "t.csv")
    assert list(table["savepoint"].unique()) == ["0", "30", "final"]
    assert set(table["trained_with"]) == {"none"}


def test_a_class_may_be_called_nan(tmp_path) -> None:
    data = classed(profiles(seeds=1), 2).replace({"class": {"1": "nan"}})
    data.loc[0, "mean"] = float("nan")
    data.to_csv(tmp_path / "t.csv", index=False)
    table = read("layer_profile", tmp_path / "t.csv")
    assert set(table["class"]) == {"(mean)", "0", "nan"}
    assert table["mean"].isna().sum() == 1


def test_a_table_without_its_columns_or_rows_is_an_error(tmp_path) -> None:
    profiles().drop(columns=["kind", "mean"]).to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(UserError, match="lacks the columns kind, mean"):
        read("layer_profile", tmp_path / "t.csv")
    networks(profiles()).drop(columns="top_unit_mean").to_csv(tmp_path / "n.csv", index=False)
    with pytest.raises(UserError, match="lacks the columns top_unit_mean of a table of networks"):
        read("bars", tmp_path / "n.csv")
    accuracies().head(0).to_csv(tmp_path / "empty.csv", index=False)
    with pytest.raises(UserError, match="has no rows"):
        read("bars", tmp_path / "empty.csv")


def test_values_stand_in_their_order() -> None:
    frame = profiles(savepoints=("final", "30", "0"), sets=("scale", "rotation"))
    assert levels(frame["savepoint"]) == ["0", "30", "final"]
    assert levels(frame["trained_with"]) == ["scale", "rotation"]


def test_networks_that_were_not_retrained_say_so_and_come_first() -> None:
    frame = profiles(seeds=1)
    schemes = pd.concat([frame.assign(scheme=scheme) for scheme in ("all_conv", "none", "conv1")])
    assert levels(schemes["scheme"]) == ["none", "all_conv", "conv1"]
    named = [display("scheme", scheme, {"none": "untransformed"}) for scheme in levels(schemes["scheme"])]
    assert named == ["not retrained", "all conv", "conv1"]
    assert display("retrained_with", "rotation", LABELS) == "rotations"


def test_texts_that_differ_in_numbers_only_are_steps_of_one_quantity() -> None:
    assert ordered({"hue": "measured_with"}, [{"a": "8 rotations", "b": "16 rotations"}])
    assert not ordered({"hue": "model"}, [{"a": "ReLU", "b": "ELU"}])
    assert not ordered(
        {"hue": "measured_with", "ordered": False}, [{"a": "8 rotations", "b": "16 rotations"}]
    )
    assert not ordered({}, [{None: ""}])


def test_there_are_colours_for_any_number_of_conditions() -> None:
    for count in (1, 7, 12):
        for steps in (True, False):
            assert len(set(colors(count, steps))) == count
            assert len(markers(count, steps)) == count


def test_a_caption_says_measure_conditions_seeds_bands_and_samples() -> None:
    data = profiles(sets=("rotation", "scale"), models=("simple_conv", "simple_conv_bn"), seeds=3)
    text = caption(entry("layer_profile", column="trained_with", hue="model"), data, LABELS)
    assert text.startswith("Normalized variance (NV) of each layer")
    assert "Columns: trained with; colours: model." in text
    assert "Lines are means over 3 seeds, bands reach from the smallest to the largest of them." in text
    assert "Measured on 64 images (with the set that the network was trained with; data set: Digits)." in text


def test_a_caption_of_one_seed_claims_no_spread() -> None:
    text = caption(entry("bars", x="trained_with", hue="tested_with"), accuracies(seeds=1), LABELS)
    assert "One network for each condition" in text and "means" not in text
    assert "Accuracy on 200 pairs of a test image and a transformation (data set: Digits" in text


def test_lists_read_as_sentences() -> None:
    assert join(["a"]) == "a"
    assert join(["a", "b", "c"]) == "a, b and c"
