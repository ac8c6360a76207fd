"""TI-pooling."""

import pytest
import torch
from small_networks import small
from torch import nn

from equivariance.errors import UserError
from equivariance.measures.recorder import record
from equivariance.models import build
from equivariance.models.layers import layer_table, parameter_count
from equivariance.models.ti_pooling import BATCH_PIXELS
from equivariance.transformations.sets import build_set
from equivariance.transformations.warp import warp

TURNS = {"rotations": {"count": 4}}
SET = {"transformations": TURNS, "padding": "border"}
WIDTHS = {"filters": 3, "hidden": 4}


@pytest.mark.parametrize(
    "variant", [{}, {"batch_norm": True}, {"kernel_size": 5}, {"downsampling": "stride"}]
)
def test_with_its_widths_it_has_the_layers_of_simple_conv_and_its_variants(variant: dict) -> None:
    plain = build("simple_conv", (1, 16, 16), 5, {**WIDTHS, **variant})
    pooled = build("ti_pooling", (1, 16, 16), 5, {**WIDTHS, **variant, **SET})
    expected = {name: tensor.shape for name, tensor in plain.state_dict().items()}
    assert {name: tensor.shape for name, tensor in pooled.state_dict().items()} == expected
    assert parameter_count(pooled) == parameter_count(plain)


def twins(spec: dict, padding: str = "border") -> tuple[nn.Module, nn.Module]:
    """TI-pooling and SimpleConv with the same weights and statistics."""
    pooled = small("ti_pooling", transformations=spec, padding=padding).eval()
    plain = build("simple_conv", (1, 16, 16), 5, {"filters": 2, "hidden": 4}).eval()
    pooled.standardize.set(torch.tensor([0.4]), torch.tensor([0.2]))
    plain.load_state_dict(pooled.state_dict())
    return pooled, plain


def test_pooled_over_the_identity_alone_it_is_simple_conv() -> None:
    pooled, plain = twins({})
    images = torch.rand(4, 1, 16, 16)
    torch.testing.assert_close(pooled(images), plain(images))


@pytest.mark.parametrize("padding", ["border", "zeros"])
def test_it_is_the_maximum_of_the_features_of_transformed_images(padding: str) -> None:
    spec = {"rotations": {"count": 3}, "translations": {"steps": 1, "largest": 0.1}}
    pooled, plain = twins(spec, padding)
    images = torch.rand(2, 1, 16, 16)
    features = []
    for matrix in build_set("any", spec).matrices:
        with record(plain, ["flatten"]) as found:
            plain(warp(images, matrix[None], padding))  # in [0, 1], before they are standardised
        features.append(found["flatten"])
    with record(pooled, ["ti_pool"]) as found:
        pooled(images)
    assert len(features) == 27
    torch.testing.assert_close(found["ti_pool"], torch.stack(features).amax(dim=0))


def test_padding_is_a_setting() -> None:
    spec = {"translations": {"steps": 1, "largest": 0.2}}
    images = torch.rand(2, 1, 16, 16)
    border, zeros = (small("ti_pooling", transformations=spec, padding=p).eval() for p in ("border", "zeros"))
    assert not torch.allclose(border(images), zeros(images))
    with pytest.raises(UserError, match="padding is 'mirror'; valid: border, zeros"):
        small("ti_pooling", padding="mirror")


def test_pooled_over_quarter_turns_the_output_is_invariant_to_them() -> None:
    network = small("ti_pooling", transformations=TURNS, batch_norm=True).eval()
    images = torch.rand(3, 1, 16, 16)
    output = network(images)
    for turns in range(1, 4):
        torch.testing.assert_close(network(images.rot90(turns, (2, 3))), output, rtol=0, atol=1e-5)
    plain = build("simple_conv", (1, 16, 16), 5, WIDTHS).eval()
    assert (plain(images.rot90(1, (2, 3))) - plain(images)).abs().max() > 1e-3


def test_layers_before_the_pooling_are_called_once_per_transformation_and_see_all_images() -> None:
    network = small("ti_pooling", transformations=TURNS).eval()
    images = torch.rand(6, 1, 16, 16)
    with record(network) as activations:
        network(images)
    for layer in ("conv1", "pool2", "flatten"):
        paths = [layer, *(f"{layer}:{path}" for path in range(2, 5))]
        assert [call for call in activations if call.partition(":")[0] == layer] == paths
        assert {activations[path].shape[0] for path in paths} == {6}
    assert [call for call in activations if call.startswith(("ti_pool", "fc"))] == [
        "ti_pool",
        "fc1",
        "fc1_act",
        "fc2",
    ]


def test_paths_are_in_the_order_of_the_set() -> None:
    network = small("ti_pooling", transformations=TURNS).eval()
    images = torch.rand(2, 1, 16, 16)
    with record(network, ["conv1"]) as paths:
        network(images)
    turned = [warp(images, matrix[None]) for matrix in build_set("turns", TURNS).matrices]
    for path, image in zip(paths.values(), turned, strict=True):
        torch.testing.assert_close(path, network.conv1(image))


def step(network: nn.Module, images: torch.Tensor) -> list[torch.Tensor]:
    """The output of a training step, and the gradients of all weights."""
    network.zero_grad()
    output = network(images)
    output[:, 1].sum().backward()
    return [output.detach(), *(parameter.grad.clone() for parameter in network.parameters())]


@pytest.mark.parametrize("shape", [(1, 16, 16), (3, 16, 12)])
def test_training_in_chunks_of_any_size_is_training_path_by_path(
    shape: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = {"rotations": {"count": 5}}
    network = small("ti_pooling", shape, transformations=spec).double()
    images = torch.rand(3, *shape, dtype=torch.float64)
    expected = step(network.eval(), images)
    network.train()
    pixels = images[:, 0].numel()
    for members, passes in ((1, 5), (2, 3), (4, 2), (5, 1), (9, 1)):
        monkeypatch.setitem(BATCH_PIXELS, "cpu", members * pixels)
        with record(network, ["conv1"]) as calls:
            found = step(network, images)
        assert len(calls) == passes
        assert sum(len(copies) for copies in calls.values()) == 5 * len(images)
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)


def test_a_batch_too_large_for_a_chunk_is_trained_path_by_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BATCH_PIXELS, "cpu", 1)
    network = small("ti_pooling", transformations=TURNS)
    with record(network, ["conv1"]) as calls:
        network(torch.rand(2, 1, 16, 16))
    assert len(calls) == 4


def test_batch_normalization_in_training_has_the_statistics_of_one_path_at_a_time() -> None:
    network = small("ti_pooling", transformations=TURNS, batch_norm=True)
    with record(network, ["conv1_bn"]) as calls:
        network(torch.rand(4, 1, 16, 16))
    assert len(calls) == 4
    for path in calls.values():
        torch.testing.assert_close(path.mean((0, 2, 3)), torch.zeros(2), rtol=0, atol=1e-5)


def test_the_set_is_no_part_of_the_weights() -> None:
    network = small("ti_pooling")
    assert "matrices" in dict(network.named_buffers())
    assert not [name for name in network.state_dict() if "matrices" in name]


def test_the_maximum_stands_between_flattening_and_the_linear_layers() -> None:
    names = [layer.name for layer in layer_table(small("ti_pooling"))]
    assert names[names.index("flatten") :] == ["flatten", "ti_pool", "fc1", "fc1_act", "fc2", "log_softmax"]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("rotation", "transformations is 'rotation'; valid: families of transformations, such as"),
        ({"rotations": 8}, "transformations is .*; valid: families of transformations, such as"),
        ({"rotation": {"count": 8}}, "unknown family of transformations 'rotation'; valid: rotations"),
        ({"rotations": {"count": 1}}, "count is 1"),
    ],
)
def test_a_set_that_is_not_valid_is_told_what_is(spec: object, message: str) -> None:
    with pytest.raises(UserError, match=message):
        small("ti_pooling", transformations=spec)
