"""Networks that were compiled, traced, exported or quantized have the values of the original."""

from typing import Any

import pytest
import torch
from measured_networks import IMAGES, assert_nv, conv, layers, measured, small, transformed
from pandas.testing import assert_frame_equal
from torch import nn
from torch.nn.utils import parametrizations, prune, spectral_norm, weight_norm

from equivariance.errors import UserError


def compiled_before(model: nn.Module) -> nn.Module:
    """Compiled, and called with other shapes."""
    model = torch.compile(model, backend="eager")
    with torch.no_grad():
        model(torch.rand(200, 3, 16, 16))
        model(torch.rand(2, 3, 16, 16))
    return model


def compiled_itself(model: nn.Module) -> nn.Module:
    model.compile(backend="eager")
    model(IMAGES)
    return model


def compiled_child(model: nn.Sequential) -> nn.Module:
    model[0] = torch.compile(model[0], backend="eager")
    model[4].compile(backend="eager")
    model(IMAGES)
    return model


def compiled_forward(model: nn.Module) -> nn.Module:
    model.forward = torch.compile(model.forward, backend="eager")
    model(IMAGES)
    return model


def scripted_children(model: nn.Sequential) -> nn.Module:
    model[0], model[1] = torch.jit.script(model[0]), torch.jit.trace(model[1], IMAGES)
    return model


def exported(model: nn.Module, images: Any = IMAGES, training: bool = False) -> Any:
    shapes = ({0: torch.export.Dim("batch")},) if images is IMAGES else None
    return torch.export.export(model.train(training), (images,), dynamic_shapes=shapes)


@pytest.mark.parametrize(
    "rebuild",
    [
        torch.compile,
        lambda model: torch.compile(model, backend="eager"),
        compiled_before,
        compiled_itself,
        compiled_child,
        compiled_forward,
        scripted_children,
        torch.fx.symbolic_trace,
        lambda model: torch.export.unflatten(exported(model)),
        lambda model: nn.DataParallel(model),
        lambda model: model.to(memory_format=torch.channels_last),
    ],
)
def test_all_layers_have_the_values_of_the_original(rebuild):
    table, expected = measured(rebuild(small().eval())), measured(small())
    columns = ["layer", "unit", "value"]
    assert_frame_equal(table[columns], expected[columns], rtol=1e-5)


@pytest.mark.parametrize(
    "rebuild",
    [
        torch.jit.script,
        lambda model: torch.jit.trace(model, IMAGES),
        lambda model: torch.jit.freeze(torch.jit.script(model)),
        lambda model: torch.jit.script(model).train(),
        lambda model: exported(model).module(),
    ],
)
def test_where_the_layers_cannot_be_seen_the_whole_has_the_values_of_the_last(rebuild):
    model = rebuild(small().eval())
    table = measured(model)
    assert_nv(table, type(model).__name__, transformed(small().eval()))
    assert "4" in table.attrs["left_out"] or not list(model.children())


def test_a_program_that_was_exported_for_some_images_takes_as_many():
    program = exported(small(), IMAGES[:8]).module()
    assert_nv(measured(program, tile=2), "GraphModule", transformed(small().eval()))


def test_what_was_exported_or_traced_in_training_is_no_question():
    model = nn.Sequential(conv(), nn.Dropout())
    with pytest.raises(UserError, match=r"traced in training mode \(dropout in '1'\); call eval\(\)"):
        measured(exported(model, training=True).module())
    with pytest.raises(UserError, match="the model is a ExportedProgram"):
        measured(exported(model))


@pytest.mark.parametrize(
    "change",
    [
        weight_norm,
        spectral_norm,
        parametrizations.weight_norm,
        parametrizations.spectral_norm,
        parametrizations.orthogonal,
        lambda layer: prune.l1_unstructured(layer, "weight", 0.5),
    ],
)
def test_reparametrized_layers_are_layers_as_they_are(change):
    model = nn.Sequential(change(conv()), nn.ReLU()).eval()
    table = measured(model)
    assert layers(table) == ["0", "1"]
    assert table.attrs["left_out"] == {}
    assert_nv(table, "1", transformed(model))


def test_dynamically_quantized_layers_are_measured():
    model = torch.ao.quantization.quantize_dynamic(small().eval(), {nn.Linear})
    table = measured(model)
    assert layers(table) == ["0", "1", "2", "3", "4"]
    assert_nv(table, "4", transformed(small().eval()), 0.05)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_networks_of_other_precisions_are_measured(dtype):
    model = small().to(dtype).eval()
    table = measured(model)
    expected = transformed(lambda x: small().eval()(x))
    assert_nv(table, "4", expected, {torch.float16: 0.01, torch.bfloat16: 0.1}.get(dtype, 1e-4))


def test_hooks_of_others_that_change_what_a_layer_sees_and_gives_are_seen():
    model = small().eval()
    model[0].register_forward_hook(lambda module, inputs, output: -output)
    model[1].register_forward_pre_hook(lambda module, inputs: (inputs[0].abs(),))
    table = measured(model)
    assert_nv(table, "0", transformed(model[0]))
    assert_nv(table, "1", transformed(model[:2]))
