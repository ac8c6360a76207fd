"""The scripts that judge claims and draw the verdicts."""

import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from equivariance.analysis.claims.reading import read_claims
from equivariance.errors import UserError
from equivariance.language import language
from judge_claims import judge_claims
from plot_claims import plot_claims

sys.path.append(str(Path(__file__).parents[1] / "analysis"))
from made_tables import JUDGING, NAMES, accuracy_rows, entry, noisy, profile_rows

CLAIMS: dict[str, Any] = {
    "C1": {
        "statement": "Seeds are alike.",
        "datasets": ["mnist"],
        "tests": [entry("seed_stability", {"spearman": {"above": 0.9}}, experiments=["profiles"])],
    },
    "C2": {
        "statement": "Networks are good.",
        "datasets": [],
        "tests": [entry("difference", {"mean": {"above": 95}}, value="accuracy", experiments=["accuracies"])],
    },
}


@pytest.fixture
def tables(tmp_path: Path) -> dict[str, Path]:
    made = {"profiles": profile_rows(noisy(spread=0.01)), "accuracies": accuracy_rows(90)}
    for name, rows in made.items():
        rows.to_csv(tmp_path / f"{name}.csv", index=False)
    return {name: tmp_path / f"{name}.csv" for name in made}


def judged(tables: dict[str, Path], output: Path) -> pd.DataFrame:
    names = {"labels": NAMES.labels, "stand_ins": NAMES.stand_ins, "schemes": NAMES.schemes}
    judge_claims(tables, CLAIMS, names, JUDGING, output)
    return read_claims(output)


def test_tables_are_judged_and_equal_ones_give_equal_bytes(tables: dict[str, Path], tmp_path: Path) -> None:
    assert judged(tables, tmp_path / "one.csv")["verdict"].tolist() == ["supported", "contradicted"]
    shuffled = pd.read_csv(tables["profiles"], keep_default_na=False).sample(frac=1, random_state=0)
    shuffled.to_csv(tables["profiles"], index=False)
    judged(tables, tmp_path / "other.csv")
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "other.csv").read_bytes()


def test_an_experiment_without_a_table_is_not_run(tables: dict[str, Path], tmp_path: Path) -> None:
    del tables["accuracies"]
    assert judged(tables, tmp_path / "claims.csv")["verdict"].tolist() == ["supported", "not run"]


def test_what_readers_see_of_the_verdicts_is_in_the_language(tables: dict[str, Path], tmp_path: Path) -> None:
    """Titles of tests, names of data sets and columns, and reasons; verdicts are words that code compares."""
    del tables["profiles"]
    titled = {**CLAIMS["C2"]["tests"][0], "title": "accuracy"}
    table = tmp_path / "claims.csv"
    names = {"labels": {"mnist": "digits"}, "stand_ins": {"mnist": "LSA16 and RWTH"}, "schemes": {}}
    claims = {
        "C1": CLAIMS["C1"],
        "C2": {**CLAIMS["C2"], "tests": [titled]},
        "C3": {**CLAIMS["C2"], "tests": [{**titled, "where": {"model": "unheard_of"}}]},
    }
    with language("es"):
        judge_claims(tables, claims, names, JUDGING, table)
    found = read_claims(table)
    assert found["reason"].tolist()[0] == "la corrida no tiene el experimento profiles"
    assert found["reason"].tolist()[-1] == "ninguna red con modelo: unheard_of"
    assert found["cell"].tolist()[-1] == "exactitud"
    judged = found[found["claim"] == "C2"].iloc[0]
    assert (judged["stand_in"], judged["verdict"]) == ("dígitos en lugar de LSA16 y RWTH", "contradicted")


def test_what_is_no_table_is_an_error(tables: dict[str, Path], tmp_path: Path) -> None:
    tables["profiles"].write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(UserError, match="lacks the columns"):
        judged(tables, tmp_path / "claims.csv")
    assert not (tmp_path / "claims.csv").exists()


def test_verdicts_are_drawn_with_a_caption(tables: dict[str, Path], tmp_path: Path) -> None:
    judged(tables, tmp_path / "claims.csv")
    claims = {**CLAIMS, "C2": {**CLAIMS["C2"], "statement": "A < B & C."}}
    plot_claims(tmp_path / "claims.csv", claims, 0.95, tmp_path / "drawn", tmp_path / "claims.html")
    assert (tmp_path / "drawn.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "drawn.pdf").read_bytes().startswith(b"%PDF")
    assert "(supported: 1 and contradicted: 1)" in (tmp_path / "drawn.rst").read_text(encoding="utf-8")
    text = (tmp_path / "claims.html").read_text(encoding="utf-8")
    assert text.count("<tr") == 3 and "A &lt; B &amp; C." in text and "contradicted" in text


def test_a_reason_has_titles_in_the_place_of_names(tables: dict[str, Path], tmp_path: Path) -> None:
    test = {**CLAIMS["C2"]["tests"][0], "where": {"model": ["vgg", "other"]}}
    names = {"labels": {"vgg": "VGG 16"}, "stand_ins": {}, "schemes": {}}
    judge_claims(tables, {"C2": {**CLAIMS["C2"], "tests": [test]}}, names, JUDGING, tmp_path / "claims.csv")
    assert read_claims(tmp_path / "claims.csv")["reason"].tolist() == ["no network with model: VGG 16, other"]
