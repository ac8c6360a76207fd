"""Figures in another language: nothing of them stays in English, and longer texts have room."""

import re
from collections.abc import Callable
from gettext import NullTranslations
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
import pytest
from babel.messages.pofile import read_po
from looks import caption, clipped, legend_over_data, overlapping, plot, smallest_type, visible_texts
from synthetic_tables import (
    accuracies,
    class_accuracies,
    classed,
    entry,
    histories,
    networks,
    profiles,
    retrained,
    sized,
    units,
)

from equivariance import language as module
from equivariance.analysis.image_grids import Grid
from equivariance.figures.captions import report_caption
from equivariance.figures.kinds import KINDS
from equivariance.language import FOLDER, language

LABELS = {
    "digits": "digits",
    "patches": "natural patches",
    "simple_conv": "SimpleConv",
    "simple_conv_bn": "SimpleConv with batch normalization",
    "rotation": "rotations",
    "scale": "scales",
    "none": "untransformed",
}
"""Names of the configuration, which are translated."""

STAND_INS = {"digits": "MNIST", "patches": "CIFAR10"}

BOTH, MODELS, SETS = ("digits", "patches"), ("simple_conv", "simple_conv_bn"), ("none", "rotation", "scale")

FROM_DATA = r"(conv|fc|pool)\d(_act|_bn)?|flatten|log_softmax|x\d"
"""What is the same in every language: names of layers and of samples."""


def measured(**more: Any) -> pd.DataFrame:
    return profiles(BOTH, sets=SETS, measured_with={"none": ["rotation"]}, seeds=2, **more)


def some_infinite() -> pd.DataFrame:
    data = units(measured(measures=("nv", "goodfellow_normal_original")))
    data.loc[(data["layer"] == "conv1") & (data["unit"] == 2), "value"] = np.inf
    data.loc[(data["layer"] == "conv2") & (data["unit"] == 3), "value"] = np.nan
    return data


def of_classes() -> pd.DataFrame:
    whole = networks(measured()).assign(stratified="not stratified", measured_with="rotation")
    both = pd.concat([whole, whole.assign(stratified="stratified")])
    return pd.concat([both.assign(aggregation=name) for name in ("first_mean", "first_max")])


def matrices() -> list[Grid]:
    named: Any = {"rows": ("x1", "x2"), "row_axis": "sample", "column_axis": "transformation"}
    images = np.zeros((2, 3, 1, 8, 8), np.float32)
    return [
        Grid(name, by, images, columns=("-90°", "0°", "90°"), **named) for name in BOTH for by in SETS[1:]
    ]


def maps() -> list[Grid]:
    images = np.zeros((2, 3, 1, 8, 8), np.float32)
    titles = {"input": "", "conv1": "feature map", "conv2": "feature map"}
    return [
        Grid("digits", "rotation", images, ("1: 0.5", "2: 0.7"), ("-90°", "0°", "90°"), axis, title=title)
        for title, axis in titles.items()
    ]


PANELS = {
    "Invariance": ["nv", "nd_keep@32"],
    "Goodfellow": ["goodfellow_normal"],
    "Same-equivariance": ["nvse"],
}
MEASURES = ("nv", "nd_keep@32", "goodfellow_normal", "nvse", "nvse_floor")

CASES: dict[str, tuple[Callable[[], Any], dict[str, Any]]] = {
    "lines": (
        lambda: profiles(BOTH, MODELS, SETS[1:], seeds=2),
        {"kind": "layer_profile", "row": "dataset", "column": "trained_with", "hue": "model"},
    ),
    "panels": (
        lambda: measured(measures=MEASURES).assign(measured_with="rotation"),
        {"kind": "layer_profile", "row": ["dataset", "trained_with"], "panels": PANELS, "hue": "measure"},
    ),
    "savepoints": (
        lambda: profiles(sets=SETS[1:], savepoints=("0", "30", "final"), seeds=1),
        {"kind": "layer_profile", "x": "depth", "column": "trained_with", "hue": "savepoint"},
    ),
    "lone lines": (lambda: profiles(BOTH), {"kind": "layer_profile", "row": "dataset"}),
    "units": (
        some_infinite,
        {"kind": "heat_map", "row": ["dataset", "measure"], "column": "trained_with"},
    ),
    "boxes": (
        lambda: units(measured().assign(measured_with="rotation")),
        {"kind": "distribution", "row": "dataset", "hue": "trained_with"},
    ),
    "classes": (
        lambda: classed(measured(), 3).assign(stratified="stratified"),
        {"kind": "class_heat_map", "row": "dataset", "column": "trained_with"},
    ),
    "errors": (
        lambda: sized(profiles(BOTH, sets=SETS[1:], seeds=1)),
        {"kind": "relative_error_map", "row": "dataset", "column": "trained_with"},
    ),
    "accuracies": (
        lambda: accuracies(BOTH, SETS, 2, MODELS, classes=10),
        {"kind": "bars", "row": ["dataset", "model"], "x": "trained_with", "hue": "tested_with"},
    ),
    "schemes": (
        lambda: retrained(accuracies(sets=("none",)), ("conv1", "class_conv", "all_conv", "all_fc", "all")),
        {"kind": "bars", "x": "scheme", "hue": "tested_with"},
    ),
    "networks": (
        of_classes,
        {"kind": "bars", "row": ["dataset", "stratified"], "column": "aggregation", "x": "trained_with"},
    ),
    "angles": (
        lambda: class_accuracies(accuracies(BOTH, ("none",), models=MODELS)).iloc[1:],
        {"kind": "accuracy_heat_map", "row": "dataset", "column": "model"},
    ),
    "members": (
        lambda: class_accuracies(accuracies(sets=("none",)), angles=None),
        {"kind": "accuracy_heat_map"},
    ),
    "curves": (
        lambda: histories(accuracies(BOTH, SETS[:2], 2, MODELS)),
        {"kind": "learning_curves", "row": "dataset", "column": "trained_with", "hue": "model"},
    ),
    "matrices": (matrices, {"kind": "image_grid"}),
    "feature maps": (maps, {"kind": "image_grid"}),
}


def drawn(case: str) -> tuple[Any, list[str]]:
    """The figure of a case in the current language, and all that a reader of it and of its caption sees."""
    make, figure = CASES[case]
    data = make()
    names = list(dict.fromkeys(data["measure"])) if "measure" in data else []
    asked = {**entry(measures=names, **figure), "title": "Networks", "question": "What do convolutions gain?"}
    asked["source"] = "code of 2018"
    result = plot(data, asked, LABELS, STAND_INS)
    said = report_caption(asked, caption(asked, data, LABELS))
    return result, [said, *(text.get_text() for text in visible_texts(result))]


def english_patterns() -> dict[str, re.Pattern[str]]:
    """What finds each English text, anything standing for its placeholders, whose Spanish is another."""
    with (FOLDER / "es.po").open("rb") as file:
        messages = [message for message in read_po(file) if message.id and message.id != message.string]
    ids = [message.id if isinstance(message.id, tuple) else (message.id,) for message in messages]
    found = [*dict.fromkeys(chain.from_iterable(ids))]
    parts = {text: [re.escape(part) for part in re.split(r"\{[^}]*\}", text)] for text in found}
    return {
        text: re.compile(rf"(?<!\w){'.+?'.join(of)}(?!\w)", flags=re.IGNORECASE) for text, of in parts.items()
    }


ENGLISH = english_patterns()


class Marked(NullTranslations):
    """A language whose letters are no others': what has not gone through it is seen at once."""

    def gettext(self, message: str) -> str:
        shift = ord("а") - ord("a")  # from Latin to Cyrillic letters, but not in placeholders
        return re.sub(
            r"\{[^}]*\}|[A-Za-z]",
            lambda found: found[0] if found[0].startswith("{") else chr(ord(found[0]) + shift),
            message,
        )


def test_there_is_a_case_of_each_kind() -> None:
    assert {figure["kind"] for _make, figure in CASES.values()} == {*KINDS}


@pytest.mark.parametrize("case", CASES)
def test_in_spanish_nothing_is_left_in_english_cut_or_covered(case: str) -> None:
    with language("es"):
        figure, texts = drawn(case)
    lines = [" ".join(text.replace("-\n", "-").split()) for text in texts]
    assert {line: text for text, one in ENGLISH.items() for line in lines if one.search(line)} == {}
    assert figure.get_figheight() < 9
    assert smallest_type(figure) >= 7
    assert clipped(figure) == []
    assert overlapping(figure) == []
    assert not legend_over_data(figure)


@pytest.mark.parametrize("case", CASES)
def test_all_words_of_a_figure_and_its_caption_can_be_translated(
    case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_catalog", lambda code: Marked())
    _figure, texts = drawn(case)
    words = {word for text in texts for word in re.findall(r"[A-Za-z]\w*", text)}
    assert {word for word in words if not re.fullmatch(FROM_DATA, word)} == set()


def test_english_left_over_would_be_found() -> None:
    found = {text for text, one in ENGLISH.items() if one.search("Filas: modelo; rotations, 5 seeds")}
    assert found == {"rotations", "seeds", "{count} seeds"}
