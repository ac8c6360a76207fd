"""The figure of a run beside the reference."""

import re
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.figure import Figure

from equivariance.figures.comparison import plot_comparison
from equivariance.measures.catalog import MEASURES

ROOT = Path(__file__).parents[3]
COLUMNS = ["what", "cell", "group", "mine", "reference", "difference", "tolerance", "agrees"]
ROWS = [
    ("accuracy", "a", "m", 0.80, 0.81, -0.01, 0.02, True),
    ("accuracy", "b", "m", 0.60, 0.90, -0.30, 0.02, False),
    ("profile", "c", "nv", 0.5, 0.5, 0.01, 0.05, True),
    ("profile", "d", "goodfellow_normal", 0.5, 0.5, 0.30, 0.05, False),
]


def drawn(rows: list[tuple[object, ...]]) -> Figure:
    return plot_comparison(pd.DataFrame(rows, columns=COLUMNS), "mine", "laptop")


def texts(figure: Figure) -> list[str]:
    figure.draw_without_rendering()
    return [text.get_text() for text in figure.findobj(lambda one: hasattr(one, "get_text"))]


def test_axes_have_names_and_units_and_legend_says_what_points_mean() -> None:
    found = texts(drawn(ROWS))
    assert {
        *("accuracy of the run mine, %", "accuracy of the run laptop, %"),
        *("relative difference of profiles, 0 to 1", "within the tolerance", "outside the tolerance"),
        *("tolerance", "NV"),
    } <= {*found}


def test_points_are_where_the_numbers_are_and_told_apart_by_shape() -> None:
    left, right = drawn(ROWS).axes
    points = {
        line.get_marker(): (*line.get_xdata(), *line.get_ydata())  # type: ignore[misc]
        for line in left.lines
        if line.get_marker() in ("o", "X")
    }
    assert points["o"] == pytest.approx((81, 80)) and points["X"] == pytest.approx((90, 60))
    marks = [line for line in right.lines if line.get_marker() == "X"]
    assert [list(line.get_xdata()) for line in marks] == [[0.30]]  # type: ignore[arg-type]


@pytest.mark.parametrize("what", ["accuracy", "profile"])
def test_a_panel_without_numbers_says_so(what: str) -> None:
    assert "none in both" in texts(drawn([row for row in ROWS if row[0] == what]))


def test_panels_keep_their_room_where_all_is_equal() -> None:
    rows = [(*row[:3], 0.5, 0.5, 0.0, 0.05, True) for row in ROWS]
    figure = drawn(rows)
    for axes in figure.axes:
        assert axes.get_window_extent().width / figure.dpi > 1.5


def test_names_of_the_measures_of_all_experiments_stand_apart() -> None:
    asked = (ROOT / "config" / "experiments.yaml").read_text(encoding="utf-8")
    names = [name for name in MEASURES if re.search(rf"[\s\[]{name}[,\]@\s]", asked)]
    names += [f"{name}_floor" for name in names if f"{name}_floor" in MEASURES]
    rows = [("profile", "c", name, 0.5, 0.5, 0.01, 0.05, True) for name in [*names, "goodfellow_normal@0.5"]]
    figure = drawn(rows)
    figure.draw_without_rendering()
    labels = figure.axes[1].get_yticklabels()
    assert len(labels) == len(names) > 15, "a measure has one row, whatever its parameter"
    boxes = [label.get_window_extent() for label in labels]
    assert all(upper.y0 >= lower.y1 for upper, lower in pairwise(boxes))
