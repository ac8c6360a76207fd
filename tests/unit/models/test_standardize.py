"""Standardising layer."""

import torch

from equivariance.models.standardize import Standardize


def test_images_pass_unchanged_until_statistics_are_set() -> None:
    images = torch.rand(2, 3, 4, 5)
    assert torch.equal(Standardize(3)(images), images)


def test_each_channel_gets_mean_zero_and_variance_one() -> None:
    images = torch.rand(20, 3, 8, 6) * torch.tensor([1.0, 0.5, 0.1])[:, None, None]
    layer = Standardize(3)
    layer.set(images.mean(dim=(0, 2, 3)), images.std(dim=(0, 2, 3)))
    standardised = layer(images)
    torch.testing.assert_close(standardised.mean(dim=(0, 2, 3)), torch.zeros(3), rtol=0, atol=1e-5)
    torch.testing.assert_close(standardised.std(dim=(0, 2, 3)), torch.ones(3))


def test_a_constant_channel_is_only_centred() -> None:
    layer = Standardize(1)
    layer.set(torch.tensor([0.25]), torch.tensor([0.0]))
    assert torch.equal(layer(torch.full((1, 1, 2, 2), 0.25)), torch.zeros(1, 1, 2, 2))


def test_the_statistics_are_saved_but_not_learned() -> None:
    layer = Standardize(2)
    assert set(layer.state_dict()) == {"mean", "std"}
    assert not list(layer.parameters())
