"""Files of torch.export: what they say about their input, and that they were exported for evaluation."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from equivariance.cli.main import main
from equivariance.cli.models import load_network

Words = Callable[..., str]
Measured = Callable[..., pd.DataFrame]


class Always(nn.Module):
    """Dropout that `eval()` does not switch off."""

    def forward(self, images: Tensor) -> Tensor:
        return F.dropout(images)


def save(
    model: nn.Module, file: Path, dynamic: bool = True, channels: int = 3, count: int = 2, **limits: int
) -> str:
    batch = ({0: torch.export.Dim("batch", **limits)},) if dynamic else None
    images = (torch.rand(count, channels, 8, 8),)
    torch.export.save(torch.export.export(model, images, dynamic_shapes=batch), file)
    return str(file)


def network() -> nn.Module:
    conv, head = nn.Conv2d(3, 2, 3), nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(72, 4))
    return nn.Sequential(conv, nn.BatchNorm2d(2), nn.ReLU(), head)


def test_a_program_that_was_exported_in_training_is_refused(here: Path, mistake: Words) -> None:
    remedy = (
        "call model.eval() before torch.export.export; networks that are random in evaluation too, as by "
        "F.dropout without training=self.training, cannot be measured"
    )
    assert mistake(save(network().train(), here / "trained.pt2")) == (
        f"here/trained.pt2 was exported in training mode (batch norm in '1', dropout in '3.1'): {remedy}"
    )
    assert mistake(save(nn.Sequential(Always()).eval(), here / "always.pt2")) == (
        f"here/always.pt2 was exported in training mode (dropout in '0'): {remedy}"
    )
    many = nn.Sequential(*(nn.BatchNorm2d(3) for _ in range(7)))
    assert "norm in '4' and 2 more)" in mistake(save(many.train(), here / "many.pt2"))


def test_the_same_program_for_evaluation_is_measured(here: Path, measured: Measured) -> None:
    table = measured(save(network().eval(), here / "evaluated.pt2"))
    kinds = table.drop_duplicates("layer").set_index("layer")["kind"].to_dict()
    assert kinds == {
        "0": "conv", "1": "norm", "2": "activation", "3.0": "reshape", "3.1": "other", "3.2": "linear"
    }  # fmt: skip


def test_a_program_says_what_it_takes(here: Path) -> None:
    fixed = load_network(save(nn.Conv2d(3, 2, 3), here / "fixed.pt2", dynamic=False), 0)
    assert (fixed.batch, fixed.channels, fixed.size) == (2, 3, (8, 8))
    gray = load_network(save(nn.Conv2d(1, 2, 3), here / "gray.pt2", channels=1), 0)
    assert (gray.batch, gray.channels, gray.size) == (None, 1, (8, 8))


@pytest.mark.parametrize("count", [4, 8, 12])
def test_a_number_of_images_that_is_fixed_gives_the_same_values(
    count: int, here: Path, measured: Measured
) -> None:
    free = measured(save(network().eval(), here / "free.pt2"))
    torch.manual_seed(0)
    model = network().eval()
    expected = measured(save(model, here / "free.pt2"), "--measures", "nv", "nd", "goodfellow_normal")
    fixed = save(model, here / "fixed.pt2", dynamic=False, count=count)
    found = measured(fixed, "--measures", "nv", "nd", "goodfellow_normal")
    assert list(free["layer"].unique()) == list(found["layer"].unique())
    pd.testing.assert_series_equal(found["value"], expected["value"], rtol=1e-5)


def test_a_program_with_a_limit_of_images_sees_no_more(here: Path, measured: Measured) -> None:
    for index in range(2, 6):  # 24 inputs in all
        (here / "photos" / f"{index}.png").write_bytes((here / "photos" / "0.png").read_bytes())
    model = network().eval()
    limited = save(model, here / "limited.pt2", max=9)
    assert (load_network(limited, 0).batch, load_network(limited, 0).most) == (None, 9)
    assert load_network(limited, 0).tile(4) == 2
    free = save(model, here / "free.pt2")
    assert load_network(free, 0).most is None
    found, expected = measured(limited), measured(free)
    pd.testing.assert_series_equal(found["value"], expected["value"], rtol=1e-5)


def test_a_program_with_a_least_number_of_images(here: Path, measured: Measured) -> None:
    for index in range(2, 5):
        (here / "photos" / f"{index}.png").write_bytes((here / "photos" / "0.png").read_bytes())
    measured(save(network().eval(), here / "least.pt2", count=6, min=6), "--measures", "goodfellow_normal")


def test_the_list_of_layers_names_the_classes_that_were_exported(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["layers", "--model", save(network().eval(), here / "program.pt2")]) == 0
    table = [line.split() for line in capsys.readouterr().out.splitlines()[1:7]]
    assert [row[2] for row in table] == ["Conv2d", "BatchNorm2d", "ReLU", "Flatten", "Dropout", "Linear"]


@pytest.mark.parametrize("model", ["torchvision:squeezenet1_1", "nets:build", "timm:test_resnet"])
def test_other_networks_take_any_number_of_images(model: str, here: Path) -> None:
    assert load_network(model, 0).batch is None
