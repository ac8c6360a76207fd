"""The tables that the command line writes."""

from pathlib import Path

import pandas as pd
import pytest

from equivariance.cli import results
from equivariance.cli.arguments import parse
from equivariance.cli.results import write_left_out, write_tables


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    """A table with as many rows as csv may have."""
    rows = [("conv1", 0, "conv", 0.0, unit, "tv", "none", unit / 2, "mean") for unit in range(6)]
    names = ["layer", "layer_index", "kind", "depth", "unit", "measure", "aggregation", "value", "class"]
    monkeypatch.setattr(results, "LARGEST_CSV", 6)
    return pd.DataFrame(rows, columns=names)


def test_a_table_that_is_too_large_for_csv_is_parquet(table: pd.DataFrame, tmp_path: Path) -> None:
    assert write_tables(table, tmp_path, "auto") == [tmp_path / "measures.csv", tmp_path / "profile.csv"]
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "measures.csv"), table)
    more = pd.concat([table, table.tail(1).assign(unit=6)], ignore_index=True)
    assert write_tables(more, tmp_path, "auto") == [tmp_path / "measures.parquet", tmp_path / "profile.csv"]
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "measures.parquet"), more)
    assert pd.read_csv(tmp_path / "profile.csv")["units"].tolist() == [7]


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_form_that_is_asked_for_is_taken_for_any_size(
    form: str, table: pd.DataFrame, tmp_path: Path
) -> None:
    for size in (5, 6, 7):
        rows = pd.concat([table, table.tail(1).assign(unit=6)]).head(size)
        assert write_tables(rows, tmp_path, form)[0] == tmp_path / f"measures.{form}"


def test_nothing_is_left_of_the_tables_of_an_earlier_run(table: pd.DataFrame, tmp_path: Path) -> None:
    write_tables(table, tmp_path, "parquet")
    (file,) = write_left_out({"fc": "was not called"}, tmp_path)
    assert pd.read_csv(file).to_dict("records") == [{"layer": "fc", "reason": "was not called"}]
    write_tables(table, tmp_path, "csv")
    assert write_left_out({}, tmp_path) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["measures.csv", "profile.csv"]


def test_the_form_is_found_by_default(tmp_path: Path) -> None:
    given = ["measure", "--model", "torchvision:resnet18", "--images", str(tmp_path)]
    arguments = parse([*given, "--transformations", "rotation", "--output", str(tmp_path / "out")])
    assert arguments.format == "auto"
    assert results.LARGEST_CSV == 1_000_000
