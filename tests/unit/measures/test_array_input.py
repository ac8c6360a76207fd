"""What is an array of numbers, what are several, and what is neither."""

import array as arrays_of_python
import datetime
from collections import deque
from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from equivariance.errors import UserError
from equivariance.measures import array_input
from equivariance.measures.arrays import measure_arrays

SHAPES = [(6, 4), (6, 4, 3), (6, 4, 3, 2, 2)]
KEYS = ["unit", "measure", "aggregation"]


def draw(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(-8, 8, shape).astype(float)  # exact in any type of float


def nested(array: np.ndarray, depth: int, inner: Callable[[np.ndarray], Any], outer: Any = list) -> Any:
    """Cut an array into lists, as deep as given, of what `inner` makes of the rest."""
    return outer(nested(part, depth - 1, inner, outer) for part in array) if depth else inner(array)


def assert_same(ours: pd.DataFrame, expected: pd.DataFrame) -> None:
    assert ours[KEYS].equals(expected[KEYS])
    np.testing.assert_array_equal(ours["value"], expected["value"])


class HoldsArray:
    """An array of another library."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = values

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self.values, dtype)

    def __iter__(self) -> Any:
        return iter(self.values)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("outer", [list, tuple])
@pytest.mark.parametrize("inner", [np.asarray, torch.tensor, HoldsArray])
def test_a_list_of_whatever_depth_is_the_array_of_its_items(shape: tuple[int, ...], outer: Any, inner: Any):
    array = draw(*shape)
    expected = measure_arrays(array)
    for depth in range(len(shape) + 1):
        assert_same(measure_arrays(nested(array, depth, inner, outer)), expected)
    assert_same(measure_arrays(array.tolist()), expected)


@pytest.mark.parametrize("shape", [(2, 6, 4, 3), (6, 4, 3, 2), (2, 6, 4, 3, 2, 2)])
def test_an_array_that_is_not_of_samples_transformations_and_units_is_none_as_a_list_either(shape):
    array = draw(*shape)
    for depth in range(len(shape)):
        with pytest.raises(
            UserError, match=r"the array has the shape \(.*\); needed: \(samples, tr.*blocks=T|-1"
        ):
            measure_arrays(nested(array, depth, np.asarray))


@pytest.mark.parametrize("shape", [(6,), ()])
def test_an_array_has_samples_and_transformations(shape):
    for given_as in (np.asarray, np.ndarray.tolist, torch.tensor):
        with pytest.raises(UserError, match=rf"shape \({'6,' if shape else ''}\); needed: \(samples, transf"):
            measure_arrays(given_as(draw(*shape)))


def several(blocks: list[np.ndarray]) -> Iterable[tuple[Any, dict[str, bool]]]:
    yield iter(blocks), {}
    yield (block for block in blocks), {}
    yield map(torch.tensor, blocks), {}
    yield (block.tolist() for block in blocks), {}
    yield deque(blocks), {}
    yield dict(enumerate(blocks)).values(), {}
    yield torch.utils.data.DataLoader(blocks, batch_size=None), {}
    for blocks_as in (list, tuple, iter):
        yield blocks_as(blocks), {"blocks": True}


@pytest.mark.parametrize("shape", SHAPES[1:])
def test_blocks_are_joined_along_their_samples(shape):
    array = draw(*shape)
    expected = measure_arrays(array)
    for blocks in ([array[:2], array[2:]], [array[:3], array[3:]], [array], list(array[:, None])):
        for given_as, options in several(blocks):
            pd.testing.assert_frame_equal(measure_arrays(given_as, **options), expected, rtol=1e-12)


@pytest.mark.parametrize("shape", SHAPES[1:])
def test_a_list_of_blocks_is_not_taken_for_one_without_a_word(shape):
    array = draw(*shape)
    for blocks in ([array[:3], array[3:]], [array[:2], array[2:]], [array]):
        with pytest.raises(UserError, match="blocks=True"):
            measure_arrays(blocks)


@pytest.mark.parametrize("shape", SHAPES)
def test_single_samples_are_no_blocks(shape):
    for samples, options in several(list(draw(*shape))):
        with pytest.raises(UserError, match=r"block 0 has the shape .*; single samples are not blocks"):
            measure_arrays(samples, **options)


def test_what_is_wrong_with_a_block_is_said_with_its_number():
    block = draw(6, 4, 3)
    for wrong, text in (
        (None, "is None"),
        (block * 1j, "has complex"),
        (iter(block), "is of type .*iterator"),
    ):
        with pytest.raises(UserError, match=f"block 1 {text}"):
            measure_arrays(iter([block, wrong]))


EXACT = {
    "float16": draw(6, 4, 3).astype(np.float16),
    "float32": draw(6, 4, 3).astype(np.float32),
    "longdouble": draw(6, 4, 3).astype(np.longdouble),
    "big endian": draw(6, 4, 3).astype(">f8"),
    "int8": draw(6, 4, 3).astype(np.int8),
    "reversed": draw(6, 4, 3)[::-1, ::-1][::-1, ::-1],
    "column by column": np.asfortranarray(draw(6, 4, 3)),
    "memory": memoryview(draw(6, 4, 3)),
    "not masked": np.ma.masked_array(draw(6, 4, 3)),
    "bfloat16": torch.tensor(draw(6, 4, 3)).bfloat16(),
    "half": torch.tensor(draw(6, 4, 3)).half(),
    "int32": torch.tensor(draw(6, 4, 3)).int(),
    "with a gradient": torch.tensor(draw(6, 4, 3), requires_grad=True),
    "parameter": torch.nn.Parameter(torch.tensor(draw(6, 4, 3))),
    "transposed": torch.tensor(draw(6, 4, 3)).mT.contiguous().mT,
    "negated lazily": torch.complex(torch.zeros(6, 4, 3), -torch.tensor(draw(6, 4, 3)).float()).conj().imag,
}  # fmt: skip


@pytest.mark.parametrize("kind", EXACT)
def test_real_numbers_of_any_type_are_read(kind: str):
    expected = measure_arrays(draw(6, 4, 3), ["nv", "td"])
    assert_same(measure_arrays(EXACT[kind], ["nv", "td"]), expected)
    if kind != "memory":  # of which Python gives no part
        assert_same(measure_arrays([*EXACT[kind]], ["nv", "td"]), expected)


def test_truths_are_0_and_1():
    truths = draw(6, 4, 3) > 0
    expected = measure_arrays(truths.astype(float))
    for same in (truths, truths.tolist(), torch.tensor(truths), [*truths]):
        assert_same(measure_arrays(same), expected)


def test_a_table_has_a_row_for_each_sample_and_a_column_for_each_transformation():
    array = draw(6, 4)
    assert_same(measure_arrays(pd.DataFrame(array, index=[*"abcdef"])), measure_arrays(array))


def test_what_is_not_a_number_stays_so():
    array = draw(6, 4, 3)
    array[2, 1, 1] = np.nan
    for same in (array, torch.tensor(array), array.tolist()):
        values = measure_arrays(same, "nv")["value"]
        assert values.isna().tolist() == [False, True, False]


WRONG = {
    "complex numbers; give their absolute values, or .real, or .imag": [
        draw(6, 4) * 1j,
        (draw(6, 4) * 1j).tolist(),
        torch.tensor(draw(6, 4)) * 1j,
        [torch.tensor(draw(4)) * 1j, torch.tensor(draw(4))],
        draw(6, 4).astype(np.complex64),
    ],
    "text; needed: numbers": [np.array([["a", "b"]] * 2), np.array([[b"1", b"2"]] * 2)],
    "is of type str; needed": ["abc", ["ab", "cd"], [["a", "b"], ["c", "d"]]],
    "is of type bytes; needed": [b"abc"],
    "is None; needed": [None, [None, None], [[1.0, None], [2.0, 3.0]]],
    "is of type dict; needed": [{"conv1": draw(6, 4)}, [{"a": 1}]],
    "is of type set; needed": [{1.0, 2.0}],
    "is of type object; needed": [object()],
    "is of type TensorDataset; needed": [torch.utils.data.TensorDataset(torch.zeros(3, 2))],
    "is of type generator; needed": [[(x for x in (1, 2))]],
    "is of type datetime; needed": [[[datetime.datetime(2000, 1, 1)]]],
    "is of type array; needed": [[arrays_of_python.array("d", [1.0, 2.0])]],
    "objects of Python": [
        np.array([[1, None]], dtype=object),
        [[Decimal(1), Decimal(2)]],
        [[2**70, 1], [1, 2]],
        pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}),
        pd.DataFrame({"a": pd.array([1, None], dtype="Int64"), "b": [1, 2]}),
    ],
    "times; needed": [np.zeros((3, 2), "datetime64[s]"), np.zeros((3, 2), "timedelta64[s]")],
    "records; give one of their fields": [np.zeros((3, 2), [("x", float), ("y", float)])],
    "has masked values; fill them": [
        np.ma.masked_less(draw(6, 4), 0),
        [np.ma.masked_less(row, 0) for row in draw(6, 4)],
        [[np.ma.masked_less(row, 0)] for row in draw(6, 4)],
    ],
    "is sparse; give its .toarray()": [sparse.csr_array(draw(6, 4)), sparse.csr_matrix(draw(6, 4))],
    "do not form an array": [
        [[1.0, 2.0], [3.0]],
        [[1.0, 2.0], 3.0],
        [draw(4, 3), draw(4, 2)],
        [torch.zeros(4), np.zeros(3)],
    ],
    "needed: transformations and units": [
        np.zeros((6, 0)),
        np.zeros((6, 0, 3)),
        torch.zeros(6, 4, 0),
        np.zeros((6, 4, 3, 0, 2)),
        [[], []],
    ],
    "no samples to measure": [np.zeros((0, 4)), torch.zeros(0, 4, 3), np.zeros((0, 4, 3, 2, 2))],
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_no_array_of_real_numbers_is_refused_with_the_reason(text: str):
    for wrong in WRONG[text]:
        with pytest.raises(UserError) as caught:
            measure_arrays(wrong)
        assert text in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.filterwarnings("ignore")  # of torch, that these kinds of its tensors are new or old
def test_tensors_that_are_no_plain_arrays_are_read_or_refused():
    array = torch.tensor(draw(6, 4))
    assert_same(
        measure_arrays(torch.quantize_per_tensor(array.float(), 1.0, 0, torch.qint8)), measure_arrays(array)
    )
    for text, wrong in [
        ("is a sparse or nested tensor; give", array.to_sparse()),
        ("is a sparse or nested tensor; give", array.to_sparse_csr()),
        ("is a sparse or nested tensor; give", torch.nested.nested_tensor([array, array[:3]])),
        ("is a tensor without data", torch.zeros(6, 4, device="meta")),
        ("is a masked tensor; fill it", torch.masked.masked_tensor(array, array > 0)),
    ]:
        with pytest.raises(UserError, match=text):
            measure_arrays(wrong)


def test_what_numpy_cannot_read_is_named():
    class Broken:
        def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
            raise TypeError("it is on another device")

    with pytest.raises(UserError, match="the array is of type Broken, which numpy cannot read: it is on"):
        measure_arrays(Broken())


@given(st.integers(1, 40), st.integers(1, 7))
def test_pieces_are_the_array_in_order(count: int, piece: int):
    array = torch.arange(count * 6).view(count, 2, 3)
    rows = list(range(count))[::-2]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(array_input, "PIECE", 6 * piece)
        for given_as in (array, array.numpy()):
            parts = list(array_input.pieces(given_as))
            assert max(map(len, parts)) == min(piece, count)
            assert torch.cat(parts).equal(array.double())
            assert torch.cat(list(array_input.pieces(given_as, rows))).equal(array[rows].double())


def test_an_array_in_a_file_is_read_a_few_samples_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    array = draw(40, 4, 3)
    np.save(tmp_path / "a.npy", array.astype(np.float32))
    monkeypatch.setattr(array_input, "PIECE", 5 * 12)
    read: list[int] = []
    convert = array_input.to_float64

    def counted(part: Any) -> torch.Tensor:
        read.append(len(part))
        return convert(part)

    monkeypatch.setattr(array_input, "to_float64", counted)
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")
    names = ["nv", "nd@3", "goodfellow_percentile@0.8"]
    in_pieces = measure_arrays(mapped, names, identity=1)
    assert set(read) == {5}
    monkeypatch.setattr(array_input, "PIECE", 1 << 20)
    whole = measure_arrays(array, names, identity=1)
    pd.testing.assert_frame_equal(in_pieces, whole, rtol=1e-12)
    labels = np.arange(40) % 3
    by_class = measure_arrays(array, names, identity=1, labels=labels)
    monkeypatch.setattr(array_input, "PIECE", 5 * 12)
    pd.testing.assert_frame_equal(
        measure_arrays(mapped, names, identity=1, labels=labels), by_class, rtol=1e-12
    )
