"""Classes of the stratified form, and their mean."""

from collections import namedtuple
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from equivariance.errors import UserError
from equivariance.measures.names import MEAN_OF_CLASSES
from equivariance.measures.stratified import class_name, rows_by_class, with_means

TEXTS = st.text(min_size=1, max_size=3).filter(lambda text: text.strip() and text != MEAN_OF_CLASSES)


@given(
    st.one_of(
        st.lists(TEXTS), st.lists(st.integers(-9, 9)), st.lists(st.booleans()), st.lists(st.floats(-1, 1))
    )
)
def test_each_row_is_in_the_class_of_its_label_and_in_order(labels: list[Any]) -> None:
    rows = rows_by_class(labels, len(labels))
    assert sorted(row for found in rows.values() for row in found) == list(range(len(labels)))
    values = {row: name for name, found in rows.items() for row in found}
    assert len(rows) == len(set(labels))
    for row, name in values.items():
        assert labels[row] == labels[rows[name][0]]
    for found in rows.values():
        assert found == sorted(found)
    firsts = [labels[found[0]] for found in rows.values()]
    assert firsts == sorted(firsts)


@pytest.mark.parametrize(
    "labels",
    [
        [10, 9, 10],
        (10, 9, 10),
        iter([10, 9, 10]),
        np.array([10, 9, 10], np.uint8),
        [np.int64(10), 9, torch.tensor(10)],
        torch.tensor([10, 9, 10]),
        pd.Series([10, 9, 10], index=[5, 6, 7]),
        pd.Series([10, 9, 10], dtype="category"),
        pd.Index([10, 9, 10]),
    ],
)
def test_labels_may_be_anything_that_lists_them(labels: Any) -> None:
    assert rows_by_class(labels, 3) == {"9": [1], "10": [0, 2]}


def test_truths_are_labels() -> None:
    assert rows_by_class(np.array([True, False, True]), 3) == {"False": [1], "True": [0, 2]}


@pytest.mark.parametrize("labels", [[1, "1"], [True, 1], [1, 1.0], ["a", b"a"]])
def test_labels_of_different_types_are_no_classes(labels: list[Any]) -> None:
    with pytest.raises(UserError, match=r"labels are of several types \(\w+, \w+\); use one type"):
        rows_by_class(labels, 2)


def test_different_labels_with_the_same_text_are_not_one_class() -> None:
    class Label:
        def __str__(self) -> str:
            return "cat"

    with pytest.raises(UserError, match="different labels have the same text 'cat'"):
        rows_by_class([Label(), Label()], 2)


@pytest.mark.parametrize(
    "labels",
    [
        ["a", None],
        [1.0, float("nan")],
        np.array([1, np.nan]),
        pd.Series(["a", None]),
        pd.Series([1, pd.NA], dtype="Int64"),
        np.ma.masked_array([1, 2], [False, True]),
    ],
)
def test_a_missing_label_is_named(labels: Any) -> None:
    with pytest.raises(UserError, match=r"labels\[1\] is .*; needed: a class for each of 2 samples"):
        rows_by_class(labels, 2)


@pytest.mark.parametrize("labels", ["ab", {0: "a", 1: "b"}, {"a", "b"}, None, 7, b"ab"])
def test_what_does_not_list_labels_in_order_is_refused(labels: Any) -> None:
    with pytest.raises(UserError, match=r"labels are of type \w+; needed: one for each of 2 samples"):
        rows_by_class(labels, 2)


@pytest.mark.parametrize(
    ("labels", "shape"),
    [
        ([1, 2, 3], r"\(3,\)"),
        ([], r"\(0,\)"),
        (np.eye(2), r"\(2, 2\)"),
        ([("cat", "front"), ("cat", "side")], r"\(2, 2\)"),
        ([[1], [2]], r"\(2, 1\)"),
        (torch.zeros(2, 1), r"\(2, 1\)"),
        (pd.DataFrame({"a": [1, 2], "b": [3, 4]}), r"\(2, 2\)"),
        (np.array(1), r"\(0,\)"),
        ([namedtuple("L", "a")(1)] * 2, r"\(2, 1\)"),
    ],
)
def test_labels_of_another_shape_are_refused(labels: Any, shape: str) -> None:
    with pytest.raises(UserError, match=rf"labels have the shape {shape}; needed: one for each of 2 samples"):
        rows_by_class(labels, 2)


@pytest.mark.parametrize("name", ["", " ", "\t"])
def test_a_class_has_a_name(name: str) -> None:
    with pytest.raises(UserError, match=r"invalid name of a class: '.*'; rename it"):
        rows_by_class(["a", name], 2)


def test_the_mark_of_the_mean_is_no_class() -> None:
    with pytest.raises(UserError, match=r"class: '\(mean\)', which stands for the mean over the classes"):
        rows_by_class(["a", MEAN_OF_CLASSES], 2)
    assert [class_name(label) for label in ("mean", "(Mean)", 3, "nan")] == ["mean", "(Mean)", "3", "nan"]


def test_a_class_called_mean_has_its_values_beside_the_mean() -> None:
    table = pd.DataFrame({"unit": [0, 0], "class": ["mean", "other"], "value": [1.0, 3.0]})
    found = with_means(table)
    assert dict(zip(found["class"], found["value"], strict=True)) == {"(mean)": 2, "mean": 1, "other": 3}


def test_as_many_classes_as_samples_are_found() -> None:
    assert len(rows_by_class(np.arange(60_000), 60_000)) == 60_000
