"""Optimizers from their settings."""

import pytest
import torch

from equivariance.errors import UserError
from equivariance.models import build
from equivariance.training.optimizers import make_optimizer
from equivariance.training.settings import Optimizer


def test_parameters_have_the_rate_of_the_first_pattern_that_matches() -> None:
    model = build("simple_conv", (1, 8, 8), 2, {"filters": 2, "hidden": 4})
    rates = {"conv1.*": 0.1, "conv*": 0.2}
    optimizer = make_optimizer(Optimizer("adam", 0.3, other_rates=rates, weight_decay=0.5), model)
    found = {
        name: group["lr"]
        for group in optimizer.param_groups
        for one in group["params"]
        for name, parameter in model.named_parameters()
        if parameter is one
    }
    assert found == {
        name: 0.1 if name.startswith("conv1.") else 0.2 if name.startswith("conv") else 0.3
        for name, _ in model.named_parameters()
    }
    assert {group["weight_decay"] for group in optimizer.param_groups} == {0.5}


def test_a_pattern_that_matches_nothing_is_an_error() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(2, 2))
    with pytest.raises(
        UserError, match=r"other_rates: 'conv\*' matches no parameter; they are 0.weight, 0.bias"
    ):
        make_optimizer(Optimizer("adamw", 0.1, other_rates={"conv*": 0.2}), model)
