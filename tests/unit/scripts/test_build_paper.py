"""The paper is built whole from a run, the same every time, or says why not."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from synthetic_tables import LABELS, accuracies, entry, profiles

from build_paper import build_paper, compile_pdf
from equivariance.analysis.claims.columns import COLUMNS
from equivariance.analysis.image_grids import Grid, save_grids
from equivariance.errors import UserError
from equivariance.language import LANGUAGES
from plot_figures import plot_figures

PAPER = Path(__file__).resolve().parents[3] / "paper"
STAND_INS = {"digits": "MNIST"}

of_each_language = pytest.mark.parametrize("code", LANGUAGES)


def prose(code: str) -> str:
    """The text of the paper in a language."""
    return (PAPER / f"{code}.typ").read_text(encoding="utf-8")


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
                "copies": False,
                "image_shape": [1, 16, 16],
                "classes": ["0", "1"],
                "train": {"images": 10},
                "test": {"images": 5},
            }
        )
    )
    return {
        "template": PAPER / "thesis.typ",
        "prose": PAPER / "en.typ",
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


@of_each_language
def test_the_paper_is_built_and_the_same_run_gives_the_same_bytes(
    code: str, run: dict, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        build_paper(**{**run, "prose": PAPER / f"{code}.typ"}, output=tmp_path / f"{name}.pdf")
    first = (tmp_path / "a.pdf").read_bytes()
    assert first.startswith(b"%PDF") and len(first) > 20_000
    assert f"/Lang({code})".encode() in first.replace(b" ", b"")
    assert first == (tmp_path / "b.pdf").read_bytes()


def test_other_numbers_give_another_paper(run: dict, tmp_path: Path) -> None:
    table = tmp_path / "accuracy.csv"
    accuracies().assign(accuracy=0.5).to_csv(table, index=False)
    build_paper(**run, output=tmp_path / "a.pdf")
    build_paper(**{**run, "data": {**run["data"], "accuracy": table}}, output=tmp_path / "b.pdf")
    assert (tmp_path / "a.pdf").read_bytes() != (tmp_path / "b.pdf").read_bytes()


def test_the_template_holds_no_number_of_a_run() -> None:
    """Every figure of a result comes from content.json: the template names no accuracy, count or version."""
    for file in ("thesis.typ", *(f"{code}.typ" for code in LANGUAGES)):
        lines = (PAPER / file).read_text(encoding="utf-8").splitlines()
        texts = [line for line in lines if not line.strip().startswith(("#", "//"))]
        pattern = r"\d+\.\d+\s*%|\d{3,}\s+(images|networks|samples|imágenes|redes|muestras)"
        assert not [line for line in texts if re.search(pattern, line)]


def test_the_layout_has_no_word_that_a_reader_sees() -> None:
    """Words are in the file of the language: the layout has markup, code and comments alone."""
    text = (PAPER / "thesis.typ").read_text(encoding="utf-8")
    code = [line.split("//")[0] for line in text.splitlines()]
    assert not [line for line in code if re.match(r"\s*[A-Z][a-z]+ [a-z]+ ", line)]


@of_each_language
def test_every_chapter_of_the_experiments_has_its_text(code: str) -> None:
    experiments = yaml.safe_load((PAPER.parent / "config" / "experiments.yaml").read_text(encoding="utf-8"))
    chapters = {entry["chapter"] for entry in experiments["experiments"].values()}
    assert not [chapter for chapter in chapters if f'  "{chapter}": [' not in prose(code)]


@of_each_language
def test_every_source_is_in_the_bibliography_and_every_entry_is_used(code: str) -> None:
    entries = re.findall(r"^@\w+\{(\w+),", (PAPER / "references.bib").read_text(encoding="utf-8"), re.M)
    assert len(entries) == len(set(entries))
    assert set(re.findall(r"@([a-z]+\d{4}\w+)", prose(code))) == set(entries)


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param(r"^#let ([\w-]+(?:\([\w, ]*\))?)", id="names and their parameters"),
        pytest.param(r"@[\w-]+", id="sources and references"),
        pytest.param(r"^  \$ <[\w-]+>", id="labels"),
        pytest.param(r"^  =+ ", id="headings"),
        pytest.param(r'([\w-]+): "', id="words of the layout"),
        pytest.param(r'"([\w ]+)": ["\[]', id="verdicts and chapters"),
        pytest.param(r"\b(?:said|abstract|one)\.[\w.-]+", id="numbers of a run"),
        pytest.param(r"^    \[", id="mistakes"),
    ],
)
@of_each_language
def test_every_language_has_what_english_has(code: str, pattern: str) -> None:
    found, wanted = (sorted(re.findall(pattern, prose(name), re.M)) for name in (code, "en"))
    assert wanted and found == wanted


def test_a_translation_has_no_line_of_the_english_prose() -> None:
    lines = {code: set(re.findall(r"^ +([^#=\[\]{}\"$\n]{30,})$", prose(code), re.M)) for code in LANGUAGES}
    assert len(lines["en"]) > 100
    assert not [line for code in LANGUAGES if code != "en" for line in lines[code] & lines["en"]]


VERDICTS = ["supported", "undecided", "contradicted", "not run", "reported"]


@pytest.fixture
def judged(run: dict, tmp_path: Path) -> dict:
    """The run with verdicts of every kind and with published numbers."""
    tests = [{"experiments": ["profile", "accuracy"]}]
    claims = {verdict: {"statement": "It is so.", "tests": tests} for verdict in VERDICTS}
    rows = pd.DataFrame({"claim": VERDICTS, "verdict": VERDICTS}, columns=list(COLUMNS))
    rows = rows.assign(statistic=1.02, low=0.98, high=1.06, direction="below", threshold=1.5, cell="digits")
    judged, published = tmp_path / "claims.csv", tmp_path / "published.csv"
    rows.assign(stand_in="digits for MNIST").to_csv(judged, index=False)
    numbers = pd.read_csv(PAPER.parent / "config" / "published.csv")
    numbers[numbers["experiment"].notna()].assign(within="yes", difference=0.01).to_csv(
        published, index=False
    )
    tables = {"claims": claims, "judged": judged, "published": published}
    return {**run, **tables, "published_figure": run["figures"]["profile"]}


@of_each_language
def test_the_paper_has_verdicts_and_published_numbers_where_there_are_some(
    code: str, run: dict, judged: dict, tmp_path: Path
) -> None:
    written = {"prose": PAPER / f"{code}.typ"}
    build_paper(**{**judged, **written}, output=tmp_path / "judged.pdf")
    build_paper(**{**run, **written}, output=tmp_path / "plain.pdf")
    found, plain = ((tmp_path / f"{name}.pdf").read_bytes() for name in ("judged", "plain"))
    assert found.count(b"/H1") == plain.count(b"/H1") + 1
    assert found.count(b"/Alt") == plain.count(b"/Alt") + 1


def test_a_figure_that_was_cut_is_named_and_not_printed(run: dict, tmp_path: Path) -> None:
    figure = run["figures"]["accuracy"]
    content = figure.read_bytes()
    figure.write_bytes(content[: len(content) // 2])
    try:
        with pytest.raises(UserError, match=r"accuracy\.pdf is damaged .*delete it and run"):
            build_paper(**run, output=tmp_path / "a.pdf")
    finally:
        figure.write_bytes(content)


def test_the_pdf_has_metadata_bookmarks_and_tags(run: dict, tmp_path: Path) -> None:
    build_paper(**run, output=tmp_path / "a.pdf")
    pdf = (tmp_path / "a.pdf").read_bytes()
    for mark in (
        b"/Title",
        b"/Author",
        b"/Subject",
        b"/Keywords",
        b"/Outlines",
        b"/StructTreeRoot",
        b"/Lang",
    ):
        assert mark in pdf, mark
    assert pdf.count(b"/Alt") >= len(run["figures"])
    assert b"/H1" in pdf and b"/H2" in pdf and b"/TH" in pdf


def test_a_warning_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "thesis.typ").write_text('#set text(font: "No Such Font")\nText.')
    with pytest.raises(UserError, match=r"typst warns about thesis\.typ: (?s:.*)no such font"):
        compile_pdf(tmp_path / "thesis.typ", tmp_path / "thesis.pdf")
    assert not (tmp_path / "thesis.pdf").exists()


def test_a_mistake_in_the_template_is_one_clear_message_and_leaves_no_paper(tmp_path: Path) -> None:
    (tmp_path / "thesis.typ").write_text("#unheard_of")
    with pytest.raises(UserError, match=r"typst cannot compile thesis\.typ: (?s:.*)unheard_of"):
        compile_pdf(tmp_path / "thesis.typ", tmp_path / "out" / "thesis.pdf")
    assert not (tmp_path / "out").exists()


@of_each_language
def test_what_was_left_out_is_in_the_paper(code: str, run: dict, tmp_path: Path) -> None:
    run = {**run, "prose": PAPER / f"{code}.typ"}
    build_paper(**run, output=tmp_path / "whole.pdf")
    for count in (1, 2):
        left_out = {f"Title {number}": "no * weights_of #it" for number in range(count)}
        build_paper(**{**run, "left_out": left_out}, output=tmp_path / f"{count}.pdf")
    sizes = [(tmp_path / f"{name}.pdf").stat().st_size for name in ("whole", "1", "2")]
    assert sizes == sorted(set(sizes))


def test_an_experiment_without_stand_ins_needs_no_box(run: dict, tmp_path: Path) -> None:
    build_paper(**{**run, "stand_ins": {}}, output=tmp_path / "real.pdf")
    assert (tmp_path / "real.pdf").stat().st_size > 20_000


@of_each_language
def test_copies_of_images_are_told(code: str, run: dict, tmp_path: Path) -> None:
    run = {**run, "stand_ins": {}, "prose": PAPER / f"{code}.typ"}
    build_paper(**run, output=tmp_path / "published.pdf")
    summary = json.loads(run["datasets"][0].read_text())
    copies = tmp_path / "copies.json"
    copies.write_text(json.dumps(summary | {"copies": True, "stand_in_for": ""}))
    build_paper(**{**run, "datasets": [copies]}, output=tmp_path / "copies.pdf")
    assert (tmp_path / "copies.pdf").stat().st_size > (tmp_path / "published.pdf").stat().st_size


def pages(file: Path) -> int:
    return len(re.findall(rb"/Type\s*/Page\b", file.read_bytes()))


def test_an_experiment_with_a_high_figure_is_on_one_page(run: dict, tmp_path: Path) -> None:
    """The figure takes the height that texts and table leave."""
    data = profiles(("digits", "mnist"), sets=("rotation", "scale", "none", "translation"), seeds=2)
    table = tmp_path / "table.csv"
    data.to_csv(table, index=False)
    high = entry("layer_profile", row=["dataset", "trained_with"])
    plot_figures([table], [high], LABELS, STAND_INS, [tmp_path / "high"])
    counts = []
    for count in (1, 4):
        names = [f"high_{number}" for number in range(count)]
        several = {
            **run,
            "experiments": [{**high, "name": name} for name in names],
            "data": dict.fromkeys(names, table),
            "figures": dict.fromkeys(names, tmp_path / "high.pdf"),
        }
        build_paper(**several, output=tmp_path / f"{count}.pdf")
        counts.append(pages(tmp_path / f"{count}.pdf"))
    assert counts[1] - counts[0] == 3
