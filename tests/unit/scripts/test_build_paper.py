"""The paper is built whole from a run, the same every time, or says why not."""

import json
from pathlib import Path

import numpy as np
import pytest
from synthetic_tables import LABELS, accuracies, entry, profiles

from build_paper import build_paper, compile_pdf
from equivariance.analysis.image_grids import Grid, save_grids
from equivariance.errors import UserError
from plot_figures import plot_figures

PAPER = Path(__file__).resolve().parents[3] / "paper"
STAND_INS = {"digits": "MNIST"}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """A run of three experiments, one of each kind."""
    folder = tmp_path_factory.mktemp("run")
    drawn = [
        ({**entry("image_grid"), "name": "sets"}, None),
        ({**entry("bars", x="trained_with", hue="tested_with"), "name": "accuracy"}, accuracies()),
        (
            {**entry("layer_profile", column="trained_with"), "name": "profile"},
            profiles(sets=("rotation", "scale")),
        ),
    ]
    data, figures = {}, {}
    for experiment, table in drawn:
        name = experiment["name"]
        if table is None:
            data[name] = folder / f"{name}.npz"
            save_grids(data[name], [Grid("digits", "rotation", np.zeros((2, 2, 1, 8, 8), np.float32))])
        else:
            data[name] = folder / f"{name}.csv"
            table.to_csv(data[name], index=False)
        plot_figures([data[name]], [experiment], LABELS, STAND_INS, [folder / name])
        figures[name] = folder / f"{name}.pdf"
    summary = folder / "digits.json"
    summary.write_text(
        json.dumps(
            {
                "name": "digits",
                "source": "bundled, with # and * and @ in its name",
                "stand_in_for": "MNIST",
                "image_shape": [1, 16, 16],
                "classes": ["0", "1"],
                "train": {"images": 10},
                "test": {"images": 5},
            }
        )
    )
    return {
        "template": PAPER / "thesis.typ",
        "bibliography": PAPER / "references.bib",
        "experiments": [experiment for experiment, _ in drawn],
        "data": data,
        "figures": figures,
        "datasets": [summary],
        "run": "quick",
        "labels": LABELS,
        "stand_ins": STAND_INS,
        "sizes": {"training": {"epochs": 2}},
        "versions": {"numpy": "2"},
        "left_out": {},
    }


def test_the_paper_is_built_and_the_same_run_gives_the_same_bytes(run: dict, tmp_path: Path) -> None:
    for name in ("a", "b"):
        build_paper(**run, output=tmp_path / f"{name}.pdf")
    first = (tmp_path / "a.pdf").read_bytes()
    assert first.startswith(b"%PDF") and len(first) > 20_000
    assert first == (tmp_path / "b.pdf").read_bytes()


def test_other_numbers_give_another_paper(run: dict, tmp_path: Path) -> None:
    table = tmp_path / "accuracy.csv"
    accuracies().assign(accuracy=0.5).to_csv(table, index=False)
    build_paper(**run, output=tmp_path / "a.pdf")
    build_paper(**{**run, "data": {**run["data"], "accuracy": table}}, output=tmp_path / "b.pdf")
    assert (tmp_path / "a.pdf").read_bytes() != (tmp_path / "b.pdf").read_bytes()


def test_the_template_holds_no_number_of_a_run() -> None:
    """Every figure of a result comes from content.json: the template names no accuracy, count or version."""
    import re

    text = (PAPER / "thesis.typ").read_text(encoding="utf-8")
    prose = [
        line for line in text.splitlines() if not line.strip().startswith(("#", "//")) and '"' not in line
    ]
    assert not [line for line in prose if re.search(r"\d+\.\d+\s*%|\d{3,}\s+(images|networks|samples)", line)]


def test_a_mistake_in_the_template_is_one_clear_message_and_leaves_no_paper(tmp_path: Path) -> None:
    (tmp_path / "thesis.typ").write_text("#unheard_of")
    with pytest.raises(UserError, match=r"typst cannot compile thesis\.typ: (?s:.*)unheard_of"):
        compile_pdf(tmp_path / "thesis.typ", tmp_path / "out" / "thesis.pdf")
    assert not (tmp_path / "out").exists()


def test_what_was_left_out_is_in_the_paper(run: dict, tmp_path: Path) -> None:
    build_paper(**run, output=tmp_path / "whole.pdf")
    for count in (1, 2):
        left_out = {f"Title {number}": "no * weights_of #it" for number in range(count)}
        build_paper(**{**run, "left_out": left_out}, output=tmp_path / f"{count}.pdf")
    sizes = [(tmp_path / f"{name}.pdf").stat().st_size for name in ("whole", "1", "2")]
    assert sizes == sorted(set(sizes))


def test_an_experiment_without_stand_ins_needs_no_box(run: dict, tmp_path: Path) -> None:
    build_paper(**{**run, "stand_ins": {}}, output=tmp_path / "real.pdf")
    assert (tmp_path / "real.pdf").stat().st_size > 20_000
