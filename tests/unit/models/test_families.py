"""What holds for the networks of all families."""

from dataclasses import fields
from pathlib import Path

import pytest
import torch
from small_networks import SMALL, images_for, small
from torch import nn

from equivariance.errors import UserError
from equivariance.measures.recorder import leaf_names, record
from equivariance.models import FAMILIES as ALL
from equivariance.models import build
from equivariance.models.layers import kind_of, layer_table, parameter_count
from equivariance.models.saved import load_network, save_weights
from equivariance.models.standardize import Standardize
from equivariance.network_folder import weights_file, write_description

# Those with published weights have no small network, and are looked at in a file of their own.
FAMILIES = [name for name, family in ALL.items() if not family.published]
SHAPES = [(1, 28, 28), (3, 32, 32), (1, 16, 16)]
LEAST = {
    **dict.fromkeys(["simple_conv", "ti_pooling", "stn_simple_conv", "stn_all_conv", "g_simple_conv"], 4),
    **dict.fromkeys(["vgg16d", "vgg_like", "lenet_2017"], 16),
    "vgg16_2017": 32,
}
each_family = pytest.mark.parametrize("family", FAMILIES)


def test_there_is_a_small_network_of_each_family() -> None:
    assert SMALL.keys() == set(FAMILIES)


@each_family
@pytest.mark.parametrize("image_shape", SHAPES)
def test_the_output_is_a_distribution_over_the_classes(family: str, image_shape: tuple[int, ...]) -> None:
    channels, height, width = image_shape
    if min(height, width) < LEAST.get(family, 1):
        with pytest.raises(UserError, match=f"images of {height}x{width} are too small for {family}; valid"):
            small(family, (channels, height, width))
        return
    output = small(family, (channels, height, width))(torch.rand(3, *image_shape))
    assert output.shape == (3, 5)
    torch.testing.assert_close(output.exp().sum(dim=1), torch.ones(3))


@pytest.mark.parametrize(("family", "least"), LEAST.items())
def test_images_that_poolings_leave_nothing_of_are_refused(family: str, least: int) -> None:
    small(family, (1, least, least)).eval()(torch.rand(2, 1, least, least))
    with pytest.raises(UserError, match=f"too small for .*; valid: at least {least}x{least}"):
        small(family, (1, least, least - 1))


@pytest.mark.parametrize("family", [family for family in FAMILIES if family not in LEAST])
def test_families_without_such_poolings_take_any_image(family: str) -> None:
    assert small(family, (2, 5, 7)).eval()(torch.rand(2, 2, 5, 7)).shape == (2, 5)


@each_family
def test_oblong_images_are_taken(family: str) -> None:
    assert small(family, (1, 32, 40)).eval()(torch.rand(2, 1, 32, 40)).shape == (2, 5)


@each_family
def test_the_input_is_standardised_by_the_layer_that_training_sets(family: str) -> None:
    network = small(family).eval()
    assert isinstance(network.get_submodule("standardize"), Standardize)
    assert leaf_names(network)[0] == "standardize"
    assert [kind_of(module) for module in network.modules()].count("input") == 1
    images = images_for(family)
    plain = network(images)
    network.get_submodule("standardize").set(torch.tensor([0.5]), torch.tensor([1e-3]))
    assert not torch.allclose(network(images), plain)


@each_family
def test_every_leaf_runs_in_the_order_of_definition(family: str) -> None:
    network = small(family)
    with record(network) as activations:
        network(images_for(family))
    assert [call for call in activations if ":" not in call] == leaf_names(network)


@each_family
def test_no_pointwise_convolution_has_a_stride(family: str) -> None:
    convolutions = [module for module in small(family).modules() if isinstance(module, nn.Conv2d)]
    assert not [module for module in convolutions if set(module.kernel_size) == {1} != set(module.stride)]


@each_family
def test_no_layer_works_in_place(family: str) -> None:
    seen: list[tuple[torch.Tensor, torch.Tensor]] = []

    def keep(module: nn.Module, inputs: tuple, output: torch.Tensor) -> None:
        given = [tensor for one in inputs for tensor in (one if isinstance(one, list) else [one])]
        seen.extend((tensor, tensor.clone()) for tensor in [*given, output])

    network = small(family)
    for module in network.modules():
        if not list(module.children()):
            module.register_forward_hook(keep)
    images = images_for(family)
    before = images.clone()
    network(images)
    assert torch.equal(images, before)
    assert seen and all(torch.equal(tensor, copy) for tensor, copy in seen)


@each_family
def test_the_first_dimension_of_every_activation_is_the_images(family: str) -> None:
    network = small(family).eval()
    with record(network) as activations:
        network(images_for(family, 6))
    assert {tensor.shape[0] for tensor in activations.values()} == {6}
    spatial = {name for name, tensor in activations.items() if tensor.dim() == 4}
    kinds = {layer.name: layer.kind for layer in layer_table(network)}
    assert all(name in spatial for name, kind in kinds.items() if kind == "conv")


@each_family
def test_every_weight_gets_a_gradient(family: str) -> None:
    network = small(family)
    labels = torch.tensor([0, 1, 2])
    nn.functional.nll_loss(network(images_for(family)), labels).backward()
    assert not [name for name, weight in network.named_parameters() if weight.grad is None]


@each_family
def test_evaluation_has_no_dropout_and_is_repeatable(family: str) -> None:
    network, images = small(family).eval(), images_for(family)
    assert torch.equal(network(images), network(images))


@pytest.mark.parametrize(
    ("family", "dropouts"),
    [("vgg16d", 2), ("lenet_2017", 1), ("all_conv_2017", 3), ("vgg16_2017", 2), ("inception_2017", 1)],
)
def test_training_has_dropout(family: str, dropouts: int) -> None:
    network = small(family)
    found = {name: module for name, module in network.named_modules() if isinstance(module, nn.Dropout)}
    assert len(found) == dropouts
    values = torch.ones(1000)
    for module in found.values():
        dropped = module(values)
        assert ((dropped == 0).float().mean() - module.p).abs() < 0.1
        torch.testing.assert_close(
            dropped[dropped != 0], torch.full_like(dropped[dropped != 0], 1 / (1 - module.p))
        )
        assert torch.equal(module.eval()(values), values)


def test_the_other_families_have_no_dropout() -> None:
    without = set(FAMILIES) - {"vgg16d", "lenet_2017", "all_conv_2017", "vgg16_2017", "inception_2017"}
    for family in without:
        assert not [m for m in small(family).modules() if "Dropout" in type(m).__name__]


@each_family
def test_a_network_comes_back_from_the_disk(family: str, tmp_path: Path) -> None:
    network, images = small(family), images_for(family)
    network(images)  # moves the running statistics
    save_weights(network, weights_file(tmp_path))
    task = "classification"
    settings = {"family": family, "settings": SMALL[family], "savepoints": [], "task": task}
    shape = list(images.shape[1:])
    write_description(
        tmp_path,
        {"settings": settings, "image_shape": shape, "classes": list("abcde"), "outputs": 5},
    )
    loaded, _ = load_network(tmp_path)
    assert torch.equal(loaded(images), network.eval()(images))


@each_family
def test_every_width_changes_the_number_of_weights(family: str) -> None:
    widths = [name for name, value in SMALL[family].items() if isinstance(value, int) and value is not True]
    count = parameter_count(small(family))
    for width in widths:
        assert parameter_count(small(family, **{width: 2 * SMALL[family][width]})) > count


@pytest.mark.parametrize("width", [1, 3, 5])
@each_family
def test_any_width_is_taken(family: str, width: int) -> None:
    names = {field.name for field in fields(ALL[family])}
    changes = dict.fromkeys(names & {"filters", "hidden", "hidden1", "hidden2"}, width)
    assert small(family, **changes)(images_for(family)).shape == (3, 5)


SWITCHED = [family for family, known in ALL.items() if "batch_norm" in known.__dataclass_fields__]


@pytest.mark.parametrize("family", SWITCHED)
def test_batch_norm_is_a_choice_and_off_unless_asked_for(family: str) -> None:
    def norms(**settings: bool) -> int:
        chosen = {name: value for name, value in SMALL[family].items() if name != "batch_norm"}
        network = build(family, (1, 16, 16), 5, {**chosen, **settings})
        return sum(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in network.modules())

    always = 1 if family == "g_simple_conv" else 0  # that of its linear layer
    assert norms() == norms(batch_norm=False) == always
    assert norms(batch_norm=True) > 4


ACTIVATED = [family for family, known in ALL.items() if "activation" in known.__dataclass_fields__]


@pytest.mark.parametrize("family", ACTIVATED)
def test_the_activation_function_is_the_one_asked_for(family: str) -> None:
    network = small(family, activation="prelu")
    own = {n: m for n, m in network.named_modules() if n.endswith("act") and "localization" not in n}
    assert len(own) >= 2
    assert {type(module) for module in own.values()} == {nn.PReLU}
