"""A traced network that works as in training is found out, and one that does not is left in peace."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from equivariance.measures.training_mode import training_operations


class Plain(nn.Module):
    """A network whose one module runs twice."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
        self.module = module

    def forward(self, images: Tensor) -> Tensor:
        return self.module(self.module(self.first(images)))


class Function(nn.Module):
    """A function that says whether it is in training."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def forward(self, images: Tensor) -> Tensor:
        return self.function(images, self.training)


class Noise(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return images + torch.randn_like(images) if self.training else images


class Depth(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        kept = torch.empty(images.shape[0], 1, 1, 1)
        return images * kept.bernoulli_(0.8) if self.training else images


class Sequence(nn.Module):
    """Runs a recurrent module on the pixels, one after the other."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.inner = module

    def forward(self, images: Tensor) -> Tensor:
        output, _ = self.inner(images.flatten(2).transpose(1, 2))
        return output.transpose(1, 2).reshape(images.shape)


TRAINED = {
    "dropout": nn.Dropout(0.5),
    "dropout in place": nn.Dropout(0.5, inplace=True),
    "dropout of maps": nn.Dropout2d(0.5),
    "alpha dropout": nn.AlphaDropout(0.5),
    "alpha dropout of maps": nn.FeatureAlphaDropout(0.5),
    "dropout function": Function(lambda images, training: F.dropout(images, 0.5, training)),
    "attention": Function(
        lambda images, training: F.scaled_dot_product_attention(
            images, images, images, dropout_p=0.5 * training
        )
    ),
    "recurrent": Sequence(nn.LSTM(4, 4, num_layers=2, dropout=0.1, batch_first=True)),
    "rrelu": nn.RReLU(),
    "rrelu in place": nn.RReLU(inplace=True),
    "batch norm": nn.BatchNorm2d(4),
    "instance norm": nn.InstanceNorm2d(4, track_running_stats=True),
    "noise": Noise(),
    "stochastic depth": Depth(),
}
ALIKE = {
    "nothing": nn.Identity(),
    "dropout of nothing": nn.Dropout(0.0),
    "batch norm without statistics": nn.BatchNorm2d(4, track_running_stats=False),
    "instance norm without statistics": nn.InstanceNorm2d(4),
    "layer norm": nn.GroupNorm(2, 4),
}


def export(module: nn.Module, training: bool) -> torch.export.ExportedProgram:
    batch = ({0: torch.export.Dim("batch")},)
    return torch.export.export(Plain(module).train(training), (torch.rand(2, 3, 8, 8),), dynamic_shapes=batch)


@pytest.mark.parametrize("kind", TRAINED)
def test_what_is_on_in_training_alone_is_named(kind: str) -> None:
    program = export(TRAINED[kind], training=True)
    found = training_operations(program.graph_module)
    assert found
    assert all(" in 'module" in one for one in found)
    assert set(training_operations(torch.export.unflatten(program))) == set(found)
    assert training_operations(export(TRAINED[kind], training=False).graph_module) == []


@pytest.mark.parametrize("kind", ALIKE)
@pytest.mark.parametrize("training", [True, False])
def test_what_is_the_same_in_training_is_not(kind: str, training: bool) -> None:
    assert training_operations(export(ALIKE[kind], training).graph_module) == []


@pytest.mark.parametrize(
    "kind", ["dropout", "dropout of maps", "rrelu", "batch norm", "batch norm without statistics"]
)
@pytest.mark.parametrize("training", [True, False])
def test_operations_that_were_taken_apart_are_known_too(kind: str, training: bool) -> None:
    program = export({**TRAINED, **ALIKE}[kind], training).run_decompositions()
    assert bool(training_operations(program.graph_module)) == (training and kind in TRAINED)


def test_each_is_named_once_with_its_module() -> None:
    module = nn.Sequential(nn.BatchNorm2d(4), nn.Dropout(0.5), TRAINED["dropout function"], Noise())
    assert training_operations(export(module, training=True).graph_module) == [
        "batch norm in 'module.0'",
        "dropout in 'module.1'",
        "dropout in 'module.2'",
        "random numbers in 'module.3'",
    ]


def test_a_branch_is_looked_into() -> None:
    def branches(images: Tensor, training: bool) -> Tensor:
        return torch.cond(
            images.sum() > 0, lambda maps: F.dropout(maps, 0.5, training) + 1, torch.sin, (images,)
        )

    assert training_operations(export(Function(branches), training=True).graph_module)
    assert training_operations(export(Function(branches), training=False).graph_module) == []


def test_functions_in_a_trace_of_fx_are_known_and_its_modules_obey_eval() -> None:
    network = nn.Sequential(nn.Dropout(0.5), TRAINED["dropout function"], TRAINED["attention"])
    network.append(Function(lambda images, training: torch.dropout(images, 0.5, train=training)))
    assert training_operations(torch.fx.symbolic_trace(network.train())) == [
        "dropout in '1'",
        "dropout in '2'",
        "dropout in '3'",
    ]
    assert training_operations(torch.fx.symbolic_trace(network.eval())) == []


def test_random_numbers_in_a_trace_of_fx_are_known() -> None:
    functions = (
        lambda images, _: torch.rand_like(images),
        lambda images, _: images.bernoulli(0.5),
        lambda images, _: images.normal_(),
    )
    for function in functions:
        assert training_operations(torch.fx.symbolic_trace(Function(function))) == ["random numbers"]
    assert training_operations(torch.fx.symbolic_trace(Function(lambda images, _: images.norm(p=2)))) == []


def test_a_network_that_is_no_trace_has_none() -> None:
    assert training_operations(Plain(nn.Dropout(0.5)).train()) == []
