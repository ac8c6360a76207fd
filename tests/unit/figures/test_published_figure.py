"""The figure of published numbers: every verdict is told apart, and what is missing is counted."""

from pathlib import Path
from typing import Any

import matplotlib.colors as mpl_colors
import numpy as np
import pandas as pd
import pytest
from looks import clipped, legend_texts, overlapping, smallest_type, visible_texts
from matplotlib.container import ErrorbarContainer

from equivariance.analysis.published import OUTCOME, middle, read_published
from equivariance.figures.published import LOOKS, caption, plot_published
from equivariance.figures.style import PAGE, SMALL, TEXT_WIDTH
from plot_published import draw_published

FILE = Path(__file__).parents[3] / "config" / "published.csv"
LABELS = {"mnist": "MNIST", "cifar10": "CIFAR10", "lsa16": "LSA16", "rwth": "RWTH", "digits": "digits"}


@pytest.fixture
def compared() -> pd.DataFrame:
    """Published numbers with ours beside them: near, but not always near enough."""
    published = read_published(FILE)
    table = published.assign(**dict.fromkeys(OUTCOME, ""))
    has = table["experiment"] != ""
    near = np.random.default_rng(0).normal(0, 0.02, len(table))
    ours = middle(table) * (1 + near)
    far = (ours - middle(table)).abs() > table["tolerance"]
    verdict = np.where(table["comparable"] == "no", "not comparable", np.where(far, "no", "yes"))
    numbers = {"ours": ours.where(has), "sd": 0.01 * has, "seeds": 5.0 * has, "difference": near}
    return table.assign(our_dataset=table["dataset"], within=np.where(has, verdict, "missing"), **numbers)


def points(figure: Any) -> list[ErrorbarContainer]:
    return [one for axes in figure.axes for one in axes.containers]


def test_every_number_with_a_counterpart_is_one_point(compared: pd.DataFrame) -> None:
    figure = plot_published(compared, LABELS)
    drawn = sum(len(one.lines[0].get_xdata()) for one in points(figure))
    assert drawn == compared["ours"].notna().sum() > 400


def test_a_reader_can_read_it(compared: pd.DataFrame) -> None:
    figure = plot_published(compared, LABELS)
    assert figure.get_figwidth() == TEXT_WIDTH and figure.get_figheight() <= PAGE
    assert smallest_type(figure) >= SMALL
    assert not clipped(figure) and not overlapping(figure)
    texts = {text.get_text() for text in visible_texts(figure)}
    assert {"published", "this run", "accuracy, retraining", "NV of whole networks", "LSA16"} <= texts
    assert legend_texts(figure) == [
        "within the tolerance", "outside the tolerance", "not comparable", "tolerance",
    ]  # fmt: skip


def test_verdicts_are_told_apart_without_colours(compared: pd.DataFrame) -> None:
    shapes = {(look["marker"], look.get("markerfacecolor")) for look in LOOKS.values()}
    assert len(shapes) == len(LOOKS) == 3
    figure = plot_published(compared, LABELS)
    hollow = [one.lines[0] for one in points(figure) if one.lines[0].get_markerfacecolor() == "none"]
    shown = sum(len(line.get_xdata()) for line in hollow)
    assert shown == (compared["within"] == "not comparable").sum()


def test_the_band_is_the_tolerance(compared: pd.DataFrame) -> None:
    figure = plot_published(compared, LABELS)
    axes = next(one for one in figure.axes if one.get_title(loc="right") == "CIFAR10")
    (band,) = [one for one in axes.collections if type(one).__name__ != "LineCollection"]
    corners = band.get_paths()[0].vertices
    assert np.abs(corners[:, 1] - corners[:, 0]).max() == pytest.approx(0.03)
    assert mpl_colors.to_hex(band.get_facecolor()[0]) == "#0072b2"


def test_stand_ins_are_named_on_the_figure(compared: pd.DataFrame) -> None:
    stood_in = compared.assign(our_dataset=compared["our_dataset"].replace("mnist", "digits"))
    figure = plot_published(stood_in, LABELS)
    assert any("stand-in data: digits for MNIST" in text.get_text() for text in visible_texts(figure))


def test_a_run_with_none_of_the_numbers_says_so(compared: pd.DataFrame, tmp_path: Path) -> None:
    nothing = compared.assign(ours=np.nan, sd=np.nan, seeds=np.nan, within="missing")
    figure = plot_published(nothing, LABELS)
    assert [text.get_text() for text in visible_texts(figure)] == [
        "This run has none of the published numbers."
    ]
    nothing.to_csv(tmp_path / "table.csv", index=False)
    draw_published(tmp_path / "table.csv", LABELS, False, tmp_path / "figure")
    assert "514 are missing in this run" in (tmp_path / "figure.rst").read_text(encoding="utf-8")


def test_the_caption_counts_every_number(compared: pd.DataFrame) -> None:
    text = caption(compared, reduced=False)
    counts = compared["within"].value_counts()
    assert (
        f"Of 514 published numbers {counts['yes']} are within the tolerance, {counts['no']} outside" in text
    )
    assert f"{counts['not comparable']} are not comparable. {counts['missing']} are missing" in text
    assert "standard deviation" in text and "trains less" not in text
    assert "trains less" in caption(compared, reduced=True)


def test_the_order_of_rows_does_not_matter(compared: pd.DataFrame) -> None:
    def titles(table: pd.DataFrame) -> list[tuple[str, str]]:
        axes = plot_published(table, LABELS).axes
        return [(one.get_title(loc="left"), one.get_title(loc="right")) for one in axes]

    assert titles(compared.iloc[::-1]) == titles(compared)


def test_equal_tables_give_equal_files(compared: pd.DataFrame, tmp_path: Path) -> None:
    compared.to_csv(tmp_path / "table.csv", index=False)
    for name in ("one", "two"):
        draw_published(tmp_path / "table.csv", LABELS, False, tmp_path / name)
    for suffix in (".pdf", ".png", ".rst"):
        assert (tmp_path / f"one{suffix}").read_bytes() == (tmp_path / f"two{suffix}").read_bytes()
