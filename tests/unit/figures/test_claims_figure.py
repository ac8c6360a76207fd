"""The figure of claims: a row for each, whatever its verdict, within a page."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from equivariance.analysis.claims.columns import COLUMNS
from equivariance.figures.claims import caption, ends, plot, plot_tests
from equivariance.figures.style import PAGE, TEXT_WIDTH, save
from equivariance.language import language

VERDICTS = ("supported", "undecided", "contradicted", "not run", "reported")


def row(place: int, verdict: str) -> dict:
    low, middle, high = {"supported": (1, 2, 3), "contradicted": (-3, -2, -1)}.get(verdict, (-1, 0.2, 1))
    nothing = verdict == "not run"
    numbers = dict.fromkeys(("statistic", "low", "high"), np.nan) if nothing else {}
    numbers = numbers or {"statistic": middle, "low": low, "high": high}
    return {
        **{"claim": f"C{place}", "cell": "MNIST", "dataset": "digits", "stand_in": "digits for MNIST"},
        **{"test": "difference", "criterion": "difference", **numbers},
        **{"direction": "" if verdict in ("not run", "reported") else "above", "threshold": 0.0},
        **{
            "p": np.nan,
            "significance": np.nan,
            "p_holm": np.nan,
            "seeds": 5,
            "verdict": verdict,
            "reason": "why",
        },
    }


def made(number: int) -> tuple[pd.DataFrame, dict]:
    rows = [row(place, VERDICTS[place % len(VERDICTS)]) for place in range(number)]
    statement = "A statement of some length, so that it has to be wrapped, as those of the thesis are."
    return pd.DataFrame(rows, columns=list(COLUMNS)), {one["claim"]: {"statement": statement} for one in rows}


@pytest.mark.parametrize("number", [1, 5, 60])
def test_it_fits_on_a_page_and_each_claim_has_its_verdict_as_a_word(number: int) -> None:
    figure = plot(*made(number))
    assert figure.get_figwidth() == TEXT_WIDTH
    assert figure.get_figheight() <= PAGE + 1e-9
    (axes,) = figure.axes
    texts = [text.get_text() for text in axes.texts]
    assert [text for text in texts if text in VERDICTS] == [VERDICTS[place % 5] for place in range(number)]
    assert {f"C{place}" for place in range(number)} <= set(texts)
    figure.canvas.draw()
    width = figure.bbox.width
    for text in axes.texts:
        box = text.get_window_extent()
        assert box.x0 > -1 and box.x1 < width + 1, text.get_text()


def test_every_test_has_a_row_with_its_verdict_and_its_seeds() -> None:
    table, _claims = made(60)
    figure = plot_tests(pd.concat([table, table], ignore_index=True))
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert [text for text in texts if text in VERDICTS] == 2 * [VERDICTS[place % 5] for place in range(60)]
    assert texts.count("5 seeds") == 120 and texts.count("C7") == 1
    assert texts.count("2.00 [1.00, 3.00]") == texts.count("> 0.00") - 48


def test_verdicts_differ_in_shape() -> None:
    (axes,) = plot(*made(5)).axes
    shapes = {line.get_marker() for line in axes.lines if line.get_marker() not in ("None", "")}
    assert len(shapes) == 3  # reported ones have no threshold, and those that are not run no statistic


def test_the_claimed_side_is_to_the_right() -> None:
    one = pd.Series(row(0, "supported"))
    assert ends(one, 2.0) == (1, 3)
    below = (
        one | {"direction": "below"} if isinstance(one, dict) else pd.Series({**one, "direction": "below"})
    )
    assert ends(below, -2.0) == (-3, -1)


def test_the_caption_counts_verdicts_and_the_face_names_stand_ins() -> None:
    table, claims = made(5)
    said = caption(table, claims, 0.95)
    assert "(supported: 1, undecided: 1, contradicted: 1, reported: 1 and not run: 1)" in said
    assert "95% interval" in said
    assert "stand-in data: digits for MNIST" in [text.get_text() for text in plot(table, claims).texts]


def test_a_long_note_on_stand_ins_is_wrapped_below_the_axis() -> None:
    table, claims = made(5)
    names = [f"drawn hands {number} for LSA16 and RWTH" for number in range(6)]
    figure = plot(table.assign(stand_in="; ".join(names)), claims)
    figure.canvas.draw()
    (note,) = figure.texts
    box, ticks = note.get_window_extent(), figure.axes[0].xaxis.get_tightbbox()
    assert box.x0 > -1 and box.x1 < figure.bbox.width + 1 and box.y0 > -1
    assert ticks is not None and box.y1 < ticks.y0 + 1


def test_a_figure_is_in_the_language_of_its_texts() -> None:
    table, claims = made(5)
    with language("es"):
        texts = {text.get_text() for text in plot(table, claims).axes[0].texts}
        assert "(respaldada: 1, indecisa: 1, contradicha: 1, informada: 1 y no ejecutada: 1)" in caption(
            table, claims, 0.95
        )
    assert {"respaldada", "indecisa", "contradicha", "informada", "no ejecutada"} <= texts


def test_equal_tables_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("one", "other"):
        save(plot(*made(5)), tmp_path / name)
    for suffix in ("pdf", "png"):
        assert (tmp_path / f"one.{suffix}").read_bytes() == (tmp_path / f"other.{suffix}").read_bytes()
