"""Networks of torchvision: `--model torchvision:NAME`."""

import warnings
from collections.abc import Callable

import pandas as pd

from equivariance.cli.models import load_network

Words = Callable[..., str]
Measured = Callable[..., pd.DataFrame]


def test_a_network_for_segmentation_is_measured_without_a_download(measured: Measured) -> None:
    table = measured(
        "torchvision:lraspp_mobilenet_v3_large", "--size=32", "--layers", "backbone.0.0", "classifier.*"
    )
    assert "classifier.high_classifier" in set(table["layer"])


def test_what_a_network_warns_of_when_it_is_made_is_not_told() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_network("torchvision:googlenet", 0)


def test_the_nearest_names_are_told(mistake: Words) -> None:
    line = mistake("torchvision:deeplabv3_resnet5")
    assert line.startswith("unknown torchvision network 'deeplabv3_resnet5'; valid: deeplabv3_resnet50, ")
    assert line.endswith(" more")
