"""`python -m equivariance claims`: what it prints, and what it says of what is missing."""

import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from equivariance.analysis.claims.columns import COLUMNS
from equivariance.cli.main import main

ROW = {
    **{"claim": "C1", "cell": "digits, rotations", "dataset": "digits", "stand_in": "digits for MNIST"},
    **{"test": "seed_stability", "criterion": "Spearman correlation between seeds", "statistic": 0.97},
    **{
        "low": 0.95,
        "high": 0.99,
        "direction": "above",
        "threshold": 0.9,
        "p": np.nan,
        "significance": np.nan,
    },
    **{"p_holm": np.nan, "seeds": 10, "verdict": "supported", "reason": ""},
}


@pytest.fixture
def folder(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the claims of the thesis, and a run with rows of some."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").mkdir()
    shutil.copy(root / "config" / "claims.yaml", tmp_path / "config")
    rows = [
        ROW,
        ROW | {"claim": "C2", "statistic": 0.5, "low": 0.4, "high": 0.6, "verdict": "contradicted"},
        ROW | {"claim": "C2b", "direction": "", "threshold": np.nan, "verdict": "reported", "stand_in": ""},
        ROW | {"claim": "C3", "seeds": 1, "verdict": "undecided", "reason": "1 seed; 5 are needed"},
        ROW
        | {"claim": "C4", "cell": "CIFAR10", "verdict": "not run", "reason": "the run has no experiment x"},
    ]
    (tmp_path / "results" / "some").mkdir(parents=True)
    pd.DataFrame(rows, columns=list(COLUMNS)).to_csv(
        tmp_path / "results" / "some" / "claims.csv", index=False
    )
    return tmp_path


def test_claims_in_the_order_of_the_file_within_100_columns(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["claims", "--run", "some"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 100
    names = [found[1] for line in lines if (found := re.match(r"(C\w+) ", line))]
    assert names[:5] == ["C1", "C2", "C2b", "C3", "C4"]
    assert len(names) == 35
    assert re.match(r"C1 +supported +0\.97 \[0\.95, 0\.99\] > 0\.90 +The structure of invariance", lines[1])
    text = " ".join(" ".join(lines).split())
    assert "1 of 1 test " in text
    assert "- 1 seed; 5 are needed" in text
    assert "- the run has no experiment x" in text
    assert lines[-3] == "Stand-in data: digits for MNIST."
    assert lines[-1] == "35 claims: 1 supported, 1 undecided, 1 contradicted, 1 reported, 31 not run."


def test_a_claim_of_ones_own_is_printed_from_its_file(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = pd.DataFrame([ROW | {"claim": "Own"}], columns=list(COLUMNS))
    table.to_csv(folder / "results" / "some" / "claims.csv", index=False)
    assert main(["claims", "--run", "some"]) == 0
    assert "its statement is in no file" in capsys.readouterr().out
    own = folder / "own.yaml"
    own.write_text("claims: {Own: {statement: It is so.}, C26: null}", encoding="utf-8")
    assert main(["claims", "--run", "some", "--config", "own.yaml"]) == 0
    printed = capsys.readouterr().out
    assert "It is so." in printed
    assert "C26" not in printed


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["--run", "other"],
            "other/claims.csv not found; `snakemake --cores 1 results/other/claims.csv` makes",
        ),
        (["--run", "some", "--config", "lost.yaml"], "lost.yaml not found"),
        ([], "the following arguments are required: --run"),
    ],
)
def test_mistakes(folder: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["claims", *words]) == 2
    assert said in capsys.readouterr().err


def test_elsewhere_it_says_where_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["claims", "--run", "some"]) == 2
    assert "config/claims.yaml not found; run `claims` beside the Snakefile" in capsys.readouterr().err
