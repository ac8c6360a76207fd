"""Trained networks on the disk."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from equivariance.errors import UserError
from equivariance.models import build
from equivariance.models.saved import load_network, save_weights
from equivariance.network_folder import weights_file, write_description
from equivariance.training.settings import TrainingSettings

SETTINGS = {"filters": 2, "hidden": 4, "batch_norm": True}


def network(seed: int) -> nn.Module:
    """A network with weights and running statistics that no other seed has."""
    torch.manual_seed(seed)
    model = build("simple_conv", (1, 8, 8), 3, SETTINGS)
    model(torch.rand(5, 1, 8, 8))
    return model


@pytest.fixture
def folder(tmp_path: Path, make_settings: Callable[..., TrainingSettings]) -> Path:
    """A folder with final weights (seed 1) and those at 0 and 30 per cent (seeds 2 and 3)."""
    for seed, savepoint in ((1, "final"), (2, "0"), (3, "30")):
        save_weights(network(seed), weights_file(tmp_path, savepoint))
    description = {
        "settings": make_settings(settings=SETTINGS, savepoints=[0, 30]).as_mapping(),
        "image_shape": [1, 8, 8],
        "classes": ["a", "b", "c"],
        "outputs": 3,
    }
    write_description(tmp_path, description)
    return tmp_path


@pytest.mark.parametrize(("savepoint", "seed"), [("final", 1), ("0", 2), ("30", 3)])
def test_a_network_comes_back_with_weights_and_buffers_of_each_savepoint(
    folder: Path, savepoint: str, seed: int
) -> None:
    model, description = load_network(folder, savepoint)
    expected = network(seed)
    assert model.state_dict().keys() == expected.state_dict().keys()
    assert all(torch.equal(value, expected.state_dict()[name]) for name, value in model.state_dict().items())
    images = torch.rand(4, 1, 8, 8)
    assert torch.equal(model(images), expected.eval()(images))
    assert description["classes"] == ["a", "b", "c"]


def test_it_is_final_unless_asked_for_and_in_evaluation_mode(folder: Path) -> None:
    model, _ = load_network(str(folder))
    assert torch.equal(model.conv1.weight, network(1).conv1.weight)
    assert not model.training


def test_files_have_the_names_that_the_workflow_knows(folder: Path) -> None:
    files = sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())
    assert files == [
        "model.json",
        "savepoints/0.safetensors",
        "savepoints/30.safetensors",
        "weights.safetensors",
    ]


def test_weights_are_readable_as_any_file_and_the_same_bytes_each_time(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    save_weights(network(1), tmp_path / "a.safetensors")
    save_weights(network(1), tmp_path / "b.safetensors")
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    assert (tmp_path / "a.safetensors").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_folder_without_its_description_holds_no_finished_network(folder: Path) -> None:
    (folder / "model.json").unlink()
    with pytest.raises(UserError, match=r"model\.json is missing\); train it again"):
        load_network(folder)


@pytest.mark.parametrize("savepoint", ["50", "100", ""])
def test_a_savepoint_that_was_not_kept_is_an_error_that_names_those_that_were(
    folder: Path, savepoint: str
) -> None:
    with pytest.raises(UserError, match=f"no savepoint '{savepoint}'; it has final, 0, 30"):
        load_network(folder, savepoint)


def other_network() -> nn.Module:
    return build("simple_conv", (1, 8, 8), 3, {"filters": 3, "hidden": 4})


@pytest.mark.parametrize("damage", ["cut short", "another network"])
def test_weights_that_are_damaged_are_an_error_that_names_the_file(folder: Path, damage: str) -> None:
    file = folder / "weights.safetensors"
    if damage == "cut short":
        file.write_bytes(file.read_bytes()[:100])
    else:
        save_weights(other_network(), file)
    with pytest.raises(UserError, match=r"is damaged \(weights\.safetensors is changed\): delete it"):
        load_network(folder)


def test_all_weights_are_saved_wherever_they_are_in_memory(tmp_path: Path) -> None:
    class Transposed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.arange(6.0).reshape(2, 3).T)

    save_weights(Transposed(), tmp_path / "weights.safetensors")
    from safetensors.torch import load_file

    loaded: dict[str, Any] = load_file(tmp_path / "weights.safetensors")
    assert torch.equal(loaded["weight"], torch.arange(6.0).reshape(2, 3).T)
