"""Disks that are full, or that cannot be written, are named before or when work is lost."""

import errno
import gc
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch

from equivariance.checkpoint import save_checkpoint
from equivariance.disk import check_writable, is_full
from equivariance.errors import UserError
from equivariance.files import atomic_path, write_json


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MiB, where this user may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip("a small disk cannot be mounted by this user")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def checkpoint(folder: Path) -> None:
    save_checkpoint(folder / "training.pt", "digest", {"weights": torch.rand(10**6)})


def table(folder: Path) -> None:
    with atomic_path(folder / "table.csv") as temporary:
        pd.DataFrame(np.random.default_rng(0).random((10**5, 4))).to_csv(temporary)


def measurement(folder: Path) -> None:
    with atomic_path(folder / "measures.parquet") as temporary:
        pd.DataFrame(np.random.default_rng(0).random((10**6, 4)), columns=[*"abcd"]).to_parquet(temporary)


def picture(suffix: str, folder: Path) -> None:
    figure, axes = plt.subplots(figsize=(9, 9), dpi=300)
    axes.imshow(np.random.default_rng(0).random((1500, 1500, 3)))
    try:
        with atomic_path(folder / f"figure.{suffix}") as temporary:
            figure.savefig(temporary)
    finally:
        plt.close(figure)


def png(folder: Path) -> None:
    picture("png", folder)


def pdf(folder: Path) -> None:
    picture("pdf", folder)


def text(folder: Path) -> None:
    write_json(folder / "model.json", {"values": ["x" * 100] * 20_000})


def said_of(write: Callable[[Path], None], folder: Path) -> str:
    try:
        write(folder)
    except UserError as error:
        return str(error)
    return "it was written"


@pytest.mark.parametrize("write", [checkpoint, table, measurement, png, pdf, text])
def test_a_full_disk_is_named_and_holds_nothing_unfinished(
    small_disk: Path, write: Callable[[Path], None]
) -> None:
    results = small_disk / "results"
    results.mkdir()
    assert said_of(write, results).startswith(f"the disk that holds {results} is full: free some space")
    assert list(results.iterdir()) == []
    gc.collect()  # torch keeps the file open as long as the error is there
    assert shutil.disk_usage(small_disk).free > 2**19, "what was written is given back"


def test_only_errors_without_room_are_those_of_a_full_disk() -> None:
    assert is_full(OSError(errno.ENOSPC, "No space left on device"))
    assert is_full(OSError(errno.EDQUOT, "Disk quota exceeded"))
    assert not is_full(OSError(errno.EIO, "Input/output error"))
    assert not is_full(ValueError())


def test_folders_that_can_be_written_or_made_are_right(tmp_path: Path) -> None:
    check_writable(tmp_path, tmp_path / "not" / "yet" / "there")


def test_a_file_in_the_place_of_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("a file")
    with pytest.raises(UserError, match=r"results cannot be written \(.*results is no folder that you may"):
        check_writable(tmp_path / "results")


def test_a_disk_that_is_read_only_is_named_before_any_job(small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(UserError, match=f"results cannot be written \\({small_disk} is no folder"):
        check_writable(small_disk / "results")
