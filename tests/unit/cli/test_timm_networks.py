"""Networks of timm: `--model timm:NAME`, and with published weights `timm:NAME:WEIGHTS`."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import timm
import torch

from equivariance.cli.models import load_network

Words = Callable[..., str]
Measured = Callable[..., pd.DataFrame]


def test_a_network_of_timm_is_measured(measured: Measured) -> None:
    table = measured("timm:test_resnet", "--size=32", "--layers", "conv1.0", "fc")
    assert table.groupby("layer", sort=False).size().to_dict() == {"conv1.0": 16, "fc": 1000}


def test_a_random_network_is_that_of_its_seed_and_brings_no_normalization() -> None:
    first, again, other = (load_network("timm:test_vit", seed) for seed in (0, 0, 1))
    weights = [network.model.state_dict()["patch_embed.proj.weight"] for network in (first, again, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert (first.channels, first.mean, first.std) == (3, None, None)


def test_a_size_is_given_where_it_is_fixed() -> None:
    assert load_network("timm:test_vit", 0).size == (160, 160)
    assert load_network("timm:test_resnet", 0).size is None


def test_weights_of_a_file_are_put_in(here: Path) -> None:
    saved = load_network("timm:test_resnet", 3).model.state_dict()
    torch.save({"state_dict": saved}, here / "weights.pth")
    found = load_network("timm:test_resnet", 0, here / "weights.pth").model.state_dict()
    assert all(torch.equal(found[name], saved[name]) for name in saved)


@pytest.mark.parametrize(
    ("weights", "asked"), [("DEFAULT", "test_resnet"), ("r160_in1k", "test_resnet.r160_in1k")]
)
def test_published_weights_bring_their_normalization(
    weights: str, asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = timm.create_model
    given: list[Any] = []

    def without_download(name: str, pretrained: bool) -> Any:
        given.append((name, pretrained))
        return create(name)

    monkeypatch.setattr(timm, "create_model", without_download)
    network = load_network(f"timm:test_resnet:{weights}", 0)
    assert given == [(asked, True)]
    assert (network.mean, network.std) == ([0.5, 0.5, 0.5], [0.5, 0.5, 0.5])
    assert network.name == f"test_resnet {weights}"


def test_weights_that_cannot_be_downloaded(mistake: Words, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*given: object, **options: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr("timm.models._builder.load_state_dict_from_hf", offline)
    assert mistake("timm:test_resnet:DEFAULT") == (
        "the weights DEFAULT of test_resnet cannot be downloaded (OSError: no route to host); "
        "leave out :DEFAULT for random weights"
    )


def test_names(mistake: Words) -> None:
    line = mistake("timm:test_resnt")
    assert line.startswith("unknown timm network 'test_resnt'; valid: test_resnet, ")
    assert line.endswith(f" and {len(timm.list_models()) - 10} more")
    assert mistake("timm:test_resnet:best") == (
        "unknown weights of test_resnet 'best'; valid: DEFAULT, r160_in1k"
    )
    assert mistake("timm:test_resnet:") == "unknown weights of test_resnet ''; valid: DEFAULT, r160_in1k"
    assert mistake("timm:coatnet_0_224:DEFAULT") == (
        "unknown weights of coatnet_0_224 'DEFAULT'; valid: (none)"
    )
    assert mistake("timm:test_resnet.r160_in1k") == (
        "write timm:test_resnet.r160_in1k as timm:test_resnet:r160_in1k"
    )


def test_another_size_than_the_fixed_one(mistake: Words) -> None:
    line = mistake("timm:vit_tiny_patch16_224", "--size=32")
    assert line.startswith("vit_tiny_patch16_224 cannot process images of 3x32x32; it needs --size 224x224 (")


def test_how_to_get_timm_is_told(mistake: Words, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    assert mistake("timm:test_resnet") == ('timm:test_resnet needs timm: pip install "equivariance[timm]"')
