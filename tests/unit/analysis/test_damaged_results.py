"""Results that were changed or cut are not read: the message names them and what makes them again."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from changed_bytes import with_any_byte_changed

from equivariance.analysis.image_grids import Grid, load_grids, save_grids
from equivariance.analysis.reading import read_measurement, read_table
from equivariance.analysis.tables import write_table
from equivariance.errors import UserError
from equivariance.files import write_checksum


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def empty(content: bytes) -> bytes:
    return b""


def flipped(content: bytes) -> bytes:
    changed = bytearray(content)
    changed[len(content) // 3] ^= 4
    return bytes(changed)


damaged = pytest.mark.parametrize("damage", [cut, empty, flipped])
Damage = Callable[[bytes], bytes]


def spoil(file: Path, damage: Damage) -> None:
    file.write_bytes(damage(file.read_bytes()))


def refused(file: Path) -> str:
    return rf"{file.name} is damaged \(.*\): delete it and run the same command again$"


@damaged
def test_a_measurement(tmp_path: Path, damage: Damage) -> None:
    file = tmp_path / "invariance.parquet"
    values = np.random.default_rng(0).random(10_000)
    pd.DataFrame({"value": values}).to_parquet(file, index=False)
    write_checksum(file)
    assert (read_measurement(file)["value"] == values).all()
    spoil(file, damage)
    with pytest.raises(UserError, match=refused(file)):
        read_measurement(file)


@damaged
def test_a_table(tmp_path: Path, damage: Damage) -> None:
    file = tmp_path / "max_pooling.csv"
    write_table([pd.DataFrame({"a": range(1000), "b": "x"})], file)
    spoil(file, damage)
    with pytest.raises(UserError, match=refused(file)):
        read_table(file, ["profiles"])


@damaged
def test_images_of_a_figure(tmp_path: Path, damage: Damage) -> None:
    file = tmp_path / "st_matrix.npz"
    images = np.random.default_rng(0).random((2, 2, 1, 8, 8)).astype(np.float32)
    save_grids(file, [Grid("digits", "rotation", images, ("a", "b"), ("c", "d"))])
    assert len(load_grids(file)) == 1
    spoil(file, damage)
    with pytest.raises(UserError, match=refused(file)):
        load_grids(file)


def test_images_of_a_figure_with_any_byte_changed_are_refused_or_the_same(tmp_path: Path) -> None:
    file = tmp_path / "st_matrix.npz"
    images = np.random.default_rng(0).random((1, 2, 1, 3, 3)).astype(np.float32)
    save_grids(file, [Grid("digits", "rotation", images, ("a",), ("c", "d"))])
    (wanted,) = load_grids(file)
    for place in with_any_byte_changed(file):
        try:
            (got,) = load_grids(file)
        except UserError as error:
            assert "st_matrix.npz is damaged" in str(error)
            continue
        assert (got.images == wanted.images).all(), place
        assert (got.dataset, got.rows, got.columns) == ("digits", ("a",), ("c", "d")), place
