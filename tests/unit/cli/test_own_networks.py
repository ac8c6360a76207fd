"""Networks that a person's own Python gives: `--model module:function` and `--model file.py:function`."""

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import Tensor

from equivariance.cli.main import main
from equivariance.cli.models import load_network
from equivariance.measures.measuring import measure
from equivariance.transformations.sets import build_set

Words = Callable[..., str]
Measured = Callable[..., pd.DataFrame]


def weight(given: str, seed: int = 0) -> Tensor:
    return load_network(given, seed).model.state_dict()["conv.weight"]


@pytest.mark.parametrize("model", ["nets:build", "nets:Small", "nets.py:build", "nets.py:Small"])
def test_a_function_or_a_class_gives_the_network(model: str, here: Path, measured: Measured) -> None:
    found = measured(model, "--seed=5")
    sys.path.insert(0, str(here))
    small = import_module("nets").Small
    torch.manual_seed(5)
    network = small()
    photos = [np.asarray(Image.open(here / "photos" / f"{index}.png")) for index in range(2)]
    images = torch.from_numpy(np.stack(photos)).permute(0, 3, 1, 2)
    rotations = build_set("rotation", {"rotations": {"count": 4}})
    expected = measure(network.eval(), images, rotations, "nv")
    assert list(found["layer"]) == list(expected["layer"])
    np.testing.assert_allclose(found["value"], expected["value"], rtol=1e-5)


def test_a_network_that_stands_there_is_taken(measured: Measured) -> None:
    assert list(measured("nets:network")["layer"].unique()) == ["conv", "norm", "head"]


def test_a_network_is_taken_out_of_what_makes_it_faster(here: Path) -> None:
    with (here / "nets.py").open("a") as file:
        file.write("def fast(): return nn.DataParallel(torch.compile(Small()))")
    assert torch.equal(weight("nets:fast"), weight("nets:build"))


def test_images_are_gray_where_the_first_convolution_takes_one_channel(measured: Measured) -> None:
    assert list(measured("nets:gray")["layer"].unique()) == ["conv", "norm", "head"]


def test_a_seed_gives_the_same_weights_each_time(here: Path) -> None:
    for model in ("nets:build", "nets.py:build"):
        assert torch.equal(weight(model), weight(model))
        assert not torch.equal(weight(model), weight(model, seed=1))
    assert torch.equal(weight("nets:build"), weight("nets.py:build"))


def test_modules_of_the_working_directory_come_first(here: Path) -> None:
    (here / "this.py").write_text("from nets import build")  # there is one in the standard library
    assert weight("this:build").shape == (2, 3, 3, 3)


def test_a_package_and_what_lies_beside_a_file_are_found(here: Path) -> None:
    (here / "project" / "parts").mkdir(parents=True)
    (here / "nets.py").rename(here / "project" / "parts" / "own_nets.py")
    code = "def build():\n    import own_nets\n    return own_nets.build()"
    (here / "project" / "parts" / "make.py").write_text(code)
    assert weight("project.parts.own_nets:build").shape == (2, 3, 3, 3)
    assert weight("project/parts/make.py:build").shape == (2, 3, 3, 3)
    assert weight(f"{here}/project/parts/make.py:build").shape == (2, 3, 3, 3)


def test_what_the_code_prints_is_not_among_the_paths_of_results(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (here / "nets.py").open("a") as file:
        file.write("print('imported')\nclass Loud(Small):\n    def forward(self, images):\n")
        file.write("        print('ran')\n        return super().forward(images)\n")
        file.write("def loud():\n    print('called')\n    return Loud()")
    needed = ["--images=photos", "--transformations=none", "--measures=sv", "--output=out"]
    assert main(["measure", "--model=nets:loud", *needed]) == 0
    printed = capsys.readouterr()
    assert printed.err.startswith("imported\ncalled\n2 images\nran\n")
    assert [line.split("/")[0] for line in printed.out.splitlines()] == ["out"] * 4


def test_a_module_that_is_not_there(mistake: Words) -> None:
    installed = "in here, nor among the installed packages"
    assert mistake("netz:build") == f"module 'netz' is not {installed}"
    assert mistake("nets.more:build") == f"module 'nets.more' is not {installed}"
    assert mistake("Torchvison:resnet18") == (
        f"module 'Torchvison' is not {installed}; did you mean torchvision:resnet18?"
    )
    assert mistake("netz.py:build") == "file not found: netz.py"


@pytest.mark.parametrize("source", ["nets", "nets.py"])
def test_a_function_that_is_not_there(source: str, mistake: Words) -> None:
    assert mistake(f"{source}:biuld") == (
        f"unknown function of {source} 'biuld'; valid: build, Small, classifier, gray, network"
    )


@pytest.mark.parametrize("source", ["broken", "broken.py"])
@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("import not_installed", "ModuleNotFoundError: No module named 'not_installed'"),
        ("from nets import none", "ImportError: cannot import name 'none' from 'nets' (here/nets.py)"),
        ("x = 1 / 0", "ZeroDivisionError: division by zero"),
        ("def build(:", "SyntaxError: invalid syntax (broken.py, line 1)"),
        ("raise RuntimeError('first\\nsecond')", "RuntimeError: first"),
        (
            "import argparse; argparse.ArgumentParser().exit()",
            'it exits the program; put code that runs under `if __name__ == "__main__":`',
        ),
    ],
    ids=["import", "name", "error", "syntax", "lines", "exit"],
)
def test_a_module_that_cannot_be_imported(
    source: str, code: str, told: str, here: Path, mistake: Words
) -> None:
    (here / "broken.py").write_text(code)
    assert mistake(f"{source}:build") == f"{source} cannot be imported ({told})"


def test_what_gives_no_network(here: Path, mistake: Words) -> None:
    with (here / "nets.py").open("a") as file:
        file.write("def nothing(): pass\ndef kind(): return Small\ndef pair(): return Small(), 3\n")
        file.write("def script(): return nn.Sequential(torch.jit.script(nn.ReLU()))\n")
        file.write("def failing(): return Small(outputs=-1)\ndef ending(): raise SystemExit\n")
    assert (
        mistake("nets:number")
        == "nets:number is a value of type int; needed: a function that returns a network"
    )
    needed = "needed: a network, a torch.nn.Module"
    assert mistake("nets:nothing") == f"nets:nothing returns None; {needed}"
    assert mistake("nets:kind") == f"nets:kind returns the class Small; {needed}"
    assert mistake("nets:pair") == f"nets:pair returns a value of type tuple; {needed}"
    with pytest.warns():  # TorchScript is deprecated
        assert mistake("nets:script") == (
            "nets:script returns a TorchScript network, whose layers are hidden; needed: the original network"
        )
    assert mistake("nets:failing").startswith("nets:failing fails (RuntimeError: ")
    assert mistake("nets:ending").startswith("nets:ending fails (it exits the program")
    assert mistake("nets:classifier") == (
        "nets:classifier needs arguments (missing a required argument: 'outputs'); "
        "write a function without arguments that returns the network"
    )


def test_what_names_no_function(here: Path, mistake: Words) -> None:
    for model in ("nets", "nets:", ":build", "nets:build()", "sub/nets:build", "a-b:build"):
        assert mistake(model).startswith(f"model file not found: {model}; valid: FILE.pt2 of torch.export, ")
    assert (
        mistake("nets.py") == "nets.py needs the name of a function that returns a network: nets.py:FUNCTION"
    )


def test_a_network_that_takes_other_images(here: Path, mistake: Words) -> None:
    with (here / "nets.py").open("a") as file:
        file.write("def four(): return Small(channels=4)")
        file.write("\nclass Ending(Small):\n    def forward(self, images): raise SystemExit(3)")
    assert mistake("nets:four").startswith("nets:four cannot process images of 3x8x8 (RuntimeError: ")
    assert mistake("nets:Ending") == "nets:Ending cannot process images of 3x8x8 (SystemExit: 3)"
