"""Inception-v3 by transfer: the trunk is torchvision's, with other module boundaries."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import nn
from torchvision.models import Inception_V3_Weights, inception_v3
from torchvision.transforms import Normalize
from torchvision.transforms.functional import resize

from equivariance.errors import UserError
from equivariance.measures.recorder import leaf_names, record
from equivariance.models import build
from equivariance.models.inception_transfer import ImageNetInput
from equivariance.models.layers import kind_of, parameter_count
from equivariance.models.settings import read_settings
from equivariance.models.standardize import Standardize

SETTINGS: dict[str, dict[str, Any]] = {
    "linear": {"head": "linear"},
    "network": {"head": "network", "hidden": 8},
}


def meta(image_shape: tuple[int, int, int] = (3, 32, 32), head: str = "linear") -> nn.Module:
    with torch.device("meta"):
        return build("inception_transfer", image_shape, 5, SETTINGS[head])


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def published() -> nn.Module:
    """Torchvision's network, as it is with its weights, but with random ones that keep activations near 1."""
    torch.manual_seed(0)
    network = inception_v3(weights=None, init_weights=False, transform_input=True).eval()
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.weight, module.running_var):
                nn.init.uniform_(tensor, 0.8, 1.2)
            for tensor in (module.bias, module.running_mean):
                nn.init.uniform_(tensor, -0.2, 0.2)
    return network


@pytest.fixture(scope="module")
def network(published: nn.Module) -> nn.Module:
    """Our network with a head of two layers and the same weights."""
    network = build("inception_transfer", (3, 40, 36), 5, SETTINGS["network"]).eval()
    trunk = network.get_submodule("inception")
    trunk.load_state_dict({name: published.state_dict()[name] for name in trunk.state_dict()})
    return network


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return torch.rand(2, 3, 40, 36, generator=torch.Generator().manual_seed(1))


def test_features_are_torchvisions(published: nn.Module, network: nn.Module, images: torch.Tensor) -> None:
    preset = Inception_V3_Weights.IMAGENET1K_V1.transforms()
    features: list[torch.Tensor] = []
    hook = published.get_submodule("avgpool").register_forward_hook(lambda *of: features.append(of[2]))
    with torch.inference_mode():
        prepared = Normalize(preset.mean, preset.std)(resize(images, [299, 299], antialias=True))
        published(prepared)
        ours = network[:2](images)
    hook.remove()
    assert ours.shape == (2, 2048)
    assert ours.std() > 0.1
    torch.testing.assert_close(ours, features[0].flatten(1), rtol=1e-5, atol=1e-5)


def test_leaves_run_in_the_order_of_definition_and_none_works_in_place(
    network: nn.Module, images: torch.Tensor
) -> None:
    changed: list[str] = []
    before: dict[str, tuple[torch.Tensor, int]] = {}

    def keep(name: str) -> Any:
        def hook(_: nn.Module, inputs: tuple, output: torch.Tensor) -> None:
            before[name] = output, output._version
            given = [tensor for one in inputs for tensor in (one if isinstance(one, list) else [one])]
            changed.extend(name for tensor in given if tensor.data_ptr() == output.data_ptr())

        return hook

    hooks = [
        module.register_forward_hook(keep(name))
        for name, module in network.named_modules()
        if not list(module.children())
    ]
    calls: list[str] = []
    with torch.no_grad(), record(network, receive=lambda name, _: calls.append(name)):
        output = network(images)
    for hook in hooks:
        hook.remove()
    assert calls == leaf_names(network)
    assert not changed
    assert not [name for name, (tensor, version) in before.items() if tensor._version != version]
    torch.testing.assert_close(output.exp().sum(dim=1), torch.ones(2))


def test_trunk_has_torchvisions_parameters_without_both_classifiers(published: nn.Module) -> None:
    trunk = meta().get_submodule("inception")
    auxiliary, classifier = published.get_submodule("AuxLogits"), published.get_submodule("fc")
    whole = Inception_V3_Weights.IMAGENET1K_V1.meta["num_params"]
    assert parameter_count(trunk) == 21_785_568
    assert parameter_count(trunk) == whole - parameter_count(auxiliary) - parameter_count(classifier)


@pytest.mark.parametrize(
    ("head", "names", "count"),
    [("linear", ["fc1"], 2049 * 5), ("network", ["fc1", "fc1_act", "fc2"], 2049 * 8 + 9 * 5)],
)
def test_the_head_is_the_one_asked_for(head: str, names: list[str], count: int) -> None:
    network = meta(head=head)
    assert list(dict(network.named_children())) == ["standardize", "inception", *names, "log_softmax"]
    assert parameter_count(network) == 21_785_568 + count


def test_layers_are_of_known_kinds() -> None:
    network = meta(head="network")
    kinds = {kind_of(module) for module in network.modules() if not list(module.children())}
    assert kinds == {"input", "conv", "norm", "activation", "pool", "concatenate", "linear", "output"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "inception_transfer: head missing"),
        ({"head": "svm"}, "head is 'svm'; valid: linear, network"),
        ({"head": "network"}, "give hidden"),
        ({"head": "linear", "hidden": 8}, "hidden is 8, but the head linear has no hidden layer"),
        ({"head": "linear", "filters": 8}, "unknown setting of inception_transfer 'filters'"),
    ],
)
def test_a_wrong_setting_is_told_what_is_valid(settings: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_settings("inception_transfer", settings)


def test_images_of_two_channels_are_refused() -> None:
    with pytest.raises(UserError, match="images of 1 or 3 channels; these have 2"):
        meta((2, 32, 32))


def test_the_input_is_standardised_as_the_weights_need_it_whatever_the_training_images_are() -> None:
    layer = ImageNetInput()
    assert isinstance(layer, Standardize)
    images = torch.rand(2, 3, 299, 299)
    torch.testing.assert_close(layer(images), 2 * images - 1)
    layer.set(torch.tensor([0.1, 0.2, 0.3]), torch.tensor([0.1, 0.2, 0.3]))
    torch.testing.assert_close(layer(images), 2 * images - 1)
    layer.set(torch.tensor([0.1]), torch.tensor([0.1]))
    torch.testing.assert_close(layer(images), 2 * images - 1)


@pytest.mark.parametrize("shape", [(28, 28), (32, 20), (400, 310)])
def test_gray_images_are_resized_whole_and_repeated(shape: tuple[int, int]) -> None:
    ramp = torch.linspace(0, 1, shape[1]).expand(1, 1, *shape)
    given = ImageNetInput()(ramp)
    assert given.shape == (1, 3, 299, 299)
    assert torch.equal(given[:, 0], given[:, 1]) and torch.equal(given[:, 0], given[:, 2])
    torch.testing.assert_close(given[0, 0, :, :1], torch.full((299, 1), -1.0), atol=0.01, rtol=0)
    torch.testing.assert_close(given[0, 0, :, -1:], torch.full((299, 1), 1.0), atol=0.01, rtol=0)
    assert (given[0, 0].diff(dim=1) > -1e-6).all()
