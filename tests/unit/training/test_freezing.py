"""Frozen layers: what is trained, and what stays as it is bit by bit."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from equivariance.datasets.image_set import ImageSet
from equivariance.errors import UserError
from equivariance.models import build
from equivariance.training.freezing import freeze_all_but, learning_layers, matching_layers
from equivariance.training.loop import Training, train
from equivariance.training.settings import TrainingSettings

CPU = torch.device("cpu")
NORMALIZED = {"filters": 2, "hidden": 4, "batch_norm": True}


def simple_conv() -> nn.Module:
    return build("simple_conv", (1, 8, 8), 2, NORMALIZED)


def test_patterns_are_names_of_layers_or_of_what_is_around_them() -> None:
    model = simple_conv()
    assert matching_layers(model, ["conv1"]) == ["conv1"]
    assert matching_layers(model, ["conv1*"]) == ["conv1", "conv1_bn"]
    assert matching_layers(model, ["fc*"]) == ["fc1", "fc1_bn", "fc2"]
    assert matching_layers(model, ["*"]) == list(learning_layers(model))
    assert matching_layers(model, ["fc2", "conv?"]) == ["conv1", "conv2", "conv3", "conv4", "conv5", "fc2"]
    resnet = build("resnet", (1, 8, 8), 2, {"filters": 2, "batch_norm": True})
    stage = next(name for name in learning_layers(resnet) if "." in name).split(".")[0]
    inner = matching_layers(resnet, [stage])
    assert inner
    assert all(name.startswith(f"{stage}.") for name in inner)


@pytest.mark.parametrize("pattern", ["conv9", "Conv1", "fc", "flatten", "standardize", ""])
def test_a_pattern_that_matches_nothing_is_named_with_the_layers_there_are(pattern: str) -> None:
    with pytest.raises(
        UserError, match=rf"{pattern!r} matches no layer; the layers are conv1, conv1_bn, .*fc2"
    ):
        matching_layers(simple_conv(), ["conv1", pattern])


@pytest.mark.parametrize("patterns", [["fc1*"], ["conv3*"], ["conv*"], ["fc2"], ["*"]])
def test_frozen_layers_stay_as_they_are_bit_by_bit(
    make_images: Callable[..., ImageSet], make_settings: Callable[..., TrainingSettings], patterns: list[str]
) -> None:
    torch.manual_seed(1)
    initial = simple_conv().state_dict()
    for name, tensor in initial.items():
        if name.endswith("running_mean"):
            tensor.normal_()  # not the value that a network starts with

    def initialize(model: nn.Module) -> None:
        model.load_state_dict(initial)

    settings = make_settings(settings=NORMALIZED, trained_layers=patterns)
    trained = train(settings, make_images(), CPU, initialize=initialize)
    chosen = set(matching_layers(trained.model, patterns))
    for name, tensor in trained.model.state_dict().items():
        layer = name.rpartition(".")[0]
        if layer in chosen:
            assert not torch.equal(tensor, initial[name]), name
        else:
            assert torch.equal(tensor, initial[name]), name


def test_freezing_survives_train_mode_and_chosen_layers_normalize_by_batches() -> None:
    model = simple_conv()
    freeze_all_but(model, ["conv4*"])
    for _ in range(2):
        model.train()
        before = {name: tensor.clone() for name, tensor in model.named_buffers()}
        model(torch.rand(6, 1, 8, 8))
        changed = {name for name, tensor in model.named_buffers() if not torch.equal(tensor, before[name])}
        assert changed == {
            f"conv4_bn.{name}" for name in ("running_mean", "running_var", "num_batches_tracked")
        }
    assert {name for name, one in model.named_parameters() if one.requires_grad} == {
        "conv4.weight", "conv4.bias", "conv4_bn.weight", "conv4_bn.bias",
    }  # fmt: skip


def test_nothing_before_the_first_trained_layer_is_recorded_for_gradients() -> None:
    model = simple_conv().train()
    freeze_all_but(model, ["conv5*"])
    recorded: dict[str, bool] = {}
    for name, module in model.named_children():
        module.register_forward_hook(
            lambda _, __, output, name=name: recorded.update({name: output.grad_fn is not None})
        )
    model(torch.rand(2, 1, 8, 8))
    names = list(recorded)
    first = names.index("conv5")
    assert not any(recorded[name] for name in names[:first])
    assert all(recorded[name] for name in names[first:])


def test_the_optimizer_has_the_trained_parameters_and_no_others(
    make_images: Callable[..., ImageSet], make_settings: Callable[..., TrainingSettings]
) -> None:
    training = Training(make_settings(trained_layers=["fc2"]), make_images(), CPU)
    held: list[Any] = [one for group in training.optimizer.param_groups for one in group["params"]]
    assert len(held) == 2
    assert held[0] is training.model.get_parameter("fc2.weight")


def test_a_retraining_draws_other_numbers_than_the_training_before_it(
    make_images: Callable[..., ImageSet], make_settings: Callable[..., TrainingSettings]
) -> None:
    first = Training(make_settings(), make_images(), CPU)
    again = Training(make_settings(trained_layers=["*"]), make_images(), CPU)
    assert not torch.equal(
        torch.randperm(50, generator=first.order), torch.randperm(50, generator=again.order)
    )
