"""The kinds of figures, what they read, how they are saved, and what they say of themselves."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from docutils.core import publish_parts
from looks import caption, plot, visible_texts
from matplotlib.figure import Figure, FigureBase, SubFigure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from synthetic_tables import LABELS, accuracies, classed, entry, networks, profiles

from equivariance.analysis.columns import COLUMNS, display, levels
from equivariance.errors import UserError
from equivariance.figures.captions import report_caption
from equivariance.figures.facets import is_ordered
from equivariance.figures.kinds import KINDS, drawable_kinds, figure_kind
from equivariance.figures.style import colors, markers, save
from equivariance.language import listed
from plot_figures import plot_figures

HERE = Path(__file__).resolve().parent
SCRIPTS = HERE.parents[2] / "workflow_scripts"


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_is_a_class_that_says_what_it_draws(name: str) -> None:
    kind = figure_kind(name)
    assert kind.draws and {*kind.draws} <= {*COLUMNS, "images"}
    assert kind.module == f"equivariance.figures.{name}"
    assert name in drawable_kinds(kind.draws)


def test_an_unknown_kind_is_an_error_with_the_valid_ones() -> None:
    with pytest.raises(UserError, match="unknown kind of figure 'bar'; valid: bars, "):
        figure_kind("bar")


def imported(code: str, *libraries: str) -> str:
    """Which of some libraries code imports."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; {code}; print(*sorted({{*{libraries}}} & {{*sys.modules}}))"],
        capture_output=True, text=True, check=True, env={"PYTHONPATH": str(SCRIPTS)},
    )  # fmt: skip
    return done.stdout.strip()


def test_planning_asks_all_kinds_and_imports_no_library_that_draws() -> None:
    asked = "import equivariance.workflow.plan; from equivariance.figures.kinds import KINDS, figure_kind;"
    asked += "[(figure_kind(name).draws, figure_kind(name).needs_classes) for name in KINDS]"
    assert imported(asked, "matplotlib", "pandas", "seaborn", "torch") == ""
    assert imported("import pandas", "matplotlib", "pandas", "seaborn", "torch") == "pandas"


def test_drawing_never_imports_torch() -> None:
    code = "import plot_figures, build_paper, equivariance.figures.facets, equivariance.figures.layers;"
    code += "from equivariance.figures.kinds import KINDS, figure_kind; [figure_kind(name) for name in KINDS]"
    assert imported(code, "seaborn", "torch") == "seaborn"


def test_equal_tables_give_equal_bytes_in_any_process(tmp_path) -> None:
    """Hash seeds differ between processes, as the names of subsets of fonts once did."""
    profiles(seeds=2).to_csv(tmp_path / "trial.csv", index=False)
    code = (
        "from plot_figures import plot_figures; from pathlib import Path; import sys;"
        "from synthetic_tables import LABELS, entry;"
        "table, stem = map(Path, sys.argv[1:]);"
        "plot_figures([table], [entry('layer_profile')], LABELS, {'digits': 'MNIST'}, [stem])"
    )
    for seed in ("1", "2"):
        subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / "trial.csv"), str(tmp_path / seed)],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(map(str, (HERE, SCRIPTS)))},
            check=True,
        )  # fmt: skip
    for suffix, head, least in (
        ("pdf", b"%PDF", 5000),
        ("png", b"\x89PNG", 5000),
        ("rst", b"**A trial", 100),
    ):
        first, second = ((tmp_path / f"{seed}.{suffix}").read_bytes() for seed in ("1", "2"))
        assert first == second and first.startswith(head) and len(first) > least


def test_errors_of_the_layout_change_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its solver sums in the order of addresses in memory; a last digit can change the bytes of a file."""
    execute, random = ConstrainedLayoutEngine.execute, np.random.default_rng(0)

    def shifted(places: Any) -> Any:
        return places + random.uniform(-1e-14, 1e-14, np.shape(places))

    def with_errors(engine: ConstrainedLayoutEngine, figure: Figure) -> Any:
        placed = execute(engine, figure)
        for axes in figure.axes:
            axes.set_position(shifted(axes.get_position(original=True).bounds))
            axes.set_in_layout(True)
        for part in figure.findobj(FigureBase):
            if isinstance(part, SubFigure):
                part.bbox_relative.set_points(shifted(part.bbox_relative.get_points()))
            for text in part.texts:
                text.set_position(shifted(text.get_position()))
        return placed

    def places() -> list[tuple[float, ...]]:
        figure = plot(profiles(seeds=2), entry("layer_profile"), LABELS, {"digits": "MNIST"})
        figure.draw_without_rendering()  # labels of axes are placed when they are drawn
        axes = [one.bbox.bounds for one in figure.axes]
        texts = [text.get_transform().transform(text.get_position()) for text in visible_texts(figure)]
        return [*axes, *map(tuple, texts), (figure.get_figheight(),)]

    exact = places()
    monkeypatch.setattr(ConstrainedLayoutEngine, "execute", with_errors)
    assert places() == exact


def test_one_call_draws_many_figures_with_the_captions_of_the_paper(tmp_path) -> None:
    entries = [entry("bars", x="trained_with", hue="tested_with"), entry("layer_profile")]
    tables = [accuracies(seeds=1), profiles(seeds=1)]
    for index, table in enumerate(tables):
        table.to_csv(tmp_path / f"{index}.csv", index=False)
    files = [tmp_path / f"{index}.csv" for index in (0, 1)]
    plot_figures(files, entries, LABELS, {}, [file.with_suffix("") for file in files])
    for one, table, file in zip(entries, tables, files, strict=True):
        text = file.with_suffix(".rst").read_text(encoding="utf-8")
        assert text == report_caption(one, caption(one, table, LABELS))
        assert file.with_suffix(".pdf").exists() and file.with_suffix(".png").exists()


def test_the_caption_of_the_report_is_text_and_no_markup() -> None:
    one = {**entry("bars"), "title": "a*b", "question": "Is |p| `c`?", "source": "x_"}
    html = publish_parts(report_caption(one, "|p − q| of log_softmax_."), writer_name="html")["body"]
    assert "system-message" not in html
    for text in ("a*b.", "Is |p| `c`?", "Source: x_.", "|p − q| of log_softmax_."):
        assert text in html


def test_a_name_with_a_dot_keeps_it(tmp_path) -> None:
    figure = plot(accuracies(seeds=1), entry("bars", x="trained_with", hue="tested_with"), LABELS, {})
    save(figure, tmp_path / "v1.2")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["v1.2.pdf", "v1.2.png"]


def test_savepoints_are_text_and_a_set_named_none_is_no_missing_value(tmp_path) -> None:
    profiles(sets=("none",), savepoints=("0", "30", "final")).to_csv(tmp_path / "t.csv", index=False)
    table = figure_kind("layer_profile").read(tmp_path / "t.csv")
    assert list(table["savepoint"].unique()) == ["0", "30", "final"]
    assert set(table["trained_with"]) == {"none"}


def test_a_class_may_be_called_nan(tmp_path) -> None:
    data = classed(profiles(seeds=1), 2).replace({"class": {"1": "nan"}})
    data.loc[0, "mean"] = float("nan")
    data.to_csv(tmp_path / "t.csv", index=False)
    table = figure_kind("layer_profile").read(tmp_path / "t.csv")
    assert set(table["class"]) == {"(mean)", "0", "nan"}
    assert table["mean"].isna().sum() == 1


def test_a_table_without_its_columns_or_rows_is_an_error(tmp_path) -> None:
    profiles().drop(columns=["kind", "mean"]).to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(UserError, match="lacks the columns kind, mean"):
        figure_kind("layer_profile").read(tmp_path / "t.csv")
    networks(profiles()).drop(columns="top_unit_mean").to_csv(tmp_path / "n.csv", index=False)
    with pytest.raises(UserError, match="lacks the columns top_unit_mean of a table of networks"):
        figure_kind("bars").read(tmp_path / "n.csv")
    accuracies().head(0).to_csv(tmp_path / "empty.csv", index=False)
    with pytest.raises(UserError, match="has no rows"):
        figure_kind("bars").read(tmp_path / "empty.csv")


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
    rotations = [["8 rotations", "16 rotations"]]
    assert is_ordered({"hue": "measured_with"}, rotations)
    assert is_ordered({"hue": "savepoint"}, [["a", "b"]])
    assert not is_ordered({"hue": "model"}, [["ReLU", "ELU"]])
    assert not is_ordered({"hue": "measured_with", "ordered": False}, rotations)
    assert not is_ordered({}, [[""]])


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
    assert "Each network tested on 200 pairs of a test image and a transformation (data set: Digits" in text


def test_lists_read_as_sentences() -> None:
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"


def test_whether_classes_are_measured_apart_is_named_as_tables_write_it() -> None:
    frame = pd.DataFrame({"stratified": ["stratified", "not stratified"]})
    named = [display("stratified", level, {}) for level in levels(frame["stratified"])]
    assert named == ["all classes together", "class by class"]
