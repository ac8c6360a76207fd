"""The folder of a network gets its files whole, the description last."""

from pathlib import Path

import pytest

from equivariance.errors import UserError
from equivariance.network_folder import checked_weights, new_network, write_description


def fill(folder: Path, weights: bytes) -> None:
    folder.mkdir(parents=True)
    (folder / "weights.safetensors").write_bytes(weights)
    write_description(folder, {})


def entries(folder: Path) -> list[str]:
    return sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())


def test_what_an_older_network_left_is_removed(tmp_path: Path) -> None:
    folder = tmp_path / "seed0"
    (folder / "savepoints").mkdir(parents=True)
    (folder / "savepoints" / "50.safetensors").write_bytes(b"old")
    with new_network(folder) as building:
        fill(building, b"new")
    assert entries(tmp_path) == ["seed0/model.json", "seed0/weights.safetensors"]
    assert checked_weights(folder).read_bytes() == b"new"


def test_an_error_leaves_the_network_that_was_there(tmp_path: Path) -> None:
    folder = tmp_path / "seed0"
    with new_network(folder) as building:
        fill(building, b"old")
    with pytest.raises(KeyboardInterrupt), new_network(folder) as building:
        fill(building, b"new")
        raise KeyboardInterrupt
    assert entries(tmp_path) == ["seed0/model.json", "seed0/weights.safetensors"]
    assert checked_weights(folder).read_bytes() == b"old"


def test_two_processes_that_make_one_network_do_not_meet(tmp_path: Path) -> None:
    folder = tmp_path / "seed0"
    with new_network(folder) as first:
        fill(first, b"same")
        with new_network(folder) as second:
            fill(second, b"same")
        assert checked_weights(folder).read_bytes() == b"same", "finished, while the other is at work"
    assert checked_weights(folder).read_bytes() == b"same"
    assert entries(tmp_path) == ["seed0/model.json", "seed0/weights.safetensors"]


def test_where_the_description_is_not_yet_there_is_no_network(tmp_path: Path) -> None:
    with new_network(tmp_path / "seed0") as building:
        fill(building, b"new")
        with pytest.raises(UserError, match="no finished network"):
            checked_weights(tmp_path / "seed0")
