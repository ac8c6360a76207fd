"""The command in a folder of its own, with pictures and Python of a person who uses it."""

import re
import sys
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

NETS = """
import torch
from torch import nn


class Small(nn.Module):
    def __init__(self, channels=3, outputs=4):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(channels, 2, 3), nn.BatchNorm2d(2)
        self.head = nn.Linear(72, outputs)

    def forward(self, images):
        return self.head(self.norm(self.conv(images)).flatten(1))


def build():
    return Small()


def gray():
    return Small(channels=1)


def classifier(outputs):
    return Small(outputs=outputs)


torch.manual_seed(7)
network = Small()
number = 3
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working directory with two pictures of 8x8 in `photos`, and networks in nets.py.

    What is imported from it is forgotten afterwards.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "photos").mkdir()
    for index in range(2):
        pixels = np.random.default_rng(index).integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{index}.png")
    (tmp_path / "nets.py").write_text(NETS)
    imported = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - imported:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


NEEDED = ["--images=photos", "--transformations=rotation", "--count=4", "--output=out"]
ANNOUNCED = (  # what is told before anything is measured
    r"\d+ images\n\d+ images under 4 transformations; \d+ layers? with [\d,]+ units?; 1 pass, "
    r"\d+ MiB of memory, about \d+ s\n"
)


@pytest.fixture
def measured(here: Path, capsys: pytest.CaptureFixture[str]) -> Measured:
    """Measure a network of `--model`, and give the table of its units."""

    def run(model: str, *words: str) -> pd.DataFrame:
        status = main(["measure", f"--model={model}", *NEEDED, *words])
        told = capsys.readouterr().err
        assert status == 0, told
        assert re.fullmatch(ANNOUNCED, told)
        return pd.read_csv(here / "out" / "measures.csv", dtype={"layer": str})

    return run


@pytest.fixture
def mistake(here: Path, capsys: pytest.CaptureFixture[str]) -> Words:
    """Get the one line of a mistake; the folder is called `here`."""

    def told(model: str, *words: str) -> str:
        status = main(["measure", f"--model={model}", *NEEDED, *words])
        printed = capsys.readouterr()
        assert (status, printed.out) == (2, "")
        told = printed.err.removeprefix("2 images\n")  # which is told when they have been read
        assert told.startswith("error: ")
        assert told.count("\n") == 1
        return told.removeprefix("error: ").removesuffix("\n").replace(str(here), "here")

    return told
