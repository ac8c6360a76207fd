"""The command in a folder of its own, with pictures of a person who uses it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from equivariance.cli.main import main

Words = Callable[..., str]
Measured = Callable[..., pd.DataFrame]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with two pictures of 8x8 in `photos`."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    for index in range(2):
        pixels = np.random.default_rng(index).integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{index}.png")
    return tmp_path


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


NEEDED = ["--images=photos", "--transformations=rotation", "--count=4", "--output=out"]


@pytest.fixture
def measured(here: Path, capsys: pytest.CaptureFixture[str]) -> Measured:
    """Measure a network of `--model`, and give the table of its units."""

    def run(model: str, *words: str) -> pd.DataFrame:
        status = main(["measure", f"--model={model}", *NEEDED, *words])
        assert (status, capsys.readouterr().err) == (0, "")
        return pd.read_csv(here / "out" / "measures.csv", dtype={"layer": str})

    return run


@pytest.fixture
def mistake(here: Path, capsys: pytest.CaptureFixture[str]) -> Words:
    """Get the one line of a mistake; the folder is called `here`."""

    def told(model: str, *words: str) -> str:
        status = main(["measure", f"--model={model}", *NEEDED, *words])
        printed = capsys.readouterr()
        assert (status, printed.out) == (2, "")
        assert printed.err.startswith("error: ")
        assert printed.err.count("\n") == 1
        return printed.err.removeprefix("error: ").removesuffix("\n").replace(str(here), "here")

    return told
