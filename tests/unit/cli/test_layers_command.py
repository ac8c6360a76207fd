"""`python -m equivariance layers`: what would be measured of a network, and what would not."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from equivariance.cli.main import main

TABLE = """
layer  kind    module       layout          shape  units  bytes
conv   conv    Conv2d       channels_first  2x6x6      2    288
norm   norm    BatchNorm2d  channels_first  2x6x6      2    288
head   linear  Linear       vector          4          4     16

3 layers with 8 units, 592 bytes for an image of 8x8
"""


@pytest.fixture
def told(here: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """List the layers of a network of nets.py."""
    with (here / "nets.py").open("a") as file:
        file.write(
            "class Partly(Small):\n"
            "    def __init__(self):\n        super().__init__()\n        self.more = nn.Linear(2, 2)\n"
        )

    def run(*words: str, status: int = 0) -> str:
        assert main(["layers", *words]) == status
        printed = capsys.readouterr()
        assert (printed.err if status == 0 else printed.out) == ""
        return printed.out or printed.err

    return run


def test_a_layer_has_its_kind_layout_shape_units_and_bytes(told: Callable[..., str]) -> None:
    assert told("--model=nets:build", "--size=8") == TABLE.removeprefix("\n")


def test_what_is_left_out_is_listed_with_the_reason(told: Callable[..., str]) -> None:
    left_out = "\n1 layer left out:\n\nlayer  module  left_out\nmore   Linear  was not called\n"
    assert told("--model=nets:Partly", "--size=8") == TABLE.removeprefix("\n") + left_out


def test_where_layers_are_named_no_others_are_listed(told: Callable[..., str]) -> None:
    found = told("--model=nets:Partly", "--size=8", "--layers", "c*", "norm").splitlines()
    assert [line.split()[0] for line in found[1:3]] == ["conv", "norm"]
    assert found[4:] == ["2 layers with 4 units, 576 bytes for an image of 8x8"]
    assert told("--model=nets:Partly", "--size=8", "--exclude", "norm", "head").splitlines()[3] == (
        "1 layer with 2 units, 288 bytes for an image of 8x8"
    )


def test_the_size_is_that_of_the_network_or_a_usual_one(told: Callable[..., str], here: Path) -> None:
    torch.export.save(torch.export.export(nn.Conv2d(1, 2, 3).eval(), (torch.rand(5, 1, 9, 7),)), "own.pt2")
    assert "2x7x5" in (found := told("--model=own.pt2"))
    assert found.endswith(" bytes for an image of 9x7\n")
    with (here / "nets.py").open("a") as file:
        file.write("def free(): return nn.Conv2d(3, 2, 3)\n")
    assert told("--model=nets:free").endswith(" bytes for an image of 224x224 (--size changes it)\n")


def test_layouts_and_outputs_that_are_said(told: Callable[..., str], here: Path) -> None:
    with (here / "nets.py").open("a") as file:
        file.write(
            "class Two(nn.Module):\n"
            "    def forward(self, x): return {'small': x[:, :1], 'large': x}\n"
            "class Both(nn.Module):\n"
            "    def __init__(self):\n        super().__init__()\n        self.two = Two()\n"
            "    def forward(self, x): return self.two(x)['large'].sum(1)\n"
        )
    assert told("--model=nets:Both", "--size=4").splitlines()[1].split()[3:5] == ["channels_first", "1x4x4"]
    other = told("--model=nets:Both", "--size=4", "--outputs", "two=large", "--maps", "two=channels_last")
    assert other.splitlines()[1].split()[3:5] == ["channels_last", "4x3x4"]


def test_a_mistake_is_one_line(told: Callable[..., str]) -> None:
    assert told("--model=nets:build", "--size=8", "--layers=x", status=2) == (
        "error: unknown layer 'x'; valid: Small, conv, head, norm\n"
    )
    assert told("--model=nets:build", "--size=9", status=2).startswith(
        "error: nets:build cannot process images of 3x9x9 (RuntimeError: "
    )
    assert told("--model=nets:build", "--size=8", "--mean=1", status=2) == (
        "error: --mean has 1 number; nets:build takes 3 channels\n"
    )
