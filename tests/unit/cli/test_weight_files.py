"""Weights of a file for a network that has none: `--weights FILE`. Tensors are read, and never code."""

import argparse
import os
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import Tensor, nn

from equivariance.cli.models import load_network
from equivariance.cli.weights import PREFIXES, SUFFIXES, WRAPPERS

Words = Callable[..., str]
Measured = Callable[..., pd.DataFrame]

REMEDY = 'save the tensors alone: torch.save(model.state_dict(), "weights.pth")'


def state(seed: int = 3) -> dict[str, Tensor]:
    """The weights of a network of nets.py."""
    return dict(load_network("nets:build", seed).model.state_dict())


def loaded(file: str | Path, model: str = "nets:build") -> dict[str, Tensor]:
    return dict(load_network(model, 0, Path(file)).model.state_dict())


def alike(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_network_has_the_weights_of_the_file(suffix: str, here: Path, measured: Measured) -> None:
    file = here / f"weights{suffix.upper()}"
    (save_file if suffix == ".safetensors" else torch.save)(state(), file)
    found = measured("nets:build", f"--weights={file}")
    expected = measured("nets:build", "--seed=3")
    assert alike(loaded(file), state())
    pd.testing.assert_frame_equal(found, expected)


def test_networks_of_torchvision_take_weights(here: Path, measured: Measured) -> None:
    saved = load_network("torchvision:squeezenet1_1", 5).model.state_dict()
    torch.save(saved, here / "weights.pth", _use_new_zipfile_serialization=False)  # as torchvision's own
    assert alike(loaded("weights.pth", "torchvision:squeezenet1_1"), dict(saved))
    words = ("--size=32", "--layers", "features.0")
    found = measured("torchvision:squeezenet1_1", "--weights=weights.pth", *words)
    pd.testing.assert_frame_equal(found, measured("torchvision:squeezenet1_1", "--seed=5", *words))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(
    wrappers=st.lists(st.sampled_from(WRAPPERS), max_size=2),
    prefixes=st.lists(st.sampled_from([*PREFIXES, "_orig_mod."]), max_size=3),
    counters=st.booleans(),
)
def test_what_trainings_put_around_weights_changes_nothing(
    here: Path, wrappers: list[str], prefixes: list[str], counters: bool
) -> None:
    saved: Any = {"".join(prefixes) + name: tensor for name, tensor in state().items()}
    if not counters:
        saved = {name: tensor for name, tensor in saved.items() if "num_batches" not in name}
    for wrapper in wrappers:
        saved = {"epoch": 3, "optimizer": {"state": {}}, wrapper: saved}
    torch.save(saved, here / "weights.pth")
    assert alike(loaded("weights.pth"), state())


def test_a_part_that_was_compiled_is_known(here: Path) -> None:
    saved = {name.replace("conv.", "conv._orig_mod."): tensor for name, tensor in state().items()}
    torch.save(saved, here / "weights.pth")
    assert alike(loaded("weights.pth"), state())


def test_a_prefix_that_the_network_has_itself_stays(here: Path) -> None:
    with (here / "nets.py").open("a") as file:
        file.write("def wrapped(): return nn.ModuleDict({'model': Small()})")
    saved = load_network("nets:wrapped", 3).model.state_dict()
    torch.save({"state_dict": {f"model.{name}": tensor for name, tensor in saved.items()}}, here / "a.pth")
    assert alike(loaded("a.pth", "nets:wrapped"), dict(saved))


def test_weights_of_half_the_precision_are_taken(here: Path) -> None:
    save_file({name: tensor.half() for name, tensor in state().items()}, here / "a.safetensors")
    assert loaded("a.safetensors")["conv.weight"].dtype == torch.float32


class Runs:
    """Makes a folder when it is unpickled."""

    def __reduce__(self) -> Any:
        return os.mkdir, ("unpickled",)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("kind", ["whole network", "settings beside weights", "code"])
def test_nothing_is_unpickled(zipped: bool, kind: str, here: Path, mistake: Words) -> None:
    content = {
        "whole network": load_network("nets:build", 0).model,
        "settings beside weights": {"state_dict": state(), "args": argparse.Namespace(width=3)},
        "code": {**state(), "more": Runs()},
    }[kind]
    torch.save(content, here / "weights.pth", _use_new_zipfile_serialization=zipped)
    line = mistake("nets:build", "--weights=weights.pth")
    what = {"whole network": "nets.Small", "code": "posix.mkdir"}.get(kind, "argparse.Namespace")
    assert line == f"weights.pth contains more than tensors ({what}), which is not safe to load; {REMEDY}"
    assert not (here / "unpickled").exists()


def test_files_that_are_no_weights(here: Path, mistake: Words) -> None:
    def told(name: str) -> str:
        return mistake("nets:build", f"--weights={name}")

    assert told("none.pth") == "weights file not found: none.pth"
    assert told("photos") == "weights file not found: photos"
    damaged = f"is damaged, or its suffix is wrong; {REMEDY}"
    torch.save(state(), "whole.pth")
    whole = Path("whole.pth").read_bytes()
    save_file(state(), "tensors.safetensors")
    contents = {"cut.pth": whole[: len(whole) // 2], "text.pth": b"hello world", "empty.pth": b""}
    contents |= {
        "a.safetensors": whole,
        "b.safetensors": b"",
        "c.pth": Path("tensors.safetensors").read_bytes(),
    }
    for name, content in contents.items():
        Path(name).write_bytes(content)
        assert told(name) == f"{name} {damaged}"
    Path("weights.onnx").write_bytes(b"")
    assert told("weights.onnx") == (
        "weights.onnx is not a known kind of file; valid: .safetensors .pth .pt .bin .ckpt .tar"
    )
    for content, what in (
        ([torch.zeros(1)], "a list"),
        (torch.zeros(1), "a Tensor"),
        ({}, "a dict"),
        ({0: torch.zeros(1)}, "a dict"),
        ({"epoch": 3, "ours": {"conv.weight": torch.zeros(1)}}, "epoch, ours"),
    ):
        torch.save(content, "other.pth")
        assert told("other.pth") == f"other.pth has no named tensors (it contains {what}); {REMEDY}"


def test_programs_are_no_weights(here: Path, mistake: Words) -> None:
    program = torch.export.export(nn.Conv2d(3, 2, 3), (torch.rand(1, 3, 8, 8),))
    torch.export.save(program, here / "model.pt2")
    (here / "model.pt").write_bytes((here / "model.pt2").read_bytes())
    for name in ("model.pt2", "model.pt"):
        assert mistake("nets:build", f"--weights={name}") == (
            f"{name} is a network of torch.export, which contains its weights: use it as --model, "
            "without --weights"
        )
    assert mistake("model.pt2", "--weights=model.pt2") == (
        "--weights model.pt2 cannot be used with a model file, which contains its weights"
    )
    with pytest.warns():  # TorchScript is deprecated
        torch.jit.trace(nn.Linear(3, 2), torch.rand(1, 3)).save("script.pth")
    assert mistake("nets:build", "--weights=script.pth") == f"script.pth is a TorchScript network; {REMEDY}"


def test_weights_are_no_model(here: Path, mistake: Words) -> None:
    torch.save(state(), here / "weights.pth")
    assert mistake("weights.pth") == (
        "weights.pth is not a file of torch.export (.pt2); "
        "for a file of weights, use --model MODULE:FUNCTION --weights weights.pth"
    )


def test_weights_are_given_once(here: Path, mistake: Words) -> None:
    torch.save(state(), here / "weights.pth")
    for collection in ("torchvision:squeezenet1_1", "timm:test_resnet"):
        assert mistake(f"{collection}:DEFAULT", "--weights=weights.pth") == (
            "give either --weights weights.pth or :DEFAULT, not both"
        )


def test_tensors_of_another_network(here: Path, mistake: Words) -> None:
    def told(saved: dict[str, Tensor]) -> str:
        torch.save(saved, here / "weights.pth")
        line = mistake("nets:build", "--weights=weights.pth")
        start = "weights.pth does not match nets:build: "
        assert line.startswith(start)
        return line.removeprefix(start)

    whole = state()
    part = {name: whole[name] for name in ("conv.weight", "conv.bias")}
    assert told(part) == "6 missing: norm.weight, norm.bias, norm.running_mean and 3 more"
    assert told({**whole, "a": torch.zeros(1), "b": torch.zeros(1)}) == "2 unexpected: a, b"
    assert told({**whole, "head.weight": torch.zeros(5, 72), "head.bias": torch.zeros(5)}) == (
        "2 of the wrong shape: head.weight (5, 72) instead of (4, 72), head.bias (5,) instead of (4,)"
    )
    renamed = OrderedDict((f"module.model.{name}", tensor) for name, tensor in part.items())
    renamed["module.model.fc.weight"] = torch.zeros(1)
    renamed["module.model.conv.bias"] = torch.zeros(3)
    assert told(renamed) == (
        "6 missing: norm.weight, norm.bias, norm.running_mean and 3 more; 1 unexpected: fc.weight; "
        "1 of the wrong shape: conv.bias (3,) instead of (2,)"
    )


def test_a_value_that_is_no_tensor(here: Path, mistake: Words) -> None:
    torch.save({**state(), "conv.bias": [0.0, 0.0]}, here / "weights.pth")
    assert mistake("nets:build", "--weights=weights.pth").startswith("weights.pth does not fit nets:build (")
