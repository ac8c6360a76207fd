"""Building by name, and what a person is told about a wrong setting."""

import subprocess
import sys
from importlib import import_module

import pytest
import torch

from equivariance.errors import UserError
from equivariance.models import FAMILIES, build
from equivariance.models.activations import ACTIVATIONS
from equivariance.models.settings import SimpleConvSettings, read_settings

WIDTHS = {"filters": 4, "hidden": 8}


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_is_a_module_that_builds(family: str) -> None:
    assert callable(import_module(f"equivariance.models.{family}").build)


def test_settings_that_are_left_out_have_their_defaults() -> None:
    settings = read_settings("simple_conv", WIDTHS)
    assert settings == SimpleConvSettings(4, 8, 3, "elu", False, "max_pool")


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_every_activation_function_is_a_valid_setting(activation: str) -> None:
    assert read_settings("simple_conv", {**WIDTHS, "activation": activation}).activation == activation


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({**WIDTHS, "batchnorm": True}, "unknown setting of simple_conv 'batchnorm'; valid: batch_norm, "),
        ({"filters": 4}, "simple_conv: hidden missing; settings: filters, hidden, kernel_size"),
        ({**WIDTHS, "activation": "gelu"}, "activation is 'gelu'; valid: elu, relu, prelu, tanh, sigmoid"),
        ({**WIDTHS, "downsampling": "none"}, "downsampling is 'none'; valid: max_pool, stride"),
        ({**WIDTHS, "batch_norm": 1}, "batch_norm is 1; valid: true, false"),
        ({**WIDTHS, "filters": 0}, "filters is 0; valid: a whole number, at least 1"),
        ({**WIDTHS, "filters": True}, "filters is True; valid: a whole number, at least 1"),
        ({**WIDTHS, "hidden": 2.5}, "hidden is 2.5; valid: a whole number, at least 1"),
        ({**WIDTHS, "kernel_size": 4}, "kernel_size is 4; valid: odd numbers"),
    ],
)
def test_a_wrong_setting_is_told_what_is_valid(settings: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        build("simple_conv", (1, 16, 16), 10, settings)


def test_an_unknown_family_is_told_the_nearest() -> None:
    with pytest.raises(UserError, match="unknown family of models 'simpleconv'; valid: simple_conv"):
        build("simpleconv", (1, 16, 16), 10, WIDTHS)


def test_one_class_is_too_few() -> None:
    with pytest.raises(UserError, match="1 classes; valid: at least 2"):
        build("simple_conv", (1, 16, 16), 1, WIDTHS)


def test_the_same_seed_gives_the_same_weights() -> None:
    states = []
    for _ in range(2):
        torch.manual_seed(5)
        states.append(build("simple_conv", (1, 16, 16), 10, WIDTHS).state_dict())
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_settings_are_checked_without_torch() -> None:
    code = (
        "import sys; from equivariance.models import FAMILIES; from equivariance.models.settings import "
        "read_settings; read_settings('simple_conv', {'filters': 1, 'hidden': 1}); "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)})
