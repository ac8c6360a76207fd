"""What a person gives is checked before a network runs, and named."""

import math
from types import SimpleNamespace

import pytest
import torch
from measured_networks import layers, measured, small
from torch import nn

from equivariance.errors import UserError


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"transformations": None}, "transformations are a NoneType; needed: a set with `matrices`"),
        ({"transformations": torch.eye(3)[None]}, "transformations are a Tensor"),
        ({"transformations": SimpleNamespace(matrices=[1])}, "transformations are a SimpleNamespace"),
        ({"tile": 0}, "tile is 0; valid: whole numbers from 1"),
        ({"tile": 2.0}, "tile is 2.0"),
        ({"tile": "2"}, "tile is '2'"),
        ({"memory": 0}, "memory is 0; valid: a number of bytes above 0"),
        ({"memory": "1GB"}, "memory is '1GB'"),
        ({"memory": math.nan}, "memory is nan"),
        ({"autocast": "bfloat16"}, "autocast is 'bfloat16'; valid: torch.bfloat16, torch.float16"),
        ({"autocast": torch.float64}, "autocast is torch.float64"),
        ({"dtype": torch.float16}, "dtype is torch.float16; valid: torch.float32, torch.float64"),
        ({"preprocess": "normalize"}, "preprocess is a str; needed: a function of images"),
        ({"outputs": "0"}, "outputs: a str; needed: a dictionary by names of layers"),
        ({"maps": [("0", "tokens")]}, "maps: a list; needed: a dictionary"),
        ({"device": "gpu0"}, "device 'gpu0' cannot be used: "),
        ({"device": "meta"}, "device 'meta' cannot be used: it has no values"),
        ({"device": "cuda:99"}, "device 'cuda:99' cannot be used: "),
    ],
)
def test_options_of_another_type_are_named(changes, message):
    with pytest.raises(UserError, match=message):
        measured(small(), **changes)


@pytest.mark.parametrize(
    "model, message",
    [
        (nn.LazyLinear(3), "'weight' of the model has no shape yet; run the model once"),
        (nn.Sequential(nn.ReLU(), nn.Linear(3, 3, device="meta")), "'1.weight' .* is on the device 'meta'"),
        (nn.Sequential(nn.BatchNorm2d(3, affine=False, device="meta")), "'0.running_mean' of the model"),
        (lambda x: x, "the model is a function; needed: a torch.nn.Module"),
        (None, "the model is a NoneType"),
    ],
)
def test_what_is_no_network_yet_is_named(model, message):
    with pytest.raises(UserError, match=message):
        measured(model)


def test_what_is_meant_is_taken():
    for changes in (
        {"tile": True},
        {"memory": math.inf},
        {"device": torch.device("cpu")},
        {"aggregations": "before_mean"},
    ):
        assert layers(measured(small(), **changes)) == ["0", "1", "2", "3", "4"]
